use proptest::{prelude::*, sample::subsequence};

use super::*;

fn node_ids(ids: &[u8]) -> Vec<NodeId> {
    ids.iter().copied().map(NodeId).collect()
}

fn partition(topic: &str, id: usize, replicas: &[u8], replication: usize) -> Partition {
    let replicas = node_ids(replicas);
    Partition { topic: topic.parse().unwrap(), id, isr: replicas.clone(), replicas, replication }
}

fn nodes(count: u8) -> BTreeSet<NodeId> {
    NodeId::first(count).collect()
}

/// How many replicas have to be copied.
fn copies(before: &[Partition], after: &[Vec<NodeId>]) -> usize {
    let new = |(partition, after): (&Partition, &Vec<NodeId>)| {
        after.iter().filter(|node| !partition.replicas.contains(node)).count()
    };
    before.iter().zip(after).map(new).sum()
}

fn loads(after: &[Vec<NodeId>], nodes: &BTreeSet<NodeId>) -> Vec<usize> {
    nodes.iter().map(|node| after.iter().filter(|replicas| replicas.contains(node)).count()).collect()
}

fn squares(loads: &[usize]) -> usize {
    loads.iter().map(|load| load * load).sum()
}

fn leading(after: &[Vec<NodeId>], nodes: &BTreeSet<NodeId>) -> Vec<usize> {
    nodes.iter().map(|node| after.iter().filter(|replicas| replicas.first() == Some(node)).count()).collect()
}

fn after_moving(before: &[Partition], after: &[Vec<NodeId>], moved: impl Fn(usize) -> bool) -> Vec<Partition> {
    let mut out = before.to_vec();
    for (index, partition) in out.iter_mut().enumerate().filter(|(index, _)| moved(*index)) {
        partition.replicas.clone_from(&after[index]);
        partition.isr.clone_from(&after[index]);
    }
    out
}

#[test]
fn a_fourth_node_gets_its_share_and_no_other_replica_moves() {
    let three = [[1, 2, 3], [2, 3, 1], [3, 1, 2], [1, 3, 2], [2, 1, 3], [3, 2, 1], [1, 2, 3], [2, 3, 1]];
    let before: Vec<_> = three.iter().enumerate().map(|(id, replicas)| partition("posts", id, replicas, 3)).collect();
    let after = assign(&before, &nodes(4), Aim::Even);
    assert_eq!(loads(&after, &nodes(4)), [6, 6, 6, 6]);
    assert_eq!(copies(&before, &after), 6);
    assert_eq!(leading(&after, &nodes(4)), [2, 2, 2, 2]);
    assert_eq!(assign(&before, &nodes(4), Aim::Least), three.map(|replicas| node_ids(&replicas)), "nothing must move");
}

#[test]
fn each_topic_is_spread_where_that_costs_no_more() {
    let mut before = Vec::new();
    for topic in ["comments", "posts"] {
        before.extend((0..4).map(|id| partition(topic, id, &[1, 2], 2)));
    }
    let after = assign(&before, &nodes(4), Aim::Even);
    for topic in [&after[..4], &after[4..]] {
        assert_eq!(loads(topic, &nodes(4)), [2, 2, 2, 2], "{after:?}");
    }
    assert_eq!(copies(&before, &after), 8);
}

#[test]
fn a_node_is_emptied_onto_the_others() {
    let before: Vec<_> =
        [[4, 1, 2], [3, 4, 1], [1, 2, 3]].iter().enumerate().map(|(id, r)| partition("posts", id, r, 3)).collect();
    let after = assign(&before, &nodes(3), Aim::Least);
    assert_eq!(copies(&before, &after), 2);
    assert!(after.iter().all(|replicas| replicas.len() == 3), "{after:?}");
    assert_eq!(after[2], node_ids(&[1, 2, 3]), "what need not move stays, and in its order");
}

#[test]
fn more_replicas_leave_the_leader_and_fewer_keep_it() {
    let before = [partition("posts", 0, &[2, 1], 3), partition("posts", 1, &[3, 1, 2], 1)];
    let after = assign(&before, &nodes(3), Aim::Least);
    assert_eq!(after, [node_ids(&[2, 1, 3]), node_ids(&[3])]);
}

#[test]
fn of_replicas_to_give_up_the_one_out_of_sync_goes() {
    let mut behind = partition("posts", 0, &[1, 2, 3], 2);
    behind.isr = node_ids(&[1, 3]);
    assert_eq!(assign(&[behind], &nodes(3), Aim::Least), [node_ids(&[1, 3])]);
}

