//! Records in and out of a real cluster: nothing is changed on the way, and what goes wrong is told.

use std::{
    io::{BufRead, BufReader, Write},
    time::Duration,
};

use rdkafka::{
    ClientConfig,
    producer::{BaseProducer, BaseRecord, Producer},
};

use super::project::Project;

const TOML: &str = r#"
[kafka]
brokers = 1
[topics.posts]
partitions = 3
[topics.posts.config]
"retention.ms" = -1
[topics.copy]
partitions = 3
[topics.copy.config]
"retention.ms" = -1
[topics.small]
partitions = 1
[topics.small.config]
"max.message.bytes" = 1000
[topics.transactions]
partitions = 1
[topics.compacted]
partitions = 1
[topics.compacted.config]
"cleanup.policy" = "compact"
"#;

/// Every kind of key, value and header: text, none, empty, bytes that are no text. Their timestamps are old: without
/// `retention.ms = -1` Kafka removes them within minutes.
const KINDS: &str = r#"{"topic":"posts","partition":2,"timestamp":1763856000001,"key":"ada","value":"{\"content\":\"hi\"}","headers":[{"key":"trace","value":"7f"},{"key":"trace","value":null},{"key":"raw","value":{"base64":"/wA="}},{"key":"none","value":""}]}
{"topic":"posts","partition":0,"timestamp":1763856000002,"key":null,"value":"no key","headers":[]}
{"topic":"posts","partition":1,"timestamp":1763856000003,"key":"","value":"","headers":[]}
{"topic":"posts","partition":1,"timestamp":1763856000004,"key":"gone","value":null,"headers":[]}
{"topic":"posts","partition":1,"timestamp":1763856000005,"key":{"base64":"AP/+"},"value":{"base64":"gIGC"},"headers":[]}
{"topic":"posts","partition":0,"timestamp":1763856000006,"key":"line\nbreak\u0000","value":"ü 😀 \" \\","headers":[]}
"#;

#[test]
fn records() {
    let Some(project) = Project::new("records") else { return };
    project.configure(TOML);
    project.up(&[]);
    ndjson_goes_round_without_loss(&project);
    lines_are_values_and_keys(&project);
    a_group_goes_on_where_it_stopped(&project);
    positions(&project);
    what_is_wrong_with_produce_is_told(&project);
    what_is_wrong_with_consume_is_told(&project);
    a_compacted_topic_and_a_closed_pipe_end(&project);
    a_topic_of_transactions_ends(&project);
    a_rate_loses_nothing_and_an_audit_tells(&project);
    other_programs_reach_it(&project);
    one_record_lands_where_many_do(&project);
    // Last, since the cluster is lost.
    a_cluster_lost_midway_is_told(&project);
}

/// Every record of the topic, without the offsets and the topic, in order of partitions.
fn all(project: &Project, topic: &str) -> Vec<String> {
    let ran = project.run(&["consume", topic, "-o", "json", "--exit"]).expect(0);
    let mut records: Vec<String> = ran
        .stdout
        .lines()
        .map(|line| {
            let mut record: serde_json::Value = serde_json::from_str(line).unwrap();
            let fields = record.as_object_mut().unwrap();
            fields.remove("offset").unwrap();
            fields.remove("topic").unwrap();
            record.to_string()
        })
        .collect();
    records.sort();
    records
}

fn ndjson_goes_round_without_loss(project: &Project) {
    project.feed(&["produce", "posts", "-i", "json"], KINDS).expect(0);
    let mut sent: Vec<String> = KINDS
        .lines()
        .map(|line| {
            let mut record: serde_json::Value = serde_json::from_str(line).unwrap();
            record.as_object_mut().unwrap().remove("topic").unwrap();
            record.to_string()
        })
        .collect();
    sent.sort();
    assert_eq!(all(project, "posts"), sent);
    let first = project.run(&["consume", "posts", "-o", "json", "--exit"]).expect(0).stdout;
    project.feed(&["produce", "copy", "-i", "json"], first).expect(0);
    assert_eq!(all(project, "copy"), sent, "the copy is another");
}

fn lines_are_values_and_keys(project: &Project) {
    let before = all(project, "copy").len();
    let ran = project.feed(&["produce", "copy", "--key-separator", ":"], "k1:v1\nk2:v:2\nk3:\n").expect(0);
    ran.says("3 records");
    let ran = project.run(&["consume", "copy", "--exit", "--from", "-3", "-o", r"%k=%v\n"]).expect(0);
    let mut lines: Vec<&str> = ran.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["k1=v1", "k2=v:2", "k3="]);
    // Nothing in, nothing out.
    project.feed(&["produce", "copy"], "").expect(0);
    assert_eq!(all(project, "copy").len(), before + 3);
}

