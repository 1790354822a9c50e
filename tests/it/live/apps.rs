//! The apps: rebuilt when they change, told when they fail, and Kafka none the wiser.

use super::project::Project;

const TOML: &str = r#"
[kafka]
brokers = 1
[topics.posts]
partitions = 1
[apps.talker]
dockerfile = "talker/Dockerfile"
[apps.bystander]
dockerfile = "bystander/Dockerfile"
"#;

/// An app that prints this and stays.
fn script(project: &Project, app: &str, text: &str) {
    project.write(format!("{app}/run.sh"), format!("trap exit TERM\necho {text}\nsleep 600 & wait\n"));
}

fn dockerfile(project: &Project, app: &str, instructions: &str) {
    let text = format!(
        "ARG PYTHON_IMAGE=python:3.13-slim\nFROM ${{PYTHON_IMAGE}}\nCOPY {app}/run.sh /run.sh\n{instructions}USER 1000:1000\nCMD [\"sh\", \"/run.sh\"]\n"
    );
    project.write(format!("{app}/Dockerfile"), text);
}

fn id(project: &Project, service: &str) -> Option<String> {
    project.docker.id(&project.container(service))
}

#[test]
fn apps_are_rebuilt_and_fail_without_harm_to_others() {
    let Some(project) = Project::new("apps") else { return };
    project.configure(TOML);
    // Each app sees only its own files: a change of one is no change of the other.
    for app in ["talker", "bystander"] {
        script(&project, app, "first");
        dockerfile(&project, app, "");
        project.write(format!("{app}/Dockerfile.dockerignore"), format!("*\n!{app}/run.sh\n"));
    }
    project.up(&[]);
    kafka_is_ready_for_groups(&project);
    a_changed_app_alone_is_replaced(&project);
    a_build_that_fails_touches_nothing(&project);
    an_app_that_ends_at_once_is_told(&project);
    a_missing_dockerfile_or_context_is_told(&project);
    a_line_that_takes_a_while_is_shown(&project);
    an_app_that_is_gone_from_the_file_goes(&project);
    replicas(&project);
}

/// None of these apps asks for a group; one that did would have been put off while its topic is made.
fn kafka_is_ready_for_groups(project: &Project) {
    let topics = project.run(&["topics", "list", "--all", "-o", "json"]).expect(0).json();
    let has = |name: &str| topics.as_array().unwrap().iter().any(|topic| topic["name"] == name);
    assert!(has("posts") && has("__consumer_offsets"), "{topics:#}");
}

fn a_changed_app_alone_is_replaced(project: &Project) {
    let (node, talker, bystander) = (id(project, "kafka-1"), id(project, "talker"), id(project, "bystander"));
    script(project, "talker", "second");
    let ran = project.up(&[]);
    assert_eq!((id(project, "kafka-1"), id(project, "bystander")), (node, bystander), "{ran}");
    assert_ne!(id(project, "talker"), talker);
    assert_eq!(project.log("talker"), "talker | second\n");
    let at = |text: &str| ran.stderr.find(text).unwrap_or_else(|| panic!("{text:?} is not in:\n{ran}"));
    assert!(
        at("build image of talker") < at("stop talker"),
        "the old one was stopped before there was a new one:\n{ran}"
    );
    // The old image went with the old container.
    assert_eq!(
        project.objects().iter().filter(|object| object.starts_with("image ")).count(),
        2,
        "{:?}",
        project.objects()
    );
}

fn a_build_that_fails_touches_nothing(project: &Project) {
    let ids = ["kafka-1", "talker", "bystander"].map(|service| id(project, service));
    dockerfile(project, "talker", "RUN seq 1 40 && echo this will not do >&2 && exit 9\n");
    let ran = project.try_up(&[]).expect(1);
    ran.says("while building image of talker").says("this will not do").says("    40\n").says("kdev status");
    assert!(ran.stderr.contains("9"), "no exit code in:\n{ran}");
    let error = ran.stderr.split("error:").nth(1).unwrap_or_default();
    assert!(!error.contains("    12\n") && error.contains("    30\n"), "not the last 20 lines:\n{ran}");
    assert_eq!(
        ["kafka-1", "talker", "bystander"].map(|service| id(project, service)),
        ids,
        "something was touched:\n{ran}"
    );
    assert!(project.docker.runs(&project.container("talker")), "the old app was stopped");
    project.healthy();
    dockerfile(project, "talker", "");
}

