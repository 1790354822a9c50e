//! Topics as code: what is done to them, what is held back, and what nobody touches.

use std::{collections::BTreeSet, sync::Arc};

use kdev::{
    engine::{World, simulated::Simulated},
    event::{Events, StepProgress},
    model::{NodeId, TopicName},
    observed::{ContainerState, Observed, PartitionFacts, TopicFacts},
    plan::Plan,
    reconcile::{Blocked, Next, Permission, Step, Waiting, up as reconcile_up},
};
use proptest::prelude::*;

use super::worlds::{plan, run_until, settings, up};

/// A world that is up, with these topics beside those of kdev.toml.
async fn world_with(others: &[&str]) -> Observed {
    let plan = planned("", &Observed::default());
    let world = Arc::new(Simulated::new(plan.clone(), Observed::default()));
    up(&world, &plan, None).await.unwrap();
    let mut observed = world.facts();
    for name in others {
        observed.kafka.topics.insert(topic(name), facts());
    }
    observed
}

/// A topic as a cluster of three has it: some settings in force are the brokers'.
fn facts() -> TopicFacts {
    let replicas: Vec<NodeId> = NodeId::first(3).collect();
    let partition = PartitionFacts { leader: None, isr: replicas.clone(), replicas };
    let inherited = [("retention.ms", "604800000"), ("retention.bytes", "-1"), ("cleanup.policy", "delete")];
    let inherited = inherited.map(|(name, value)| (name.to_owned(), value.to_owned()));
    TopicFacts { partitions: vec![partition; 6], config: [].into(), inherited: inherited.into() }
}

fn topic(name: &str) -> TopicName {
    name.parse().unwrap()
}

fn planned(topics: &str, observed: &Observed) -> Plan {
    let toml = format!("name = \"blog\"\n[topics.posts]\npartitions = 6\n{topics}");
    plan(&settings(&toml), observed)
}

fn look(plan: &Plan, permission: &Permission, observed: &Observed) -> Next {
    reconcile_up::next_permitted(plan, true, permission, observed).unwrap()
}

fn told(steps: &[Step]) -> Vec<String> {
    steps.iter().map(ToString::to_string).collect()
}

#[tokio::test(flavor = "current_thread")]
async fn a_topic_that_the_file_does_not_name_is_left_alone() {
    let observed = world_with(&["scratch", "__consumer_offsets"]).await;
    assert_eq!(look(&planned("", &observed), &Permission::Everything, &observed), Next::default());
}

#[tokio::test(flavor = "current_thread")]
async fn prune_deletes_what_was_permitted_and_never_kafkas_own() {
    let observed = world_with(&["a", "b", "__consumer_offsets"]).await;
    let plan = planned("[topics]\nprune = true\n", &observed);
    let next = look(&plan, &Permission::Nothing, &observed);
    assert_eq!(told(&next.steps), [""; 0]);
    assert_eq!(
        told(&next.held),
        ["delete topic a, which kdev.toml does not name", "delete topic b, which kdev.toml does not name"]
    );
    let permission = Permission::These(BTreeSet::from([Step::DeleteTopic { topic: topic("a") }]));
    let world = Arc::new(Simulated::new(plan.clone(), observed));
    run_until(&world, None, |observed| reconcile_up::next_permitted(&plan, true, &permission, observed)).await.unwrap();
    let left: Vec<String> = world.facts().kafka.topics.keys().map(ToString::to_string).collect();
    assert_eq!(left, ["__consumer_offsets", "b", "posts"]);
}

#[tokio::test(flavor = "current_thread")]
async fn shorter_retention_waits_for_permission_and_all_else_goes_on() {
    let mut observed = world_with(&[]).await;
    observed.kafka.topics.insert(topic("posts"), facts());
    let config = "[topics.posts.config]\n\"retention.ms\" = 60000\n\"retention.bytes\" = -1\n\"segment.ms\" = 1000\n";
    let plan = planned(config, &observed);
    let next = look(&plan, &Permission::Nothing, &observed);
    assert_eq!(told(&next.held), ["set retention.ms of topic posts: 604800000 to 60000"]);
    assert_eq!(
        told(&next.steps),
        ["set retention.bytes of topic posts to -1, which it inherits now", "set segment.ms of topic posts to 1000"]
    );
    let all = look(&plan, &Permission::Everything, &observed);
    assert_eq!((all.steps.len(), all.held.len()), (3, 0));
}

#[tokio::test(flavor = "current_thread")]
async fn a_setting_in_kafkas_own_spelling_is_no_change() {
    let mut observed = world_with(&[]).await;
    let plan = planned("[topics.posts.config]\n\"cleanup.policy\" = \"compact, delete\"\n\"x.ms\" = 5\n", &observed);
    let posts = observed.kafka.topics.get_mut(&topic("posts")).unwrap();
    posts.config =
        [("cleanup.policy".to_owned(), "compact,delete".to_owned()), ("x.ms".to_owned(), "5".to_owned())].into();
    posts.config.insert("set.by.hand".to_owned(), "1".to_owned());
    assert_eq!(look(&plan, &Permission::Everything, &observed), Next::default());
}

