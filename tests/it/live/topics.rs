//! Topics as code on a real cluster: made, adopted, pruned, changed by others; and groups reset.

use std::time::{Duration, Instant};

use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, CommitMode, Consumer},
};

use super::project::Project;

/// One node, so that the tests are quick: `up` with a topic named `posts` of one partition, and what is added.
fn file(more: &str) -> String {
    format!("[kafka]\nbrokers = 1\n[topics.posts]\npartitions = 1\n{more}")
}

fn send(project: &Project, topic: &str, records: usize) {
    let lines: String = (0..records).map(|number| format!("{number}\n")).collect();
    project.feed(&["produce", topic], lines).expect(0);
}

fn records(project: &Project, topic: &str) -> usize {
    project.run(&["consume", topic, "--exit"]).expect(0).stdout.lines().count()
}

/// Changes kdev.toml as a user does, with an editor.
fn edit(project: &Project, from: &str, to: &str) {
    let text = project.read("kdev.toml");
    assert!(text.contains(from), "{from:?} is not in:\n{text}");
    project.write("kdev.toml", text.replace(from, to));
}

#[test]
fn topics_are_made_adopted_drift_and_are_pruned_only_when_permitted() {
    let Some(project) = Project::new("topics") else { return };
    project.configure(&file("# mine\n"));
    project.up(&[]);
    let ran = project.run(&["plan", "--exit-code"]).expect(0);
    assert_eq!(ran.stdout, "", "{ran}");

    // Made by hand: left alone, and told.
    let create = ["topics", "create", "scratch", "--partitions", "2", "--config", "retention.ms=3600000"];
    project.run(&create).expect(0).says("created topic scratch (2 partitions, replication 1)");
    project.run(&create).expect(1).says("topic scratch exists already, with 2 partitions");
    send(&project, "scratch", 100);
    project.run(&["plan", "--exit-code"]).expect(0).says("does not name them: topics scratch");
    project.run(&["status"]).expect(0).says("scratch is not in kdev.toml");
    project.up(&[]).says("nothing to do");

    // Adopted: the file says what the cluster has, and keeps what stood in it.
    let before = project.read("kdev.toml");
    project.run(&["topics", "adopt", "--dry-run"]).expect(0).says("+[topics.scratch]");
    assert_eq!(project.read("kdev.toml"), before);
    project.run(&["topics", "adopt", "scratch"]).expect(0).says("+\"retention.ms\" = 3600000").says("wrote");
    let after = project.read("kdev.toml");
    assert!(after.starts_with(&before), "{after}");
    project.run(&["plan", "--exit-code"]).expect(0);
    project.run(&["topics", "adopt"]).expect(0);
    project.run(&["topics", "adopt"]).expect(0).says("nothing to write");

    // Changed behind kdev's back: told by status and plan, and put right by up.
    edit(&project, "3600000", "7200000");
    let status = project.healthy();
    let scratch = status["topics"].as_array().unwrap().iter().find(|topic| topic["name"] == "scratch").unwrap();
    assert_eq!(scratch["drift"][0]["field"], "retention.ms");
    assert_eq!(
        (&scratch["drift"][0]["cluster"], &scratch["drift"][0]["kdev_toml"]),
        (&"3600000".into(), &"7200000".into())
    );
    let plan = project.run(&["plan", "--exit-code", "-o", "json"]).expect(6).json();
    assert_eq!((&plan["steps"][0]["from"], &plan["steps"][0]["to"]), (&"3600000".into(), &"7200000".into()));
    assert_eq!(plan["steps"][0]["destructive"], false);
    project.up(&[]).says("set retention.ms of topic scratch: 3600000 to 7200000");
    project.run(&["plan", "--exit-code"]).expect(0);

    // Shorter than records are old takes nothing while they are younger; everything where they are not.
    edit(&project, "7200000", "3600000");
    project.up(&[]).says("set retention.ms of topic scratch: 7200000 to 3600000");
    edit(&project, "3600000", "1");
    let plan = project.run(&["plan", "-o", "json"]).expect(0).json();
    assert_eq!((&plan["steps"][0]["destructive"], &plan["steps"][0]["loss"]["records"]), (&true.into(), &100.into()));
    let ran = project.try_up(&[]).expect(1);
    ran.says("up to 100 records go").says("try: kdev up --allow destroy-data");
    assert!(!ran.stderr.contains('•'), "a step was taken:\n{ran}");
    assert_eq!(project.healthy()["topics"][1]["drift"][0]["cluster"], "3600000");

    // No longer named, and prune: nothing without permission, then that topic and no other.
    let text = project.read("kdev.toml");
    let kept = text.split("\n[topics.scratch]").next().unwrap();
    project.write("kdev.toml", format!("{kept}\n[topics]\nprune = true\n"));
    let ran = project.try_up(&[]).expect(1);
    ran.says("delete topic scratch, which kdev.toml does not name: 100 records go, about ");
    assert_eq!(records(&project, "scratch"), 100);
    project.up(&["--allow", "destroy-data"]).says("warning: delete topic scratch").says("100 records go");
    project.run(&["topics", "describe", "scratch"]).expect(1).says("there is no topic `scratch`");
    project.run(&["topics", "list", "--all"]).expect(0).says("posts");
    project.run(&["plan", "--exit-code"]).expect(0);
}

