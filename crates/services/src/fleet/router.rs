//! The `InstanceRouter`: which node a workspace's sessions land on. Pure.
//!
//! Weighted rendezvous hashing: every node gets a score from the workspace's id, its own id and its capacity; the highest wins. A node
//! that joins or leaves changes only the choices that it wins or had won. Source: Schindelhauer & Schomaker, «Weighted distributed hash
//! tables», 2005 (logarithmic method).

use blazz_domain::{NodeId, WorkspaceId};
use sha2::{Digest as _, Sha256};

/// A node that could take a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub node_id: NodeId,
    /// How many sessions it may hold: its weight.
    pub capacity: u32,
    /// How many it holds.
    pub assigned: u32,
}

impl Candidate {
    /// Whether another session fits.
    #[must_use]
    pub const fn has_room(&self) -> bool {
        self.assigned < self.capacity
    }
}

/// Chooses nodes for workspaces.
#[derive(Debug, Clone, Copy, Default)]
pub struct InstanceRouter;

impl InstanceRouter {
    /// The candidates, the workspace's first choice first. Whether they have room does not matter here.
    #[must_use]
    pub fn rank(workspace_id: WorkspaceId, mut candidates: Vec<Candidate>) -> Vec<Candidate> {
        candidates.sort_by_cached_key(|node| Descending(score(workspace_id, node)));
        candidates
    }

    /// The highest in rank that has room.
    #[must_use]
    pub fn choose(workspace_id: WorkspaceId, candidates: Vec<Candidate>) -> Option<Candidate> {
        candidates
            .into_iter()
            .filter(Candidate::has_room)
            .max_by(|a, b| score(workspace_id, a).total_cmp(&score(workspace_id, b)))
    }
}

/// Sorts the largest first.
struct Descending(f64);

impl PartialEq for Descending {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Descending {}
impl PartialOrd for Descending {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Descending {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.0.total_cmp(&self.0)
    }
}

fn score(workspace_id: WorkspaceId, node: &Candidate) -> f64 {
    -f64::from(node.capacity) / unit(workspace_id, &node.node_id).ln()
}

/// A number strictly between 0 and 1, the same for the same pair, evenly spread over pairs.
fn unit(workspace_id: WorkspaceId, node_id: &NodeId) -> f64 {
    let digest =
        Sha256::new().chain_update(workspace_id.0.as_bytes()).chain_update(node_id.as_str()).finalize();
    let (high, low) = match *digest {
        [a, b, c, d, e, f, g, h, ..] => (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])),
        _ => (0, 0),
    };
    // 48 of the 64 bits: with more, the sum could round up to 1.
    let fraction = f64::from(high) + (f64::from(low >> 16) + 0.5) / 65_536.0;
    fraction / 4_294_967_296.0
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn node(n: usize, capacity: u32, assigned: u32) -> Candidate {
        Candidate { node_id: format!("node-{n}").parse().unwrap(), capacity, assigned }
    }

    fn workspace(n: u128) -> WorkspaceId {
        WorkspaceId(Uuid::from_u128(n))
    }

    /// How many of `total` workspaces each node gets.
    fn spread(nodes: &[Candidate], total: u128) -> HashMap<NodeId, u32> {
        let mut counts = HashMap::new();
        for n in 0..total {
            let chosen = InstanceRouter::choose(workspace(n), nodes.to_vec()).unwrap();
            *counts.entry(chosen.node_id).or_insert(0) += 1;
        }
        counts
    }

    #[test]
    fn equal_nodes_get_equal_shares() {
        let nodes: Vec<_> = (0..5).map(|n| node(n, 100, 0)).collect();
        let counts = spread(&nodes, 10_000);
        assert_eq!(counts.len(), 5);
        // Five standard deviations of a binomial share of a fifth are 200.
        assert!(counts.values().all(|c| c.abs_diff(2000) < 200), "{counts:?}");
    }

    #[test]
    fn shares_follow_weights() {
        let counts = spread(&[node(0, 100, 0), node(1, 300, 0)], 10_000);
        assert!(counts[&node(1, 0, 0).node_id].abs_diff(7500) < 220, "{counts:?}");
    }

    proptest! {
        #[test]
        fn a_new_node_takes_only_what_it_wins(id: u128, capacities in prop::collection::vec(1u32..1000, 1..12), capacity in 1u32..1000) {
            let mut nodes: Vec<_> = capacities.iter().enumerate().map(|(n, c)| node(n, *c, 0)).collect();
            let before = InstanceRouter::choose(workspace(id), nodes.clone()).unwrap();
            let joined = node(nodes.len(), capacity, 0);
            nodes.push(joined.clone());
            let after = InstanceRouter::choose(workspace(id), nodes).unwrap();
            prop_assert!(after == before || after == joined);
        }

        #[test]
        fn a_full_node_hands_on_to_the_next_in_rank(id: u128, full in prop::collection::vec(any::<bool>(), 1..12)) {
            let nodes: Vec<_> = full.iter().enumerate().map(|(n, full)| node(n, 10, if *full { 10 } else { 3 })).collect();
            let expected = InstanceRouter::rank(workspace(id), nodes.clone()).into_iter().find(Candidate::has_room);
            prop_assert_eq!(InstanceRouter::choose(workspace(id), nodes), expected);
        }

        #[test]
        fn the_order_of_candidates_does_not_matter(id: u128, count in 1usize..12, turn in 0usize..12) {
            let nodes: Vec<_> = (0..count).map(|n| node(n, 10, 0)).collect();
            let mut turned = nodes.clone();
            turned.rotate_left(turn % count);
            prop_assert_eq!(InstanceRouter::rank(workspace(id), nodes), InstanceRouter::rank(workspace(id), turned));
        }

        #[test]
        fn units_stay_inside_their_bounds(id: u128, n in 0usize..1000) {
            let unit = unit(workspace(id), &node(n, 1, 0).node_id);
            prop_assert!(unit > 0.0 && unit < 1.0);
        }
    }
}
