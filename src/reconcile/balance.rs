//! Units evened out over nodes by the fewest moves: the arithmetic under [`super::assignment`], which knows of no
//! Kafka.
//!
//! Each item (a partition) has units (its replicas, or its leadership) on some nodes. The nodes' loads are to be as
//! even as can be (the least sum of squares), and of all ways to get there the one that takes the fewest units from
//! the node where they were. That is a minimum-cost flow. It is found by successive shortest paths: from node to
//! node, since there are at most nine of them, so that thousands of items take milliseconds.

/// What may go where, and where it was.
pub(super) trait Items {
    /// Whether a unit of `item` may be on `node`.
    fn may_be(&self, item: usize, node: usize) -> bool;
    /// Whether `item` had a unit on `node` at the start: there it costs nothing.
    fn was_on(&self, item: usize, node: usize) -> bool;
    /// Items of one group are spread over the nodes among themselves too, where that costs nothing.
    fn group(&self, item: usize) -> usize;
}

/// How much one node's overload counts against one unit moved: more than the longest path can cost.
const EVENNESS: i64 = 1_000;

/// Evens out `at`, which holds the nodes of each item's units, over nodes `0..nodes`.
///
/// Without `disturb`, only units that are not where they were at the start are moved.
pub(super) fn even_out(at: &mut [Vec<usize>], nodes: usize, groups: usize, items: &impl Items, disturb: bool) {
    let mut loads = Loads::of(at, nodes, groups, items);
    loop {
        let edges = Edges::of(at, nodes, items, disturb);
        let paths = Paths::shortest(&edges);
        let Some((from, to)) = paths.best(&loads.nodes) else { return };
        let route = paths.route(from, to);
        let mut spare: Vec<Vec<usize>> = route.windows(2).map(|hop| edges.items(hop[0], hop[1]).to_vec()).collect();
        let mut used = vec![false; at.len()];
        // The same route again and again, as long as it pays: each item goes at most one hop a round.
        while gain(&loads.nodes, from, to) + paths.cost(from, to) < 0 {
            let mut chosen = Vec::new();
            for (hop, spare) in route.windows(2).zip(&mut spare) {
                let Some(item) = loads.take(spare, &used, hop[0], hop[1], at, items) else { break };
                used[item] = true;
                chosen.push(item);
            }
            if chosen.len() + 1 < route.len() {
                break;
            }
            for (hop, &item) in route.windows(2).zip(&chosen) {
                if let Some(unit) = at[item].iter_mut().find(|unit| **unit == hop[0]) {
                    *unit = hop[1];
                }
                loads.moved(items.group(item), hop[0], hop[1]);
            }
        }
    }
}

/// What a unit more on `to` and one less on `from` changes in the sum of squares, weighed.
fn gain(loads: &[i64], from: usize, to: usize) -> i64 {
    if from == to { 0 } else { 2 * EVENNESS * (loads[to] - loads[from] + 1) }
}

struct Loads {
    nodes: Vec<i64>,
    /// By group, then node.
    groups: Vec<Vec<i64>>,
}

impl Loads {
    fn of(at: &[Vec<usize>], nodes: usize, groups: usize, items: &impl Items) -> Self {
        let mut loads = Loads { nodes: vec![0; nodes], groups: vec![vec![0; nodes]; groups] };
        for (item, units) in at.iter().enumerate() {
            for &node in units {
                loads.nodes[node] += 1;
                loads.groups[items.group(item)][node] += 1;
            }
        }
        loads
    }

    fn moved(&mut self, group: usize, from: usize, to: usize) {
        self.nodes[from] -= 1;
        self.nodes[to] += 1;
        self.groups[group][from] -= 1;
        self.groups[group][to] += 1;
    }