#[test]
fn a_topic_is_deleted_only_with_a_yes_and_what_kafka_refuses_is_said() {
    let Some(project) = Project::new("refused") else { return };
    project.configure(&file(""));
    project.up(&[]);
    send(&project, "posts", 10);

    let ran = project.run(&["topics", "delete", "posts"]).expect(1);
    ran.says("with 10 records, about ").says("try: kdev topics delete posts --yes");
    assert_eq!(records(&project, "posts"), 10);
    project.run(&["topics", "delete", "posts", "nope", "--yes"]).expect(1).says("there is no topic `nope`");
    assert_eq!(records(&project, "posts"), 10, "a mistake in the second name deleted the first topic");
    project.run(&["topics", "delete", "posts", "--yes"]).expect(0).says("makes it again, empty");
    // Deleted by hand: the next `up` goes on.
    project.up(&[]).says("create topic posts (1 partitions, replication 1)");
    send(&project, "posts", 5);

    // Kafka refuses a setting: said with its reason, nothing is lost, and the next `up` goes on.
    project.configure(&file("[topics.posts.config]\n\"retention.sm\" = 1\n"));
    let ran = project.try_up(&[]).expect(1);
    ran.says("retention.sm").says("topic posts").says("correct [topics.posts] or [topics.posts.config]");
    assert_eq!(records(&project, "posts"), 5);
    project.configure(&file("[topics.posts.config]\n\"retention.bytes\" = 1073741824\n"));
    project.up(&[]).says("set retention.bytes of topic posts");
    project.run(&["topics", "create", "bad", "--config", "no.such=1"]).expect(1).says("no.such");

    // Fewer partitions: refused, with the way round.
    project.configure(&file("").replace("partitions = 1", "partitions = 3"));
    project.up(&[]).says("keys move to other partitions");
    project.configure(&file(""));
    project.try_up(&[]).expect(1).says("Kafka never removes a partition").says("--repartition");
    assert_eq!(records(&project, "posts"), 5);
}

#[test]
fn a_project_without_a_file_gets_one_that_works() {
    let Some(project) = Project::new("adopt") else { return };
    // The built-in kdev.toml takes the project's name from -p.
    let name = project.name().to_owned();
    project.run(&["-p", &name, "up", "--no-apps", "--timeout", "300s"]).expect(0);
    project.run(&["-p", &name, "topics", "create", "mine", "--partitions", "1"]).expect(0);
    project.run(&["-p", &name, "topics", "adopt"]).expect(0).says("+[topics.mine]").says("Dockerfile.producer");
    let text = project.read("kdev.toml");
    assert!(text.contains("# two leaders a node") && text.contains("[topics.mine]"), "{text}");
    project.run(&["-p", &name, "plan", "--exit-code", "--no-apps"]).expect(0);
    project.configure(&text);
}

/// A member of the group `readers` that has read and committed the fifty records of `posts`.
fn member(bootstrap: &str, protocol: &str) -> BaseConsumer {
    let member: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("client.id", "a-reader")
        .set("group.id", "readers")
        .set("group.protocol", protocol)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    member.subscribe(&["posts"]).unwrap();
    let (mut read, since) = (0, Instant::now());
    while read < 50 {
        // Nothing is told of what happens within the group, too.
        if let Some(record) = member.poll(Duration::from_secs(1)) {
            record.unwrap();
            read += 1;
        }
        assert!(since.elapsed() < Duration::from_secs(60), "{protocol}: {read} records read");
    }
    member.commit_consumer_state(CommitMode::Sync).unwrap();
    member
}

#[test]
fn a_group_is_reset_and_deleted_only_without_members() {
    let Some(project) = Project::new("reset") else { return };
    project.configure(&file(""));
    project.up(&[]);
    send(&project, "posts", 50);
    let lag = |project: &Project| {
        let groups = project.healthy()["groups"].clone();
        groups.as_array().unwrap().iter().find(|group| group["name"] == "readers").map(|group| group["lag"].clone())
    };
    let bootstrap = project.healthy()["bootstrap"]["host"].as_str().unwrap().to_owned();
    for protocol in ["classic", "consumer"] {
        let member = member(&bootstrap, protocol);
        let listed = project.run(&["groups", "list", "-o", "json"]).expect(0).json();
        assert_eq!(listed[0]["protocol"], protocol);

        // Somebody reads: refused, with who it is.
        let refused = project.run(&["groups", "reset", "readers", "--to", "start"]).expect(1);
        refused.says("group readers has a member").says("a-reader on ").says("nothing was changed");
        project.run(&["groups", "delete", "readers"]).expect(1).says("has a member");
        drop(member);
        project.eventually("an empty group", || {
            project.run(&["groups", "describe", "readers"]).stdout.contains("Empty").then_some(())
        });
        assert_eq!(lag(&project), Some(0.into()), "{protocol}");

        let dry =
            project.run(&["groups", "reset", "readers", "--to", "-20", "--dry-run", "-o", "json"]).expect(0).json();
        assert_eq!((&dry[0]["before"], &dry[0]["after"], &dry[0]["lag_after"]), (&50.into(), &30.into(), &20.into()));
        assert_eq!(lag(&project), Some(0.into()));
        for (to, expected) in [("-20", 20), ("+5", 15), ("start", 50), ("7", 43), ("@0", 50), ("end", 0), ("1h", 50)] {
            project.run(&["groups", "reset", "readers", "--to", to]).expect(0).says("goes on from there");
            assert_eq!(lag(&project), Some(expected.into()), "--to {to}");
        }
        project.run(&["groups", "reset", "readers", "--to", "1h"]).expect(0).says("nothing to change");
        project.run(&["groups", "reset", "readers", "--to", "end", "--partition", "9"]).expect(1).says("partition 9");
        project.run(&["groups", "reset", "reader", "--to", "end"]).expect(1).says("try: kdev groups reset readers");
        project.run(&["groups", "delete", "readers"]).expect(0).says("deleted readers");
        assert_eq!(lag(&project), None);
    }
}
