//! A project for one test, and what every test does with one.

use std::{
    io::{BufRead, BufReader, Read},
    ops::Deref,
    process::{Child, ChildStderr, ChildStdout, Stdio},
    sync::{Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use kdev::model::Project as Named;

use super::engine::Docker;
use crate::sandbox::{Ran, Sandbox};

/// Something that never comes about fails the test after this long.
const PATIENCE: Duration = Duration::from_secs(120);
/// Clusters that run at once: more only slow each other down on the two cores of a CI machine.
const AT_ONCE: usize = 2;

/// One file for all: one node, one partition, no app. The quickest cluster there is.
pub const SMALL: &str = "[kafka]\nbrokers = 1\n[topics.posts]\npartitions = 1\n";

/// A sandbox whose project runs on the engine. When it goes, `down --volumes` must leave nothing.
pub struct Project {
    sandbox: Sandbox,
    /// The engine.
    pub docker: Docker,
    name: String,
    _slot: Slot,
}

impl Deref for Project {
    type Target = Sandbox;
    fn deref(&self) -> &Sandbox {
        &self.sandbox
    }
}

impl Project {
    /// An empty directory, and a name that no other project on the engine has. None where there is no engine and
    /// the test is to be skipped.
    pub fn new(name: &str) -> Option<Self> {
        let docker = engine()?;
        let slot = Slot::take();
        let mut sandbox = Sandbox::with_env(&[]);
        for name in ["DOCKER_HOST", "KDEV_KAFKA_IMAGE", "KDEV_PYTHON_IMAGE", "XDG_RUNTIME_DIR"] {
            if let Ok(value) = std::env::var(name) {
                sandbox.set(name, &value);
            }
        }
        // Tests share what all projects of a user share: the lock under which an image is prepared.
        sandbox.set("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
        let name = format!("it-{name}-{}", std::process::id());
        Some(Project { sandbox, docker, name, _slot: slot })
    }

    /// Another directory with a project of the same name on the same engine, within this one's slot.
    pub fn twin(&self) -> Self {
        let mut sandbox = Sandbox::with_env(&[]);
        for (name, value) in self.sandbox.env() {
            sandbox.set(name, value);
        }
        let docker = Docker::connect().unwrap();
        Project { sandbox, docker, name: self.name.clone(), _slot: Slot::none() }
    }

    /// Sets a variable for all further runs.
    pub fn set_env(&mut self, name: &str, value: &str) {
        self.sandbox.set(name, value);
    }

    /// Writes kdev.toml, with the project's name on top.
    pub fn configure(&self, toml: &str) {
        self.write("kdev.toml", format!("name = \"{}\"\n{toml}", self.name));
    }

    /// Lets the project use a Kafka image of its own, which is still to be made: its reference.
    pub fn own_kafka_image(&mut self) -> String {
        let image = format!("{}:4.3.1", self.name);
        self.set_env("KDEV_KAFKA_IMAGE", &image);
        image
    }

    /// The project's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name on the engine of a service's container, and of a node's volume.
    pub fn container(&self, service: &str) -> String {
        format!("{}-{service}", self.prefix())
    }

    /// The name of the network, with which all other names begin.
    pub fn prefix(&self) -> String {
        Named { name: self.name.parse().unwrap(), directory: self.directory() }.prefix()
    }

    /// `up` with these options, which must end well.
    #[track_caller]
    pub fn up(&self, options: &[&str]) -> Ran {
        self.try_up(options).expect(0)
    }

    /// `up` with these options.
    pub fn try_up(&self, options: &[&str]) -> Ran {
        self.run(&[&["up", "--timeout", "300s"], options].concat())
    }

    /// `status -o json` of a system that must be healthy.
    #[track_caller]
    pub fn healthy(&self) -> serde_json::Value {
        let status = self.run(&["status", "-o", "json"]).expect(0).json();
        assert_eq!(status["healthy"], true, "{status:#}");
        status
    }

    /// What of this project is on the engine.
    pub fn objects(&self) -> Vec<String> {
        self.docker.labelled(&format!("kdev.directory={}", self.directory().display()))
    }

    /// A service's log.
    #[track_caller]
    pub fn log(&self, service: &str) -> String {
        self.run(&["logs", service]).expect(0).stdout
    }

    /// Asks until the answer is there.
    #[track_caller]
    pub fn eventually<T>(&self, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
        let since = Instant::now();
        loop {
            if let Some(answer) = ask() {
                return answer;
            }
            assert!(since.elapsed() < PATIENCE, "{what}: never; status:\n{}", self.run(&["status"]));
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Starts the binary with its stderr and stdout in pipes.
    pub fn begin(&self, arguments: &[&str]) -> Running {
        let mut command = self.command(arguments);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Running { child, stdout, stderr, said: String::new() }
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let panicking = std::thread::panicking();
        if panicking {
            eprintln!("{}: {}", self.name, self.run(&["status"]));
        }
        let down = self.run(&["down", "--volumes"]);
        let left = self.objects();
        self.docker.sweep(&left);
        // A second panic would hide the first.
        if !panicking {
            assert_eq!(down.code, Some(0), "{down}");
            assert_eq!(left, [""; 0], "left behind after:\n{down}");
        }
    }
}

/// The Kafka image that all other projects use.
pub fn kafka_image() -> String {
    let image = std::env::var("KDEV_KAFKA_IMAGE").unwrap_or_else(|_| "apache/kafka:{version}".to_owned());
    image.replace("{version}", "4.3.1")
}

/// The engine, or none where these tests are to be skipped.
fn engine() -> Option<Docker> {
    let required = std::env::var_os("CI").is_some() || std::env::var("KDEV_TEST_LIVE").is_ok_and(|v| v == "required");
    match Docker::connect() {
        Ok(docker) => Some(docker),
        Err(error) if required => panic!("no Docker engine, and KDEV_TEST_LIVE or CI requires one: {error}"),
        Err(error) => {
            eprintln!("skipped: no Docker engine ({error})");
            None
        }
    }
}

/// A run of the binary that is watched.
pub struct Running {
    /// The process.
    pub child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
    /// What it has said on stderr so far.
    pub said: String,
}

impl Running {
    /// The next line on stderr; none once it has ended.
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.stderr.read_line(&mut line).unwrap();
        self.said.push_str(&line);
        (read > 0).then(|| line.trim_end().to_owned())
    }

    /// Reads lines up to one that holds this text.
    #[track_caller]
    pub fn until(&mut self, text: &str) {
        while let Some(line) = self.line() {
            if line.contains(text) {
                return;
            }
        }
        panic!("ended without saying {text:?}:\n{}", self.said);
    }

    /// Reads lines of stdout into `seen`, up to one that holds this text.
    #[track_caller]
    pub fn until_out(&mut self, text: &str, seen: &mut String) {
        loop {
            let start = seen.len();
            assert!(self.stdout.read_line(seen).unwrap() > 0, "ended without printing {text:?}:\n{seen}");
            if seen[start..].contains(text) {
                return;
            }
        }
    }

    /// Sends a signal: INT, TERM.
    pub fn signal(&self, name: &str) {
        let kill = std::process::Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(kill.unwrap().success());
    }

    /// SIGKILL, and its end.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ran {
        while self.line().is_some() {}
        let mut stdout = String::new();
        self.stdout.read_to_string(&mut stdout).unwrap();
        Ran { code: self.child.wait().unwrap().code(), stdout, stderr: std::mem::take(&mut self.said) }
    }
}

impl Drop for Running {
    /// A test that fails leaves nothing running: an audit would go on, in the next project that gets its port.
    fn drop(&mut self) {
        // One that has ended cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

static TAKEN: Mutex<usize> = Mutex::new(0);
static FREED: Condvar = Condvar::new();

/// The right to run a cluster.
struct Slot(bool);

impl Slot {
    fn take() -> Self {
        let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = FREED.wait_while(taken, |taken| *taken >= AT_ONCE).unwrap_or_else(PoisonError::into_inner);
        *taken += 1;
        Slot(true)
    }

    fn none() -> Self {
        Slot(false)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.0 {
            *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
            FREED.notify_one();
        }
    }
}
