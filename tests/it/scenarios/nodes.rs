//! Brokers that come and go, and numbers of replicas that change.

use std::{collections::BTreeMap, sync::Arc};

use kdev::{
    config::Settings,
    engine::{World, simulated::Simulated},
    error::Kind,
    event::{Events, StepProgress},
    model::{NodeId, TopicName},
    observed::{ContainerState, Observed},
    plan::build::{Known, build},
    reconcile::{
        About, Blocked, Next, Step, Waiting,
        assignment::Move,
        leave, moves,
        safety::{self, Reason},
        up as reconcile_up,
    },
};
use proptest::{prelude::*, sample::Index};

use super::worlds::{built_in, plan, settings, up};

/// A file with so many brokers, and a topic with so many replicas.
fn file(brokers: u8, replication: u8) -> Settings {
    settings(&format!(
        "name = \"blog\"\n[kafka]\nbrokers = {brokers}\n[topics.posts]\npartitions = 8\nreplication = {replication}\n[topics.posts.config]\n\"min.insync.replicas\" = {}\n",
        replication.min(2)
    ))
}

async fn reached(settings: &Settings, observed: Observed) -> (Vec<Step>, Observed) {
    let plan = plan(settings, &observed);
    let world = Arc::new(Simulated::new(plan.clone(), observed));
    let steps = up(&world, &plan, None).await.unwrap();
    (steps, world.facts())
}

fn told(steps: &[Step]) -> String {
    steps.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "current_thread")]
