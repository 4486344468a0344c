//! What it costs that nodes say that they are there: CPU time, rows and transactions while nothing else happens.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;

use super::Bench;
use super::stage::{Stage, pid};
use crate::gauges::{CpuClock, cpu_of_children};
use crate::report::say;
use crate::statistics::{millis, number};

/// What has been spent up to a moment.
struct Reading {
    node: Duration,
    api: Duration,
    postgres: Duration,
    rows: usize,
    commits: usize,
    tables: BTreeMap<String, usize>,
}

/// What is spent in each second of idleness.
pub(super) struct Idle {
    node: f64,
    api: f64,
    postgres: f64,
    rows: f64,
    commits: f64,
}

/// Watches a fleet in which nothing happens.
pub(super) async fn watch(bench: &Bench, stage: &Stage) -> Result<Idle> {
    say(&format!("heartbeats of a node with {} sessions", stage.linked));
    tokio::time::sleep(bench.sizes.rest).await;
    let before = read(stage).await?;
    tokio::time::sleep(bench.sizes.watch).await;
    let after = read(stage).await?;
    for (table, rows) in &after.tables {
        let written = rows - before.tables.get(table).copied().unwrap_or_default().min(*rows);
        if written > 0 {
            say(&format!("{table}: {written} rows in {} s", bench.sizes.watch.as_secs()));
        }
    }
    let seconds = bench.sizes.watch.as_secs_f64();
    let cpu = |before: Duration, after: Duration| millis(after.saturating_sub(before)) / seconds;
    Ok(Idle {
        node: cpu(before.node, after.node),
        api: cpu(before.api, after.api),
        postgres: cpu(before.postgres, after.postgres),
        rows: number(after.rows.saturating_sub(before.rows)) / seconds,
        // The two questions themselves are not counted.
        commits: number(after.commits.saturating_sub(before.commits + 2)) / seconds,
    })
}

/// The same with sessions; the limit is what it costs without any.
pub(super) async fn measure(bench: &Bench, stage: &Stage, bare: Idle) -> Result<()> {
    let many = watch(bench, stage).await?;
    // For a thousand sessions: what is there without any, and a thousandth of the rest for each.
    let thousand = |bare: f64, many: f64| bare + (many - bare) * 1000.0 / number(stage.linked.max(1));
    let add = |name, bare: f64, many: f64| bench.report.add(name, thousand(bare, many), Some(bare));
    add("heartbeats.node.cpu", bare.node, many.node)?;
    add("heartbeats.api.cpu", bare.api, many.api)?;
    add("heartbeats.postgres.cpu", bare.postgres, many.postgres)?;
    add("heartbeats.rows", bare.rows, many.rows)?;
    add("heartbeats.commits", bare.commits, many.commits)
}

async fn read(stage: &Stage) -> Result<Reading> {
    let rows = "SELECT tup_inserted + tup_updated + tup_deleted FROM pg_stat_database WHERE datname = current_database()";
    let commits = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()";
    let tables = "SELECT relname || '=' || (n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables";
    let (rows, commits) = (stage.number(rows).await?, stage.number(commits).await?);
    let tables = stage.fleet.services.ask(tables).await?;
    let tables = tables.iter().filter_map(|line| {
        let (table, rows) = line.split_once('=')?;
        Some((table.to_owned(), rows.parse().ok()?))
    });
    Ok(Reading {
        node: CpuClock::of(pid(&stage.node(0)?.process)?)?.now()?,
        api: CpuClock::of(pid(stage.api()?)?)?.now()?,
        postgres: cpu_of_children(stage.fleet.services.postgres()?)?,
        rows,
        commits,
        tables: tables.collect(),
    })
}
