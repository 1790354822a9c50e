//! Nobody reads stdout any more, it cannot be written to, or there is no stdin.

use std::process::Stdio;

use crate::sandbox::Sandbox;

#[test]
fn a_closed_stdout_ends_quietly() {
    let sandbox = Sandbox::new();
    for arguments in [&["completions", "bash"] as &[&str], &["--help"], &["--version"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let child = sandbox.command(arguments).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*stderr), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn a_closed_stderr_costs_nothing_but_talk() {
    let sandbox = Sandbox::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = sandbox.command(&["init"]).stdout(Stdio::null()).stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(sandbox.directory().join("consumer/consumer.py").exists());
}

/// An empty input is no mistake: a filter before it found nothing. A closed one is.
#[test]
fn a_closed_stdin_is_told_and_an_empty_one_is_not_taken_for_it() {
    let sandbox = Sandbox::new();
    let kdev = sandbox.command(&[]);
    let said = |redirection: &str| {
        let line = format!("\"$0\" produce posts --bootstrap localhost:1 {redirection}");
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &line]).arg(kdev.get_program()).current_dir(sandbox.directory());
        let output = shell.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let closed = said("<&-");
    assert!(closed.starts_with("error: nothing sent to posts: standard input is closed\n"), "{closed}");
    let empty = said("</dev/null");
    assert!(empty.starts_with("error: no Kafka broker answers at localhost:1"), "{empty}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_stdout_is_told() {
    let sandbox = Sandbox::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let child = sandbox.command(&["completions", "bash"]).stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.starts_with("error: cannot write to stdout: No space left on device"), "{stderr}");
}
