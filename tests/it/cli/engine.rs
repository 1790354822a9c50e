//! No engine, or one that cannot be used: exit 3, each with its own remedy.

use std::{
    io::{Read, Write},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use crate::sandbox::Sandbox;

/// Answers every request on a new unix socket with this body, until the test ends.
#[cfg(unix)]
fn fake_engine(socket: &Path, status: &'static str, body: &'static str) {
    let listener = std::os::unix::net::UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // One read holds the head of a small request; its contents do not matter.
            let _ = stream.read(&mut [0; 4096]);
            let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}", body.len());
            // A client that has left early is no failure of this server.
            let _ = stream.write_all(format!("{head}\r\nconnection: close\r\n\r\n{body}").as_bytes());
        }
    });
}

#[test]
fn a_docker_host_where_nothing_is() {
    insta::assert_snapshot!(Sandbox::new().run(&["up"]), @r"
    exit 3
    -- stderr
    error: no Docker engine: there is no socket /nowhere/docker.sock
      while looking for the Docker engine
      while using DOCKER_HOST=unix:///nowhere/docker.sock
      try: unset DOCKER_HOST, to use the usual place
    ");
}

#[test]
fn a_docker_host_that_is_no_address() {
    let mut sandbox = Sandbox::new();
    sandbox.set("DOCKER_HOST", "/var/run/docker.sock");
    insta::assert_snapshot!(sandbox.run(&["up"]), @r"
    exit 3
    -- stderr
    error: `/var/run/docker.sock` is no address: a socket is written unix://PATH
      while looking for the Docker engine
      while using DOCKER_HOST=/var/run/docker.sock
      try: unset DOCKER_HOST, to use the usual place
       or: DOCKER_HOST=unix:///var/run/docker.sock
    ");
}

#[test]
fn a_docker_host_over_ssh() {
    let mut sandbox = Sandbox::new();
    sandbox.set("DOCKER_HOST", "ssh://me@far");
    insta::assert_snapshot!(sandbox.run(&["status"]), @r"
    exit 3
    -- stderr
    error: `ssh://me@far` is an address over SSH, which kdev does not speak
      while looking for the Docker engine
      while using DOCKER_HOST=ssh://me@far
      try: unset DOCKER_HOST, to use the usual place
       or: ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock me@far, and DOCKER_HOST=unix:///tmp/docker.sock
    ");
}

#[test]
fn a_docker_host_on_which_nobody_listens() {
    let mut sandbox = Sandbox::new();
    // Port 1 (tcpmux) is served nowhere.
    sandbox.set("DOCKER_HOST", "tcp://127.0.0.1:1");
    insta::assert_snapshot!(sandbox.run(&["down"]), @r"
    exit 3
    -- stderr
    error: no Docker engine answers at 127.0.0.1:1: connection refused
      while looking for the Docker engine
      while using DOCKER_HOST=tcp://127.0.0.1:1
      try: unset DOCKER_HOST, to use the usual place
    ");
}

#[test]
fn a_context_that_does_not_exist() {
    let sandbox = Sandbox::with_env(&[("DOCKER_CONTEXT", "colima")]);
    insta::assert_snapshot!(sandbox.run(&["up"]), @r"
    exit 3
    -- stderr
    error: there is no Docker context `colima`
      while looking for the Docker engine
      while using the Docker context `colima`, chosen by DOCKER_CONTEXT
      try: DOCKER_CONTEXT=default, to use the usual place
       or: docker context ls, to see those that exist
    ");
}

#[cfg(unix)]
#[test]
fn an_engine_that_is_too_old() {
    let mut sandbox = Sandbox::new();
    let socket = sandbox.root().join("old.sock");
    fake_engine(&socket, "200 OK", r#"{"Version":"19.03.15","ApiVersion":"1.40","MinAPIVersion":"1.12"}"#);
    sandbox.set("DOCKER_HOST", &format!("unix://{}", socket.display()));
    insta::assert_snapshot!(sandbox.run(&["up"]), @r"
    exit 3
    -- stderr
    error: the Docker engine is too old: version 19.03.15 with API 1.40; kdev needs API 1.41 (Docker Engine 20.10) or newer
      while looking for the Docker engine
      try: upgrade it: https://docs.docker.com/engine/install/
    ");
}

#[cfg(unix)]
#[test]
fn a_socket_of_something_else() {
    let mut sandbox = Sandbox::new();
    let socket = sandbox.root().join("other.sock");
    fake_engine(&socket, "404 Not Found", "no such page");
    sandbox.set("DOCKER_HOST", &format!("unix://{}", socket.display()));
    let ran = sandbox.run(&["up"]).expect(3);
    ran.says("error: ").says("try: ");
}

#[cfg(unix)]
#[test]
fn a_socket_without_permission() {
    use std::os::unix::{fs::PermissionsExt, process::CommandExt};
    let mut sandbox = Sandbox::new();
    let root = sandbox.root();
    let socket = root.join("docker.sock");
    fake_engine(&socket, "200 OK", "{}");
    let allow = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    allow(&socket, 0o600);
    sandbox.set("DOCKER_HOST", &format!("unix://{}", socket.display()));
    let mut command = sandbox.command(&["up"]);
    // Root may use any socket: then the binary runs as nobody, from a copy that nobody may run.
    let is_root = std::fs::metadata(&socket).is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0);
    if is_root {
        let copy = root.join("kdev");
        std::fs::copy(env!("CARGO_BIN_EXE_kdev"), &copy).unwrap();
        for (path, mode) in [(&root, 0o755), (&copy, 0o755), (&root.join("blog"), 0o755), (&root.join("home"), 0o777)] {
            allow(path, mode);
        }
        let mut as_nobody = std::process::Command::new(&copy);
        as_nobody.arg("up").current_dir(sandbox.directory()).env_clear().uid(65_534).gid(65_534);
        as_nobody.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command = as_nobody;
    } else {
        allow(&socket, 0o000);
    }
    let ran = sandbox.finish(command).expect(3);
    insta::assert_snapshot!(ran, @r"
    exit 3
    -- stderr
    error: no permission to use the Docker engine's socket [ROOT]/docker.sock
      while looking for the Docker engine
      while using DOCKER_HOST=unix://[ROOT]/docker.sock
      try: unset DOCKER_HOST, to use the usual place
       or: sudo usermod -aG docker $USER, then newgrp docker (or log in again)
    ");
}

#[test]
fn every_command_that_needs_an_engine_says_so() {
    let sandbox = Sandbox::new();
    for arguments in [
        &["up"] as &[&str],
        &["up", "--dry-run"],
        &["plan"],
        &["plan", "--exit-code", "-o", "json"],
        &["down"],
        &["status"],
        &["status", "-o", "json"],
        &["logs"],
        &["topics", "list"],
        &["topics", "create", "t"],
        &["topics", "delete", "t", "--yes"],
        &["topics", "adopt"],
        &["groups", "reset", "g", "--to", "-10"],
        &["groups", "delete", "g"],
        &["groups", "describe", "g"],
        &["env"],
        &["run", "--", "true"],
        &["restart", "producer"],
        &["exec", "producer", "--", "true"],
        &["ls"],
        &["produce"],
        &["consume"],
    ] {
        let ran = sandbox.run(arguments).expect(3);
        ran.says("error: ").says("  try: ");
        assert_eq!(ran.stdout, "", "{arguments:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_command_that_waits_for_the_engine_and_changes_nothing() {
    let sandbox = Sandbox::new();
    let socket = sandbox.root().join("engine.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    for arguments in [&["ls"][..], &["status"], &["env"], &["topics", "list"], &["produce", "--value", "x"]] {
        let mut command = sandbox.command(arguments);
        command.env("DOCKER_HOST", format!("unix://{}", socket.display()));
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // An engine that takes the request and never answers.
        let mut request = listener.accept().unwrap().0;
        assert!(request.read(&mut [0; 4096]).unwrap() > 0);
        // The signal's handler is set on another thread of the command's.
        std::thread::sleep(Duration::from_millis(200));
        let killed = Command::new("kill").args(["-s", "TERM", &child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*said), (Some(130), "error: stopped on request\n"), "{arguments:?}");
    }
}
