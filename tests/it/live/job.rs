//! The main job on one cluster: three nodes, `posts`, both apps, and every command that looks at them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::project::Project;

/// The built-in file, with more posts a second.
const TOML: &str = r#"
[topics.posts]
partitions = 6
replication = 3
[topics.posts.config]
"min.insync.replicas" = 2
[apps.producer]
dockerfile = "Dockerfile.producer"
env = { POSTS_PER_SECOND = 50 }
[apps.consumer]
dockerfile = "Dockerfile.consumer"
"#;

#[test]
fn the_main_job() {
    let Some(project) = Project::new("job") else { return };
    written(&project);
    a_plan_is_the_same_each_time(&project);
    let ran = project.up(&[]);
    the_table_and_what_to_type_next(&ran.stdout, &ran.stderr);
    a_second_up_does_nothing(&project);
    let posts = every_post_arrives_once(&project);
    status_is_as_documented(&project, posts);
    the_addresses(&project);
    topics_and_groups(&project, posts);
    a_command_in_a_container(&project);
    logs_of_all_services(&project);
    logs_follow_over_a_restart(&project);
    data_and_ports_survive_down_and_up(&project, posts);
}

/// The files of `kdev init`, with a kdev.toml of the test's own.
fn written(project: &Project) {
    project.run(&["init"]).expect(0);
    project.configure(TOML);
}

/// Reviewers compare plans.
fn a_plan_is_the_same_each_time(project: &Project) {
    let plans: BTreeSet<String> = (0..8).map(|_| project.run(&["plan"]).expect(0).stdout).collect();
    assert_eq!(plans.len(), 1, "{plans:#?}");
}

fn the_table_and_what_to_type_next(stdout: &str, stderr: &str) {
    for text in ["is healthy", "kafka-1", "kafka-2", "kafka-3", "posts", "consumer", "on the host", "in containers"] {
        assert!(stdout.contains(text), "{text:?} is not in:\n{stdout}");
    }
    for text in ["kdev consume posts", "kdev produce posts", "kdev logs -f"] {
        assert!(stderr.contains(text), "{text:?} is not in:\n{stderr}");
    }
    assert!(!stderr.contains('\u{1b}'), "control characters without a terminal:\n{stderr}");
}

/// What the consumer printed: its lines of JSON.
pub fn consumed(project: &Project) -> Vec<Value> {
    let log = project.log("consumer");
    let lines = log.lines().filter_map(|line| line.split_once("| ")).map(|(_, text)| text);
    lines.filter(|text| text.starts_with('{')).map(|text| serde_json::from_str(text).unwrap()).collect()
}

/// Lets the producer end, and counts: what it wrote, what was acknowledged, what the consumer got.
fn every_post_arrives_once(project: &Project) -> usize {
    project.eventually("some posts consumed", || (consumed(project).len() >= 100).then_some(()));
    project.run(&["exec", "producer", "--", "sh", "-c", "kill -TERM 1"]).expect(0);
    let count = project.eventually("the producer's end", || {
        let log = project.log("producer");
        let said = log.split("producer: stopped, ").nth(1)?.lines().next()?.to_owned();
        let (acknowledged, rest) = said.split_once(" of ").unwrap();
        assert_eq!(rest, format!("{acknowledged} posts acknowledged"), "posts were lost");
        acknowledged.parse::<usize>().ok()
    });
    let posts = project.eventually("all posts consumed", || {
        let posts = consumed(project);
        (posts.len() >= count).then_some(posts)
    });
    let places: BTreeSet<_> = posts.iter().map(|post| (post["partition"].as_i64(), post["offset"].as_i64())).collect();
    let contents: BTreeSet<_> = posts.iter().map(|post| post["value"]["content"].as_str().unwrap()).collect();
    assert_eq!((posts.len(), places.len(), contents.len()), (count, count, count));
    for post in &posts {
        let value = &post["value"];
        assert_eq!(keys(value), ["content", "created_at", "sender"]);
        assert_eq!(post["key"], value["sender"], "the key is the sender");
    }
    let one_partition_a_key: BTreeSet<_> =
        posts.iter().map(|post| (post["key"].as_str(), post["partition"].as_i64())).collect();
    assert_eq!(one_partition_a_key.len(), 8, "a key in two partitions: {one_partition_a_key:?}");
    count
}

