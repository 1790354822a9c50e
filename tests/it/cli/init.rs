//! `kdev init`: writes what is not there, and touches nothing that is.

use crate::sandbox::Sandbox;

fn files(sandbox: &Sandbox) -> Vec<String> {
    fn collect(directory: &std::path::Path, base: &std::path::Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => collect(&path, base, found),
                false => found.push(path.strip_prefix(base).unwrap().display().to_string()),
            }
        }
    }
    let mut found = Vec::new();
    collect(&sandbox.directory(), &sandbox.directory(), &mut found);
    found.sort();
    found
}

#[test]
fn writes_all_files_and_needs_no_engine() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(sandbox.run(&["init"]), @r"
    exit 0
    -- stderr
    wrote  kdev.toml
    wrote  .dockerignore
    wrote  Dockerfile.consumer
    wrote  Dockerfile.producer
    wrote  Dockerfile.consumer.dockerignore
    wrote  Dockerfile.producer.dockerignore
    wrote  consumer/consumer.py
    wrote  consumer/requirements.in
    wrote  consumer/requirements.txt
    wrote  producer/producer.py
    wrote  producer/requirements.in
    wrote  producer/requirements.txt
    next: kdev up
    ");
    insta::assert_snapshot!(files(&sandbox).join("\n"), @r"
    .dockerignore
    Dockerfile.consumer
    Dockerfile.consumer.dockerignore
    Dockerfile.producer
    Dockerfile.producer.dockerignore
    consumer/consumer.py
    consumer/requirements.in
    consumer/requirements.txt
    kdev.toml
    producer/producer.py
    producer/requirements.in
    producer/requirements.txt
    ");
    // What it writes is valid: the next command gets as far as looking for the engine.
    sandbox.run(&["status"]).expect(3);
}

#[test]
fn a_second_init_writes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.run(&["init"]).expect(0);
    sandbox.run(&["init"]).expect(0).says("nothing to write: all files were there");
}

#[test]
fn what_is_there_is_kept_and_the_rest_is_written() {
    let sandbox = Sandbox::new();
    sandbox.write("kdev.toml", "name = \"mine\"\n");
    sandbox.write("producer/producer.py", "print('mine')\n");
    let ran = sandbox.run(&["init"]).expect(0);
    ran.says("kept   kdev.toml   (it was there already)");
    ran.says("wrote  Dockerfile.producer");
    assert_eq!(sandbox.read("kdev.toml"), "name = \"mine\"\n");
    assert_eq!(sandbox.read("producer/producer.py"), "print('mine')\n");
}

#[cfg(unix)]
#[test]
fn a_link_is_neither_followed_nor_replaced() {
    let sandbox = Sandbox::new();
    let elsewhere = sandbox.root().join("elsewhere.toml");
    std::os::unix::fs::symlink(&elsewhere, sandbox.directory().join("kdev.toml")).unwrap();
    sandbox.run(&["init"]).expect(0).says("kept   kdev.toml");
    assert!(!elsewhere.exists(), "written through the link");
    assert!(sandbox.directory().join("kdev.toml").is_symlink());
}

#[test]
fn a_file_where_a_directory_is_needed_is_told() {
    let sandbox = Sandbox::new();
    sandbox.write("producer", "not a directory");
    let ran = sandbox.run(&["init"]).expect(1);
    ran.says("error: cannot write producer/");
}
