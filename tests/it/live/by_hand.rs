//! Somebody takes things away behind kdev's back: the next `up` puts them back, and no record is lost.

use std::time::Duration;

use serde_json::Value;

use super::project::Project;

const RECORDS: usize = 300;
const NODES: [&str; 3] = ["kafka-1", "kafka-2", "kafka-3"];

fn records(project: &Project) -> usize {
    project.run(&["consume", "--exit"]).expect(0).stdout.lines().count()
}

fn signal(project: &Project, signal: &str) {
    for node in NODES {
        project.docker.signal(&project.container(node), signal);
    }
}

#[test]
fn what_was_taken_away_by_hand_comes_back() {
    let Some(project) = Project::new("by-hand") else { return };
    project.configure("[topics.posts]\npartitions = 6\n[topics.posts.config]\n\"min.insync.replicas\" = 2\n");
    project.up(&[]);
    let lines: String = (0..RECORDS).map(|number| format!("{number}\n")).collect();
    project.feed(&["produce"], lines).expect(0);
    let cluster = project.healthy()["cluster"]["id"].clone();

    // A container.
    project.docker.remove(&project.container("kafka-2"));
    project.run(&["status"]).expect(5).says("kafka-2 is absent");
    // What the others tell is as kdev.toml says.
    let plan = project.run(&["plan"]).expect(0).stdout;
    assert!(plan.contains("+ create container of kafka-2") && !plan.contains("set "), "{plan}");
    project.up(&[]).says("create container of kafka-2");
    project.healthy();
    assert_eq!(records(&project), RECORDS);

    // A container that is frozen.
    project.docker.pause(&project.container("kafka-3"));
    project.run(&["status"]).expect(5).says("kafka-3 is paused");
    project.up(&[]).says("unpause kafka-3");
    project.healthy();
    project.docker.pause(&project.container("kafka-3"));
    project.run(&["restart", "kafka-3"]).expect(0);
    let leaders = |node: &Value| node["leaders"].as_u64().unwrap();
    let nodes = project.healthy()["nodes"].as_array().unwrap().clone();
    assert!(nodes.iter().all(|node| leaders(node) == leaders(&nodes[0])), "not even after a restart: {nodes:#?}");

    // A container that is taken off its network: started again, it would be on none.
    project.docker.disconnect(&project.prefix(), &project.container("kafka-2"));
    let refused = project.run(&["restart", "kafka-2"]).expect(1);
    refused.says("kafka-2 is on no network").says("try: kdev up   (makes its container anew)");
    let ran = project.up(&[]);
    ran.says("stop kafka-2: it is on no network").says("remove container of kafka-2: it is on no network");
    project.healthy();

    // Nodes that the engine sees running and that do not answer for a moment, as on a machine that stalls.
    signal(&project, "STOP");
    let plan = project.begin(&["plan"]);
    std::thread::sleep(Duration::from_secs(2));
    signal(&project, "CONT");
    let plan = plan.end().expect(0);
    let nothing = format!("{} is as kdev.toml says: nothing to do\n", project.name());
    assert_eq!((plan.stdout, plan.stderr), (String::new(), nothing));
    project.up(&[]);

    // A container with its data: the other two have every record.
    project.docker.remove(&project.container("kafka-1"));
    project.docker.remove_volume(&project.container("kafka-1"));
    project.up(&[]).says("create volume of kafka-1");
    assert_eq!(project.healthy()["cluster"]["id"], cluster);
    assert_eq!(records(&project), RECORDS);

    // All nodes killed at once, as by a power cut.
    signal(&project, "KILL");
    project.run(&["status"]).expect(5).says("kafka-1 is exited");
    project.up(&[]);
    project.healthy();
    assert_eq!(records(&project), RECORDS);

    // All nodes stopped, and then the network that nobody is on, as by `docker network prune`: Docker starts none of their
    // containers again, Podman removes no network that a container has.
    signal(&project, "KILL");
    project.eventually("all ended", || {
        NODES.iter().all(|node| !project.docker.runs(&project.container(node))).then_some(())
    });
    if project.docker.try_remove_network(&project.prefix()) {
        project
            .run(&["restart", "kafka-1"])
            .expect(1)
            .says("try: kdev up   (makes the network, and the container on it, anew)");
        project.up(&[]).says("remove container of kafka-1: its network is gone");
        project.healthy();
        assert_eq!(records(&project), RECORDS);
    }

    // Everything but the data, the network too.
    for node in NODES {
        project.docker.remove(&project.container(node));
    }
    project.docker.remove_network(&project.prefix());
    project.up(&[]).says("create network");
    project.healthy();
    assert_eq!(records(&project), RECORDS);
}