/// A record on the command line takes a shorter way than one of the input, and must land in the same partition.
fn one_record_lands_where_many_do(project: &Project) {
    let keys = ["ada", "k", "a-little-bit-longer-string", "grüße", ""];
    let partition = |ran: crate::sandbox::Ran| {
        let said = ran.expect(0).stderr;
        let at = said.find("posts[").unwrap_or_else(|| panic!("no landing: {said}"));
        said[at + "posts[".len()..].split(']').next().unwrap().to_owned()
    };
    for key in keys {
        let short = partition(project.run(&["produce", "posts", "--key", key, "--value", "short"]));
        let long = partition(project.feed(&["produce", "posts", "--key", key], "long\n"));
        assert_eq!(short, long, "the key `{key}`");
    }
    let time = "2026-01-02T03:04:05Z";
    let fixed = ["produce", "posts", "--tombstone", "--key", "gone", "--partition", "2", "--timestamp", time];
    assert_eq!(partition(project.run(&fixed)), "2");
    let read = ["consume", "posts", "--partition", "2", "--key", "gone", "--exit", "-o", "json"];
    let record = project.run(&read).expect(0).json();
    assert!(record["value"].is_null() && record["headers"].as_array().unwrap().is_empty(), "{record}");
    assert_eq!(record["timestamp"], 1_767_323_045_000_i64);
}

fn a_group_goes_on_where_it_stopped(project: &Project) {
    let read = |count: &str| {
        project.run(&["consume", "posts", "--group", "audit", "-n", count, "-o", "json"]).expect(0).stdout
    };
    let (first, second) = (read("2"), read("4"));
    let place = |line: &str| {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        (record["partition"].as_i64(), record["offset"].as_i64())
    };
    let mut places: Vec<_> = first.lines().chain(second.lines()).map(place).collect();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), 6, "a record twice, or not at all:\n{first}{second}");
    let group = project.run(&["groups", "list", "-o", "json"]).expect(0).json();
    let audit = group.as_array().unwrap().iter().find(|group| group["name"] == "audit").unwrap();
    assert_eq!((&audit["lag"], &audit["members"]), (&0.into(), &0.into()), "it left the group and committed: {audit}");
}

fn positions(project: &Project) {
    let values = |arguments: &[&str]| {
        let ran = project.run(&[&["consume", "posts", "--exit", "-o", "%p/%o "], arguments].concat()).expect(0);
        let mut places: Vec<String> = ran.stdout.split_whitespace().map(str::to_owned).collect();
        places.sort();
        places.join(" ")
    };
    assert_eq!(values(&["--partition", "1"]), "1/0 1/1 1/2");
    assert_eq!(values(&["--partition", "1", "--from", "+1"]), "1/1 1/2");
    assert_eq!(values(&["--partition", "1", "--from", "end"]), "");
    assert_eq!(values(&["--from", "-2"]), "0/1 1/2", "the last two in all, by timestamp");
    assert_eq!(values(&["--from", "@1763856000004"]), "0/1 1/1 1/2");
    assert_eq!(values(&["--key", "ada"]), "2/0");
    assert_eq!(values(&["--header", "trace=7f"]), "2/0");
    assert_eq!(values(&["--grep", "no k"]), "0/0");
}

fn what_is_wrong_with_produce_is_told(project: &Project) {
    let ran = project.feed(&["produce", "small"], format!("fits\n{}\nfits too\n", "x".repeat(5000))).expect(1);
    ran.says("1 of 3 records not acknowledged").says("line 2").says("max.message.bytes");
    assert_eq!(project.run(&["consume", "small", "--exit"]).expect(0).stdout, "fits\nfits too\n");
    project.feed(&["produce", "post"], "x\n").expect(1).says("no topic `post`").says("posts");
    let ran = project
        .feed(&["produce", "small", "-i", "json"], "{\"value\":\"good\"}\n{\"value\":\n{\"value\":\"after\"}\n")
        .expect(1);
    ran.says("line 2 is no record").says("1 record acknowledged, none failed");
    let ran = project.feed(&["produce", "posts", "-i", "json"], "{\"partition\":9,\"value\":\"x\"}\n").expect(1);
    ran.says("no such partition, the topic has 3");
}