/// Any set of a few nodes, some of which stay, and partitions with replicas on any of them.
fn world(most_nodes: u8, most_partitions: usize) -> impl Strategy<Value = (Vec<Partition>, BTreeSet<NodeId>)> {
    let ids: Vec<u8> = (1..=most_nodes).collect();
    let replicas = subsequence(ids.clone(), 1..=ids.len().min(4)).prop_shuffle();
    let partitions = proptest::collection::vec((replicas, 1usize..=4, 0usize..3), 1..=most_partitions);
    let staying = subsequence(ids.clone(), 1..=ids.len());
    (partitions, staying).prop_map(|(partitions, staying)| {
        let partitions = partitions.into_iter().enumerate().map(|(id, (replicas, replication, topic))| {
            partition(["comments", "likes", "posts"][topic], id, &replicas, replication)
        });
        (partitions.collect(), staying.into_iter().map(NodeId).collect())
    })
}

/// Every choice of as many of `nodes` as the partition should have replicas.
fn choices(partition: &Partition, nodes: &BTreeSet<NodeId>) -> Vec<Vec<NodeId>> {
    let nodes: Vec<NodeId> = nodes.iter().copied().collect();
    let wanted = partition.replication.min(nodes.len());
    (0u32..1 << nodes.len())
        .filter(|mask| mask.count_ones() as usize == wanted)
        .map(|mask| (0..nodes.len()).filter(|bit| mask & 1 << bit != 0).map(|bit| nodes[bit]).collect())
        .collect()
}

/// Tries everything: the least sum of squares, and the fewest copies that lead there.
fn best(before: &[Partition], nodes: &BTreeSet<NodeId>) -> (usize, usize) {
    let mut all: Vec<Vec<Vec<NodeId>>> = vec![Vec::new()];
    for partition in before {
        let options = choices(partition, nodes);
        all = all
            .into_iter()
            .flat_map(|so_far| options.iter().map(move |option| [so_far.clone(), vec![option.clone()]].concat()))
            .collect();
    }
    let judged = all.iter().map(|after| (squares(&loads(after, nodes)), copies(before, after)));
    judged.min().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn replicas_are_as_many_as_wanted_on_nodes_that_stay_and_none_twice((before, nodes) in world(9, 40), even: bool) {
        let aim = if even { Aim::Even } else { Aim::Least };
        let after = assign(&before, &nodes, aim);
        for (partition, after) in before.iter().zip(&after) {
            prop_assert_eq!(after.len(), partition.replication.min(nodes.len()));
            prop_assert_eq!(after.iter().collect::<BTreeSet<_>>().len(), after.len());
            prop_assert!(after.iter().all(|node| nodes.contains(node)));
            let keeps = partition.replicas.iter().any(|node| nodes.contains(node));
            if aim == Aim::Least && keeps {
                prop_assert!(after.iter().any(|node| partition.replicas.contains(node)), "{:?} to {:?}", partition, after);
            }
        }
        if even {
            let loads = loads(&after, &nodes);
            prop_assert!(loads.iter().max().unwrap() - loads.iter().min().unwrap() <= 1, "{:?}", loads);
        } else {
            // Only what is missing is copied.
            let stay = |p: &Partition| p.replicas.iter().filter(|node| nodes.contains(node)).count();
            let missing = before.iter().map(|p| p.replication.min(nodes.len()).saturating_sub(stay(p))).sum::<usize>();
            prop_assert_eq!(copies(&before, &after), missing);
        }
    }

    #[test]
    fn no_way_to_the_same_evenness_copies_less((before, nodes) in world(4, 4)) {
        let after = assign(&before, &nodes, Aim::Even);
        prop_assert_eq!((squares(&loads(&after, &nodes)), copies(&before, &after)), best(&before, &nodes));
    }

    #[test]
    fn after_any_of_the_moves_exactly_the_others_are_left((before, nodes) in world(6, 20), moved: u32) {
        let after = assign(&before, &nodes, Aim::Even);
        let some = after_moving(&before, &after, |index| moved & 1 << (index % 32) != 0);
        let rest = assign(&some, &nodes, Aim::Even);
        let done = copies(&before, &after) - copies(&some, &after);
        prop_assert_eq!(copies(&some, &rest), copies(&before, &after) - done);
        let all = after_moving(&before, &after, |_| true);
        prop_assert_eq!(assign(&all, &nodes, Aim::Even), after);
    }

    #[test]
    fn leaders_are_as_even_as_the_replicas_allow((before, nodes) in world(4, 6)) {
        let after = assign(&before, &nodes, Aim::Even);
        let mut least = vec![vec![0usize; nodes.len()]];
        for replicas in &after {
            least = least.iter().flat_map(|loads| nodes.iter().enumerate().filter(|(_, node)| replicas.contains(node)).map(move |(index, _)| {
                let mut loads = loads.clone();
                loads[index] += 1;
                loads
            })).collect();
        }
        let least = least.iter().map(|loads| squares(loads)).min().unwrap();
        prop_assert_eq!(squares(&leading(&after, &nodes)), least);
    }
}