    /// Takes the item out of `spare` whose move evens out its group most; among equals one that does not have its
    /// first unit there.
    fn take(
        &self,
        spare: &mut Vec<usize>,
        used: &[bool],
        from: usize,
        to: usize,
        at: &[Vec<usize>],
        items: &impl Items,
    ) -> Option<usize> {
        spare.retain(|&item| !used[item]);
        let group = |item: usize| &self.groups[items.group(item)];
        let best = spare
            .iter()
            .enumerate()
            .max_by_key(|&(index, &item)| {
                let first = at[item].first() == Some(&from);
                (group(item)[from] - group(item)[to], !first, std::cmp::Reverse(index))
            })
            .map(|(index, _)| index)?;
        Some(spare.remove(best))
    }
}

/// For each pair of nodes, the cheapest units that can go from the one to the other.
struct Edges {
    nodes: usize,
    cells: Vec<Option<(i64, Vec<usize>)>>,
}

impl Edges {
    fn of(at: &[Vec<usize>], nodes: usize, items: &impl Items, disturb: bool) -> Self {
        let mut cells: Vec<Option<(i64, Vec<usize>)>> = vec![None; nodes * nodes];
        let price = |item, node| i64::from(!items.was_on(item, node));
        for (item, units) in at.iter().enumerate() {
            for &from in units {
                let targets = (0..nodes).filter(|to| !units.contains(to) && items.may_be(item, *to));
                for to in targets {
                    let cost = price(item, to) - price(item, from);
                    if cost > 0 && !disturb {
                        continue;
                    }
                    let cell = &mut cells[from * nodes + to];
                    match cell {
                        Some((least, found)) if *least == cost => found.push(item),
                        Some((least, _)) if *least < cost => {}
                        _ => *cell = Some((cost, vec![item])),
                    }
                }
            }
        }
        Edges { nodes, cells }
    }

    fn items(&self, from: usize, to: usize) -> &[usize] {
        self.cells[from * self.nodes + to].as_ref().map_or(&[], |(_, items)| items)
    }
}

/// All shortest paths between nodes (Floyd and Warshall).
struct Paths {
    nodes: usize,
    costs: Vec<Option<i64>>,
    next: Vec<usize>,
}

impl Paths {
    fn shortest(edges: &Edges) -> Self {
        let nodes = edges.nodes;
        let mut paths = Paths {
            nodes,
            costs: edges.cells.iter().map(|cell| cell.as_ref().map(|(cost, _)| *cost)).collect(),
            next: (0..nodes * nodes).map(|cell| cell % nodes).collect(),
        };
        for over in 0..nodes {
            for from in 0..nodes {
                for to in 0..nodes {
                    // No cycle ever costs less than nothing: the start moves nothing that could be spared, and
                    // shortest paths keep it so.
                    if from == over || over == to || from == to {
                        continue;
                    }
                    let (Some(first), Some(second)) =
                        (paths.costs[from * nodes + over], paths.costs[over * nodes + to])
                    else {
                        continue;
                    };
                    let cell = from * nodes + to;
                    if paths.costs[cell].is_none_or(|known| first + second < known) {
                        paths.costs[cell] = Some(first + second);
                        paths.next[cell] = paths.next[from * nodes + over];
                    }
                }
            }
        }
        paths
    }

    fn cost(&self, from: usize, to: usize) -> i64 {
        self.costs[from * self.nodes + to].unwrap_or(0)
    }

    /// The pair of nodes between which a move pays most.
    fn best(&self, loads: &[i64]) -> Option<(usize, usize)> {
        let pairs = (0..self.nodes).flat_map(|from| (0..self.nodes).map(move |to| (from, to)));
        pairs
            .filter(|(from, to)| from != to && self.costs[from * self.nodes + to].is_some())
            .map(|(from, to)| (gain(loads, from, to) + self.cost(from, to), from, to))
            .filter(|(total, _, _)| *total < 0)
            .min()
            .map(|(_, from, to)| (from, to))
    }

    fn route(&self, from: usize, to: usize) -> Vec<usize> {
        let mut route = vec![from];
        // A path visits each node at most once.
        while let Some(&last) = route.last()
            && last != to
            && route.len() <= self.nodes
        {
            route.push(self.next[last * self.nodes + to]);
        }
        route
    }
}
