//! What goes wrong when: made of a seed alone, so that it can be had again.

use std::fmt;
use std::time::Duration;

use crate::fleet::Cut;

/// What the schedule is made for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// For how long something may begin.
    pub(crate) length: Duration,
    pub(crate) nodes: usize,
    pub(crate) apis: usize,
    /// After how long without a heartbeat a node counts as lost.
    pub(crate) node_ttl: Duration,
    /// The longest time between two disturbances.
    pub(crate) pace: Duration,
    /// Whether a second process of a node may be started: only where sessions can move.
    pub(crate) twins: bool,
}

/// Something that goes wrong for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Disturbance {
    /// When it begins, since the start.
    pub(crate) at: Duration,
    pub(crate) what: What,
    /// How long it lasts; then it is made good.
    pub(crate) lasts: Duration,
}

/// What goes wrong. Numbers are places in the fleet's lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    KillNode(usize),
    PauseNode(usize),
    /// The node's calls to the API, the API's calls to it, or both.
    CutNode(usize, Way, Cut),
    /// A node stands still, another process with its id is started, and the first one wakes.
    TwinNode(usize),
    KillApi(usize),
    PauseApi(usize),
    KillPostgres,
    KillRedis,
    PauseRedis,
}

/// A direction between a node and the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    ToApi,
    FromApi,
    Both,
}

impl What {
    /// Whether a process is killed.
    pub(crate) const fn is_kill(self) -> bool {
        matches!(
            self,
            Self::KillNode(_) | Self::TwinNode(_) | Self::KillApi(_) | Self::KillPostgres | Self::KillRedis
        )
    }

    /// The node that it is about.
    pub(crate) const fn node(self) -> Option<usize> {
        match self {
            Self::KillNode(node) | Self::PauseNode(node) | Self::TwinNode(node) | Self::CutNode(node, ..) => {
                Some(node)
            }
            _ => None,
        }
    }

    /// What cannot be disturbed twice at the same time.
    fn victim(self) -> (u8, usize) {
        match self {
            Self::KillApi(api) | Self::PauseApi(api) => (1, api),
            Self::KillPostgres => (2, 0),
            Self::KillRedis | Self::PauseRedis => (3, 0),
            _ => (0, self.node().unwrap_or_default()),
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KillNode(node) => write!(f, "kill node-{}", node + 1),
            Self::PauseNode(node) => write!(f, "pause node-{}", node + 1),
            Self::CutNode(node, way, cut) => write!(f, "cut node-{} ({way:?}, {cut:?})", node + 1),
            Self::TwinNode(node) => write!(f, "twin of node-{}", node + 1),
            Self::KillApi(api) => write!(f, "kill api-{}", api + 1),
            Self::PauseApi(api) => write!(f, "pause api-{}", api + 1),
            Self::KillPostgres => write!(f, "kill PostgreSQL"),
            Self::KillRedis => write!(f, "kill Redis"),
            Self::PauseRedis => write!(f, "pause Redis"),
        }
    }
}

/// Everything that goes wrong in one run.
pub(crate) fn schedule(seed: u64, shape: &Shape) -> Vec<Disturbance> {
    let mut dice = Dice(seed);
    let mut planned: Vec<Disturbance> = Vec::new();
    let mut at = Duration::from_millis(500);
    while at < shape.length {
        // The draws are made in any case, so that what follows does not depend on what was free.
        let (what, lasts) = draw(&mut dice, shape);
        if is_free(&planned, at, what, shape) {
            planned.push(Disturbance { at, what, lasts });
        }
        at += dice.between(shape.pace / 4, shape.pace);
    }
    planned
}

fn draw(dice: &mut Dice, shape: &Shape) -> (What, Duration) {
    let (node, api) = (dice.below(shape.nodes), dice.below(shape.apis));
    let (short, ttl) = (Duration::from_millis(100), shape.node_ttl);
    let way =
        [Way::ToApi, Way::FromApi, Way::Both, Way::Both].get(dice.below(4)).copied().unwrap_or(Way::Both);
    let cut = if dice.below(2) == 0 { Cut::Closed } else { Cut::Silent };
    let past_the_lease = dice.between(ttl + Duration::from_secs(2), ttl + Duration::from_secs(6));
    let brief = dice.between(short, ttl / 2);
    let down = dice.between(short, Duration::from_secs(3));
    // Now and then a pause or a cut is over before anybody has counted the node out.
    let long = if dice.below(4) == 0 { brief } else { past_the_lease };
    match dice.below(100) {
        0..35 => (What::KillNode(node), if dice.below(3) == 0 { past_the_lease } else { down }),
        35..47 => (What::PauseNode(node), long),
        47..59 => (What::CutNode(node, way, cut), long),
        59..64 if shape.twins => (What::TwinNode(node), past_the_lease),
        59..78 => (What::KillApi(api), down),
        78..81 => (What::PauseApi(api), brief),
        81..90 => (What::KillPostgres, down),
        90..95 => (What::KillRedis, down),
        _ => (What::PauseRedis, down),
    }
}

/// How long what was disturbed is left alone afterwards.
const REST: Duration = Duration::from_secs(2);

/// Whether nothing else is wrong with the victim then, and another node is left that works.
fn is_free(planned: &[Disturbance], at: Duration, what: What, shape: &Shape) -> bool {
    let disturbed = || planned.iter().filter(move |other| at < other.at + other.lasts + REST);
    let nodes = disturbed().filter(|other| other.what.node().is_some()).count();
    let is_last_node = what.node().is_some() && nodes + 1 >= shape.nodes.max(2);
    !is_last_node && disturbed().all(|other| other.what.victim() != what.victim())
}

/// A generator whose numbers follow from the seed in every build (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % end).unwrap_or_default()
    }

    fn between(&mut self, low: Duration, high: Duration) -> Duration {
        let millis = usize::try_from(high.saturating_sub(low).as_millis()).unwrap_or(usize::MAX);
        low + Duration::from_millis(u64::try_from(self.below(millis)).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape {
        length: Duration::from_secs(600),
        nodes: 3,
        apis: 2,
        node_ttl: Duration::from_secs(5),
        pace: Duration::from_secs(6),
        twins: true,
    };

    #[test]
    fn the_same_seed_gives_the_same_schedule_and_another_one_another() {
        assert_eq!(schedule(7, &SHAPE), schedule(7, &SHAPE));
        assert_ne!(schedule(7, &SHAPE), schedule(8, &SHAPE));
    }

    #[test]
    fn everything_occurs_and_nothing_is_disturbed_twice_at_once() {
        let planned: Vec<_> = (0..20).flat_map(|seed| schedule(seed, &SHAPE)).collect();
        for kind in [
            "kill node-1",
            "pause node-2",
            "cut node-3",
            "twin",
            "kill api-1",
            "pause api-2",
            "kill Post",
            "kill Re",
            "pause Re",
        ] {
            assert!(planned.iter().any(|one| one.what.to_string().starts_with(kind)), "{kind}");
        }
        let one = schedule(1, &SHAPE);
        for (place, this) in one.iter().enumerate() {
            let beside = one[..place].iter().filter(|other| this.at < other.at + other.lasts);
            assert!(beside.clone().all(|other| other.what.victim() != this.what.victim()));
            let nodes = beside.filter(|other| other.what.node().is_some()).count();
            assert!(this.what.node().is_none() || nodes < SHAPE.nodes - 1, "a node is left");
        }
        assert!(one.iter().filter(|one| one.what.is_kill()).count() > 50, "{}", one.len());
    }
}