fn what_is_wrong_with_consume_is_told(project: &Project) {
    project.run(&["consume", "psots", "--exit"]).expect(1).says("no topic `psots`").says("posts");
    project.run(&["consume", "posts", "--partition", "7", "--exit"]).expect(2).says("posts has 3 partitions, 0 to 2");
    project.run(&["consume", "posts", "--partition", "0", "--from", "1000", "--exit"]).expect(1).says("1000");
    project.run(&["consume", "posts", "--from", "yesterday"]).expect(2).says("yesterday");
}

fn a_compacted_topic_and_a_closed_pipe_end(project: &Project) {
    project.feed(&["produce", "compacted", "--key-separator", ":"], "a:1\nb:1\na:2\n").expect(0);
    let ran = project.run(&["consume", "compacted", "--exit"]).expect(0);
    assert!(ran.stdout.ends_with("2\n"), "{ran}");
    project.run(&["produce", "copy", "--generate", "50000"]).expect(0).says("50,000 records");
    // A reader that has seen enough: the writer ends quietly.
    let mut child = project
        .command(&["consume", "copy"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

/// The last offsets of such a topic hold no record, but the marks that end a transaction: who waits for a record
/// there waits forever. What was not committed is not shown.
fn a_topic_of_transactions_ends(project: &Project) {
    let host = project.healthy()["bootstrap"]["host"].as_str().unwrap().to_owned();
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", host).set("transactional.id", "it").create().unwrap();
    let patience = Duration::from_secs(60);
    producer.init_transactions(patience).unwrap();
    for (value, commit) in [("committed", true), ("aborted", false)] {
        producer.begin_transaction().unwrap();
        producer.send(BaseRecord::<str, str>::to("transactions").payload(value)).unwrap();
        producer.flush(patience).unwrap();
        if commit { producer.commit_transaction(patience) } else { producer.abort_transaction(patience) }.unwrap();
    }
    assert_eq!(project.run(&["consume", "transactions", "--exit"]).expect(0).stdout, "committed\n");
}

fn other_programs_reach_it(project: &Project) {
    let host = project.healthy()["bootstrap"]["host"].as_str().unwrap().to_owned();
    // Kafka's own tools on the addresses within the network.
    let tools =
        ["exec", "kafka-1", "--", "/opt/kafka/bin/kafka-topics.sh", "--bootstrap-server", "kafka-1:19092", "--list"];
    assert!(project.run(&tools).expect(0).stdout.contains("posts\n"));
    // kdev itself on the addresses alone, from a directory that is no project.
    let mut command = project.command(&["consume", "posts", "--bootstrap", &host, "--exit", "-o", "%k\\n"]);
    command.current_dir(project.root());
    assert!(project.finish(command).expect(0).stdout.contains("ada\n"));
}

fn a_cluster_lost_midway_is_told(project: &Project) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let mut command = project.command(&["produce", "posts", "--timeout", "3s"]);
    command.stdin(reader).stderr(std::process::Stdio::piped());
    let produce = command.spawn().unwrap();
    drop(command);
    writer.write_all(b"before\n").unwrap();
    project.eventually("the first record is there", || {
        project.run(&["consume", "posts", "--exit"]).stdout.contains("before\n").then_some(())
    });
    project.docker.kill(&project.container("kafka-1"));
    // It may give up before it has read all: then the pipe is closed.
    let _ = writer.write_all(b"after\nand more\n");
    drop(writer);
    let output = produce.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("2 of 3 records not acknowledged"), "{said}");
    assert!(said.contains("1 record acknowledged") || said.contains("not acknowledged within 3 s"), "{said}");
    project.run(&["consume", "posts", "--exit"]).expect(1);
}

fn a_rate_loses_nothing_and_an_audit_tells(project: &Project) {
    let ran = project.run(&["produce", "copy", "--generate", "50", "--rate", "1000/s"]).expect(0);
    ran.says("50 records");
    let report = project.run(&["audit", "copy", "-n", "300", "--rate", "2000/s", "-o", "json"]).expect(0).json();
    for (field, count) in [("records", 300), ("acknowledged", 300), ("lost", 0), ("duplicated", 0), ("reordered", 0)] {
        assert_eq!(report[field], count, "{field}: {report:#}");
    }
    let partitions = report["partitions"].as_array().unwrap();
    assert!(partitions.len() == 3 && partitions.iter().all(|p| p["acknowledged"] == 100), "{report:#}");
    // A compacted topic takes no record without a key: each is refused, and the audit says so.
    let ran = project.run(&["audit", "compacted", "-n", "5"]).expect(6);
    ran.says("error: the audit of compacted failed: 5 not acknowledged").says("5 records: ");
    assert!(ran.stdout.contains("failed        5"), "{ran}");
    project.run(&["audit", "nowhere", "-n", "5"]).expect(1).says("there is no topic `nowhere`");
}
