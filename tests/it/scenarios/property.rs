//! The key property: from any observed state, with the process killed after any step, repeating `up` ends with an
//! empty diff, and `down --volumes` with nothing left.

use std::sync::Arc;

use kdev::{
    engine::simulated::Simulated,
    model::{NodeId, Role},
    observed::{AppImage, ContainerFacts, ContainerState, LastNetwork, NetworkFacts, Observed},
    plan::Plan,
    reconcile::{Step, down::Extent, safety, up as reconcile_up},
};
use proptest::{
    prelude::*,
    sample::{Index, subsequence},
};

use super::worlds::{built_in, down, plan, settings, up};

/// What may have become of one container.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Kept,
    Gone,
    In(ContainerState),
    /// Made by an earlier kdev.toml.
    Stale(ContainerState),
    /// Made from an image that is no longer the present one.
    OldImage(ContainerState),
    /// Taken off its network.
    Unplugged(ContainerState),
}

fn state() -> impl Strategy<Value = ContainerState> {
    prop_oneof![
        Just(ContainerState::Created),
        Just(ContainerState::Running),
        Just(ContainerState::Paused),
        Just(ContainerState::Restarting),
        Just(ContainerState::Exited { code: 0, oom: false }),
        Just(ContainerState::Exited { code: 137, oom: true }),
        Just(ContainerState::Removing),
        Just(ContainerState::Dead),
    ]
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        2 => Just(Fate::Kept),
        1 => Just(Fate::Gone),
        1 => state().prop_map(Fate::In),
        1 => state().prop_map(Fate::Stale),
        1 => state().prop_map(Fate::OldImage),
        1 => state().prop_map(Fate::Unplugged),
    ]
}

#[derive(Clone, Debug)]
struct Damage {
    fates: Vec<Fate>,
    volumes_gone: Vec<usize>,
    network_gone: bool,
    network_twice: bool,
    base_gone: bool,
    prepared_gone: bool,
    images_gone: Vec<usize>,
    old_image: bool,
    removed_app: bool,
    topic_gone: bool,
    probe_left: bool,
    aside_left: bool,
}

fn damage() -> impl Strategy<Value = Damage> {
    (
        proptest::collection::vec(fate(), 5),
        subsequence(vec![0, 1, 2], 0..=3),
        any::<[bool; 9]>(),
        subsequence(vec![0, 1], 0..=2),
    )
        .prop_map(|(fates, volumes_gone, flags, images_gone)| Damage {
            fates,
            volumes_gone,
            network_gone: flags[0],
            network_twice: flags[1],
            base_gone: flags[2],
            prepared_gone: flags[3],
            images_gone,
            old_image: flags[4],
            removed_app: flags[5],
            topic_gone: flags[6],
            probe_left: flags[7],
            aside_left: flags[8],
        })
}

/// Which of the steps that are under way ends, so many times at most.
fn choices(most: usize) -> impl Strategy<Value = Vec<Index>> {
    proptest::collection::vec(any::<Index>(), 0..most)
}

fn is_on_a_network(container: &ContainerFacts) -> bool {
    matches!(container.state, ContainerState::Running | ContainerState::Paused)
}

fn damaged(mut observed: Observed, plan: &Plan, damage: &Damage) -> Observed {
    let docker = &mut observed.docker;
    let mut fates = damage.fates.iter();
    docker.containers.retain_mut(|container| {
        let fate = fates.next().copied().unwrap_or(Fate::Kept);
        match fate {
            Fate::Kept => {}
            Fate::Gone => return false,
            Fate::In(state) => container.state = state,
            Fate::Stale(state) => {
                container.state = state;
                container.spec = "an earlier one".to_owned();
            }
            Fate::OldImage(state) => {
                container.state = state;
                container.image = "an earlier one".to_owned();
            }
            Fate::Unplugged(state) => {
                container.state = state;
                container.network = LastNetwork::Lost;
            }
        }
        true
    });
    for &index in &damage.volumes_gone {
        let id = NodeId(index as u8 + 1);
        // The engine removes no volume that a container uses.
        if docker.node(id).is_none() {
            docker.volumes.remove(&id);
        }
    }
    // The engine removes no network that a running container is on.
    if damage.network_gone && !docker.containers.iter().any(is_on_a_network) {
        docker.networks.clear();
    }
    if damage.network_twice {
        docker.networks.push(NetworkFacts { id: "second".to_owned(), name: plan.network.name.clone() });
    }
    if damage.base_gone {
        docker.images.clear();
    }
    if damage.prepared_gone {
        docker.prepared.clear();
    }
    for &index in damage.images_gone.iter().rev() {
        if index < docker.app_images.len() {
            docker.app_images.remove(index);
        }
    }
    let unnamed = |app: &str, spec: &str| {
        let (id, app, spec) = (format!("{spec} of {app}"), app.parse().unwrap(), spec.to_owned());
        AppImage { id, app, spec, named: false }
    };
    if damage.old_image {
        docker.unfinished_images.push("unfinished".to_owned());
        docker.app_images.push(unnamed("producer", "old"));
        let stages = plan.apps.values().map(|app| unnamed(app.name.as_str(), &app.build.spec));
        docker.app_images.splice(0..0, stages);
    }
    if damage.removed_app {
        docker.app_images.push(unnamed("worker", "old"));
        if let Some(mut worker) = docker.containers.iter().find(|c| c.role == Role::App).cloned() {
            (worker.name, worker.service) = ("blog-worker".to_owned(), "worker".to_owned());
            docker.containers.push(worker);
        }
    }
    if damage.probe_left
        && let Some(mut probe) = docker.containers.first().cloned()
    {
        (probe.name, probe.service, probe.role) = ("blog-probe".to_owned(), "probe".to_owned(), Role::Probe);
        docker.containers.push(probe);
    }
    if damage.aside_left
        && let Some(mut aside) = docker.node(NodeId(2)).cloned()
    {
        (aside.name, aside.state) =
            (format!("{}_before", aside.name), ContainerState::Exited { code: 143, oom: false });
        (aside.set_aside, aside.spec) = (true, "an earlier one".to_owned());
        docker.containers.push(aside);
    }
    if damage.topic_gone {
        observed.kafka.topics.clear();
    }
    observed
}

