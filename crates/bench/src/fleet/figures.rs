//! Every figure of the fleet, in the order in which they are printed.

use crate::report::Figure;

/// What a linked, idle session takes with the engine over a store in memory, in KiB; recorded when the engine was chosen.
pub(super) const ENGINE_MEMORY: f64 = 274.0;
/// What the engine itself spends on one start, in milliseconds of CPU time; recorded then too.
pub(super) const ENGINE_START: f64 = 5.8;

/// What the bench prints; `docs/benchmarks.md` says what each means.
pub(super) static FIGURES: &[Figure] = &[
    figure("session.node.memory", "KiB/session", Some(350.0)),
    figure("session.api.memory", "KiB/session", None),
    figure("session.descriptors", "per session", None),
    figure("session.disk", "KiB/session", None),
    figure("session.disk.files", "per session", None),
    figure("session.link.wall", "ms/session", None),
    figure("session.link.node.cpu", "ms/session", None),
    figure("session.link.api.cpu", "ms/session", None),
    figure("heartbeats.node.cpu", "ms/s", None),
    figure("heartbeats.api.cpu", "ms/s", None),
    figure("heartbeats.postgres.cpu", "ms/s", None),
    figure("heartbeats.rows", "rows/s", None),
    figure("heartbeats.commits", "per s", None),
    figure("restart.time", "s", Some(6.0)),
    figure("restart.node.cpu", "ms/session", None),
    figure("restart.api.cpu", "ms/session", None),
    figure("most.connected", "sessions", Some(5000.0)),
    figure("most.node.memory", "MiB", None),
    figure("most.node.descriptors", "descriptors", None),
    figure("most.node.cpu", "ms/s", None),
    figure("failover.time", "s", Some(6.0)),
    figure("failover.since_kill", "s", None),
];

const fn figure(name: &'static str, unit: &'static str, goal: Option<f64>) -> Figure {
    Figure { name, unit, goal }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_page_explains_every_figure() {
        let page = include_str!("../../../../docs/benchmarks.md");
        let names: BTreeSet<_> = FIGURES.iter().map(|figure| figure.name).collect();
        assert_eq!(names.len(), FIGURES.len());
        let missing: Vec<_> = names.iter().filter(|name| !page.contains(&format!("`{name}`"))).collect();
        assert!(missing.is_empty(), "docs/benchmarks.md says nothing of {missing:?}");
    }
}
