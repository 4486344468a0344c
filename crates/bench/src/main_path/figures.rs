//! Every figure of the main path, in the order in which they are printed.

use crate::report::Figure;

/// Milliseconds from the request to the first QR code.
const FIRST_QR: Option<f64> = Some(30.0);

/// What the bench prints; `docs/benchmarks.md` says what each means.
pub(super) static FIGURES: &[Figure] = &[
    figure("idle.bare.resident", "KiB"),
    figure("idle.bare.anonymous", "KiB"),
    figure("idle.api.cpu", "ms/s"),
    figure("idle.api.resident", "KiB"),
    figure("idle.api.anonymous", "KiB"),
    figure("idle.node.cpu", "ms/s"),
    figure("idle.node.resident", "KiB"),
    figure("idle.node.anonymous", "KiB"),
    figure("idle.emulator.cpu", "ms/s"),
    figure("idle.emulator.resident", "KiB"),
    figure("idle.emulator.anonymous", "KiB"),
    figure("sessions.engine_memory.anonymous", "KiB/session"),
    figure("sessions.engine_sqlite.anonymous", "KiB/session"),
    figure("sessions.node.anonymous", "KiB/session"),
    figure("sessions.api.anonymous", "KiB/session"),
    figure("qr.engine_memory.cpu", "ms/code"),
    figure("qr.engine_sqlite.cpu", "ms/code"),
    figure("qr.cpu", "ms/code"),
    figure("qr.api.cpu", "ms/code"),
    figure("qr.node.cpu", "ms/code"),
    figure("qr.start.p50", "ms"),
    figure("qr.engine_memory.p50", "ms"),
    figure("qr.engine_sqlite.p50", "ms"),
    Figure { name: "qr.p50", unit: "ms", goal: FIRST_QR },
    figure("qr.engine_memory.p99", "ms"),
    figure("qr.engine_sqlite.p99", "ms"),
    Figure { name: "qr.p99", unit: "ms", goal: FIRST_QR },
    figure("send.engine_memory.cpu", "µs/message"),
    figure("send.engine_sqlite.cpu", "µs/message"),
    figure("send.cpu", "µs/message"),
    figure("send.api.cpu", "µs/message"),
    figure("send.node.cpu", "µs/message"),
    figure("send.emulator.cpu", "µs/message"),
    figure("send.engine_memory.flushes", "flushes/message"),
    figure("send.engine_sqlite.flushes", "flushes/message"),
    figure("send.flushes", "flushes/message"),
    figure("disk.fsync.p50", "µs"),
    figure("disk.fsync.p99", "µs"),
    figure("send.engine_memory.p50", "ms"),
    figure("send.engine_sqlite.p50", "ms"),
    figure("send.p50", "ms"),
    figure("send.engine_memory.p99", "ms"),
    figure("send.engine_sqlite.p99", "ms"),
    figure("send.p99", "ms"),
    figure("concurrent.engine_memory.per_core", "messages/CPU-s"),
    figure("concurrent.engine_sqlite.per_core", "messages/CPU-s"),
    figure("concurrent.per_core", "messages/CPU-s"),
    figure("concurrent.engine_memory.per_second", "messages/s"),
    figure("concurrent.engine_sqlite.per_second", "messages/s"),
    figure("concurrent.per_second", "messages/s"),
    figure("concurrent.engine_memory.flushes", "flushes/message"),
    figure("concurrent.engine_sqlite.flushes", "flushes/message"),
    figure("concurrent.flushes", "flushes/message"),
    figure("concurrent.engine_memory.p50", "ms"),
    figure("concurrent.engine_sqlite.p50", "ms"),
    figure("concurrent.p50", "ms"),
    figure("concurrent.engine_memory.p99", "ms"),
    figure("concurrent.engine_sqlite.p99", "ms"),
    figure("concurrent.p99", "ms"),
    figure("delivered.engine_memory.cpu", "µs/message"),
    figure("delivered.engine_sqlite.cpu", "µs/message"),
    figure("delivered.cpu", "µs/message"),
    figure("delivered.api.cpu", "µs/message"),
    figure("delivered.node.cpu", "µs/message"),
    figure("hop.hashes.cpu", "µs/call"),
    figure("hop.signature.cpu", "µs/call"),
    figure("hop.unsigned.cpu", "µs/call"),
    figure("hop.signed.cpu", "µs/call"),
    figure("hop.unsigned.server.cpu", "µs/call"),
    figure("hop.signed.server.cpu", "µs/call"),
    figure("hop.unsigned.client.cpu", "µs/call"),
    figure("hop.signed.client.cpu", "µs/call"),
    figure("hop.unsigned.p50", "µs"),
    figure("hop.signed.p50", "µs"),
    figure("hop.unsigned.p99", "µs"),
    figure("hop.signed.p99", "µs"),
];

const fn figure(name: &'static str, unit: &'static str) -> Figure {
    Figure { name, unit, goal: None }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_page_lists_every_figure_once() {
        let page = include_str!("../../../../docs/benchmarks.md");
        let names: BTreeSet<_> = FIGURES.iter().map(|figure| figure.name).collect();
        assert_eq!(names.len(), FIGURES.len());
        let missing: Vec<_> =
            names.iter().filter(|name| page.matches(&format!("\n| `{name}` |")).count() != 1).collect();
        assert!(missing.is_empty(), "docs/benchmarks.md has no row, or more than one, of {missing:?}");
    }
}
