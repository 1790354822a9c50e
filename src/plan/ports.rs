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

/// Chooses the ports of nodes 1 to `brokers`.
///
/// `remembered` holds what the volumes say; `is_free` tells whether a port can be taken now.
pub fn choose(
    project: &Project,
    brokers: u8,
    given: Option<&[u16]>,
    remembered: &BTreeMap<NodeId, u16>,
    is_free: impl Fn(u16) -> bool,
) -> Result<BTreeMap<NodeId, u16>> {
    if let Some(given) = given {
        return Ok(NodeId::first(brokers).zip(given.iter().copied()).collect());
    }
    let block = |base: u16| NodeId::first(brokers).map(move |id| (id, base + u16::from(id.0) - 1));
    if let Some((&first, &port)) = remembered.first_key_value() {
        // Nodes without a volume, new ones or those whose volume was removed, take their place in the block.
        let base = port.saturating_sub(u16::from(first.0) - 1).max(1);
        return Ok(block(base).map(|(id, port)| (id, remembered.get(&id).copied().unwrap_or(port))).collect());
    }
    let start = u32::from_str_radix(&project.id(), 16).unwrap_or(0) % u32::from(BLOCKS);
    let bases = (0..BLOCKS).map(|step| {
        let number = (start + u32::from(step)) % u32::from(BLOCKS);
        FIRST_BLOCK + number as u16 * BLOCK
    });
    std::iter::once(USUAL)
        .chain(bases)
        .find(|&base| block(base).all(|(_, port)| is_free(port)))
        .map(|base| block(base).collect())
        .ok_or_else(|| {
            Error::failed("no block of ports on 127.0.0.1 is free between 10000 and 32700")
                .hint("give `ports` in [kafka] in kdev.toml")
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
    fn the_file_has_the_last_word() {
        assert_eq!(ports(Some(&[1, 2, 3]), &[(1, 9092)], |_| true), [1, 2, 3]);
    }
}
