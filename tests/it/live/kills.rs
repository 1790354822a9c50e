//! SIGKILL of `up` at any moment: the next `up` reaches the plan, and `down --volumes` leaves nothing.

use std::time::Duration;

use super::project::Project;

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

/// Starts `up` and kills it when it has said so many lines of steps; none if it ended before.
fn killed_after(project: &Project, lines: usize, pause: Duration) -> Option<String> {
    let mut up = project.begin(&["up", "--timeout", "300s"]);
    let mut last = None;
    let mut left = lines;
    while left > 0 {
        let line = up.line()?;
        if line.trim_start().starts_with('•') {
            left -= 1;
            last = Some(line);
        }
    }
    std::thread::sleep(pause);
    up.kill();
    last
}

#[test]
fn killed_at_each_step_in_turn_the_next_up_reaches_the_plan() {
    let Some(project) = Project::new("kill-each") else { return };
    with_an_app(&project, ONE_OF_EACH);
    let mut killed_at = Vec::new();
    // Each from nothing, so that every step is one time the last.
    for lines in 1.. {
        let Some(step) = killed_after(&project, lines, Duration::ZERO) else { break };
        killed_at.push(step);
        // Every second time straight to nothing: `down` must work from there too.
        if lines % 2 == 1 {
            project.up(&[]);
            project.healthy();
            project.up(&[]).says("nothing to do");
        }
        project.run(&["down", "--volumes"]).expect(0);
        assert_eq!(project.objects(), [""; 0], "killed at {:?}", killed_at.last());
    }
    let all = killed_at.join("\n");
    for step in ["create network", "create volume", "create container of kafka-1", "start kafka-1", "create topic posts", "build image of sleeper", "start sleeper"] {
        assert!(all.contains(step), "never killed at {step:?}:\n{all}");
    }
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
        let step = killed_after(&project, lines, pause);
        eprintln!("killed {pause:?} after line {lines}: {step:?}");
    }
    project.up(&[]);
    let status = project.healthy();
    assert_eq!(status["topics"][0]["partitions"], 6);
    project.up(&[]).says("nothing to do");
}