/// The keys of an object, sorted.
fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect::<BTreeSet<_>>().into_iter().collect()
}

fn status_is_as_documented(project: &Project, posts: usize) {
    let status = project.eventually("no lag", || {
        let status = project.healthy();
        (status["groups"][0]["lag"] == 0).then_some(status)
    });
    assert_eq!(status["schema"], 1);
    assert_eq!(status["project"], project.name());
    // The sandbox shows its own path so.
    assert_eq!(status["directory"], "[ROOT]/blog");
    for key in
        ["schema", "project", "directory", "healthy", "bootstrap", "cluster", "nodes", "topics", "groups", "apps"]
    {
        assert!(keys(&status).contains(&key), "{key} is missing in {status:#}");
    }
    assert_eq!(keys(&status["bootstrap"]), ["container", "host"]);
    assert_eq!(status["bootstrap"]["container"], "kafka-1:19092,kafka-2:19092,kafka-3:19092");
    assert_eq!(keys(&status["cluster"]), ["controller", "id", "metadata_could", "metadata_version", "version"]);
    assert_eq!(status["cluster"]["version"], "4.3.1");
    assert_eq!(status["cluster"]["metadata_could"], serde_json::Value::Null, "a new cluster has its release's level");
    assert_eq!(status["cluster"]["metadata_version"], "4.3-IV0");
    let nodes = status["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 3);
    let mut addresses = Vec::new();
    for (node, id) in nodes.iter().zip(1..) {
        assert_eq!(keys(node), ["address", "id", "leaders", "memory_bytes", "name", "roles", "state", "version"]);
        assert_eq!(node["name"], format!("kafka-{id}"));
        assert_eq!(node["id"], id);
        assert_eq!(node["roles"], serde_json::json!(["broker", "controller"]));
        assert_eq!(node["state"], "running");
        assert_eq!(node["version"], "4.3.1");
        assert!(node["memory_bytes"].as_u64().unwrap() > 50_000_000, "{node}");
        addresses.push(node["address"].as_str().unwrap());
    }
    assert_eq!(status["bootstrap"]["host"], addresses.join(","));
    assert_eq!(
        status["topics"],
        serde_json::json!([{"name": "posts", "partitions": 6, "replication": 3, "under_replicated": 0, "offline": 0, "messages": posts, "messages_partial": false, "in_file": true, "drift": []}])
    );
    assert_eq!(
        status["groups"],
        serde_json::json!([{"name": "posts-consumer", "state": "Stable", "members": 1, "lag": 0}])
    );
    let consumer = serde_json::json!({"name": "consumer", "state": "running", "replicas": 1, "restarts": 0});
    assert_eq!(status["apps"][0], consumer);
    assert_eq!(keys(&status["apps"][1]), ["name", "replicas", "restarts", "state"]);
    // Leaders are spread evenly over the nodes: each leads two of six, beside Kafka's own partitions.
    let leaders: Vec<u64> = nodes.iter().map(|node| node["leaders"].as_u64().unwrap()).collect();
    assert!(leaders.iter().all(|&leaders| leaders >= 2), "{leaders:?}");
}

fn a_second_up_does_nothing(project: &Project) {
    let before = project.objects();
    let ids =
        ["kafka-1", "kafka-2", "kafka-3", "consumer", "producer"].map(|s| project.docker.id(&project.container(s)));
    let ran = project.up(&[]);
    ran.says("is as kdev.toml says: nothing to do");
    assert!(!ran.stderr.contains('•'), "steps were taken:\n{ran}");
    let dry = project.up(&["--dry-run"]);
    assert_eq!(dry.stdout, "");
    assert_eq!(project.objects(), before);
    let after =
        ["kafka-1", "kafka-2", "kafka-3", "consumer", "producer"].map(|s| project.docker.id(&project.container(s)));
    assert_eq!(after, ids, "containers were replaced");
}

fn the_addresses(project: &Project) {
    let host = project.healthy()["bootstrap"]["host"].as_str().unwrap().to_owned();
    let dotenv = project.run(&["env"]).expect(0).stdout;
    let expected = format!("KAFKA_BOOTSTRAP_SERVERS={host}\nKAFKA_BROKER_URL={host}\nKAFKA_TOPIC=posts\n");
    assert_eq!(dotenv, expected);
    let json = project.run(&["env", "-o", "json"]).expect(0).json();
    assert_eq!(json["KAFKA_BROKER_URL"], host);
    // `sh` is for eval: let a shell read it.
    let export = project.run(&["env", "-o", "sh"]).expect(0).stdout;
    let shell =
        std::process::Command::new("sh").args(["-c", &format!("{export}\nprintf %s \"$KAFKA_BROKER_URL\"")]).output();
    assert_eq!(String::from_utf8(shell.unwrap().stdout).unwrap(), host);
    let ran = project.run(&["run", "--", "sh", "-c", "echo $KAFKA_BOOTSTRAP_SERVERS $KAFKA_TOPIC; exit 7"]).expect(7);
    assert_eq!(ran.stdout, format!("{host} posts\n"));
    project.run(&["run", "--", "no-such-program"]).expect(1).says("error: cannot run `no-such-program`");
}

fn topics_and_groups(project: &Project, posts: usize) {
    let topics = project.run(&["topics", "list", "-o", "json"]).expect(0).json();
    assert_eq!(
        (topics.as_array().unwrap().len(), &topics[0]["name"], &topics[0]["messages"]),
        (1, &"posts".into(), &posts.into())
    );
    let all = project.run(&["topics", "list", "--all", "-o", "json"]).expect(0).json();
    assert!(all.as_array().unwrap().iter().any(|topic| topic["name"] == "__consumer_offsets"), "{all:#}");
    let described = project.run(&["topics", "describe", "posts", "-o", "json"]).expect(0).json();
    assert_eq!(described["config"]["min.insync.replicas"], "2");
    let partitions = described["partition"].as_array().unwrap();
    assert_eq!(partitions.len(), 6);
    let ends: u64 = partitions.iter().map(|partition| partition["end"].as_u64().unwrap()).sum();
    assert_eq!(ends, posts as u64);
    assert!(
        partitions
            .iter()
            .all(|p| p["replicas"].as_array().unwrap().len() == 3 && p["isr"].as_array().unwrap().len() == 3)
    );
    project
        .run(&["topics", "describe", "post"])
        .expect(1)
        .says("there is no topic `post`")
        .says("try: kdev topics describe posts");

    let groups = project.run(&["groups", "list", "-o", "json"]).expect(0).json();
    assert_eq!((&groups[0]["name"], &groups[0]["lag"]), (&"posts-consumer".into(), &0.into()));
    let group = project.run(&["groups", "describe", "posts-consumer"]).expect(0);
    group.says("posts-consumer").says("Stable");
    let offered = |words: &[&str]| {
        let mut shell = project.command(&[&["--", "kdev"], words].concat());
        shell.env("KDEV_COMPLETE", "fish");
        project.finish(shell).expect(0).stdout
    };
    assert_eq!(offered(&["consume", "--group", ""]), "posts-consumer\n", "what Tab offers");
    assert_eq!(offered(&["topics", "describe", "po"]), "posts\n", "what Tab offers");
    project.run(&["groups", "describe", "posts-consumr"]).expect(1).says("try: kdev groups describe posts-consumer");
}

fn a_command_in_a_container(project: &Project) {
    // What goes in comes out, byte for byte, and the exit code is the command's.
    let bytes = b"one\r\ntwo\x00\xff three".to_vec();
    let ran =
        project.feed(&["exec", "consumer", "--", "sh", "-c", "od -An -tx1; echo away >&2; exit 3"], bytes).expect(3);
    let dump: String = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(dump, "6f 6e 65 0d 0a 74 77 6f 00 ff 20 74 68 72 65 65");
    assert_eq!(ran.stderr, "away\n");
    let mut sleeping = project.begin(&["exec", "consumer", "--", "sh", "-c", "echo begun >&2; exec sleep 20"]);
    sleeping.until("begun");
    sleeping.signal("TERM");
    sleeping.end().expect(130).says("may run on in consumer");
    project.run(&["exec", "consumr", "--", "true"]).expect(1).says("has no service `consumr`").says("try: `consumer`");
}

fn logs_of_all_services(project: &Project) {
    let ran = project.run(&["logs", "-o", "json", "-n", "3"]).expect(0);
    let lines: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let services: BTreeSet<&str> = lines.iter().map(|line| line["service"].as_str().unwrap()).collect();
    assert_eq!(services.into_iter().collect::<Vec<_>>(), ["consumer", "kafka-1", "kafka-2", "kafka-3", "producer"]);
    let times: Vec<&str> = lines.iter().map(|line| line["time"].as_str().unwrap()).collect();
    assert!(times.is_sorted(), "not in the order of time: {times:#?}");
    let count = |service: &str| lines.iter().filter(|line| line["service"] == service).count();
    // A node that is well says little.
    assert!(count("consumer") == 3 && (1..=3).contains(&count("kafka-1")), "-n 3 of each:\n{ran}");
    project.run(&["logs", "prducer"]).expect(1).says("has no service `prducer`").says("try: `producer`");
}

fn logs_follow_over_a_restart(project: &Project) {
    let mut following = project.begin(&["logs", "-f", "-n", "0", "consumer"]);
    project.run(&["restart", "consumer"]).expect(0).says("restarted consumer");
    let mut seen = String::new();
    for text in ["consumer: stopped, group left", "consumer: posts at ", "assigned partitions: "] {
        following.until_out(text, &mut seen);
    }
    following.signal("INT");
    let ran = following.end().expect(0);
    assert_eq!(ran.stderr, "");
    // Each line once.
    assert_eq!(seen.matches("group left").count(), 1, "{seen}");
}

fn data_and_ports_survive_down_and_up(project: &Project, posts: usize) {
    let before = project.healthy();
    project.run(&["down"]).expect(0).says("is down; its data are kept");
    let left = project.objects();
    assert!(left.iter().all(|object| object.starts_with("volume ") || object.starts_with("image ")), "{left:?}");
    assert_eq!(left.iter().filter(|object| object.starts_with("volume ")).count(), 3, "{left:?}");
    project.run(&["status"]).expect(5).says("nothing runs: kdev up");
    project.run(&["env"]).expect(1).says("is not running").says("try: kdev up");
    project.run(&["down"]).expect(0).says("does not run; its data are kept");
    project.up(&["--no-apps"]);
    let after = project.healthy();
    let log = project.run(&["logs", "kafka-1", "kafka-2", "kafka-3"]).expect(0).stdout;
    assert!(
        log.contains("Kafka Server started") && !log.contains("NotControllerException"),
        "a start with data alarms:\n{log}"
    );
    assert_eq!(after["bootstrap"], before["bootstrap"]);
    assert_eq!(after["cluster"]["id"], before["cluster"]["id"]);
    assert_eq!(after["topics"][0]["messages"], posts);
    // Groups are no part of being healthy: who coordinates one may still be about to read it, and then nobody lists it.
    let lag = project.eventually("a group's lag", || {
        let groups = project.run(&["status", "-o", "json"]).json();
        groups["groups"][0]["lag"].as_u64()
    });
    assert_eq!(lag, 0, "what was committed is still so");
}
