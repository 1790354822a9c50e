//! Rolling changes on the simulated world: their order, their gates, and their way back.

use std::{collections::BTreeSet, sync::Arc};

use kdev::{
    engine::{World, simulated::Simulated},
    error::Error,
    event::{Events, StepProgress},
    model::NodeId,
    observed::{ContainerState, Observed},
    ops::rollback,
    plan::{Plan, release::Refusal},
    reconcile::{Blocked, Step, up as reconcile_up},
};
use proptest::{prelude::*, sample::Index};

use super::worlds::{plan, settings, up};

fn toml(version: &str, memory: &str, finalize: bool) -> kdev::config::Settings {
    settings(&format!(
        "name = \"blog\"\n[kafka]\nversion = \"{version}\"\nmemory = \"{memory}\"\nfinalize = {finalize}\n\
         [topics.posts]\npartitions = 6\n[topics.posts.config]\n\"min.insync.replicas\" = 2\n"
    ))
}

/// A cluster of this version as `up` leaves it.
async fn cluster(version: &str) -> Observed {
    let plan = plan(&toml(version, "512m", true), &Observed::default());
    let world = Arc::new(Simulated::new(plan.clone(), Observed::default()));
    up(&world, &plan, None).await.unwrap();
    world.facts()
}

fn told(steps: &[Step]) -> String {
    steps.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The plan for this kdev.toml over what is there, and the world that it meets.
fn changed(observed: &Observed, version: &str, finalize: bool) -> (Plan, Arc<Simulated>) {
    let plan = plan(&toml(version, "512m", finalize), observed);
    let world = Arc::new(Simulated::new(plan.clone(), observed.clone()));
    (plan, world)
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn an_upgrade_takes_node_after_node_the_controller_last_and_then_the_metadata() {
    let (plan, world) = changed(&cluster("4.2.1").await, "4.3.1", true);
    insta::assert_snapshot!(told(&up(&world, &plan, None).await.unwrap()), @r"
    pull image apache/kafka:4.3.1
    prepare image apache/kafka:4.3.1 for fast starts (once per image)
    stop kafka-2: its settings or its image changed
    set the old container of kafka-2 aside
    create container of kafka-2
    start kafka-2
    remove container of kafka-2: its successor is in sync
    stop kafka-3: its settings or its image changed
    set the old container of kafka-3 aside
    create container of kafka-3
    start kafka-3
    remove container of kafka-3: its successor is in sync
    stop kafka-1: its settings or its image changed
    set the old container of kafka-1 aside
    create container of kafka-1
    start kafka-1
    remove container of kafka-1: its successor is in sync
    finalize metadata 4.3-IV0, until now 4.2-IV1: no way back to an older Kafka
    ");
    assert_eq!(world.facts().kafka.metadata_level, Some(30));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_is_not_finalized_goes_back_and_what_is_does_not() {
    let (kept, world) = changed(&cluster("4.2.1").await, "4.3.1", false);
    let steps = told(&up(&world, &kept, None).await.unwrap());
    assert!(!steps.contains("finalize"), "{steps}");
    let observed = world.facts();
    assert_eq!(observed.kafka.metadata_level, Some(29));
    let (back, world) = changed(&observed, "4.2.1", true);
    let steps = told(&up(&world, &back, None).await.unwrap());
    assert!(steps.matches("start kafka-").count() == 3 && !steps.contains("finalize"), "{steps}");

    let (forth, world) = changed(&observed, "4.3.1", true);
    assert_eq!(told(&up(&world, &forth, None).await.unwrap()).lines().count(), 1, "finalize alone");
    let observed = world.facts();
    let (back, _) = changed(&observed, "4.2.1", true);
    let refusal = Refusal::Finalized { level: 30, to: back.version };
    assert_eq!(reconcile_up::next(&back, true, &observed), Err(Blocked::Release(refusal)));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_release_that_kdev_does_not_know_is_refused_before_anything_is_touched() {
    let observed = cluster("4.3.1").await;
    let (plan, _) = changed(&observed, "5.0.0", true);
    let blocked = reconcile_up::next(&plan, true, &observed).unwrap_err();
    assert!(matches!(blocked, Blocked::Release(Refusal::Unknown { .. })), "{blocked:?}");
    // With nothing there, any release may be tried.
    let (plan, world) = changed(&Observed::default(), "5.0.0", true);
    up(&world, &plan, None).await.unwrap();
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_node_that_does_not_come_up_on_the_new_version_is_put_back_and_the_others_stay() {
    let before = cluster("4.2.1").await;
    let (plan, _) = changed(&before, "4.3.1", true);
    let world = Arc::new(Simulated::new(plan.clone(), before.clone()).with_broken("4.3.1".parse().unwrap()));
    let error = up(&world, &plan, None).await.unwrap_err();
    let error = rollback::after(&world, error, &Events::channel().0).await;
    assert!(error.message.contains("kafka-2 did not come into service"), "{error:?}");
    assert_eq!(error.kind.exit_code(), 1);
    let after = world.facts();
    assert!(after.docker.containers.iter().all(|c| !c.set_aside && c.state == ContainerState::Running), "{after:#?}");
    let versions: BTreeSet<_> = after.docker.containers.iter().filter_map(|c| c.version).collect();
    assert_eq!(versions, BTreeSet::from(["4.2.1".parse().unwrap()]), "none but the first was touched");
    assert_eq!(after.kafka.answering.len(), 3);
    // Mended, the next `up` goes on.
    let world = Arc::new(Simulated::new(plan.clone(), after));
    up(&world, &plan, None).await.unwrap();
    assert_eq!(world.facts().kafka.metadata_level, Some(30));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn an_error_that_left_nothing_half_replaced_stays_as_it_is() {
    let (_, world) = changed(&cluster("4.2.1").await, "4.3.1", true);
    let error = rollback::after(&world, Error::failed("the topic was refused"), &Events::channel().0).await;
    assert_eq!(error.message, "the topic was refused");
}

/// Every partition, with how many of its replicas are in sync.
fn least_in_sync(observed: &Observed) -> usize {
    let partitions = observed.kafka.partitions();
    partitions.map(|partition| partition.isr.len()).min().unwrap_or(0)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_roll_never_takes_a_partition_below_its_minimum_wherever_it_is_killed(
        slow in 0usize..30,
        runs in proptest::collection::vec((proptest::collection::vec(any::<Index>(), 0..40), 0usize..3), 1..6),
    ) {
        runtime().block_on(async {
            let mut observed = cluster("4.2.1").await;
            // Each run is killed after some steps, and the next may find another kdev.toml.
            for (choices, file) in &runs {
                let file = [toml("4.3.1", "512m", false), toml("4.3.1", "640m", false), toml("4.2.1", "512m", false)][*file].clone();
                let plan = plan(&file, &observed);
                let world = Arc::new(Simulated::new(plan.clone(), observed).with_slow_replicas(slow));
                for choice in choices {
                    let facts = world.facts();
                    assert!(least_in_sync(&facts) >= 2, "{facts:#?}");
                    let next = reconcile_up::next(&plan, true, &facts).unwrap();
                    let stops: Vec<NodeId> = next.steps.iter().filter_map(|step| match step {
                        Step::Stop { service, .. } => NodeId::from_service(service),
                        _ => None,
                    }).collect();
                    assert!(stops.len() <= 1, "{stops:?} would stop together");
                    if next.steps.is_empty() {
                        continue;
                    }
                    let step = choice.get(&next.steps);
                    world.apply(step, &StepProgress::new(0, Events::channel().0)).await.unwrap();
                    // A look lets replicas catch up: one is enough.
                    let after = world.facts();
                    let runs = |id| after.docker.node(id).is_some_and(|c| c.state == ContainerState::Running);
                    let down = plan.nodes.keys().filter(|&&id| !runs(id)).count();
                    assert!(down <= 1, "{down} nodes down after {step}");
                }
                observed = world.facts();
            }
            let plan = plan(&toml("4.3.1", "512m", true), &observed);
            let world = Arc::new(Simulated::new(plan.clone(), observed).with_slow_replicas(slow));
            up(&world, &plan, None).await.unwrap();
            let end = world.facts();
            assert!(reconcile_up::next(&plan, true, &end).unwrap().is_reached());
            assert!(end.docker.containers.iter().all(|c| !c.set_aside && c.version == Some(plan.version)), "{end:#?}");
            assert_eq!(end.kafka.metadata_level, Some(30));
        });
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_setting_that_kafka_takes_over_at_run_time_restarts_nothing_and_goes_with_its_line() {
    let observed = cluster("4.3.1").await;
    let file = |config: &str| {
        settings(&format!(
            "name = \"blog\"\n[kafka]\nmemory = \"512m\"\n[topics.posts]\npartitions = 6\n[topics.posts.config]\n\"min.insync.replicas\" = 2\n[kafka.config]\n{config}\n"
        ))
    };
    let reach = async |config: &str, observed: Observed| {
        let plan = plan(&file(config), &observed);
        let world = Arc::new(Simulated::new(plan.clone(), observed));
        let steps = told(&up(&world, &plan, None).await.unwrap());
        (steps, world.facts())
    };
    let (steps, observed) = reach("\"log.segment.bytes\" = 100000000\n\"min.insync.replicas\" = 1", observed).await;
    assert_eq!(steps, "set log.segment.bytes of all brokers to 100000000\nset min.insync.replicas of all brokers to 1");
    let (steps, observed) = reach("\"log.segment.bytes\" = 200000000\n\"min.insync.replicas\" = 1", observed).await;
    assert_eq!(steps, "set log.segment.bytes of all brokers: 100000000 to 200000000");
    let (steps, observed) = reach("", observed).await;
    let back = "set min.insync.replicas of all brokers: 1 to 2\ntake back log.segment.bytes = 200000000 of all brokers: kdev.toml does not say so";
    assert_eq!(steps, back);
    let (steps, _) = reach("\"unclean.leader.election.enable\" = false", observed).await;
    assert_eq!(steps, "", "the nodes were started with it");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_shorter_retention_of_all_brokers_is_held_back_as_a_topics_own_is() {
    let observed = cluster("4.3.1").await;
    let next = |hours: u64, observed: &Observed| {
        let file = format!(
            "name = \"blog\"\n[kafka.config]\n\"log.retention.hours\" = {hours}\n[topics.posts]\n[topics.posts.config]\n\"min.insync.replicas\" = 2\n"
        );
        reconcile_up::next(&plan(&settings(&file), observed), true, observed).unwrap()
    };
    let told_of = |steps: &[Step]| told(steps).lines().filter(|line| line.contains("retention")).count();
    let shorter = next(1, &observed);
    assert_eq!((told_of(&shorter.steps), told_of(&shorter.held)), (0, 1), "{shorter:?}");
    let longer = next(1000, &observed);
    assert_eq!((told_of(&longer.steps), told_of(&longer.held)), (1, 0), "{longer:?}");
    // A new cluster has nothing to lose.
    let mut new = observed.clone();
    new.kafka.topics.clear();
    let new = next(1, &new);
    assert_eq!((told_of(&new.steps), told_of(&new.held)), (1, 0), "{new:?}");
}