async fn a_fourth_broker_joins_and_gets_its_share_and_the_others_are_left_alone() {
    let (_, three) = reached(&file(3, 3), Observed::default()).await;
    let (steps, four) = reached(&file(4, 3), three).await;
    insta::assert_snapshot!(told(&steps), @r"
    create volume of kafka-4
    create container of kafka-4
    start kafka-4
    limit the traffic of moves to 64 MiB a second and node
    copy 6 replicas of posts to kafka-4
    lift the limit on the traffic of moves
    ");
    assert!(four.kafka.registered.contains(&NodeId(4)));
    assert!(!four.kafka.limited.any());
}

#[tokio::test(flavor = "current_thread")]
async fn a_broker_that_comes_replaces_no_app() {
    let (_, three) = reached(&built_in(), Observed::default()).await;
    let four =
        settings(&format!("name = \"blog\"\n{}", kdev::template::KDEV_TOML.replace("brokers = 3", "brokers = 4")));
    let (steps, four) = reached(&four, three).await;
    assert!(four.docker.node(NodeId(4)).is_some());
    assert!(steps.iter().all(|step| step.app().is_none()), "{}", told(&steps));
}

#[tokio::test(flavor = "current_thread")]
async fn one_controller_stays_one_whatever_brokers_come_and_controllers_never_go() {
    let (_, one) = reached(&file(1, 1), Observed::default()).await;
    let (steps, three) = reached(&file(3, 3), one).await;
    assert!(!told(&steps).contains("stop kafka-1"), "{}", told(&steps));
    assert!(three.docker.volumes.values().all(|volume| volume.voters == 1), "{:?}", three.docker.volumes);
    let (_, three) = reached(&file(3, 3), Observed::default()).await;
    let known = Known {
        volumes: &three.docker.volumes,
        is_free: &|_| true,
        digests: &BTreeMap::new(),
        new_cluster: "c2ltdWxhdGVkLWNsdXN0ZQ".to_owned(),
    };
    let error = build(&file(2, 2), &known).unwrap_err();
    assert_eq!(
        error.message,
        "kdev.toml says brokers = 2, but nodes 1 to 3 are the controllers of this cluster, and controllers cannot leave it"
    );
    assert_eq!(error.kind, Kind::Usage);
}

#[tokio::test(flavor = "current_thread")]
async fn brokers_leave_empty_and_in_order() {
    let (_, five) = reached(&file(5, 3), Observed::default()).await;
    let (steps, three) = reached(&file(3, 3), five).await;
    let steps = told(&steps);
    let position = |text: &str| steps.find(text).unwrap_or_else(|| panic!("no {text:?} in:\n{steps}"));
    for node in ["kafka-4", "kafka-5"] {
        let order = [
            "copy ".to_owned(),
            "lift the limit".to_owned(),
            format!("stop {node}"),
            format!("take {node} off the list of brokers"),
            format!("remove container of {node}"),
            format!("remove volume of {node}, which holds no partition any more"),
        ];
        let places: Vec<usize> = order.iter().map(|text| position(text)).collect();
        let first = places[0];
        assert!(places[2..].is_sorted() && first < places[2], "{steps}");
    }
    assert_eq!(three.docker.volumes.len(), 3);
    assert_eq!(three.kafka.registered, NodeId::first(3).collect());
}

#[tokio::test(flavor = "current_thread")]
async fn what_was_set_aside_of_a_broker_that_leaves_goes_before_its_volume() {
    let (_, mut four) = reached(&file(4, 3), Observed::default()).await;
    let last = four.docker.containers.iter_mut().find(|c| c.name.ends_with("kafka-4")).unwrap();
    // As a run that was killed in a roll leaves it.
    (last.set_aside, last.state) = (true, ContainerState::Exited { code: 0, oom: false });
    last.name.push_str("-before");
    four.kafka.answering.remove(&NodeId(4));
    let (steps, three) = reached(&file(3, 3), four).await;
    assert!(three.docker.volumes.len() == 3 && three.docker.set_aside(NodeId(4)).is_none(), "{}", told(&steps));
}

#[tokio::test(flavor = "current_thread")]
async fn replicas_are_added_and_given_up_and_a_minimum_comes_only_when_it_can_be_met() {
    let (_, one) = reached(&file(3, 1), Observed::default()).await;
    let (steps, three) = reached(&file(3, 3), one).await;
    insta::assert_snapshot!(told(&steps), @r"
    limit the traffic of moves to 64 MiB a second and node
    copy 16 replicas of posts to kafka-1, kafka-2, kafka-3
    set min.insync.replicas of topic posts: 1 to 2
    lift the limit on the traffic of moves
    ");
    let (steps, _) = reached(&file(3, 2), three).await;
    insta::assert_snapshot!(told(&steps), @"give up 8 replicas of posts");
}

#[tokio::test(flavor = "current_thread")]
async fn a_topic_with_more_replicas_than_nodes_to_be_keeps_its_nodes() {
    let (_, mut four) = reached(&file(4, 3), Observed::default()).await;
    let name: TopicName = "likes".parse().unwrap();
    let mut likes = four.kafka.topics.values().next().unwrap().clone();
    likes.partitions.truncate(1);
    likes.partitions[0].replicas = NodeId::first(4).collect();
    four.kafka.topics.insert(name.clone(), likes);
    let plan = plan(&file(3, 3), &four);
    let world = Simulated::new(plan.clone(), four);
    let blocked = reconcile_up::next(&plan, false, &world.facts()).unwrap_err();
    assert_eq!(blocked, Blocked::TooFewNodes { topics: [(name, 4)].into(), nodes: 3 });
}

#[tokio::test(flavor = "current_thread")]
async fn a_broker_whose_volume_was_removed_is_replaced_on_the_others() {
    let (_, mut four) = reached(&file(4, 3), Observed::default()).await;
    four.docker.containers.retain(|container| container.service != "kafka-4");
    four.docker.volumes.remove(&NodeId(4));
    let (steps, three) = reached(&file(3, 3), four).await;
    assert!(told(&steps).contains("take kafka-4 off the list of brokers"), "{}", told(&steps));
    assert!(!told(&steps).contains("remove"), "{}", told(&steps));
    assert!(!leave::holds(NodeId(4), &three.kafka));
}

#[tokio::test(flavor = "current_thread")]
async fn the_last_replica_of_a_partition_lost_is_said() {
    let (_, mut four) = reached(&file(4, 1), Observed::default()).await;
    four.docker.containers.retain(|container| container.service != "kafka-4");
    four.docker.volumes.remove(&NodeId(4));
    let plan = plan(&file(3, 1), &four);
    let world = Simulated::new(plan.clone(), four);
    let blocked = reconcile_up::next(&plan, false, &world.facts()).unwrap_err();
    assert!(matches!(blocked, Blocked::Lost { nodes, .. } if nodes == [NodeId(4)]));
}

#[tokio::test(flavor = "current_thread")]
async fn what_does_not_fit_is_not_begun() {
    let (_, mut three) = reached(&file(3, 3), Observed::default()).await;
    for disk in three.kafka.disks.values_mut() {
        disk.usable_bytes = Some(1000);
        disk.replicas.values_mut().flat_map(|of| of.values_mut()).for_each(|bytes| *bytes = 500);
    }
    let plan = plan(&file(4, 3), &three);
    let world = Arc::new(Simulated::new(plan.clone(), three));
    let error = up(&world, &plan, None).await.unwrap_err();
    assert!(error.message.contains("NoRoom { needed: 3000, free: 1000 }"), "{error}");
}

#[tokio::test(flavor = "current_thread")]
async fn a_move_to_a_node_that_is_down_is_told_and_goes_on_once_it_is_up() {
    let (_, three) = reached(&file(3, 3), Observed::default()).await;
    let plan = plan(&file(4, 3), &three);
    let world = Arc::new(Simulated::new(plan.clone(), three));
    // Up to the first batch.
    while !world.facts().kafka.limited.any() {
        let step = reconcile_up::next(&plan, false, &world.facts()).unwrap().steps[0].clone();
        world.apply(&step, &StepProgress::new(0, Events::channel().0)).await.unwrap();
    }
    let batch = reconcile_up::next(&plan, false, &world.facts()).unwrap().steps[0].clone();
    let stop = Step::Stop {
        service: "kafka-4".to_owned(),
        name: plan.nodes[&NodeId(4)].container.name.clone(),
        why: String::new(),
    };
    for step in [stop, batch] {
        world.apply(&step, &StepProgress::new(0, Events::channel().0)).await.unwrap();
    }
    let next = reconcile_up::next(&plan, false, &world.facts()).unwrap();
    let waiting: Vec<String> = next.waiting.iter().map(ToString::to_string).collect();
    assert!(
        waiting.contains(&"6 partitions wait for kafka-4, which is to copy them and does not answer".to_owned()),
        "{waiting:?}"
    );
    let steps = up(&world, &plan, None).await.unwrap();
    assert_eq!(told(&steps), "start kafka-4\nlift the limit on the traffic of moves");
}

#[tokio::test(flavor = "current_thread")]
async fn a_node_that_still_has_logs_on_its_disk_is_not_stopped() {
    let (_, four) = reached(&file(4, 3), Observed::default()).await;
    let plan = plan(&file(3, 3), &four);
    let mut emptied = four.clone();
    for partition in emptied.kafka.topics.values_mut().flat_map(|topic| &mut topic.partitions) {
        partition.replicas = NodeId::first(3).collect();
    }
    let mut next = Next::default();
    leave::next(&plan, &emptied, &mut next);
    assert_eq!((next.steps, next.waiting), (vec![], vec![Waiting::Emptying(NodeId(4))]));
    let mut next = Next::default();
    emptied.kafka.disks.get_mut(&NodeId(4)).unwrap().replicas.clear();
    leave::next(&plan, &emptied, &mut next);
    assert!(matches!(next.steps[..], [Step::Stop { .. }]), "{:?}", next.steps);
}

#[tokio::test(flavor = "current_thread")]
async fn a_partition_is_moved_only_where_enough_replicas_are_in_sync_throughout() {
    let (_, mut three) = reached(&file(3, 3), Observed::default()).await;
    let plan = plan(&file(3, 3), &three);
    let topic: TopicName = "posts".parse().unwrap();
    let to = |ids: &[u8]| Move {
        topic: topic.clone(),
        partition: 0,
        from: NodeId::first(3).collect(),
        to: ids.iter().copied().map(NodeId).collect(),
    };
    let partition = |three: &mut Observed, isr: &[u8]| {
        let partition = &mut three.kafka.topics.get_mut(&topic).unwrap().partitions[0];
        partition.isr = isr.iter().copied().map(NodeId).collect();
        partition.leader = partition.isr.first().copied();
    };
    partition(&mut three, &[1, 2]);
    assert_eq!(safety::may_move(&to(&[1, 2]), &plan, &three.kafka), Ok(()));
    assert_eq!(safety::may_move(&to(&[3, 4]), &plan, &three.kafka), Err(Reason::Behind { in_sync: 1, needed: 2 }));
    assert_eq!(
        safety::may_move(&to(&[1, 4]), &plan, &three.kafka),
        Ok(()),
        "a new one comes in sync before the old goes"
    );
    partition(&mut three, &[]);
    assert_eq!(safety::may_move(&to(&[1, 2]), &plan, &three.kafka), Err(Reason::NoLeader));
}

#[tokio::test(flavor = "current_thread")]
async fn the_same_move_with_more_bytes_is_the_same_step() {
    let (_, three) = reached(&file(3, 3), Observed::default()).await;
    let plan = plan(&file(3, 2), &three);
    let steps = |observed: &Observed| reconcile_up::next(&plan, false, observed).unwrap().steps;
    let mut grown = three.clone();
    for bytes in
        grown.kafka.disks.values_mut().flat_map(|disk| disk.replicas.values_mut()).flat_map(|of| of.values_mut())
    {
        *bytes += 1000;
    }
    assert_eq!(steps(&three).len(), 1);
    assert_eq!(steps(&three), steps(&grown));
    let step = |bytes| Step::Reassign { moves: Vec::new(), bytes: About(bytes) };
    assert_eq!(step(1), step(2));
    assert_eq!(step(1).cmp(&step(2)), std::cmp::Ordering::Equal);
}

/// Whatever is offered: each partition keeps a replica in sync and, where it has its minimum, its minimum; a node
/// that goes for good holds nothing.
fn harms_nothing(step: &Step, observed: &Observed, minimum: usize) {
    let kafka = &observed.kafka;
    match step {
        Step::Reassign { moves, .. } => {
            for one in moves {
                let partition = &kafka.topics[&one.topic].partitions[one.partition];
                let stays = partition.isr.iter().filter(|node| one.to.contains(node)).count();
                let comes = one.to.iter().filter(|node| !partition.replicas.contains(node)).count();
                assert!(
                    partition.leader.is_some() && stays + comes >= minimum.min(one.to.len()).max(1),
                    "{one:?} of {partition:?}"
                );
                assert!(!one.to.is_empty());
            }
        }
        Step::Unregister { node } | Step::RemoveVolume { node, .. } => {
            assert!(!leave::holds(*node, kafka), "{step} while it holds replicas");
            assert!(
                observed.docker.node(*node).is_none_or(|c| c.state != ContainerState::Running),
                "{step} while it runs"
            );
        }
        Step::Stop { service, .. } => {
            let node = NodeId::from_service(service).unwrap();
            let partitions = kafka.partitions();
            for partition in partitions.filter(|partition| partition.isr.contains(&node)) {
                let others = partition.isr.iter().filter(|other| **other != node).count();
                assert!(others >= minimum.min(partition.replicas.len()), "{step}: {partition:?}");
            }
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn however_brokers_and_replicas_change_and_wherever_it_is_killed_no_partition_suffers(
        changes in proptest::collection::vec((3u8..=7, 2u8..=3, proptest::collection::vec(any::<Index>(), 0..14)), 1..6),
        died in proptest::option::of((4u8..=7, any::<bool>())),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (_, mut observed) = reached(&file(3, 3), Observed::default()).await;
            let mut last = (3, 3);
            for (brokers, replication, choices) in changes {
                last = (brokers, replication);
                let plan = plan(&file(brokers, replication), &observed);
                let world = Simulated::new(plan.clone(), observed);
                for choice in choices {
                    let facts = world.facts();
                    let next = reconcile_up::next(&plan, false, &facts).unwrap();
                    next.steps.iter().for_each(|step| harms_nothing(step, &facts, 2));
                    if next.steps.is_empty() {
                        break;
                    }
                    let step = choice.get(&next.steps);
                    world.apply(step, &StepProgress::new(0, Events::channel().0)).await.unwrap();
                }
                // Killed: what was under way stays so; and perhaps a later broker has died too.
                observed = world.facts();
                if let Some((node, removed)) = died
                    && let Some(container) = observed.docker.containers.iter_mut().find(|c| c.service == NodeId(node).service())
                {
                    container.state = ContainerState::Exited { code: 137, oom: false };
                    if removed {
                        observed.docker.containers.retain(|c| c.service != NodeId(node).service());
                    }
                }
            }
            let (brokers, replication) = last;
            let plan = plan(&file(brokers, replication), &observed);
            let world = Arc::new(Simulated::new(plan.clone(), observed));
            up(&world, &plan, None).await.unwrap();
            let facts = world.facts();
            let next = reconcile_up::next(&plan, false, &facts).unwrap();
            assert!(next.is_reached(), "{next:?}");
            assert_eq!(facts.docker.volumes.keys().copied().collect::<Vec<_>>(), NodeId::first(brokers).collect::<Vec<_>>());
            assert!(!facts.kafka.limited.any() && facts.kafka.reassignments.is_empty());
            for partition in moves::partitions(&plan, &facts.kafka) {
                assert_eq!(partition.replicas.len(), usize::from(replication));
                assert!(partition.replicas.iter().all(|node| node.0 <= brokers), "{partition:?}");
            }
        });
    }
}
