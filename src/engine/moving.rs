//! Moving replicas on the real cluster: what of it is looked at, and when; and its steps, but for the limit on their traffic,
//! which is in `limits`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{known::Known, live::KAFKA_PATIENCE};
use crate::{
    error::{Error, Kind, Result},
    kafka::admin::Admin,
    model::{NodeId, TopicName},
    observed::{Disk, KafkaFacts, Limited, PartitionFacts, Reassignment, TopicFacts},
    plan::Plan,
    reconcile::{
        assignment::Move,
        moves::{self, Occasion},
    },
};

pub(super) mod limits;

/// Sizes of logs are asked for this often: each node adds up its files.
const DISKS_FRESH: Duration = Duration::from_millis(500);
/// How long a change of Kafka's metadata may take to reach all nodes.
const KNOWN: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(30);
/// How far metadata may be behind the controller, as seldom as they are, and how often they are looked at then.
const UNHEARD: Duration = Duration::from_millis(200);
const MOST_UNHEARD: u32 = 10;

type Addresses = BTreeMap<NodeId, String>;
type Reassignments = BTreeMap<TopicName, BTreeMap<usize, Reassignment>>;
type Replicas = BTreeMap<TopicName, Vec<Vec<NodeId>>>;

/// What is remembered between two looks, so that not everything is asked each time.
pub(super) struct Looks {
    occasion: Occasion,
    anew: AtomicBool,
    standing: Known<Standing>,
    /// Where replicas were when none was on its way.
    at_rest: Known<Replicas>,
    last: Mutex<Last>,
}

/// Where the limit is, by those who were asked, and who is on the list of brokers.
#[derive(Clone)]
struct Standing {
    asked: BTreeSet<NodeId>,
    limited: Limited,
    registered: BTreeSet<NodeId>,
}

#[derive(Clone, Default)]
struct Last {
    /// Those of the last look, and those begun since the first.
    reassignments: Reassignments,
    begun: Reassignments,
    disks: Option<(Instant, BTreeMap<NodeId, Disk>)>,
}

impl Looks {
    pub fn new(occasion: Occasion) -> Self {
        Looks {
            occasion,
            anew: AtomicBool::new(false),
            standing: Known::default(),
            at_rest: Known::default(),
            last: Mutex::default(),
        }
    }

    /// All nodes begin with empty disks: until a step changes that there is no limit and no setting to be found, and the
    /// brokers are those that answer. Asking each would burden nodes that have just started.
    pub fn begins_anew(&self) {
        self.anew.store(true, Ordering::Relaxed);
    }

    /// Whether [`Looks::begins_anew`] still holds.
    pub fn is_anew(&self) -> bool {
        self.anew.load(Ordering::Relaxed)
    }

    /// A step begins or ends that changes what was found.
    pub fn forget(&self) {
        self.anew.store(false, Ordering::Relaxed);
        self.standing.forget();
        self.at_rest.forget();
    }

