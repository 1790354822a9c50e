//! Upgrades and other rolling changes of a real cluster, with an audit running all the while: what was acknowledged
//! is there, once and in order, and nothing failed.

use serde_json::Value;

use super::project::{Project, Running};

const OLD: &str = "4.2.1";
const NEW: &str = "4.3.1";

/// kdev.toml with this version and what else `[kafka]` is to say.
fn configure(project: &Project, version: &str, rest: &str) {
    let topics = "[topics.posts]\npartitions = 6\n[topics.posts.config]\n\"min.insync.replicas\" = 2\n";
    project.configure(&format!("[kafka]\nversion = \"{version}\"\n{rest}\n{topics}"));
}

/// The load, which has begun, until it is told to stop: kdev.toml may change from now on.
fn audit(project: &Project) -> Running {
    let mut load = project.begin(&["audit", "posts", "--rate", "200/s", "--timeout", "60s", "-o", "json"]);
    load.until("sending 200/s to posts");
    load
}

/// Ends the load; nothing may have gone wrong. How long writes stalled is told, and not judged.
fn account(audit: Running, what: &str) {
    audit.signal("INT");
    let report = audit.end().expect(0).json();
    for count in ["lost", "failed", "unanswered", "duplicated", "reordered"] {
        assert_eq!(report[count], 0, "{what}: {report:#}");
    }
    let worst = report["partitions"].as_array().unwrap().iter().max_by_key(|p| p["longest_stall_ms"].as_u64());
    eprintln!("{what}: {} records, longest stall: {}", report["acknowledged"], worst.unwrap());
}

fn versions(project: &Project) -> (Vec<Value>, Value) {
    let status = project.healthy();
    let nodes = status["nodes"].as_array().unwrap().iter().map(|node| node["version"].clone()).collect();
    (nodes, status["cluster"]["metadata_version"].clone())
}

/// The ids of the nodes' containers.
fn nodes(project: &Project) -> Vec<String> {
    ["kafka-1", "kafka-2", "kafka-3"].map(|node| project.docker.id(&project.container(node)).unwrap()).to_vec()
}

#[test]
fn upgrades_and_ways_back_under_load() {
    let Some(project) = Project::new("upgrade") else { return };
    configure(&project, OLD, "");
    project.up(&[]);
    let load = audit(&project);
    up_and_killed_at_each_step(&project);
    back_again_with_other_memory(&project);
    what_cannot_be_leaves_all_as_it_is(&project);
    a_node_that_does_not_come_up_is_put_back(&project);
    account(load, "upgrade and back");
    finalized_though_a_node_is_lost_and_two_run_it(&project);
    a_setting_that_needs_no_restart(&project);
}

fn up_and_killed_at_each_step(project: &Project) {
    configure(project, NEW, "finalize = false");
    let plan = project.run(&["plan"]).expect(0);
    assert_eq!(plan.stdout.matches("start kafka-").count(), 3, "{plan}");
    for step in ["stop kafka-", "aside", "create container of kafka-", "start kafka-", "remove container of kafka-"] {
        let mut up = project.begin(&["up", "--timeout", "300s"]);
        up.until(step);
        up.kill();
    }
    project.up(&[]);
    let (nodes, metadata) = versions(project);
    assert_eq!(nodes, [NEW; 3]);
    assert_eq!(metadata, "4.2-IV1", "finalized against the file");
    project.run(&["status"]).expect(0).says("metadata 4.2-IV1 (4.3-IV0 possible)");
}

fn back_again_with_other_memory(project: &Project) {
    configure(project, OLD, "memory = \"600m\"\nfinalize = false");
    let before = nodes(project);
    project.up(&[]);
    assert!(nodes(project).iter().zip(&before).all(|(now, before)| now != before));
    assert_eq!(versions(project).0, [OLD; 3]);
}

fn what_cannot_be_leaves_all_as_it_is(project: &Project) {
    let before = nodes(project);
    configure(project, "4.3.99", "memory = \"600m\"");
    let ran = project.try_up(&[]);
    assert_eq!(ran.code, Some(1), "{ran}");
    ran.says("4.3.99");
    configure(project, "5.0.0", "memory = \"600m\"");
    let ran = project.try_up(&[]);
    assert_eq!(ran.code, Some(1), "{ran}");
    ran.says("kdev does not know whether Kafka 4.2.1 can go to 5.0.0").says("4.3, 4.4");
    assert_eq!(nodes(project), before, "a node was touched");
}

fn a_node_that_does_not_come_up_is_put_back(project: &Project) {
    let before = nodes(project);
    configure(project, OLD, "memory = \"600m\"\nfinalize = false\n[kafka.config]\n\"num.io.threads\" = \"many\"");
    let ran = project.try_up(&[]);
    assert_eq!(ran.code, Some(1), "{ran}");
    ran.says("did not come into service as kdev.toml says, and runs as before again").says("num.io.threads");
    assert_eq!(nodes(project), before, "not as before: {ran}");
    configure(project, OLD, "memory = \"600m\"\nfinalize = false");
    let ran = project.up(&[]);
    assert_eq!(nodes(project), before, "replaced though nothing changed: {ran}");
    project.healthy();
}

fn finalized_though_a_node_is_lost_and_two_run_it(project: &Project) {
    configure(project, NEW, "memory = \"600m\"");
    let load = audit(project);
    let mut first = project.begin(&["up", "--timeout", "300s"]);
    first.until("start kafka-");
    // The node that is replaced last has not been touched yet.
    let status: Value = project.run(&["status", "-o", "json"]).json();
    let untouched = status["nodes"].as_array().unwrap().iter().rev().find(|node| node["version"] == OLD);
    let untouched = untouched.unwrap_or_else(|| panic!("{status:#}"))["name"].as_str().unwrap().to_owned();
    project.docker.kill(&project.container(&untouched));
    let second = project.begin(&["up", "--timeout", "300s"]);
    first.end().expect(0);
    second.end().expect(0);
    account(load, "upgrade with a node lost");
    assert_eq!(versions(project), (vec![Value::from(NEW); 3], Value::from("4.3-IV0")));
    configure(project, OLD, "memory = \"600m\"");
    let ran = project.try_up(&[]);
    assert_eq!(ran.code, Some(1), "{ran}");
    ran.says("the metadata are finalized at 4.3-IV0, which Kafka 4.2.1 cannot read");
}

fn a_setting_that_needs_no_restart(project: &Project) {
    let before = nodes(project);
    configure(project, NEW, "memory = \"600m\"\n[kafka.config]\n\"log.segment.bytes\" = 100000000");
    project.up(&[]).says("set log.segment.bytes of all brokers to 100000000");
    project.up(&[]).says("nothing to do");
    configure(project, NEW, "memory = \"600m\"");
    project.up(&[]).says("take back log.segment.bytes = 100000000 of all brokers");
    assert_eq!(nodes(project), before, "a node was replaced");
}
