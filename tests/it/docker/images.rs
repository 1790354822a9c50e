//! Images: pulled, built, and made of a container.

use std::collections::BTreeMap;

use kdev::{
    docker::{Mirror, Sought},
    event::{Event, Events, Progress, StepProgress},
    model::{Role, label},
    plan::{BuildPlan, BuildSource, ContainerPlan, prepared},
};

use super::{IMAGE, Trial, everything, of_kafka};

fn progress() -> (StepProgress, tokio::sync::mpsc::UnboundedReceiver<Event>) {
    let (events, receiver) = Events::channel();
    (StepProgress::new(1, events), receiver)
}

#[tokio::test]
async fn a_small_container_runs_to_its_end_and_its_file_system_becomes_an_image() {
    let Some(trial) = Trial::new().await else { return };
    trial.engine.create_network(&trial.network()).await.expect("made");
    let plan = trial.container("probe", "import sys; print('a'); print('b', file=sys.stderr); sys.exit(3)");
    // What an interrupted run left is replaced.
    let left = trial.engine.create_container(&plan, &trial.image).await.expect("made");
    let (code, mut lines) = trial.engine.run_to_end(&plan, &trial.image).await.expect("ran");
    lines.sort();
    assert_eq!((code, lines), (3, vec!["a".to_owned(), "b".to_owned()]));
    assert!(!trial.engine.exists(&left, "/").await.expect("an answer"));
    // Without an init process it is the engine that cannot start the program.
    let command = Some(vec!["/no/such".to_owned()]);
    let missing = ContainerPlan { command, role: Role::Probe, ..plan.clone() };
    trial.engine.run_to_end(&missing, &trial.image).await.expect_err("no such program");
    assert_eq!(trial.engine.facts(&trial.project, &everything()).await.expect("facts").containers, []);

    let id = trial.engine.create_container(&plan, &trial.image).await.expect("made");
    // What a killed run asked for may come after the next run's look: it is as good. Another's container is not.
    assert_eq!(trial.engine.create_container(&plan, &trial.image).await.expect("there is one"), id);
    let mut others = plan.clone();
    others.labels.insert(label::PROJECT.to_owned(), "another".to_owned());
    let error = trial.engine.create_container(&others, &trial.image).await.expect_err("it is another's");
    assert_eq!(error.hints, [format!("docker rm {}", plan.name)]);
    let mut labels = trial.labels(Role::Image, "probe");
    labels.insert(label::SPEC.to_owned(), "committed".to_owned());
    let image = trial.engine.commit(&id, &format!("{}/probe", trial.project.prefix()), "1", &labels).await;
    let image = image.expect("committed");
    let facts = trial.engine.facts(&trial.project, &everything()).await.expect("facts");
    let found: Vec<_> = facts.app_images.iter().map(|i| (i.id.as_str(), i.spec.as_str())).collect();
    assert_eq!(found, [(image.as_str(), "committed")]);
    trial.clear().await;
}

#[tokio::test]
async fn what_has_its_name_is_found_without_a_list_of_all_images() {
    let Some(trial) = Trial::new().await else { return };
    let engine = &trial.engine;
    engine.create_network(&trial.network()).await.expect("made");
    let container = engine.create_container(&trial.container("probe", "pass"), &trial.image).await.expect("made");
    let commit = async |name: &str, labels: &BTreeMap<String, String>| {
        let (repository, tag) = name.rsplit_once(':').expect("a tag");
        engine.commit(&container, repository, tag, labels).await.expect("committed")
    };
    let labels = |service: &str, spec: &str| {
        let mut labels = trial.labels(Role::Image, service);
        labels.insert(label::SPEC.to_owned(), spec.to_owned());
        labels
    };
    let app_name = |app: &str| format!("{}/{app}:latest", trial.project.prefix());
    // Stands in for Kafka's image: no other test has it.
    let kafka = app_name("base");
    let base = commit(&kafka, &labels("base", "base")).await;
    let look = async |apps: Option<&[&str]>| {
        let apps = apps.map(|apps| apps.iter().map(|app| app.parse().expect("a name")).collect());
        let facts = engine.facts(&trial.project, &Sought::Named { kafka: kafka.clone(), apps }).await.expect("facts");
        let mut specs: Vec<String> = facts.app_images.into_iter().map(|image| image.spec).collect();
        specs.sort();
        (facts.images.get(&kafka).cloned(), facts.prepared.get(&base).cloned(), specs)
    };
    let specs = |specs: &[&str]| specs.iter().map(|&spec| spec.to_owned()).collect::<Vec<_>>();

    // None is prepared: the list of all may know one of another name.
    assert_eq!(look(None).await, (Some(base.clone()), None, specs(&["base"])));
    let image = commit(&prepared::tag(&base), &prepared::labels(&base)).await;
    assert_eq!(engine.prepared_image(&base).await.expect("an answer").as_ref(), Some(&image));
    let found = |these: &[&str]| (Some(base.clone()), Some(image.clone()), specs(these));
    assert_eq!(look(None).await, found(&[]));

    // Of two builds only the later one has the name; where an app has none, all that there is is listed.
    commit(&app_name("producer"), &labels("producer", "old")).await;
    commit(&app_name("producer"), &labels("producer", "new")).await;
    assert_eq!(look(Some(&["producer", "consumer"])).await, found(&["base", "new", "old"]));
    assert_eq!(look(Some(&["producer"])).await, found(&["base", "new"]));
    // Where none is to have one, those that there are are to go.
    assert_eq!(look(Some(&[])).await, found(&["base", "new"]));

    // The name may have gone to an image of an older layout: the labels say so.
    let mut outdated = prepared::labels(&base);
    outdated.insert(label::SPEC.to_owned(), "0".to_owned());
    let outdated = commit(&prepared::tag(&base), &outdated).await;
    assert_eq!(look(None).await.1.as_ref(), Some(&image));
    let found = engine.outdated_prepared_images(&base).await.expect("an answer");
    assert_eq!(found, std::slice::from_ref(&outdated));
    for image in [image, outdated] {
        engine.remove_image(&image).await.expect("removed");
    }
    trial.clear().await;
}