#[tokio::test(flavor = "current_thread")]
async fn fewer_partitions_are_refused() {
    let observed = world_with(&[]).await;
    let toml = "name = \"blog\"\n[topics.posts]\npartitions = 3\n";
    let blocked = reconcile_up::next(&plan(&settings(toml), &observed), true, &observed).unwrap_err();
    assert_eq!(blocked, Blocked::FewerPartitions { topic: topic("posts"), has: 6, wanted: 3 });
}

/// What a topic of the file may have become: its settings, or whether it is there at all.
fn setting() -> impl Strategy<Value = (String, String)> {
    let name = prop_oneof![Just("retention.ms"), Just("retention.bytes"), Just("cleanup.policy"), Just("segment.ms")];
    let value = prop_oneof![Just("-1"), Just("1000"), Just("86400000"), Just("compact"), Just("delete")];
    (name, value).prop_map(|(name, value)| (name.to_owned(), value.to_owned()))
}

proptest! {
    #[test]
    fn nothing_that_takes_records_away_is_done_without_permission_for_that_very_step(
        cluster in proptest::collection::vec(setting(), 0..4),
        file in proptest::collection::vec(setting(), 0..4),
        others in proptest::sample::subsequence(vec!["a", "b", "__own"], 0..=3),
        prune in any::<bool>(),
        permitted in proptest::collection::vec(any::<bool>(), 8),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut observed = world_with(&others).await;
            observed.kafka.topics.insert(topic("posts"), TopicFacts { config: cluster.into_iter().collect(), ..facts() });
            let file: std::collections::BTreeMap<String, String> = file.into_iter().collect();
            let config: String = file.iter().map(|(name, value)| format!("\"{name}\" = \"{value}\"\n")).collect();
            let plan = planned(&format!("[topics.posts.config]\n{config}[topics]\nprune = {prune}\n"), &observed);
            let held = look(&plan, &Permission::Nothing, &observed).held;
            let allowed: BTreeSet<Step> =
                held.iter().zip(&permitted).filter(|(_, yes)| **yes).map(|(step, _)| step.clone()).collect();
            let refused = held.len() - allowed.len();
            let permission = Permission::These(allowed.clone());
            let world = Arc::new(Simulated::new(plan.clone(), observed));
            for _ in 0..50 {
                let facts = world.facts();
                let next = look(&plan, &permission, &facts);
                let Some(step) = next.steps.first() else { break };
                assert!(!step.change().destructive || allowed.contains(step), "{step} was not permitted");
                world.apply(step, &StepProgress::new(0, Events::channel().0)).await.unwrap();
            }
            let end = world.facts();
            let next = look(&plan, &permission, &end);
            assert!(next.is_reached() && next.held.len() == refused, "{next:?}");
            let pruned = |name: &&str| prune && allowed.contains(&Step::DeleteTopic { topic: topic(name) });
            for name in others.iter().filter(|name| !pruned(name)) {
                assert!(end.kafka.topics.contains_key(&topic(name)), "{name} is gone");
            }
        });
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_topic_is_made_once_the_controller_lists_all_nodes_whether_or_not_they_answer() {
    let mut observed = world_with(&[]).await;
    let plan = planned("[topics.users]\npartitions = 1\n[topics.posts.config]\n\"retention.bytes\" = 1\n", &observed);
    let [controller, other, last] = [1, 2, 3].map(NodeId);
    observed.kafka.controller = Some(controller);
    observed.kafka.answering.remove(&last);
    let steps = |observed: &Observed| told(&look(&plan, &Permission::Everything, observed).steps);
    // The other topic's setting is compared once all can be asked.
    assert_eq!(steps(&observed), ["create topic users (1 partitions, replication 3)"]);
    let mut unlisted = observed.clone();
    unlisted.kafka.answering.get_mut(&controller).unwrap().remove(&last);
    assert_eq!(steps(&unlisted), [""; 0]);
    let mut silent = observed.clone();
    silent.kafka.answering.remove(&controller);
    assert!(silent.kafka.answering.contains_key(&other));
    assert_eq!(steps(&silent), [""; 0]);
    let mut down = observed.clone();
    let ends = |c: &mut kdev::observed::ContainerFacts| c.state = ContainerState::Exited { code: 0, oom: false };
    down.docker.containers.iter_mut().filter(|c| c.service == "kafka-3").for_each(ends);
    assert_eq!(steps(&down), ["start kafka-3"]);
}

#[tokio::test(flavor = "current_thread")]
async fn a_topic_that_not_all_nodes_list_is_waited_for() {
    let mut observed = world_with(&[]).await;
    let plan = planned("", &observed);
    assert_eq!(look(&plan, &Permission::Everything, &observed), Next::default());
    observed.kafka.unheard = BTreeSet::from([topic("posts"), topic("somebody-elses")]);
    let next = look(&plan, &Permission::Everything, &observed);
    assert_eq!((next.steps, next.waiting), (Vec::new(), vec![Waiting::Unheard(topic("posts"))]));
}
