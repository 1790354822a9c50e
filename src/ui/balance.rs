//! What each node carries, before and after.

use super::{bytes, table};
use crate::ops::rebalance::{Balance, Load};

/// A line for each node; where something changes, from → to.
pub fn render(balance: &Balance) -> String {
    let mut rows = table::table(&["node", "replicas", "leaders", "data"]);
    let mut nodes: Vec<_> = balance.before.keys().chain(balance.after.keys()).collect();
    nodes.sort();
    nodes.dedup();
    for node in nodes {
        let before = balance.before.get(node).copied().unwrap_or_default();
        let after = balance.after.get(node).copied().unwrap_or_default();
        let cell = |what: fn(Load) -> String| {
            let (before, after) = (what(before), what(after));
            if before == after { after } else { format!("{before} → {after}") }
        };
        rows.add_row([
            node.service(),
            cell(|load| load.replicas.to_string()),
            cell(|load| load.leaders.to_string()),
            cell(|load| bytes(load.bytes)),
        ]);
    }
    table::text(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NodeId;

    #[test]
    fn what_changes_is_shown_from_and_to() {
        let load = |replicas, leaders, bytes| Load { replicas, leaders, bytes };
        let balance = Balance {
            before: [(NodeId(1), load(6, 2, 3 << 20)), (NodeId(4), load(0, 0, 0))].into(),
            after: [(NodeId(1), load(5, 2, 2 << 20)), (NodeId(4), load(1, 0, 1 << 20))].into(),
            ..Balance::default()
        };
        insta::assert_snapshot!(render(&balance), @r"
        NODE     REPLICAS  LEADERS  DATA
        kafka-1  6 → 5     2        3 MiB → 2 MiB
        kafka-4  0 → 1     0        0 B → 1 MiB
        ");
    }
}