#[tokio::test]
async fn a_build_counts_its_steps_and_its_failure_shows_the_last_lines() {
    let Some(trial) = Trial::new().await else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).expect("written");
    write(
        "Dockerfile",
        &format!("ARG WHAT\nFROM {IMAGE}\nARG WHAT\nCOPY . /app\nRUN ls -a /app && echo $WHAT > /what\n"),
    );
    write(".dockerignore", "secret\n.dockerignore\nDockerfile\n");
    write("secret", "x");
    write("big", &"x".repeat(3 << 20));
    let mut plan = BuildPlan {
        tag: format!("{}/producer:1", trial.project.prefix()),
        source: BuildSource::Directory(directory.path().to_owned()),
        dockerfile: "Dockerfile".to_owned(),
        args: BTreeMap::from([("WHAT".to_owned(), "this".to_owned())]),
        spec: "spec".to_owned(),
        labels: trial.labels(Role::Image, "producer"),
    };
    let (step, mut events) = progress();
    let id = trial.engine.build(&plan, &[], &step, false).await.expect("built");
    drop(step);
    let mut steps = Vec::new();
    while let Some(event) = events.recv().await {
        if let Event::Progressed { progress: Progress::Steps { done, total, text }, .. } = event {
            steps.push(format!("{done}/{total} {}", text.split(' ').next().unwrap_or_default()));
        }
    }
    // The engine adds a step of its own for each label; Podman does not count what precedes FROM.
    if trial.podman {
        assert_eq!(steps[..4], ["1/9 FROM", "2/9 ARG", "3/9 COPY", "4/9 RUN"], "{steps:?}");
    } else {
        assert_eq!(steps[..5], ["1/10 ARG", "2/10 FROM", "3/10 ARG", "4/10 COPY", "5/10 RUN"], "{steps:?}");
    }
    let facts = trial.engine.facts(&trial.project, &of_kafka(&plan.tag)).await.expect("facts");
    assert_eq!(facts.images[&plan.tag], id);
    assert_eq!(facts.app_image(&"producer".parse().expect("a name"), "spec").expect("found").id, id);
    let again = trial.engine.build(&plan, &[], &progress().0, false).await.expect("built");
    // Podman keeps no cache for this builder.
    assert!(again == id || trial.podman);
    assert_ne!(trial.engine.build(&plan, &[], &progress().0, true).await.expect("rebuilt"), id);

    write("Dockerfile", &format!("FROM {IMAGE}\nRUN python3 -c 'for n in range(30): print(n)' && exit 5\nUSER 1\n"));
    let error = trial.engine.build(&plan, &[], &progress().0, false).await.expect_err("fails");
    let code = if trial.podman { "exit status 5" } else { "returned a non-zero code: 5" };
    assert!(error.message.contains(code), "{}", error.message);
    assert!(error.details[0].to_lowercase().starts_with("step 2/"), "{:?}", error.details);
    assert_eq!(error.details.last().map(String::as_str), Some("  29"));
    assert_eq!(error.details.len(), 21);

    write("Dockerfile", "FROM no-such-registry.invalid/x:1\n");
    let error = trial.engine.build(&plan, &[], &progress().0, false).await.expect_err("fails");
    let expected =
        "the image no-such-registry.invalid/x:1 cannot be pulled: no-such-registry.invalid cannot be reached";
    assert_eq!(error.message, expected);
    write("Dockerfile", "FROMM x\n");
    let error = trial.engine.build(&plan, &[], &progress().0, false).await.expect_err("fails");
    let said = if trial.podman { "no from statement found" } else { "unknown instruction" };
    assert!(error.message.to_lowercase().contains(said), "{}", error.message);
    plan.dockerfile = "None".to_owned();
    let error = trial.engine.build(&plan, &[], &progress().0, false).await.expect_err("missing");
    assert_eq!(error.kind, kdev::error::Kind::Usage);
    trial.clear().await;
}

#[tokio::test]
async fn a_pull_that_fails_says_why_and_names_the_mirror() {
    let Some(trial) = Trial::new().await else { return };
    let error = trial.engine.pull("no-such-registry.invalid/kafka:1", Mirror::Kafka, &progress().0).await;
    let error = error.expect_err("no such registry");
    let expected =
        "the image no-such-registry.invalid/kafka:1 cannot be pulled: no-such-registry.invalid cannot be reached";
    assert_eq!(error.message, expected);
    assert!(error.hints.iter().any(|hint| hint.starts_with("KDEV_KAFKA_IMAGE=")), "{:?}", error.hints);
    assert_eq!(trial.engine.image_id("no-such-registry.invalid/kafka:1").await.expect("an answer"), None);
    let info = trial.engine.info().await.expect("info");
    assert!(info.cpus > 0 && info.memory_bytes > 0 && !info.version.is_empty(), "{info:?}");
}
