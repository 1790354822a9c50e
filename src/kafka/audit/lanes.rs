//! One lane for each partition: its records go to librdkafka only once all before them were answered. Pure.
//!
//! librdkafka's idempotent producer does not sleep while a partition's next batch is ready and five or more of its
//! records are under way (`rd_kafka_toppar_producer_serve`): beside a partition that is slow to answer, as where its
//! replicas move, it took all of a core, on which the nodes then waited.

use std::collections::VecDeque;

/// The records of an audit that librdkafka does not have yet, and how many it has. Records go to partitions in turn.
#[derive(Debug)]
pub struct Lanes {
    lanes: Vec<Lane>,
    /// Those where records wait and none is under way, once each.
    due: VecDeque<usize>,
}

#[derive(Clone, Debug, Default)]
struct Lane {
    waiting: Vec<u64>,
    under_way: usize,
}

impl Lanes {
    /// For a topic with so many partitions, one at least.
    pub fn new(partitions: usize) -> Self {
        Lanes { lanes: vec![Lane::default(); partitions.max(1)], due: VecDeque::new() }
    }

    fn lane_of(&self, sequence: u64) -> usize {
        let lanes = self.lanes.len() as u64;
        usize::try_from(sequence % lanes).unwrap_or(0)
    }

    /// A record is to be sent.
    pub fn add(&mut self, sequence: u64) {
        let number = self.lane_of(sequence);
        let lane = &mut self.lanes[number];
        lane.waiting.push(sequence);
        if lane.under_way == 0 && lane.waiting.len() == 1 {
            self.due.push_back(number);
        }
    }

    /// A record that was handed out was acknowledged or given up.
    pub fn answered(&mut self, sequence: u64) {
        let number = self.lane_of(sequence);
        let lane = &mut self.lanes[number];
        lane.under_way = lane.under_way.saturating_sub(1);
        if lane.under_way == 0 && !lane.waiting.is_empty() {
            self.due.push_back(number);
        }
    }

    /// Hands out all records of a partition of which none is under way.
    pub fn take(&mut self) -> Option<(usize, Vec<u64>)> {
        let number = self.due.pop_front()?;
        let lane = &mut self.lanes[number];
        lane.under_way = lane.waiting.len();
        Some((number, std::mem::take(&mut lane.waiting)))
    }

    /// The last of those that [`Lanes::take`] handed out for this partition were not taken: they wait as before.
    pub fn give_back(&mut self, number: usize, records: impl IntoIterator<Item = u64>) {
        let Some(lane) = self.lanes.get_mut(number) else { return };
        let later = std::mem::take(&mut lane.waiting);
        lane.waiting.extend(records);
        lane.under_way = lane.under_way.saturating_sub(lane.waiting.len());
        // Of a lane with records under way the last answer says that more may go.
        let is_due = lane.under_way == 0 && !lane.waiting.is_empty();
        lane.waiting.extend(later);
        if is_due {
            self.due.push_back(number);
        }
    }

    /// Whether every record was handed out.
    pub fn is_empty(&self) -> bool {
        self.lanes.iter().all(|lane| lane.waiting.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_partition_gets_more_once_all_it_has_was_answered() {
        let mut lanes = Lanes::new(2);
        (0..4).for_each(|sequence| lanes.add(sequence));
        assert_eq!(lanes.take(), Some((0, vec![0, 2])));
        assert_eq!(lanes.take(), Some((1, vec![1, 3])));
        (4..8).for_each(|sequence| lanes.add(sequence));
        assert_eq!(lanes.take(), None);
        lanes.answered(1);
        assert_eq!(lanes.take(), None, "one of two is still under way");
        lanes.answered(3);
        assert_eq!(lanes.take(), Some((1, vec![5, 7])));
        assert!(!lanes.is_empty(), "the other partition's wait");
        lanes.answered(0);
        lanes.answered(2);
        assert_eq!((lanes.take(), lanes.take()), (Some((0, vec![4, 6])), None));
        assert!(lanes.is_empty());
    }

    #[test]
    fn what_was_not_taken_goes_again_before_what_came_later() {
        let mut lanes = Lanes::new(1);
        (0..3).for_each(|sequence| lanes.add(sequence));
        assert_eq!(lanes.take(), Some((0, vec![0, 1, 2])));
        lanes.add(3);
        lanes.give_back(0, [1, 2]);
        assert_eq!(lanes.take(), None, "one is under way");
        lanes.answered(0);
        assert_eq!(lanes.take(), Some((0, vec![1, 2, 3])));
        lanes.give_back(0, [1, 2, 3]);
        assert_eq!((lanes.take(), lanes.take()), (Some((0, vec![1, 2, 3])), None), "none was under way");
    }

    proptest! {
        #[test]
        fn every_record_goes_once_and_in_order(
            partitions in 0usize..5,
            acts in proptest::collection::vec(0u8..4, 0..200),
        ) {
            let mut lanes = Lanes::new(partitions);
            let (mut next, mut under_way, mut went) = (0, VecDeque::new(), Vec::new());
            // Whatever comes in whatever order, and in the end all is taken and answered.
            let act = |lanes: &mut Lanes, act: u8, under_way: &mut VecDeque<u64>, went: &mut Vec<u64>| match act {
                1 => lanes.take().into_iter().for_each(|(_, records)| {
                    went.extend(&records);
                    under_way.extend(records);
                }),
                // One at most is taken, as where the queue is full.
                3 => lanes.take().into_iter().for_each(|(number, records)| {
                    went.extend(&records[..1]);
                    under_way.push_back(records[0]);
                    lanes.give_back(number, records[1..].iter().copied());
                }),
                _ => under_way.pop_front().into_iter().for_each(|record| lanes.answered(record)),
            };
            for what in acts {
                if what == 0 {
                    lanes.add(next);
                    next += 1;
                } else {
                    act(&mut lanes, what, &mut under_way, &mut went);
                }
            }
            while !lanes.is_empty() || !under_way.is_empty() {
                act(&mut lanes, 1, &mut under_way, &mut went);
                act(&mut lanes, 2, &mut under_way, &mut went);
            }
            let lane = |record: &u64| record % partitions.max(1) as u64;
            let mut sorted = went.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..next).collect::<Vec<_>>());
            for one in 0..partitions as u64 {
                prop_assert!(went.iter().filter(|record| lane(record) == one).is_sorted());
            }
        }
    }
}
