//! Brokers that come and go, and numbers of replicas that change, under load and with kills: nothing is lost.

use super::project::Project;

fn file(brokers: u8, replication: u8) -> String {
    format!(
        "[kafka]\nbrokers = {brokers}\n[topics.posts]\npartitions = 6\nreplication = {replication}\n[topics.posts.config]\n\"min.insync.replicas\" = 2\n"
    )
}

/// Starts `up`, kills it at the first line that holds this text, and says whether there was one.
fn killed_at(project: &Project, text: &str) -> bool {
    let mut up = project.begin(&["up", "--timeout", "120s"]);
    while let Some(line) = up.line() {
        if line.contains(text) {
            up.kill();
            return true;
        }
    }
    false
}

/// The nodes that hold replicas of `posts`, and how many each of the six partitions has.
fn replicas(project: &Project) -> (Vec<u64>, Vec<usize>) {
    let topic = project.run(&["topics", "describe", "posts", "-o", "json"]).expect(0).json();
    let partitions = topic["partition"].as_array().unwrap();
    let of = |partition: &serde_json::Value| -> Vec<u64> {
        partition["replicas"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap()).collect()
    };
    let mut nodes: Vec<u64> = partitions.iter().flat_map(of).collect();
    nodes.sort_unstable();
    nodes.dedup();
    (nodes, partitions.iter().map(|partition| of(partition).len()).collect())
}

#[test]
fn three_to_five_to_three_brokers_under_load_loses_nothing() {
    let Some(project) = Project::new("growth") else { return };
    project.configure(&file(3, 2));
    project.up(&[]);
    project.run(&["produce", "--generate", "50000", "--size", "1000"]).expect(0);
    let apps_see = project.run(&["env"]).expect(0).stdout;
    let audit = project.begin(&["audit", "posts", "--rate", "300/s", "-o", "json"]);
    // It reads kdev.toml once, at its start: only then is that written anew.
    project.eventually("records of the audit", || {
        let status = project.run(&["status", "-o", "json"]).json();
        status["topics"][0]["messages"].as_u64().filter(|messages| *messages > 50_000)
    });

    project.configure(&file(4, 2));
    project.up(&[]).says("start kafka-4").says("to kafka-4").says("lift the limit");
    assert_eq!(replicas(&project).0, [1, 2, 3, 4]);
    project.configure(&file(5, 3));
    let ran = project.up(&[]);
    let started: Vec<&str> = ran.stderr.lines().filter(|line| line.contains(" start kafka-")).collect();
    assert_eq!(started.len(), 1, "a node that was there was touched: {started:?}");
    let (nodes, counts) = replicas(&project);
    assert_eq!((nodes, counts), (vec![1, 2, 3, 4, 5], vec![3; 6]));
    // Stable over down and up: the ports of all.
    let status = project.healthy();
    assert_eq!(status["nodes"].as_array().unwrap().len(), 5);
    project.run(&["rebalance"]).expect(0).says("is even: nothing to move");
    project.configure(&file(3, 3));
    project
        .up(&[])
        .says("remove volume of kafka-4, which holds no partition any more")
        .says("take kafka-5 off the list");
    assert_eq!(replicas(&project), (vec![1, 2, 3], vec![3; 6]));
    project.up(&[]).says("nothing to do");
    project.healthy();
    assert_eq!(project.run(&["env"]).expect(0).stdout, apps_see, "addresses of the first three changed");

    audit.signal("INT");
    let report = audit.end();
    let account = report.clone().expect(0).json();
    eprintln!("longest stall: {} ms", account["longest_stall_ms"]);
    for nothing in ["lost", "failed", "unanswered", "duplicated", "reordered"] {
        assert_eq!(account[nothing], 0, "{report}");
    }
    assert!(account["acknowledged"].as_u64().unwrap() > 0, "{report}");
}

#[test]
fn killed_at_each_step_of_a_change_of_brokers_the_next_up_goes_on() {
    let Some(project) = Project::new("growth-kill") else { return };
    project.configure(&file(3, 2));
    project.up(&[]);
    project.run(&["produce", "--generate", "20000", "--size", "1000"]).expect(0);
    project.configure(&file(4, 3));
    for step in
        ["create volume of kafka-4", "create container of kafka-4", "start kafka-4", "limit the traffic", "copy "]
    {
        assert!(killed_at(&project, step), "never came to {step:?}");
    }
    project.up(&[]).says("lift the limit");
    assert_eq!(replicas(&project), (vec![1, 2, 3, 4], vec![3; 6]));
    project.configure(&file(3, 3));
    for step in ["limit the traffic", "copy ", "stop kafka-4", "take kafka-4 off", "remove container of kafka-4"] {
        assert!(killed_at(&project, step), "never came to {step:?}");
    }
    // A stop that is in full swing when kdev dies ends by itself.
    project.up(&[]);
    assert_eq!(replicas(&project), (vec![1, 2, 3], vec![3; 6]));
    project.healthy();
    assert_eq!(project.objects().iter().filter(|object| object.contains("kafka-4")).count(), 0);
    let stored = project.run(&["consume", "--exit", "-o", "value"]).expect(0);
    assert_eq!(stored.stdout.lines().count(), 20_000);
}
