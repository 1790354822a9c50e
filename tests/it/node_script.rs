//! `templates/node.sh`, which formats a node's storage and becomes its JVM, run by the `sh` of this machine on directories
//! of the test's own.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use kdev::{
    plan::{node::DATA, prepared},
    template::NODE_SCRIPT,
};
use tempfile::TempDir;

const FIRST: [(&str, &str); 2] =
    [("bootstrap.checkpoint", "to 4.3"), ("__cluster_metadata-0/0.checkpoint", "from 4.4 on")];

/// A machine with a prepared image's first metadata and an empty volume.
fn machine() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("data")).unwrap();
    for (path, text) in FIRST {
        let path = root.path().join("first").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

/// Runs the script as node 2 of the cluster; what the command at its end printed.
fn run(root: &Path, role: &str) -> String {
    let at = |name: &str| root.join(name).display().to_string();
    let script = NODE_SCRIPT.replace(DATA, &at("data")).replace(prepared::FIRST, &at("first"));
    let words = ["-c", &script, "node.sh", "CRKWeBtlTG6xAoqc0lYRGA", "2", role, "printf", "%s,", "a b", "c"];
    let ran = Command::new("sh").args(words).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

fn meta_properties(root: &Path) -> BTreeMap<String, String> {
    let text = fs::read_to_string(root.join("data/log/meta.properties")).unwrap();
    text.lines().map(|line| line.split_once('=').unwrap()).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

#[test]
fn a_new_controller_is_formatted_and_its_command_run_word_by_word() {
    let root = machine();
    assert_eq!(run(root.path(), "controller"), "a b,c,");
    let meta = meta_properties(root.path());
    assert_eq!(meta["version"], "1");
    assert_eq!(meta["cluster.id"], "CRKWeBtlTG6xAoqc0lYRGA");
    assert_eq!(meta["node.id"], "2");
    // Kafka's own reader takes the last two bits for none: only A, Q, g and w end an id of 128 bits.
    let id = &meta["directory.id"];
    assert!(id.len() == 22 && id.ends_with('A') && id.chars().all(|c| c.is_ascii_alphanumeric()), "{id}");
    for (path, text) in FIRST {
        assert_eq!(fs::read_to_string(root.path().join("data/log").join(path)).unwrap(), text);
    }
    let other = machine();
    run(other.path(), "controller");
    assert_ne!(*id, meta_properties(other.path())["directory.id"], "each directory has an id of its own");
}

#[test]
fn what_is_formatted_stays_as_it_is() {
    let root = machine();
    run(root.path(), "controller");
    let log = root.path().join("data/log");
    fs::write(log.join("meta.properties"), "directory.id=mine\n").unwrap();
    fs::write(log.join("bootstrap.checkpoint"), "mine").unwrap();
    assert_eq!(run(root.path(), "controller"), "a b,c,");
    assert_eq!(meta_properties(root.path())["directory.id"], "mine");
    assert_eq!(fs::read_to_string(log.join("bootstrap.checkpoint")).unwrap(), "mine");
}

#[test]
fn a_format_that_was_killed_is_begun_again() {
    let root = machine();
    let log = root.path().join("data/log");
    fs::create_dir_all(&log).unwrap();
    fs::write(log.join("bootstrap.checkpoint"), "ha").unwrap();
    fs::write(log.join("meta.properties.tmp"), "version=1\nclus").unwrap();
    run(root.path(), "controller");
    assert_eq!(meta_properties(root.path()).len(), 4);
    assert_eq!(fs::read_to_string(log.join("bootstrap.checkpoint")).unwrap(), "to 4.3");
    assert!(!log.join("meta.properties.tmp").exists());
}

#[test]
fn a_broker_begins_without_metadata() {
    let root = machine();
    run(root.path(), "broker");
    assert_eq!(meta_properties(root.path())["node.id"], "2");
    assert_eq!(fs::read_dir(root.path().join("data/log")).unwrap().count(), 1);
}