    /// These moves are about to begin. They may have ended before the next look, which finds them on no list then, while
    /// metadata that are a moment behind show the new replicas beside the old.
    pub fn begin(&self, moves: &[Move]) {
        let mut last = self.last();
        for one in moves {
            let adding = one.copies().collect();
            let removing = one.from.iter().filter(|node| !one.to.contains(node)).copied().collect();
            let begun = last.begun.entry(one.topic.clone()).or_default();
            begun.insert(one.partition, Reassignment { adding, removing });
        }
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Last> {
        // A panic while the lock was held left plain data behind, no broken invariant.
        self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The moves that are under way; where they have to be asked for, `facts` are those of a look after that.
    async fn under_way(
        &self,
        kafka: &Admin,
        at: &Addresses,
        last: &Last,
        facts: &mut KafkaFacts,
    ) -> Result<Reassignments> {
        // Where all replicas are in sync, none is on its way; nor where they are where they were when none was: a move
        // begins with another replica.
        let (asked, at_rest) = self.at_rest.get();
        if facts.in_sync() || at_rest == Some(replicas(facts)) {
            return Ok(Reassignments::new());
        }
        // First the list, then the metadata, which may be older than what the controller knows: the other way round a
        // move that ends in between would look like replicas that nobody wanted.
        let listed = kafka.reassignments().await?;
        *facts = match kafka.observe_topics(facts.clone(), KAFKA_PATIENCE).await {
            Some(facts) => facts,
            None => kafka.observe_by_one(at, KAFKA_PATIENCE).await,
        };
        let reassignments = with_unheard_of(listed, &last.reassignments, facts);
        let reassignments = with_unheard_of(reassignments, &last.begun, facts);
        if reassignments.is_empty() {
            self.at_rest.keep(asked, replicas(facts));
        }
        Ok(reassignments)
    }

    /// Adds to `facts` of a cluster with a controller, whose running nodes are `at` these addresses, what it says
    /// of moves.
    ///
    /// # Errors
    /// The cluster is too busy to answer: the facts are of no use.
    pub async fn complete(
        &self,
        kafka: &Admin,
        plan: &Plan,
        acted: bool,
        at: &Addresses,
        facts: &mut KafkaFacts,
    ) -> Result<()> {
        let last = self.last().clone();
        facts.reassignments = self.under_way(kafka, at, &last, facts).await?;
        let (ticket, standing) = self.standing.get();
        let asked: BTreeSet<NodeId> = facts.answering.keys().copied().collect();
        let standing = match standing.filter(|standing| standing.asked == asked) {
            Some(standing) => standing,
            None if self.is_anew() => Standing { limited: Limited::default(), registered: asked.clone(), asked },
            None => {
                let (limited, registered) = tokio::try_join!(limits::limited(kafka, facts), kafka.registered())?;
                Standing { asked, limited, registered }
            }
        };
        (facts.limited, facts.registered) = (standing.limited.clone(), standing.registered.clone());
        self.standing.keep(ticket, standing);
        let is_any_wanted =
            |facts: &KafkaFacts| moves::wanted(plan, facts, self.occasion).map_or(true, |moves| !moves.list.is_empty());
        // Of moves that an earlier run began this one knows only by the list: replicas beyond it are believed once they
        // stay, before anything is made of them.
        for _ in 0..MOST_UNHEARD {
            if !is_half_done(facts) || !is_any_wanted(facts) {
                break;
            }
            let before = replicas(facts);
            tokio::time::sleep(UNHEARD).await;
            self.at_rest.forget();
            facts.reassignments = self.under_way(kafka, at, &last, facts).await?;
            if replicas(facts) == before {
                break;
            }
        }
        let leaving = plan.nodes.values().any(|node| node.leaving);
        let moving = leaving
            || self.occasion == Occasion::Asked
            || facts.limited.any()
            || !facts.reassignments.is_empty()
            || is_any_wanted(facts);
        let disks = match last.disks.filter(|(at, _)| !acted && at.elapsed() < DISKS_FRESH) {
            _ if !moving => None,
            Some(disks) => Some(disks),
            None => Some((Instant::now(), kafka.disks(facts.answering.keys().copied()).await)),
        };
        facts.disks = disks.as_ref().map(|(_, disks)| disks.clone()).unwrap_or_default();
        let mut last = self.last();
        (last.reassignments, last.disks) = (facts.reassignments.clone(), disks);
        Ok(())
    }
}

fn replicas(facts: &KafkaFacts) -> Replicas {
    let of = |topic: &TopicFacts| topic.partitions.iter().map(|partition| partition.replicas.clone()).collect();
    facts.topics.iter().map(|(name, topic)| (name.clone(), of(topic))).collect()
}

/// Whether replicas are not in sync that are on no list.
fn is_half_done(facts: &KafkaFacts) -> bool {
    let is_listed = |topic, id| facts.reassignments.get(topic).is_some_and(|of| of.contains_key(&id));
    facts.topics.iter().any(|(name, topic)| {
        let partitions = topic.partitions.iter().enumerate();
        partitions.filter(|(_, p)| p.isr.len() < p.replicas.len()).any(|(id, _)| !is_listed(name, id))
    })
}

/// The list, and those of the last one of whose end the metadata have not heard.
fn with_unheard_of(listed: Reassignments, last: &Reassignments, facts: &KafkaFacts) -> Reassignments {
    let mut all = listed;
    for (topic, partitions) in last {
        for (&id, before) in partitions {
            let partition = facts.topics.get(topic).and_then(|topic| topic.partitions.get(id));
            if partition.is_some_and(|partition| is_before_the_end(partition, before)) {
                all.entry(topic.clone()).or_default().entry(id).or_insert_with(|| before.clone());
            }
        }
    }
    all
}

/// Whether metadata show a move at work: new replicas and old ones together, or new ones not in sync.
fn is_before_the_end(partition: &PartitionFacts, under_way: &Reassignment) -> bool {
    let Reassignment { adding, removing } = under_way;
    let has = |node: &NodeId| partition.replicas.contains(node);
    !adding.is_empty()
        && adding.iter().all(has)
        && (removing.iter().any(has) || adding.iter().any(|node| !partition.isr.contains(node)))
}

/// Begins moves, and waits until it can be seen that they are under way or done.
pub(super) async fn reassign(kafka: &Admin, moves: &[Move], at: &Addresses) -> Result<()> {
    kafka.reassign(moves).await?;
    let since = Instant::now();
    loop {
        let listed = kafka.reassignments().await?;
        let facts = kafka.observe(at, KAFKA_PATIENCE).await;
        let known = |one: &Move| {
            let partition = facts.topics.get(&one.topic).and_then(|topic| topic.partitions.get(one.partition));
            let has = partition.map(|partition| partition.replicas.as_slice());
            let under_way = listed.get(&one.topic).is_some_and(|of| of.contains_key(&one.partition));
            // A topic that was deleted meanwhile waits for nothing.
            let begun = has.is_none_or(|has| one.to.iter().all(|node| has.contains(node)));
            begun && (under_way || has.is_none_or(|has| has == one.to))
        };
        if moves.iter().all(known) {
            return Ok(());
        }
        pause(since).await?;
    }
}

/// Takes a broker off the list, and waits until it can be seen.
pub(super) async fn unregister(kafka: &Admin, node: NodeId) -> Result<()> {
    kafka.unregister(node).await?;
    let since = Instant::now();
    while kafka.registered().await?.contains(&node) {
        pause(since).await?;
    }
    Ok(())
}

/// A pause before looking again, unless it has been too long.
async fn pause(since: Instant) -> Result<()> {
    if since.elapsed() > KNOWN {
        return Err(Error::new(Kind::TimedOut, "the cluster accepted it, and does not show it").hint("kdev status"));
    }
    tokio::time::sleep(PAUSE).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{
        config::{check, machine::Machine},
        kafka::admin::tests::nodes::{asked_for_moves, replicas_on},
        plan::build::{self, Known},
    };

    #[tokio::test]
    async fn moves_are_asked_for_again_once_a_replica_is_elsewhere() {
        let fake = replicas_on([2, 2, 2, 2, 3]).await;
        let at = BTreeMap::from([(NodeId(1), fake.addresses[0].clone())]);
        let (kafka, looks) = (Admin::for_nodes(&at), Looks::new(Occasion::Needed));
        // How often the list was asked for after each look. The second look of the first is the second Metadata.
        for lists in [1, 1, 1, 2, 2] {
            let mut facts = kafka.observe_by_one(&at, KAFKA_PATIENCE).await;
            looks.under_way(&kafka, &at, &Last::default(), &mut facts).await.unwrap();
            assert_eq!(asked_for_moves(&fake), lists);
        }
        looks.forget();
        let mut facts = kafka.observe_by_one(&at, KAFKA_PATIENCE).await;
        looks.under_way(&kafka, &at, &Last::default(), &mut facts).await.unwrap();
        assert_eq!(asked_for_moves(&fake), 3);
    }

    fn nodes(ids: &[u8]) -> Vec<NodeId> {
        ids.iter().copied().map(NodeId).collect()
    }

    #[test]
    fn a_move_whose_end_the_metadata_lack_is_still_under_way() {
        let topic: TopicName = "posts".parse().unwrap();
        let before = Reassignment { adding: nodes(&[4]), removing: nodes(&[3]) };
        let last = BTreeMap::from([(topic.clone(), BTreeMap::from([(0, before)]))]);
        let still = |replicas: &[u8], isr: &[u8]| {
            let mut facts = KafkaFacts::default();
            let partition = PartitionFacts { leader: None, replicas: nodes(replicas), isr: nodes(isr) };
            facts.topics.entry(topic.clone()).or_default().partitions.push(partition);
            !with_unheard_of(Reassignments::new(), &last, &facts).is_empty()
        };
        assert!(still(&[4, 1, 2, 3], &[1, 2, 3, 4]), "the old replica is still there");
        assert!(still(&[4, 1, 2], &[1, 2]), "the new one is not in sync");
        assert!(!still(&[4, 1, 2], &[1, 2, 4]), "it is done");
        assert!(!still(&[1, 2, 3], &[1, 2, 3]), "it was called off");
    }

    #[tokio::test]
    async fn what_a_step_began_is_under_way_until_the_metadata_show_its_end() {
        let fake = replicas_on([2]).await;
        let at = BTreeMap::from([(NodeId(1), fake.addresses[0].clone())]);
        let (kafka, looks) = (Admin::for_nodes(&at), Looks::new(Occasion::Needed));
        let topic: TopicName = "posts".parse().unwrap();
        looks.begin(&[Move { topic: topic.clone(), partition: 0, from: nodes(&[1]), to: nodes(&[2]) }]);
        let mut facts = kafka.observe_by_one(&at, KAFKA_PATIENCE).await;
        let last = looks.last().clone();
        let found = looks.under_way(&kafka, &at, &last, &mut facts).await.unwrap();
        let begun = Reassignment { adding: nodes(&[2]), removing: nodes(&[1]) };
        assert_eq!(found, BTreeMap::from([(topic, BTreeMap::from([(0, begun)]))]), "it is on no list");
    }

    fn of_one_node() -> Plan {
        let toml = "name = \"blog\"\n[kafka]\nbrokers = 1\n";
        let settings = check::file(None, Path::new("/home/me/kdev.toml"), toml, &Machine::default()).unwrap();
        let (volumes, digests) = (BTreeMap::new(), BTreeMap::new());
        let known = Known { volumes: &volumes, is_free: &|_| true, digests: &digests, new_cluster: "x".to_owned() };
        build::build(&settings, &known).unwrap()
    }

    #[tokio::test]
    async fn replicas_on_no_list_are_believed_once_they_stay() {
        let plan = of_one_node();
        for (shown, wanted) in [([2, 2, 1], true), ([2, 2, 2], false)] {
            let fake = replicas_on(shown).await;
            let at = BTreeMap::from([(NodeId(1), fake.addresses[0].clone())]);
            let (kafka, looks) = (Admin::for_nodes(&at), Looks::new(Occasion::Needed));
            looks.begins_anew();
            let mut facts = kafka.observe_by_one(&at, KAFKA_PATIENCE).await;
            looks.complete(&kafka, &plan, false, &at, &mut facts).await.unwrap();
            assert_eq!(moves::wanted(&plan, &facts, Occasion::Needed).is_ok(), wanted, "{shown:?}");
        }
    }
}
