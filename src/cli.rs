//! The command line: global options, Ctrl-C, and which command does what. Layer 5.

mod candidates;

use std::{io, path::PathBuf, process::ExitCode, time::Duration};

use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::CompleteEnv;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    commands::{self, Context},
    config::load::{self, Overrides},
    error::{Error, Kind, Result},
    kafka::produce::give_batches_back,
    ui::{Color, Ui},
};

/// A real three-node Kafka, your producer and your consumer, one command away.
#[derive(Debug, Parser)]
#[command(name = "kdev", version, max_term_width = 110, arg_required_else_help = true, after_help = AFTER_HELP)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Begin with:
  kdev up        a three-node Kafka with the topic `posts`, a producer and a consumer, in Docker
  kdev status    what runs, and where
  kdev down      stop and remove it; data stay for the next `kdev up`

Exit codes: 0 done, 1 failed, 2 usage or kdev.toml is wrong, 3 no Docker engine, 4 timed out,
5 not healthy (status), 6 a check failed (doctor, audit) or there is a change (plan --exit-code), 130 stopped by Ctrl-C,
which is how what only shows (logs -f, consume, status --watch) ends with 0";

#[derive(Debug, Args)]
struct Global {
    /// Name of the project: it is one of this directory [default: `name` in kdev.toml, else the directory's name]
    #[arg(short, long, global = true, value_name = "NAME")]
    project: Option<String>,
    /// Path of kdev.toml [default: the nearest one upward, else the built-in one]
    #[arg(short, long, global = true, value_name = "PATH")]
    file: Option<PathBuf>,
    /// No talk on stderr but errors; data on stdout stay
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Print the causes of errors too
    #[arg(short, long, global = true)]
    verbose: bool,
    /// When to use colours; NO_COLOR is honoured
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    color: Color,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the system what kdev.toml says, wait until it is healthy, say where it is
    Up(commands::up::UpArgs),
    /// Stop and remove containers and network; data stay unless --volumes
    Down(commands::down::DownArgs),
    /// Show what `up` would change, with what each change means, and change nothing
    Plan(commands::plan::PlanArgs),
    /// Spread replicas and leaders evenly over the nodes, with the fewest moves
    Rebalance(commands::rebalance::RebalanceArgs),
    /// Show nodes, controller, topics, groups with their lag, and apps
    Status(commands::status::StatusArgs),
    /// Show the logs of all services, merged in time order
    Logs(commands::logs::LogsArgs),
    /// Send records: lines, NDJSON or made-up ones
    Produce(commands::produce::ProduceArgs),
    /// Read records: from any point to any point, filtered, in any format
    Consume(commands::consume::ConsumeArgs),
    /// Prove under load what was lost, doubled or reordered, and how long writes stalled
    Audit(commands::audit::AuditArgs),
    /// List, describe, make and delete topics; write them into kdev.toml
    #[command(subcommand)]
    Topics(commands::topics::TopicsCommand),
    /// List and describe consumer groups; reset where they read; delete them
    #[command(subcommand)]
    Groups(commands::groups::GroupsCommand),
    /// Write kdev.toml, the Dockerfiles and the two apps here; nothing is overwritten
    Init(commands::init::InitArgs),
    /// Check engine, memory, disk, ports and every advertised address, and say the fix
    Doctor(commands::doctor::DoctorArgs),
    /// Print the addresses of Kafka for programs on this machine
    Env(commands::env::EnvArgs),
    /// Run a program with the addresses of Kafka in its environment
    Run(commands::run::RunArgs),
    /// Restart services one after another, each when the one before is back
    Restart(commands::restart::RestartArgs),
    /// Run a command in a service's container
    Exec(commands::exec::ExecArgs),
    /// List all projects on the engine
    Ls(commands::ls::LsArgs),
    /// Print a completion script for your shell: also of services, topics and groups
    Completions(commands::completions::CompletionsArgs),
}

impl Command {
    /// Whether leaving it in the middle may leave the system half changed.
    fn changes_the_system(&self) -> bool {
        matches!(self, Command::Up(_) | Command::Down(_) | Command::Rebalance(_) | Command::Restart(_))
    }
}

