//! Faults and changes while records are written: what was acknowledged is there.

use std::collections::BTreeSet;

use super::{job::consumed, project::Project};

const RECORDS: usize = 60_000;

fn lines() -> String {
    (0..RECORDS).map(|number| format!("{number}\n")).collect()
}

/// The numbers in the topic.
fn stored(project: &Project) -> BTreeSet<usize> {
    let ran = project.run(&["consume", "--exit"]).expect(0);
    ran.stdout.lines().map(|line| line.parse().unwrap()).collect()
}

#[test]
fn a_node_killed_under_load_loses_no_acknowledged_record() {
    let Some(project) = Project::new("load") else { return };
    project.configure("[topics.posts]\npartitions = 6\n[topics.posts.config]\n\"min.insync.replicas\" = 2\n");
    project.up(&[]);
    // Half of the records before the kill, the other half offered only after it.
    let (reader, mut writer) = std::io::pipe().unwrap();
    let mut command = project.command(&["produce", "--timeout", "120s"]);
    command.stdin(reader).stderr(std::process::Stdio::piped());
    let produce = command.spawn().unwrap();
    drop(command);
    let lines = lines();
    let (first, second) = lines.split_at(lines.len() / 2);
    std::io::Write::write_all(&mut writer, first.as_bytes()).unwrap();
    project.docker.kill(&project.container("kafka-2"));
    std::io::Write::write_all(&mut writer, second.as_bytes()).unwrap();
    drop(writer);
    let output = produce.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "not all were acknowledged: {said}");
    assert_eq!(stored(&project), (0..RECORDS).collect(), "acknowledged, and not there: {said}");
    project.run(&["status"]).expect(5).says("kafka-2 is exited").says("under-replicated");
    project.up(&[]).says("start kafka-2");
    project.healthy();
    assert_eq!(stored(&project).len(), RECORDS);
}

const WITH_APPS: &str = r#"
[topics.posts]
partitions = 6
[topics.posts.config]
"min.insync.replicas" = 2
[apps.producer]
dockerfile = "Dockerfile.producer"
env = { POSTS_PER_SECOND = 50 }
[apps.consumer]
dockerfile = "Dockerfile.consumer"
[kafka]
"#;

/// The contents of the posts that the producer was told are stored: it numbers them.
fn acknowledged(project: &Project) -> usize {
    project.log("producer").lines().filter(|line| line.contains("acknowledged posts[")).count()
}

#[test]
fn a_changed_setting_rolls_through_the_nodes_one_at_a_time_and_loses_nothing() {
    let Some(project) = Project::new("roll") else { return };
    project.run(&["init"]).expect(0);
    project.configure(WITH_APPS);
    project.up(&[]);
    let services = ["kafka-1", "kafka-2", "kafka-3", "producer", "consumer"];
    let ids = || services.map(|service| project.docker.id(&project.container(service)).unwrap());
    let before = ids();
    project.configure(&format!("{WITH_APPS}[kafka.config]\n\"num.io.threads\" = 5\n"));
    let dry = project.up(&["--dry-run"]);
    assert_eq!(dry.stdout.matches("stop kafka-").count(), 3, "{dry}");
    let ran = project.up(&[]);
    let after = ids();
    assert!((0..3).all(|node| before[node] != after[node]), "a node was not replaced:\n{ran}");
    assert_eq!(before[3..], after[3..], "an app was replaced:\n{ran}");
    // Never is one stopped before the one stopped earlier has been started again.
    let steps: Vec<&str> =
        ran.stderr.lines().filter(|line| line.contains("stop kafka-") || line.contains("start kafka-")).collect();
    assert_eq!(steps.len(), 6, "{steps:#?}");
    for pair in steps.chunks(2) {
        let node = |line: &str| line.split("kafka-").nth(1).and_then(|rest| rest.chars().next());
        assert!(pair[0].contains("stop") && pair[1].contains("start") && node(pair[0]) == node(pair[1]), "{steps:#?}");
    }
    project.healthy();
    // The producer wrote on all the while. It ends, and all that it was told is stored arrives.
    project.run(&["restart", "producer"]).expect(0);
    let log = project.log("producer");
    let told =
        log.lines().find(|line| line.contains("producer: stopped,")).unwrap_or_else(|| panic!("no end in:\n{log}"));
    let numbers: Vec<usize> = told.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
    assert_eq!(numbers[0], numbers[1], "posts were lost: {told}");
    let count = acknowledged(&project);
    assert!(count >= numbers[0] && numbers[0] > 0, "{count} of {told}");
    let posts = project.eventually("all posts consumed", || {
        let posts = consumed(&project);
        (posts.len() >= count).then_some(posts)
    });
    let places: BTreeSet<_> = posts.iter().map(|post| (post["partition"].as_i64(), post["offset"].as_i64())).collect();
    // Some may be read twice when a group moves; none is missing.
    assert!(places.len() >= count, "{} of {count} arrived", places.len());
}