fn an_app_that_ends_at_once_is_told(project: &Project) {
    let ids = ["kafka-1", "bystander"].map(|service| id(project, service));
    project.write("talker/run.sh", "echo about to fall; exit 42\n");
    let ran = project.try_up(&[]).expect(1);
    ran.says("error: talker ").says("42").says("about to fall").says("while starting talker").says("kdev logs talker");
    assert_eq!(["kafka-1", "bystander"].map(|service| id(project, service)), ids, "something was touched:\n{ran}");
    project.run(&["status"]).expect(5).says("talker does not run");
    // Put right, the next `up` replaces it.
    script(project, "talker", "third");
    project.up(&[]);
    assert_eq!(project.log("talker"), "talker | third\n");
    project.healthy();
}

/// The engine writes the first 16 KiB of a line down before another output's line, and the rest after it.
fn a_line_that_takes_a_while_is_shown(project: &Project) {
    let lines = "printf '%20000s'; sleep 0.2; echo aside >&2; sleep 0.2; echo end";
    project.write("talker/run.sh", format!("trap exit TERM\n{lines}\nsleep 600 & wait\n"));
    project.up(&[]);
    let log = project.eventually("all lines", || Some(project.log("talker")).filter(|log| log.contains("aside")));
    let ends: Vec<_> = log.lines().filter_map(|line| line.split_whitespace().last()).collect();
    assert_eq!(ends, ["aside", "end"], "as they ended");
    script(project, "talker", "third");
    project.up(&[]);
}

fn a_missing_dockerfile_or_context_is_told(project: &Project) {
    let before = project.objects();
    project.configure(&TOML.replace("talker/Dockerfile", "talker/Dockerfil"));
    let ran = project.try_up(&[]).expect(2);
    ran.says("talker/Dockerfil").says("talker").says("try: ");
    project.configure(&format!("{TOML}context = \"nowhere\"\n"));
    project.try_up(&[]).expect(2).says("nowhere").says("bystander").says("try: ");
    assert_eq!(project.objects(), before);
    project.configure(TOML);
    project.up(&[]);
}

fn an_app_that_is_gone_from_the_file_goes(project: &Project) {
    project.configure(TOML.split("[apps.bystander]").next().unwrap());
    project.up(&[]).says("remove container of bystander: kdev.toml no longer has it");
    assert_eq!(id(project, "bystander"), None);
    assert_eq!(project.objects().iter().filter(|object| object.starts_with("image ")).count(), 1);
}

fn replicas(project: &Project) {
    let one = id(project, "talker");
    let toml = TOML.split("[apps.bystander]").next().unwrap();
    project.configure(&format!("{toml}replicas = 3\n"));
    project.up(&[]);
    assert_eq!(id(project, "talker"), one, "the first was replaced");
    assert_eq!(project.healthy()["apps"][0]["replicas"], 3);
    assert_eq!(project.log("talker").lines().count(), 3);
    project.configure(&format!("{toml}replicas = 0\n"));
    project.up(&[]);
    assert_eq!(
        project.objects().iter().filter(|object| object.contains("talker")).count(),
        0,
        "{:?}",
        project.objects()
    );
    // The last app that goes takes its image with it.
    let images = || project.objects().into_iter().filter(|object| object.starts_with("image ")).count();
    assert_eq!(images(), 1);
    project.configure(TOML.split("[apps.").next().unwrap());
    project.up(&[]).says("remove image of talker");
    assert_eq!(images(), 0);
}
