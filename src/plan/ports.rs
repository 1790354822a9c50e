//! Which port on 127.0.0.1 each node gets.
//!
//! Those of kdev.toml; else those remembered on the nodes' volumes, so that they stay the same over `down`,
//! reboot and `up`; else Kafka's own 9092 and up; else a block that the project's id chooses.

use std::collections::BTreeMap;

use crate::{
    error::{Error, Result},
    model::{NodeId, Project},
};

/// Kafka's usual port.
const USUAL: u16 = 9092;
/// Blocks of ten ports lie from here …
const FIRST_BLOCK: u16 = 10_000;
/// … and stay below 32768, where Linux begins to hand out ports for outgoing connections.
const BLOCKS: u16 = 2_270;
const BLOCK: u16 = 10;

/// Chooses the ports of nodes 1 to `brokers`, and of those beyond that are `remembered`.
///
/// `remembered` holds what the volumes say; `is_free` tells whether a port can be taken now.
pub fn choose(
    project: &Project,
    brokers: u8,
    given: Option<&[u16]>,
    remembered: &BTreeMap<NodeId, u16>,
    is_free: impl Fn(u16) -> bool,
) -> Result<BTreeMap<NodeId, u16>> {
    let leaving = remembered.iter().filter(|(id, _)| id.0 > brokers).map(|(&id, &port)| (id, port));
    if let Some(given) = given {
        return Ok(NodeId::first(brokers).zip(given.iter().copied()).chain(leaving).collect());
    }
    let block = |base: u16| NodeId::first(brokers).map(move |id| (id, base + u16::from(id.0) - 1));
    if let Some((&first, &port)) = remembered.first_key_value() {
        // Nodes without a volume, new ones or those whose volume was removed, take their place in the block. A new
        // one whose place is taken goes to a block of the project's own.
        let base = port.saturating_sub(u16::from(first.0) - 1).max(1);
        let last = remembered.keys().next_back().copied().unwrap_or(first);
        let place = |(id, place): (NodeId, u16)| {
            let port = remembered.get(&id).copied().unwrap_or_else(|| {
                let offset = u16::from(id.0) - 1;
                let others = bases(project).map(|base| base + offset).filter(|port| is_free(*port));
                if id < last || is_free(place) { place } else { others.into_iter().next().unwrap_or(place) }
            });
            (id, port)
        };
        return Ok(block(base).map(place).chain(leaving).collect());
    }
    std::iter::once(USUAL)
        .chain(bases(project))
        .find(|&base| block(base).all(|(_, port)| is_free(port)))
        .map(|base| block(base).collect())
        .ok_or_else(|| {
            Error::failed("no block of ports on 127.0.0.1 is free between 10000 and 32700")
                .hint("give `ports` in [kafka] in kdev.toml")
        })
}

/// The first ports of all blocks, beginning where the project's id says.
fn bases(project: &Project) -> impl Iterator<Item = u16> {
    let start = u32::from_str_radix(&project.id(), 16).unwrap_or(0) % u32::from(BLOCKS);
    (0..BLOCKS).map(move |step| {
        let number = (start + u32::from(step)) % u32::from(BLOCKS);
        FIRST_BLOCK + number as u16 * BLOCK
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> Project {
        Project { name: "blog".parse().expect("valid"), directory: "/home/me/blog".into() }
    }

    fn ports(given: Option<&[u16]>, remembered: &[(u8, u16)], is_free: impl Fn(u16) -> bool) -> Vec<u16> {
        let remembered = remembered.iter().map(|&(id, port)| (NodeId(id), port)).collect();
        choose(&project(), 3, given, &remembered, is_free).expect("chosen").into_values().collect()
    }

    #[test]
    fn the_usual_ports_where_they_are_free() {
        assert_eq!(ports(None, &[], |_| true), [9092, 9093, 9094]);
    }

    #[test]
    fn a_block_of_the_project_where_one_of_them_is_taken() {
        let first = ports(None, &[], |port| port != 9094);
        assert_eq!(first, ports(None, &[], |port| port != 9093), "the same block each time");
        assert!((10_000..32_768).contains(&first[0]), "{first:?}");
        let next = ports(None, &[], |port| port != 9094 && port != first[1]);
        assert_ne!(first, next, "a taken block is passed over");
    }

    #[test]
    fn what_the_volumes_remember_stays_even_when_taken_and_fills_gaps() {
        assert_eq!(ports(None, &[(1, 10_050), (3, 10_052)], |_| false), [10_050, 10_051, 10_052]);
    }

    #[test]
    fn a_new_node_takes_the_next_port_and_another_where_that_is_taken() {
        let four = |is_free: &dyn Fn(u16) -> bool| {
            let remembered = (1..=3).map(|id| (NodeId(id), 9091 + u16::from(id))).collect();
            choose(&project(), 4, None, &remembered, is_free).expect("chosen")[&NodeId(4)]
        };
        assert_eq!(four(&|port| port >= 9095), 9095);
        let other = four(&|port| port != 9095);
        assert!((10_000..32_768).contains(&other), "{other}");
    }

    #[test]
    fn a_node_that_leaves_keeps_its_port_until_it_is_gone() {
        let remembered = (1..=4).map(|id| (NodeId(id), 9091 + u16::from(id))).collect();
        for given in [None, Some([1, 2, 3].as_slice())] {
            let ports = choose(&project(), 3, given, &remembered, |_| false).expect("chosen");
            assert_eq!((ports.len(), ports[&NodeId(4)]), (4, 9095));
        }
    }

    #[test]
    fn the_file_has_the_last_word() {
        assert_eq!(ports(Some(&[1, 2, 3]), &[(1, 9092)], |_| true), [1, 2, 3]);
    }
}
