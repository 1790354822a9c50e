//! A directory and an environment of a test's own, in which the binary runs, and what comes out of it.

use std::{
    fmt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// No command of any test takes longer; one that hangs fails instead of holding up everything.
const PATIENCE: Duration = Duration::from_secs(400);

/// A project directory `blog` in a temporary directory that holds home and caches too.
pub struct Sandbox {
    root: tempfile::TempDir,
    /// Variables over those that every sandbox has.
    env: Vec<(String, String)>,
}

impl Sandbox {
    /// Without an engine: whoever looks for one finds nothing.
    pub fn new() -> Self {
        Self::with_env(&[("DOCKER_HOST", "unix:///nowhere/docker.sock")])
    }

    /// With these variables; nothing else of the environment gets in but PATH.
    pub fn with_env(env: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().unwrap();
        for directory in ["blog", "home", "cache"] {
            std::fs::create_dir(root.path().join(directory)).unwrap();
        }
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Sandbox { root, env }
    }

    /// The temporary directory, links resolved.
    pub fn root(&self) -> PathBuf {
        self.root.path().canonicalize().unwrap()
    }

    /// The project's directory.
    pub fn directory(&self) -> PathBuf {
        self.root().join("blog")
    }

    /// Writes a file of the project.
    pub fn write(&self, path: impl AsRef<Path>, text: impl AsRef<[u8]>) {
        let path = self.directory().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Reads a file of the project.
    pub fn read(&self, path: impl AsRef<Path>) -> String {
        std::fs::read_to_string(self.directory().join(path)).unwrap()
    }

    /// Sets a variable for all further runs.
    pub fn set(&mut self, name: &str, value: &str) {
        self.env.push((name.to_owned(), value.to_owned()));
    }

    /// The variables over those that every sandbox has.
    pub fn env(&self) -> impl Iterator<Item = (&str, &str)> {
        self.env.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The binary, in the project's directory, with these arguments.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kdev"));
        let root = self.root();
        command
            .args(arguments)
            .current_dir(self.directory())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", root.join("home"))
            .env("XDG_CACHE_HOME", root.join("cache"))
            .env("NO_COLOR", "1")
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the binary to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.finish(self.command(arguments))
    }

    /// Runs the binary to its end with this on its stdin.
    pub fn feed(&self, arguments: &[&str], input: impl Into<Vec<u8>>) -> Ran {
        let mut command = assert_cmd::Command::from_std(self.command(arguments));
        command.write_stdin(input);
        self.ran(command)
    }

    /// Runs a command that was changed after [`Sandbox::command`].
    pub fn finish(&self, command: Command) -> Ran {
        self.ran(assert_cmd::Command::from_std(command))
    }

    fn ran(&self, mut command: assert_cmd::Command) -> Ran {
        let output = command.timeout(PATIENCE).output().unwrap();
        let ran = Ran {
            code: output.status.code(),
            stdout: self.redacted(&output.stdout),
            stderr: self.redacted(&output.stderr),
        };
        assert!(!ran.stderr.contains("panicked at"), "a panic:\n{ran}");
        ran
    }

    fn redacted(&self, bytes: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.replace(&*self.root().to_string_lossy(), "[ROOT]")
    }
}

/// What came of a run. `Display` is the form of snapshots: the exit code, then each stream that is not empty.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// Data.
    pub stdout: String,
    /// Talk.
    pub stderr: String,
}

impl Ran {
    /// Asserts the exit code, and shows everything where it is another.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// Asserts that a stream, stderr or stdout, holds this text.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        assert!(self.stderr.contains(text) || self.stdout.contains(text), "{text:?} is not in:\n{self}");
        self
    }

    /// stdout as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in:\n{self}"))
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "exit {code}")?,
            None => write!(f, "ended by a signal")?,
        }
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                write!(f, "\n-- {name}\n{}", text.trim_end())?;
            }
        }
        Ok(())
    }
}
