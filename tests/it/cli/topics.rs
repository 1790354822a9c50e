//! Topics in kdev.toml and on the command line, without an engine.

use crate::sandbox::{Ran, Sandbox};

/// What `up` says of this kdev.toml, before it looks for an engine.
fn up(toml: &str) -> Ran {
    let sandbox = Sandbox::new();
    sandbox.write("kdev.toml", toml);
    sandbox.run(&["up"]).expect(2)
}

#[test]
fn a_topic_named_like_the_switch_is_told() {
    insta::assert_snapshot!(up("[topics.prune]\npartitions = 6\n"), @r"
    exit 2
    -- stderr
    error: kdev.toml:1:9: `prune` under [topics] is a switch: no topic of kdev.toml can have that name
        1 | [topics.prune]
          |         ^^^^^
      try: another name for the topic
       or: prune = true under [topics]: `kdev up` deletes topics that kdev.toml does not name
    ");
}

#[test]
fn a_switch_that_is_neither_true_nor_false_is_told() {
    insta::assert_snapshot!(up("[topics]\nprune = \"yes\"\n"), @r#"
    exit 2
    -- stderr
    error: kdev.toml:2:9: prune is neither true nor false
        2 | prune = "yes"
          |         ^^^^^
      try: prune = false
    "#);
}

#[test]
fn a_topic_that_is_no_table_is_told() {
    insta::assert_snapshot!(up("[topics]\npurne = true\n"), @r"
    exit 2
    -- stderr
    error: kdev.toml:2:9: topic `purne` is no table
        2 | purne = true
          |         ^^^^
      try: `prune`
       or: [topics.purne], and below it: partitions = 6
    ");
}

#[test]
fn a_key_of_a_topic_is_told_with_its_place_beside_the_switch() {
    insta::assert_snapshot!(up("[topics]\nprune = true\n[topics.posts]\npartition = 6\n"), @r"
    exit 2
    -- stderr
    error: kdev.toml:4:1: there is no key `partition` here
        4 | partition = 6
          | ^^^^^^^^^
      try: `partitions`
       or: one of: partitions, replication, config
    ");
}

#[test]
fn what_can_be_permitted_is_told() {
    insta::assert_snapshot!(Sandbox::new().run(&["up", "--allow", "everything"]), @r"
    exit 2
    -- stderr
    error: invalid value 'everything' for '--allow <WHAT>'
      [possible values: destroy-data]

    For more information, try '--help'.
    ");
}

#[test]
fn a_position_that_is_none_is_told_with_all_that_are() {
    insta::assert_snapshot!(Sandbox::new().run(&["groups", "reset", "g", "--to", "begin"]), @r"
    exit 2
    -- stderr
    error: invalid value 'begin' for '--to <POSITION>': give start, end, an offset, @2026-11-22T10:00, 15m (that long ago), -10 or +10 (from where the group is)

    For more information, try '--help'.
    ");
}

#[test]
fn a_setting_without_a_value_is_told() {
    insta::assert_snapshot!(Sandbox::new().run(&["topics", "create", "t", "--config", "retention.ms"]), @r"
    exit 2
    -- stderr
    error: invalid value 'retention.ms' for '--config <NAME=VALUE>': give a setting and its value: retention.ms=60000

    For more information, try '--help'.
    ");
}
