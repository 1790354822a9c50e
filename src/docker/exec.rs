//! Running a command inside a running container.

use std::{pin::Pin, time::Duration};

use bollard::{
    container::LogOutput,
    exec::{CreateExecOptions, ResizeExecOptions, StartExecOptions, StartExecResults},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::io::AsyncWrite;

use super::{
    Engine,
    containers::short,
    fault::{self, Doing},
};
use crate::error::{Error, Result};

/// The engine notes the exit code a moment after the output's end.
const NOTED_TRIES: u32 = 100;
const NOTED_STEP: Duration = Duration::from_millis(20);

/// A piece of a command's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chunk {
    /// To its standard output; with a terminal, everything.
    Out(Bytes),
    /// To its standard error.
    Err(Bytes),
}

/// A command at work in a container. Dropping it lets the command run on, without listeners.
pub struct Exec {
    /// Its output, as it comes; ends when the command has ended.
    pub output: Pin<Box<dyn Stream<Item = Result<Chunk>> + Send>>,
    /// Its input; shut it down to end it. Not connected where no input was asked for.
    pub input: Pin<Box<dyn AsyncWrite + Send>>,
    /// The command, after its output has ended or for its terminal's size.
    pub control: ExecControl,
}

/// What can be asked of a command in a container.
#[derive(Clone, Debug)]
pub struct ExecControl {
    engine: Engine,
    id: String,
    container: String,
}

impl Engine {
    /// Starts a command in a running container, attached. With `tty` it has a terminal, whose size is
    /// to be told by [`ExecControl::resize`]; with `stdin` it reads what is written to its input.
    ///
    /// # Errors
    /// Where the container does not run or the engine refuses.
    pub async fn exec(&self, container: &str, argv: &[String], tty: bool, stdin: bool) -> Result<Exec> {
        let command = argv.first().map_or("", String::as_str);
        let doing = || format!("running `{command}` in container {}", short(container));
        let options = CreateExecOptions {
            attach_stdin: Some(stdin),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(tty),
            cmd: Some(argv.to_vec()),
            ..CreateExecOptions::default()
        };
        let id = self.quick().create_exec(container, options).await.doing(doing)?.id;
        let options = StartExecOptions { tty, ..StartExecOptions::default() };
        match self.patient().start_exec(&id, Some(options)).await.doing(doing)? {
            StartExecResults::Attached { output, input } => {
                let what = doing();
                let output = output.map(move |item| item.map(chunk).doing(|| what.clone()));
                let control = ExecControl { engine: self.clone(), id, container: container.to_owned() };
                Ok(Exec { output: Box::pin(output), input, control })
            }
            StartExecResults::Detached => {
                Err(Error::failed("the engine did not attach to the command").while_(doing()))
            }
        }
    }

    /// Runs a command to its end without input: its exit code and its output, both streams together.
    ///
    /// # Errors
    /// As [`Engine::exec`]; a command that fails is no error.
    pub async fn exec_to_end(&self, container: &str, argv: &[String]) -> Result<(i64, Vec<String>)> {
        let mut exec = self.exec(container, argv, false, false).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = exec.output.next().await {
            match chunk? {
                Chunk::Out(chunk) | Chunk::Err(chunk) => bytes.extend_from_slice(&chunk),
            }
        }
        let lines = String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect();
        Ok((exec.control.exit_code().await?, lines))
    }
}

fn chunk(output: LogOutput) -> Chunk {
    match output {
        LogOutput::StdErr { message } => Chunk::Err(message),
        other => Chunk::Out(other.into_bytes()),
    }
}

impl ExecControl {
    /// Tells the command's terminal its size in characters.
    ///
    /// # Errors
    /// Where the engine refuses; a command that has ended meanwhile is fine.
    pub async fn resize(&self, width: u16, height: u16) -> Result<()> {
        let resized = self.engine.quick().resize_exec(&self.id, ResizeExecOptions { height, width }).await;
        match resized {
            Err(failure) if fault::status(&failure).is_none() => {
                Err(fault::error("resizing the command's terminal", failure))
            }
            _ => Ok(()),
        }
    }

    /// The exit code of the command, whose output has ended.
    ///
    /// # Errors
    /// Where the container is gone, or the command does not end.
    pub async fn exit_code(&self) -> Result<i64> {
        let doing = || format!("asking for the exit code of a command in container {}", short(&self.container));
        for _ in 0..NOTED_TRIES {
            let state = self.engine.quick().inspect_exec(&self.id).await.doing(doing)?;
            if state.running != Some(true)
                && let Some(code) = state.exit_code
            {
                return Ok(code);
            }
            tokio::time::sleep(NOTED_STEP).await;
        }
        Err(Error::failed("the command closed its output and runs on").while_(doing()))
    }
}
