//! Mistakes in kdev.toml: exit 2 with file, line and column, before anything is looked for or touched.

use crate::sandbox::{Ran, Sandbox};

/// What `up` says of this kdev.toml. There is no engine: exit 2 shows that none was looked for.
fn up(toml: &str) -> Ran {
    let sandbox = Sandbox::new();
    sandbox.write("kdev.toml", toml);
    let ran = sandbox.run(&["up"]).expect(2);
    assert_eq!(ran.stdout, "");
    assert_eq!(std::fs::read_dir(sandbox.directory()).unwrap().count(), 1, "something was written");
    ran
}

#[test]
fn an_unknown_key_with_the_nearest() {
    insta::assert_snapshot!(up("[kafka]\nbroker = 3\n"), @r"
    exit 2
    -- stderr
    error: kdev.toml:2:1: there is no key `broker` here
        2 | broker = 3
          | ^^^^^^
      try: `brokers`
       or: one of: version, finalize, image, brokers, memory, profile, ports, config
    ");
}

#[test]
fn an_unknown_section_with_the_nearest() {
    insta::assert_snapshot!(up("name = \"blog\"\n\n[topic.posts]\npartitions = 6\n"), @r"
    exit 2
    -- stderr
    error: kdev.toml:3:2: there is no key `topic` here
        3 | [topic.posts]
          |  ^^^^^
      try: `topics`
       or: one of: name, kafka, topics, apps
    ");
}

#[test]
fn an_unknown_key_that_resembles_none() {
    insta::assert_snapshot!(up("[apps.producer]\nxyzzy = 1\n"), @r"
    exit 2
    -- stderr
    error: kdev.toml:2:1: there is no key `xyzzy` here
        2 | xyzzy = 1
          | ^^^^^
      try: one of: dockerfile, context, env, replicas, memory
    ");
}

#[test]
fn a_wrong_type() {
    insta::assert_snapshot!(up("[kafka]\nbrokers = \"three\"\n"), @r#"
    exit 2
    -- stderr
    error: kdev.toml:2:11: invalid type: string "three", expected a whole number
        2 | brokers = "three"
          |           ^^^^^^^
    "#);
}

#[test]
fn a_wrong_word() {
    insta::assert_snapshot!(up("[kafka]\nprofile = \"fast\"\n"), @r#"
    exit 2
    -- stderr
    error: kdev.toml:2:11: there is no choice `fast` here
        2 | profile = "fast"
          |           ^^^^^^
      try: one of: quick, throughput
    "#);
}

#[test]
fn a_wrong_unit() {
    insta::assert_snapshot!(up("[kafka]\nmemory = \"512 bananas\"\n"), @r#"
    exit 2
    -- stderr
    error: kdev.toml:2:10: memory = "512 bananas" is no size
        2 | memory = "512 bananas"
          |          ^^^^^^^^^^^^^
      try: a number with a unit: 512m, 1g
    "#);
}

#[test]
fn too_little_memory() {
    insta::assert_snapshot!(up("[kafka]\nmemory = \"64m\"\n"), @r#"
    exit 2
    -- stderr
    error: kdev.toml:2:10: memory = "64m" is too little: give 256 MiB or more
        2 | memory = "64m"
          |          ^^^^^
    "#);
}

#[test]
fn an_image_without_a_name() {
    insta::assert_snapshot!(up("[kafka]\nimage = \"\"\n"), @r#"
    exit 2
    -- stderr
    error: kdev.toml:2:9: image = "" is no reference of an image
        2 | image = ""
          |         ^^
      try: image = "apache/kafka:4.3.1"
    "#);
}

#[test]
fn partitions_of_kafkas_own_topics() {
    insta::assert_snapshot!(up("[topics.__consumer_offsets]\nreplication = 3\npartitions = 12\n"), @r#"
    exit 2
    -- stderr
    error: kdev.toml:3:14: partitions of __consumer_offsets: Kafka reckons from their number where it keeps a group or a transaction, and would not find it again
        3 | partitions = 12
          |              ^^
      try: [topics.__consumer_offsets] without `partitions`
       or: "offsets.topic.num.partitions" under [kafka.config], before the first `kdev up`
    "#);
}

#[test]
fn variables_that_no_program_can_get() {
    for (env, says) in [
        (r#""" = "1""#, "env \"\" is no name of a variable"),
        (r#""A=B" = "1""#, "env \"A=B\" is no name of a variable"),
        (r#"A = "x\u0000y""#, "env A holds a NUL byte"),
    ] {
        up(&format!("[apps.web]\nenv = {{ {env} }}\n")).expect(2).says(says).says("kdev.toml:2:");
    }
}

#[test]
fn more_replicas_than_brokers() {
    insta::assert_snapshot!(up("[kafka]\nbrokers = 2\n[topics.posts]\nreplication = 3\n"), @r"
    exit 2
    -- stderr
    error: kdev.toml:4:15: replication = 3 is more than the 2 brokers
        4 | replication = 3
          |               ^
      try: 1 to 2, or more brokers in [kafka]
    ");
}

#[test]
fn more_in_sync_than_replicas() {
    insta::assert_snapshot!(
        up("[topics.posts]\nreplication = 2\n[topics.posts.config]\n\"min.insync.replicas\" = 3\n"),
        @r#"
    exit 2
    -- stderr
    error: kdev.toml:4:25: min.insync.replicas = 3, but the topic has 2 replicas
        4 | "min.insync.replicas" = 3
          |                         ^
      try: 1 to 2
    "#
    );
}

#[test]
fn more_in_sync_than_the_replicas_that_a_small_cluster_has() {
    insta::assert_snapshot!(up("[kafka]\nbrokers = 1\n[topics.posts.config]\nmin.insync.replicas = 2\n"), @r"
    exit 2
    -- stderr
    error: kdev.toml:4:1: min.insync.replicas = 2, but the topic has one replica
        4 | min.insync.replicas = 2
          | ^^^
      try: 1
    ");
}

#[test]
fn no_brokers() {
    insta::assert_snapshot!(up("[kafka]\nbrokers = 0\n"), @r"
    exit 2
    -- stderr
    error: kdev.toml:2:11: brokers = 0: give 1 to 9
        2 | brokers = 0
          |           ^
    ");
}

#[test]
fn too_many_brokers() {
    insta::assert_snapshot!(up("[kafka]\nbrokers = 10\n"), @r"
    exit 2
    -- stderr
    error: kdev.toml:2:11: brokers = 10: give 1 to 9
        2 | brokers = 10
          |           ^^
    ");
}

#[test]
fn a_bad_topic_name() {
    insta::assert_snapshot!(up("[topics.\"new posts\"]\npartitions = 1\n"), @r#"
    exit 2
    -- stderr
    error: kdev.toml:1:9: `new posts` is no topic name: 1 to 249 letters, digits, dots, underscores and hyphens, and not `.` or `..`
        1 | [topics."new posts"]
          |         ^^^^^^^^^^^
    "#);
}

#[test]
fn a_bad_project_name() {
    insta::assert_snapshot!(up("name = \"My Blog\"\n"), @r#"
    exit 2
    -- stderr
    error: kdev.toml:1:8: `My Blog` is no project name: 1 to 40 lower-case letters, digits and inner hyphens
        1 | name = "My Blog"
          |        ^^^^^^^^^
      try: name = "my-blog"
    "#);
}

#[test]
fn an_app_with_a_nodes_name() {
    insta::assert_snapshot!(up("[apps.kafka-1]\ndockerfile = \"Dockerfile\"\n"), @r"
    exit 2
    -- stderr
    error: kdev.toml:1:7: `kafka-1` is no app name: 1 to 40 lower-case letters, digits and inner hyphens, and not `kafka` or `kafka-…`
        1 | [apps.kafka-1]
          |       ^^^^^^^
    ");
}

#[test]
fn one_port_twice() {
    insta::assert_snapshot!(up("[kafka]\nports = [9092, 9093, 9092]\n"), @r"
    exit 2
    -- stderr
    error: kdev.toml:2:22: port 9092 stands twice: each node needs its own
        2 | ports = [9092, 9093, 9092]
          |                      ^^^^
    ");
}

#[test]
fn too_few_ports() {
    insta::assert_snapshot!(up("[kafka]\nports = [9092]\n"), @r"
    exit 2
    -- stderr
    error: kdev.toml:2:9: 1 ports for 3 brokers: give 3, or none
        2 | ports = [9092]
          |         ^^^^^^
    ");
}

#[test]
fn a_port_that_is_none() {
    insta::assert_snapshot!(up("[kafka]\nports = [0, 9093, 70000]\n"), @r"
    exit 2
    -- stderr
    error: kdev.toml:2:10: port = 0: give 1 to 65535
        2 | ports = [0, 9093, 70000]
          |          ^
    ");
}

#[test]
fn a_setting_that_kdev_owns() {
    insta::assert_snapshot!(up("[kafka.config]\n\"log.retention.hours\" = 24\n\"log.dirs\" = \"/data\"\n"), @r#"
    exit 2
    -- stderr
    error: kdev.toml:3:1: `log.dirs` cannot be set: the data lie in the node's volume, where kdev mounts it
        3 | "log.dirs" = "/data"
          | ^^^^^^^^^^
      try: remove the line
    "#);
}

#[test]
fn a_setting_that_kdev_owns_as_nested_tables() {
    insta::assert_snapshot!(up("[kafka.config]\nlog.retention.hours = 24\nadvertised.listeners = \"x://y:1\"\n"), @r#"
    exit 2
    -- stderr
    error: kdev.toml:3:1: `advertised.listeners` cannot be set: kdev sets up one listener for the host and one for containers; `ports` in [kafka] chooses the host's ports
        3 | advertised.listeners = "x://y:1"
          | ^^^^^^^^^^
      try: remove the line
    "#);
}

#[test]
fn a_list_for_a_setting() {
    insta::assert_snapshot!(up("[topics.posts.config]\n\"cleanup.policy\" = [\"compact\", \"delete\"]\n"), @r#"
    exit 2
    -- stderr
    error: kdev.toml:2:20: `cleanup.policy` is no text, number or boolean
        2 | "cleanup.policy" = ["compact", "delete"]
          |                    ^^^^^^^^^^^^^^^^^^^^^
      try: a list in Kafka is one text with commas: "a,b"
    "#);
}

#[test]
fn an_old_kafka() {
    insta::assert_snapshot!(up("[kafka]\nversion = \"3.9.1\"\n"), @r#"
    exit 2
    -- stderr
    error: kdev.toml:2:11: `3.9.1` is no Kafka version: kdev runs Kafka 4.0.0 and newer, which need no ZooKeeper
        2 | version = "3.9.1"
          |           ^^^^^^^
    "#);
}

#[test]
fn a_version_of_two_numbers() {
    insta::assert_snapshot!(up("[kafka]\nversion = \"4.3\"\n"), @r#"
    exit 2
    -- stderr
    error: kdev.toml:2:11: `4.3` is no Kafka version: three numbers, such as 4.3.1
        2 | version = "4.3"
          |           ^^^^^
    "#);
}

#[test]
fn a_dockerfile_outside_its_context() {
    insta::assert_snapshot!(up("[apps.producer]\ndockerfile = \"../Dockerfile\"\n"), @r#"
    exit 2
    -- stderr
    error: kdev.toml:2:14: dockerfile = "../Dockerfile" leaves the context
        2 | dockerfile = "../Dockerfile"
          |              ^^^^^^^^^^^^^^^
      try: a path below `context`
    "#);
}

#[test]
fn text_that_is_no_toml() {
    insta::assert_snapshot!(up("[kafka\nbrokers = 3\n"), @r"
    exit 2
    -- stderr
    error: kdev.toml:1:7: unclosed table, expected `]`
        1 | [kafka
          |       ^
    ");
}

#[test]
fn a_key_twice() {
    insta::assert_snapshot!(up("[kafka]\nbrokers = 3\nbrokers = 1\n"), @r"
    exit 2
    -- stderr
    error: kdev.toml:3:1: duplicate key
        3 | brokers = 1
          | ^^^^^^^
    ");
}

#[test]
fn a_column_counts_characters_and_not_bytes() {
    up("name = \"bl\u{f6}g\"; x = 1\n").says("kdev.toml:1:14:");
}

#[test]
fn bytes_that_are_no_text() {
    let sandbox = Sandbox::new();
    sandbox.write("kdev.toml", b"name = \"\xff\xfe\"");
    insta::assert_snapshot!(sandbox.run(&["status"]), @r"
    exit 2
    -- stderr
    error: cannot read [ROOT]/blog/kdev.toml: stream did not contain valid UTF-8
      try: save it as UTF-8 text
    ");
}

#[test]
fn the_machines_file_is_checked_too() {
    let sandbox = Sandbox::new();
    sandbox.write("../home/.config/kdev/config.toml", "kafka_imag = \"x\"\n");
    insta::assert_snapshot!(sandbox.run(&["status"]), @r#"
    exit 2
    -- stderr
    error: [ROOT]/home/.config/kdev/config.toml:1:1: there is no key `kafka_imag` here
        1 | kafka_imag = "x"
          | ^^^^^^^^^^
      try: `kafka_image`
       or: one of: kafka_image, python_image
    "#);
}

#[test]
fn an_empty_file_is_valid() {
    let sandbox = Sandbox::new();
    sandbox.write("kdev.toml", "");
    // It gets as far as looking for the engine.
    sandbox.run(&["status"]).expect(3);
}
