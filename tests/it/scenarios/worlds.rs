//! Plans and worlds to start from.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use kdev::{
    config::{Settings, check, machine::Machine},
    engine::{run, run::Run, simulated::Simulated},
    error::{Error, Result},
    event::Events,
    observed::Observed,
    plan::{
        Plan,
        build::{Known, build},
    },
    reconcile::{Blocked, Next, Step, down, up},
};
use proptest::sample::Index;
use tokio_util::sync::CancellationToken;

use super::narrow::Narrow;

pub fn settings(toml: &str) -> Settings {
    check::file(None, &PathBuf::from("/home/me/blog/kdev.toml"), toml, &Machine::default()).unwrap()
}

pub fn plan(settings: &Settings, observed: &Observed) -> Plan {
    let digests =
        settings.apps.iter().map(|(name, app)| (name.clone(), format!("digest {name} {:?}", app.env))).collect();
    plan_with(settings, observed, &digests)
}

pub fn plan_with(settings: &Settings, observed: &Observed, digests: &BTreeMap<kdev::model::AppName, String>) -> Plan {
    build(
        settings,
        &Known {
            volumes: &observed.docker.volumes,
            is_free: &|_| true,
            digests,
            new_cluster: "c2ltdWxhdGVkLWNsdXN0ZQ".to_owned(),
        },
    )
    .unwrap()
}

pub fn built_in() -> Settings {
    settings(&format!("name = \"blog\"\n{}", kdev::template::KDEV_TOML))
}

/// Runs to the goal; or is killed after some steps, of which each is one of those offered then, whichever ends first.
pub async fn run_until(
    world: &Arc<Simulated>,
    killed_after: Option<&[Index]>,
    goal: impl Fn(&Observed) -> Result<Next, Blocked>,
) -> Result<Vec<Step>> {
    let Some(choices) = killed_after else {
        let outcome = run::reach(
            &Narrow::new(world),
            Run {
                events: &Events::channel().0,
                cancel: &CancellationToken::new(),
                timeout: Duration::from_secs(20),
                first: Vec::new(),
            },
            |observed| goal(observed).map_err(|blocked| Error::failed(format!("{blocked:?}"))),
        )
        .await?;
        assert!(outcome.failed_apps.is_empty(), "{:?}", outcome.failed_apps);
        assert_eq!(outcome.observed.docker, world.facts().docker, "what the last look showed is what there is");
        return Ok(outcome.steps);
    };
    use kdev::{engine::World, event::StepProgress};
    let progress = StepProgress::new(0, Events::channel().0);
    let mut done = Vec::new();
    for choice in choices {
        let next = goal(&world.facts()).map_err(|blocked| Error::failed(format!("{blocked:?}")))?;
        if next.steps.is_empty() {
            break;
        }
        let step = choice.get(&next.steps);
        world.apply(step, &progress).await?;
        done.push(step.clone());
    }
    Ok(done)
}

pub async fn up(world: &Arc<Simulated>, plan: &Plan, killed_after: Option<&[Index]>) -> Result<Vec<Step>> {
    run_until(world, killed_after, |observed| up::next(plan, true, observed)).await
}

pub async fn down(world: &Arc<Simulated>, extent: down::Extent) -> Result<Vec<Step>> {
    run_until(world, None, |observed| Ok(down::next(extent, observed))).await
}
