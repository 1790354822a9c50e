//! SIGKILL of `up` at any moment: the next `up` reaches the plan, and `down --volumes` leaves nothing.

use std::time::Duration;

use super::project::{Project, SMALL, kafka_image};

/// One node and one app: all kinds of steps, in the least time.
const ONE_OF_EACH: &str = r#"
[kafka]
brokers = 1
[topics.posts]
partitions = 1
[apps.sleeper]
dockerfile = "Dockerfile"
"#;

fn with_an_app(project: &Project, toml: &str) {
    project.configure(toml);
    project.write(".dockerignore", "kdev.toml\n");
    let dockerfile = "ARG PYTHON_IMAGE=python:3.13-slim\nFROM ${PYTHON_IMAGE}\nUSER 1000:1000\nCMD [\"sh\", \"-c\", \"trap exit TERM; echo here; sleep 600 & wait\"]\n";
    project.write("Dockerfile", dockerfile);
}

/// Starts `up` and kills it so long after a line for which `is_it` holds; false if it ended before.
fn killed(project: &Project, mut is_it: impl FnMut(&str) -> bool, pause: Duration) -> bool {
    let mut up = project.begin(&["up", "--timeout", "300s"]);
    loop {
        match up.line() {
            Some(line) if is_it(&line) => break,
            Some(_) => {}
            None => return false,
        }
    }
    std::thread::sleep(pause);
    up.kill();
    true
}

#[test]
fn killed_at_each_step_in_turn_the_next_up_reaches_the_plan() {
    let Some(project) = Project::new("kill-each") else { return };
    with_an_app(&project, ONE_OF_EACH);
    let steps = [
        "create volume of kafka-1",
        "create network",
        "build image of sleeper",
        "LABEL kdev.directory",
        "create container of kafka-1",
        "start kafka-1",
        "create topic posts",
        "create container of sleeper",
        "start sleeper",
    ];
    // Podman puts labels on without a step for each.
    let steps = steps.into_iter().filter(|step| !(project.docker.is_podman && step.starts_with("LABEL")));
    for (number, step) in steps.enumerate() {
        // Each from nothing, and every second time straight back to it: `down` must work from there too.
        assert!(killed(&project, |line| line.contains(step), Duration::ZERO), "never came to {step:?}");
        if number % 2 == 0 {
            project.up(&[]);
            project.healthy();
            project.up(&[]).says("nothing to do");
        }
        project.run(&["down", "--volumes"]).expect(0);
        assert_eq!(project.objects(), [""; 0], "killed at {step:?}");
    }
}

/// What a run leaves that was killed while the engine made the network, and the next one made its own.
#[test]
fn of_two_networks_of_one_name_up_keeps_one_and_down_none() {
    let Some(project) = Project::new("kill-network") else { return };
    project.configure(SMALL);
    project.up(&[]);
    let networks = || project.objects().into_iter().filter(|object| object.starts_with("network ")).count();
    if !project.docker.make_twin(&project.prefix()) {
        return;
    }
    assert_eq!(networks(), 2);
    project.run(&["plan"]).expect(0).says("of the project's name but one");
    project.up(&[]).says("remove all networks of the project's name but one");
    assert_eq!(networks(), 1);
    project.healthy();
    project.docker.kill(&project.container("kafka-1"));
    assert!(project.docker.make_twin(&project.prefix()));
    project.up(&[]);
    assert_eq!(networks(), 1);
    project.healthy();
    assert!(project.docker.make_twin(&project.prefix()));
    project.run(&["down", "--volumes"]).expect(0);
    assert_eq!(project.objects(), [""; 0]);
}

/// As `kill -9` leaves it, with a request under way: what comes of that goes too.
#[test]
fn down_after_a_kill_waits_for_what_the_engine_still_makes() {
    let Some(project) = Project::new("kill-down") else { return };
    project.configure(SMALL);
    for _ in 0..5 {
        assert!(killed(&project, |line| line.contains("create network"), Duration::ZERO));
        project.run(&["down", "--volumes"]).expect(0).says("was killed: the engine gets a moment");
        std::thread::sleep(Duration::from_secs(1));
        assert_eq!(project.objects(), [""; 0]);
    }
    let down = project.run(&["down"]).expect(0);
    assert!(!down.stderr.contains("was killed"), "the last one ended well: {down}");
}

/// A preparation belongs to no project, and the next one of the same image may never come.
#[test]
fn down_removes_the_container_of_a_preparation_that_was_killed_and_of_no_other() {
    let Some(mut project) = Project::new("kill-prepare") else { return };
    // With locks of its own: otherwise a test beside it would take this one's remains away.
    let locks = project.root().join("locks");
    std::fs::create_dir(&locks).unwrap();
    project.set_env("XDG_RUNTIME_DIR", &locks.to_string_lossy());
    let image = project.own_kafka_image();
    let label = format!("kdev.test={}", project.name());
    let _image = project.docker.image(&image, &format!("FROM {}\nLABEL {label}\n", kafka_image()));
    project.configure(SMALL);
    let containers = || -> Vec<String> {
        let found = project.docker.labelled(&label).into_iter();
        found.filter(|object| object.starts_with("container kdev-prepare-")).collect()
    };
    let up = project.begin(&["up", "--no-apps"]);
    let train = || containers().iter().any(|name| name.ends_with("-train")).then_some(());
    project.eventually("the node whose classes are recorded", train);
    project.twin().run(&["down"]).expect(0);
    assert_eq!(containers().len(), 1, "one that is at work stays");
    up.kill();
    project
        .run(&["down"])
        .expect(0)
        .says("removed what the preparation of an image, which was killed, had left: kdev-");
    assert_eq!(containers(), [""; 0]);
}

#[test]
fn ten_ups_killed_at_random_moments_and_then_one_that_is_not() {
    let Some(project) = Project::new("kill-ten") else { return };
    with_an_app(&project, "[topics.posts]\npartitions = 6\n[apps.sleeper]\ndockerfile = \"Dockerfile\"\n");
    // Random by the clock's nanoseconds, and told, so that a failure can be tried again.
    let mut random = jiff::Timestamp::now().as_nanosecond() as u64 | 1;
    for _ in 0..10 {
        // xorshift64 (Marsaglia, 2003).
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let (lines, pause) = (random as usize % 8 + 1, Duration::from_millis(random >> 32 & 0x3ff));
        let mut left = lines;
        let killed = killed(
            &project,
            |_| {
                left -= 1;
                left == 0
            },
            pause,
        );
        eprintln!("{pause:?} after line {lines}: {}", if killed { "killed" } else { "had ended" });
    }
    project.up(&[]);
    let status = project.healthy();
    assert_eq!(status["topics"][0]["partitions"], 6);
    project.up(&[]).says("nothing to do");
}