/// Parses, runs, reports: the whole program.
pub fn main() -> ExitCode {
    // Where a shell asks for candidates it ends here.
    let words = || std::env::args_os().skip_while(|word| word != "--").skip(1);
    let command = || candidates::offered(Cli::command(), words());
    CompleteEnv::with_factory(command).var(commands::completions::VARIABLE).complete();
    let Cli { global, command } = Cli::parse();
    let Global { project, file, quiet, verbose, color } = global;
    let ui = Ui::new(color, quiet, verbose);
    let overrides = Overrides { project, file };
    if matches!(command, Command::Produce(_)) {
        give_batches_back();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            ui.error(&Error::failed(format!("cannot start threads: {error}")).source(error));
            return ExitCode::from(Kind::Failed.exit_code());
        }
    };
    let result = runtime.block_on(async {
        let cancel = CancellationToken::new();
        tokio::spawn(watch_signals(cancel.clone(), ui, command.changes_the_system()));
        dispatch(command, Context { ui, overrides, cancel }).await
    });
    // Reads of stdin that nobody waits for any more must not hold up the end.
    runtime.shutdown_background();
    match result {
        Ok(code) => code,
        Err(error) => {
            ui.error(&error);
            ExitCode::from(error.kind.exit_code())
        }
    }
}

async fn dispatch(command: Command, context: Context) -> Result<ExitCode> {
    match command {
        Command::Up(args) => commands::up::run(args, context).await,
        Command::Down(args) => commands::down::run(args, context).await,
        Command::Plan(args) => commands::plan::run(args, context).await,
        Command::Rebalance(args) => commands::rebalance::run(args, context).await,
        Command::Status(args) => commands::status::run(args, context).await,
        Command::Logs(args) => commands::logs::run(args, context).await,
        Command::Produce(args) => {
            let target = commands::target("produce", args.topic.clone(), args.bootstrap.clone(), &context).await?;
            commands::blocking(context, move |streams, stop| commands::produce::run(args, &target, &streams, &stop))
                .await
        }
        Command::Consume(args) => {
            let target = commands::target("consume", args.topic.clone(), args.bootstrap.clone(), &context).await?;
            commands::blocking(context, move |streams, stop| commands::consume::run(args, &target, &streams, &stop))
                .await
        }
        Command::Audit(args) => {
            let target = commands::target("audit", args.topic.clone(), args.bootstrap.clone(), &context).await?;
            let ui = context.ui;
            commands::blocking(context, move |streams, stop| commands::audit::run(args, &target, ui, &streams, &stop))
                .await
        }
        Command::Topics(command) => commands::topics::run(command, context).await,
        Command::Groups(command) => commands::groups::run(command, context).await,
        Command::Init(args) => commands::init::run(args, context),
        Command::Doctor(args) => commands::doctor::run(args, context).await,
        Command::Env(args) => commands::env::run(args, context).await,
        Command::Run(args) => commands::run::run(args, context).await,
        Command::Restart(args) => commands::restart::run(args, context).await,
        Command::Exec(args) => commands::exec::run(args, context).await,
        Command::Ls(args) => commands::ls::run(args, context).await,
        Command::Completions(args) => commands::completions::run(args, &context),
    }
}

/// Signals so shortly after the first are the same one: `timeout` signals its child and then the child's group.
const SAME: Duration = Duration::from_millis(500);

/// The first Ctrl-C (or SIGTERM) asks for a stop at the next safe point, the second leaves at once.
async fn watch_signals(cancel: CancellationToken, ui: Ui, changes_the_system: bool) {
    if second(signal, &cancel).await.is_err() {
        return;
    }
    ui.always(match changes_the_system {
        true => "left at once; `kdev up` goes on from here, `kdev down` takes away what is there",
        false => "left at once",
    });
    std::process::exit(Kind::Interrupted.exit_code().into());
}

/// Cancels at the first signal, and returns at the second.
async fn second(mut signal: impl AsyncFnMut() -> io::Result<()>, cancel: &CancellationToken) -> io::Result<()> {
    signal().await?;
    cancel.cancel();
    let first = Instant::now();
    loop {
        signal().await?;
        if first.elapsed() >= SAME {
            return Ok(());
        }
    }
}

#[cfg(unix)]
async fn signal() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

#[cfg(not(unix))]
async fn signal() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}

impl Context {
    /// Reads kdev.toml.
    ///
    /// # Errors
    /// It is wrong ([`Kind::Usage`]).
    pub fn settings(&self) -> Result<crate::config::Settings> {
        load::load(&self.overrides)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{sync::mpsc, time::timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn signals_that_come_together_are_one() {
        let (sender, mut signals) = mpsc::unbounded_channel();
        let cancel = CancellationToken::new();
        let left = second(async || signals.recv().await.ok_or_else(|| io::ErrorKind::BrokenPipe.into()), &cancel);
        tokio::pin!(left);
        sender.send(()).unwrap();
        sender.send(()).unwrap();
        assert!(timeout(Duration::from_secs(60), &mut left).await.is_err(), "it left at once");
        assert!(cancel.is_cancelled());
        sender.send(()).unwrap();
        assert!(timeout(Duration::from_secs(60), left).await.is_ok(), "a later one does not leave");
    }
}
