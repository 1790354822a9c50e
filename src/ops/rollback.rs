//! When a replaced node does not come into service: its old container takes its place again.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    engine::{
        Acted, World,
        run::{self, Run},
    },
    error::{Error, Kind, Result},
    event::{Event, Events},
    model::NodeId,
    observed::Observed,
    reconcile::rollback,
};

/// Twice what a node needs to start on a busy machine, and to wait out its successor's session.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Puts back what `error` has left half replaced, and says so in the error that is returned.
///
/// A stop that the user asked for is none of that: the next `up` goes on from there.
pub async fn after<W: World>(world: &Arc<W>, error: Error, events: &Events) -> Error {
    if matches!(error.kind, Kind::Interrupted | Kind::Usage | Kind::NoEngine) {
        return error;
    }
    // Where not even a look succeeds, the error at hand says more.
    let Ok(observed) = world.observe(Acted::ON_ANYTHING).await else { return error };
    let nodes = rollback::wanted(&observed);
    if nodes.is_empty() {
        return error;
    }
    let names = names(nodes.iter().copied());
    events.send(Event::Note(format!("{names} did not come into service: putting the old container back")));
    // Whoever stops now would leave the cluster with a node less.
    let cancel = CancellationToken::new();
    let run = Run { events, cancel: &cancel, timeout: TIMEOUT, first: Vec::new() };
    match run::reach(world, run, |observed| Ok(rollback::next(&nodes, observed))).await {
        Ok(outcome) => rolled_back(error, &names, &outcome.observed),
        Err(second) => error
            .details([format!("{names} could not be put back: {second}")])
            .details(second.details)
            .hint("kdev status"),
    }
}

fn names(nodes: impl Iterator<Item = NodeId>) -> String {
    nodes.map(NodeId::service).collect::<Vec<_>>().join(", ")
}

/// The error once the nodes serve as before: what failed becomes the reason.
fn rolled_back(error: Error, names: &str, observed: &Observed) -> Error {
    let serving = names_of_serving(observed);
    let mut told =
        Error::failed(format!("{names} did not come into service as kdev.toml says, and runs as before again"))
            .details([format!("because: {error}")])
            .details(error.details)
            .details([format!("in service: {serving}")]);
    told.context = error.context;
    told.source = error.source;
    for hint in error.hints.into_iter().filter(|hint| !hint.starts_with("kdev down")) {
        told = told.hint(hint);
    }
    told.hint("change kdev.toml back, or mend what is wrong with it, then: kdev up")
}

fn names_of_serving(observed: &Observed) -> String {
    let serving = observed.kafka.answering.keys().copied();
    let versions = serving.map(|id| match observed.docker.node(id).and_then(|container| container.version) {
        Some(version) => format!("{} ({version})", id.service()),
        None => id.service(),
    });
    versions.collect::<Vec<_>>().join(", ")
}

/// As [`after`], for a result.
pub async fn unless_well<W: World, T>(world: &Arc<W>, result: Result<T>, events: &Events) -> Result<T> {
    match result {
        Ok(done) => Ok(done),
        Err(error) => Err(after(world, error, events).await),
    }
}