fn runtime() -> tokio::runtime::Runtime {
    // Paused time: the loop's pauses cost nothing.
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

async fn whole_world(settings: &kdev::config::Settings) -> Observed {
    let plan = plan(settings, &Observed::default());
    let world = Arc::new(Simulated::new(plan.clone(), Observed::default()));
    up(&world, &plan, None).await.unwrap();
    world.facts()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_found_and_wherever_it_is_killed_up_ends_with_nothing_to_do(
        damage in damage(),
        kills in proptest::collection::vec(choices(12), 0..4),
        changed in any::<bool>(),
    ) {
        runtime().block_on(async {
            let settings = if changed {
                settings(&format!("name = \"blog\"\n{}", kdev::template::KDEV_TOML.replace("512m", "640m").replace("\"1\"", "\"3\"")))
            } else {
                built_in()
            };
            let mut observed = whole_world(&built_in()).await;
            let first = plan(&settings, &observed);
            observed = damaged(observed, &first, &damage);
            for kill in kills {
                // Each run plans anew from what it finds, as the program does.
                let plan = plan(&settings, &observed);
                let world = Arc::new(Simulated::new(plan.clone(), observed));
                up(&world, &plan, Some(&kill)).await.unwrap();
                observed = world.facts();
            }
            let plan = plan(&settings, &observed);
            let world = Arc::new(Simulated::new(plan.clone(), observed));
            up(&world, &plan, None).await.unwrap();
            let next = reconcile_up::next(&plan, true, &world.facts()).unwrap();
            assert!(next.is_reached(), "{next:?}");
            assert_eq!(world.facts().docker.networks.len(), 1);
            for id in plan.nodes.keys() {
                assert_eq!(world.facts().docker.node(*id).unwrap().state, ContainerState::Running);
            }
            assert!(world.facts().kafka.topics.keys().any(|name| name.as_str() == "posts"));

            down(&world, Extent::All).await.unwrap();
            let left = world.facts().docker;
            assert!(
                left.containers.is_empty() && left.networks.is_empty() && left.volumes.is_empty() && left.app_images.is_empty() && left.unfinished_images.is_empty(),
                "{left:?}"
            );
        });
    }

    #[test]
    fn no_step_takes_a_served_partition_below_its_minimum(
        damage in damage(),
        choices in proptest::collection::vec(any::<Index>(), 200),
    ) {
        runtime().block_on(async {
            let changed = settings(&format!("name = \"blog\"\n{}", kdev::template::KDEV_TOML.replace("512m", "640m")));
            let observed = whole_world(&built_in()).await;
            let first = plan(&changed, &observed);
            let observed = damaged(observed, &first, &damage);
            let plan = plan(&changed, &observed);
            let world = Arc::new(Simulated::new(plan.clone(), observed));
            for choice in choices {
                let facts = world.facts();
                let next = reconcile_up::next(&plan, true, &facts).unwrap();
                if next.steps.is_empty() {
                    break;
                }
                let step = choice.get(&next.steps).clone();
                let stops: Vec<NodeId> = next.steps.iter().filter_map(|step| match step {
                    Step::Stop { service, .. } => NodeId::from_service(service),
                    _ => None,
                }).collect();
                let serving: Vec<_> = stops.iter().filter(|id| facts.kafka.answering.contains_key(id)).collect();
                assert!(serving.len() <= 1, "{serving:?} would stop together");
                for &id in serving {
                    assert_eq!(safety::may_stop(id, &plan, &facts), Ok(()));
                    for partition in facts.kafka.partitions() {
                        let without = partition.isr.iter().filter(|&&replica| replica != id).count();
                        assert!(without >= 2, "{partition:?} without {id}");
                    }
                }
                use kdev::{engine::World, event::{Events, StepProgress}};
                world.apply(&step, &StepProgress::new(0, Events::channel().0)).await.unwrap();
            }
        });
    }
}
