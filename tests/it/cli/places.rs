//! Which kdev.toml is meant, which project, and odd surroundings.

use crate::sandbox::Sandbox;

/// A file whose mistake shows that it was read.
const WRONG: &str = "[kafka]\nbrokers = 0\n";

#[test]
fn the_nearest_file_upward_is_read() {
    let sandbox = Sandbox::new();
    sandbox.write("kdev.toml", WRONG);
    sandbox.write("src/deep/er/note", "");
    let mut command = sandbox.command(&["status"]);
    command.current_dir(sandbox.directory().join("src/deep/er"));
    sandbox.finish(command).expect(2).says("kdev.toml:2:11:");
}

#[test]
fn a_nearer_file_goes_before_one_further_up() {
    let sandbox = Sandbox::new();
    sandbox.write("../kdev.toml", WRONG);
    sandbox.write("kdev.toml", "");
    sandbox.run(&["status"]).expect(3);
}

#[test]
fn a_directory_of_that_name_is_passed_over() {
    let sandbox = Sandbox::new();
    sandbox.write("kdev.toml/note", "");
    sandbox.write("../kdev.toml", WRONG);
    sandbox.run(&["status"]).expect(2).says("brokers = 0");
}

#[test]
fn a_link_to_nowhere_is_not_passed_over_for_another_project() {
    let sandbox = Sandbox::new();
    sandbox.write("../kdev.toml", "");
    std::os::unix::fs::symlink("gone.toml", sandbox.directory().join("kdev.toml")).unwrap();
    sandbox.run(&["down", "--volumes"]).expect(2).says("blog/kdev.toml: No such file or directory");
}

#[test]
fn a_named_file_goes_before_the_nearest() {
    let sandbox = Sandbox::new();
    sandbox.write("kdev.toml", "");
    sandbox.write("other/test.toml", WRONG);
    sandbox.run(&["-f", "other/test.toml", "status"]).expect(2).says("test.toml:2:11:");
}

#[test]
fn a_named_file_that_is_missing_is_told() {
    insta::assert_snapshot!(Sandbox::new().run(&["-f", "nope.toml", "up"]), @r"
    exit 2
    -- stderr
    error: cannot read [ROOT]/blog/nope.toml: No such file or directory (os error 2)
      try: kdev init   (writes kdev.toml, the Dockerfiles and the two apps here)
    ");
}

#[test]
fn a_directory_for_a_file_is_told() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(sandbox.run(&["-f", ".", "up"]), @r"
    exit 2
    -- stderr
    error: cannot read [ROOT]/blog/.: Is a directory (os error 21)
      try: -f [ROOT]/blog/./kdev.toml
    ");
}

#[test]
fn an_invalid_project_name_is_told() {
    insta::assert_snapshot!(Sandbox::new().run(&["-p", "My Blog", "up"]), @r"
    exit 2
    -- stderr
    error: `My Blog` is no project name: 1 to 40 lower-case letters, digits and inner hyphens
      while reading -p
      try: -p my-blog
    ");
}

#[test]
fn an_empty_project_name_is_told() {
    Sandbox::new().run(&["-p", "", "up"]).expect(2).says("`` is no project name");
}

#[cfg(unix)]
#[test]
fn a_directory_that_was_removed_is_told() {
    let sandbox = Sandbox::new();
    let mut shell = std::process::Command::new("/bin/sh");
    let gone = sandbox.directory().join("gone");
    std::fs::create_dir(&gone).unwrap();
    let kdev = env!("CARGO_BIN_EXE_kdev");
    shell.current_dir(&gone).args(["-c", &format!("rmdir '{}'; exec '{kdev}' status", gone.display())]);
    sandbox.finish(shell).expect(2).says("error: cannot tell the current directory");
}

#[cfg(unix)]
#[test]
fn arguments_that_are_no_text_are_told() {
    use std::os::unix::ffi::OsStrExt;
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&["-p"]);
    command.arg(std::ffi::OsStr::from_bytes(b"\xff\xfe")).arg("status");
    sandbox.finish(command).expect(2).says("invalid UTF-8");
}

#[test]
fn quiet_and_verbose_exclude_each_other() {
    Sandbox::new().run(&["-q", "-v", "status"]).expect(2).says("cannot be used with");
}

#[test]
fn quiet_still_tells_errors() {
    Sandbox::new().run(&["-q", "status"]).expect(3).says("error: ");
}

#[test]
fn colours_come_when_asked_for_and_not_into_a_pipe() {
    let mut sandbox = Sandbox::new();
    sandbox.set("NO_COLOR", "");
    assert!(!sandbox.run(&["status"]).expect(3).stderr.contains('\u{1b}'), "colours into a pipe");
    assert!(sandbox.run(&["--color", "always", "status"]).expect(3).stderr.contains("\u{1b}[31m"), "no colours");
}
