//! What a shell offers for the word at the cursor: services, topics, groups and projects, beside what clap knows itself.
//!
//! A shell asks `kdev` anew at each Tab ([`clap_complete::env`]), so all of it is what is there now; and what does not
//! answer while a person waits is not offered.

use std::{collections::BTreeSet, ffi::OsString, path::PathBuf, time::Duration};

use clap::{ArgMatches, Command};
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};

use crate::{
    config::{
        Settings,
        load::{self, Overrides},
    },
    docker::Engine,
    error::Result,
    kafka::admin::{Admin, ClusterSummary},
    model::NodeId,
    ops::{Session, addresses},
};

/// How long somebody waits who has pressed Tab.
const PATIENCE: Duration = Duration::from_millis(500);

/// What a word names.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Service,
    Topic,
    Group,
    Project,
}

/// Which argument of which command names what.
const ARGUMENTS: [(&[&str], &str, Kind); 15] = [
    (&[], "project", Kind::Project),
    (&["logs"], "services", Kind::Service),
    (&["restart"], "services", Kind::Service),
    (&["exec"], "service", Kind::Service),
    (&["produce"], "topic", Kind::Topic),
    (&["consume"], "topic", Kind::Topic),
    (&["consume"], "group", Kind::Group),
    (&["audit"], "topic", Kind::Topic),
    (&["topics", "describe"], "topic", Kind::Topic),
    (&["topics", "delete"], "topics", Kind::Topic),
    (&["topics", "adopt"], "topics", Kind::Topic),
    (&["groups", "describe"], "group", Kind::Group),
    (&["groups", "delete"], "groups", Kind::Group),
    (&["groups", "reset"], "group", Kind::Group),
    (&["groups", "reset"], "topic", Kind::Topic),
];

/// The command line with what is offered for its arguments, where these words were typed so far.
pub(super) fn offered(command: Command, words: impl IntoIterator<Item = OsString>) -> Command {
    let typed = Typed::of(command.clone(), words);
    ARGUMENTS.into_iter().fold(command, |command, (path, argument, kind)| {
        let typed = typed.clone();
        offer(command, path, argument, ArgValueCandidates::new(move || kind.candidates(&typed)))
    })
}

fn offer(command: Command, path: &[&str], argument: &str, candidates: ArgValueCandidates) -> Command {
    match path {
        // Not `mut_arg`, which puts the argument behind all others.
        [] => command.mut_args(|other| if other.get_id() == argument { other.add(candidates.clone()) } else { other }),
        [name, rest @ ..] => command.mut_subcommand(name, |command| offer(command, rest, argument, candidates)),
    }
}

/// What of the words says where to look.
#[derive(Clone, Debug, Default)]
struct Typed {
    overrides: Overrides,
    /// Whether another cluster than the project's is meant.
    bootstrap: bool,
}

impl Typed {
    fn of(command: Command, words: impl IntoIterator<Item = OsString>) -> Self {
        // Unfinished as they are, the words make no sense as a whole.
        let Ok(matches) = command.ignore_errors(true).try_get_matches_from(words) else { return Typed::default() };
        let mut deepest = &matches;
        while let Some((_, deeper)) = deepest.subcommand() {
            deepest = deeper;
        }
        let overrides = Overrides { project: given(deepest, "project"), file: given::<PathBuf>(deepest, "file") };
        Typed { overrides, bootstrap: given::<String>(deepest, "bootstrap").is_some() }
    }
}

fn given<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, argument: &str) -> Option<T> {
    matches.try_get_one::<T>(argument).ok().flatten().cloned()
}

impl Kind {
    fn candidates(self, typed: &Typed) -> Vec<CompletionCandidate> {
        // A mistake in kdev.toml is told by the command, once it is typed.
        let settings = || load::load(&typed.overrides).ok();
        let names = match self {
            Kind::Project => in_time(projects()),
            // Of another cluster nothing is known.
            _ if typed.bootstrap => None,
            Kind::Service => settings().map(|settings| services(&settings)),
            Kind::Topic => settings().map(topics),
            Kind::Group => settings().and_then(groups),
        };
        names.into_iter().flatten().map(CompletionCandidate::new).collect()
    }
}

async fn projects() -> Result<BTreeSet<String>> {
    let projects = Engine::connect().await?.projects().await?;
    Ok(projects.into_iter().map(|project| project.name).collect())
}

fn services(settings: &Settings) -> BTreeSet<String> {
    let nodes = NodeId::first(settings.kafka.brokers).map(NodeId::service);
    nodes.chain(settings.apps.keys().map(ToString::to_string)).collect()
}

/// Those of kdev.toml, and those on the cluster.
fn topics(settings: Settings) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = settings.topics.keys().map(ToString::to_string).collect();
    let there = in_time(summary(settings)).map(|summary| summary.facts.topics).unwrap_or_default();
    names.extend(there.into_keys().filter(|name| !name.is_internal()).map(|name| name.to_string()));
    names
}

fn groups(settings: Settings) -> Option<BTreeSet<String>> {
    let summary = in_time(summary(settings))?;
    Some(summary.groups.into_iter().map(|group| group.name).collect())
}

async fn summary(settings: Settings) -> Result<ClusterSummary> {
    let session = Session::open(settings).await?;
    let running = addresses::of_running(&session).await?;
    Ok(Admin::for_nodes(&running).summary(&running, PATIENCE / 2).await)
}

/// What is found out in time; a word is completed without it as well.
fn in_time<T>(ask: impl Future<Output = Result<T>>) -> Option<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let asked = runtime.block_on(async { tokio::time::timeout(PATIENCE, ask).await });
    asked.ok()?.ok()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    fn typed(line: &str) -> Typed {
        Typed::of(Cli::command(), line.split(' ').map(OsString::from))
    }

    #[test]
    fn every_argument_that_something_is_offered_for_is_there() {
        let command = offered(Cli::command(), []);
        for (path, argument, _) in ARGUMENTS {
            let of = path.iter().fold(&command, |command, name| command.find_subcommand(name).expect(name));
            let found = of.get_arguments().find(|other| other.get_id() == argument);
            assert!(found.is_some_and(|found| found.get::<ArgValueCandidates>().is_some()), "{path:?} {argument}");
        }
        command.debug_assert();
    }

    #[test]
    fn of_unfinished_words_it_is_known_where_to_look() {
        for line in ["kdev -p shop logs ", "kdev logs -p shop kaf", "kdev topics describe --project=shop "] {
            assert_eq!(typed(line).overrides.project.as_deref(), Some("shop"), "{line}");
        }
        let consume = typed("kdev consume --file a/kdev.toml --grep x --group ");
        assert_eq!((consume.overrides.file, consume.bootstrap), (Some("a/kdev.toml".into()), false));
        assert_eq!(typed("kdev logs --file b.toml -f ").overrides.file, Some("b.toml".into()));
        assert!(typed("kdev consume --bootstrap localhost:1 ").bootstrap);
        assert!(typed("kdev ").overrides.project.is_none());
    }
}
