//! Tells the API that the node is alive and what changed, at a steady pace and at once on news.
//!
//! One heartbeat is in flight at a time, each with the next number; news stays until a heartbeat that carried it was acknowledged.

use std::sync::Arc;
use std::time::Duration;

use blazz_domain::{ErrorCode, Lease};
use blazz_telemetry::Metrics;
use blazz_wire::CallError;
use blazz_wire::control_api::{Heartbeat, HeartbeatAnswer, SessionChange};
use blazz_wire::node_api::SessionStatus;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::fault::Fault;
use crate::node::Node;
use crate::registration::{self, Rhythm};
use crate::removals;

/// News of one heartbeat; the rest follows at once in the next.
const CHANGES: usize = 2_000;
/// Changes that come together are told together.
const GATHER: Duration = Duration::from_millis(5);
/// How soon news is tried again after a heartbeat that failed.
const RETRY: Duration = Duration::from_millis(500);
/// How long the API may take for a heartbeat.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long the last heartbeat of a node that ends may take.
const LAST: Duration = Duration::from_secs(1);

/// Registers the node, then keeps reporting until it ends.
pub(crate) async fn run(node: Arc<Node>, url: String, ended: CancellationToken) {
    let beating = async {
        loop {
            let rhythm = registration::register(&node, &url).await;
            beat_until_forgotten(&node, rhythm).await;
        }
    };
    tokio::select! {
        () = ended.cancelled() => {}
        () = beating => {}
    }
    last_words(&node).await;
}

/// Tells what became of the sessions of a node that ends.
async fn last_words(node: &Arc<Node>) {
    if node.context.incarnation.get().is_some() && !node.context.superseded.is_cancelled() {
        match tokio::time::timeout(LAST, beat(node)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last heartbeat was not taken"),
            Err(_) => tracing::warn!("the last heartbeat was not answered"),
        }
    }
}

/// Returns when the API does not know the node any more.
async fn beat_until_forgotten(node: &Arc<Node>, rhythm: Rhythm) {
    loop {
        let wait = match beat(node).await {
            Ok(answer) => {
                reconcile(node, answer);
                None
            }
            Err(CallError::Refused(problem)) if problem.code == ErrorCode::Superseded => {
                node.context.superseded.cancel();
                return std::future::pending().await;
            }
            Err(CallError::Refused(problem)) if problem.code == ErrorCode::NotRegistered => {
                tracing::warn!("the API does not know this node: it registers again");
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "a heartbeat was not taken");
                Some(RETRY.min(rhythm.heartbeat))
            }
        };
        next_beat(node, rhythm, wait).await;
    }
}

/// Waits for the next regular heartbeat or for news; after a failure only for the former.
async fn next_beat(node: &Node, rhythm: Rhythm, failed: Option<Duration>) {
    if let Some(wait) = failed {
        return tokio::time::sleep(wait).await;
    }
    tokio::select! {
        () = tokio::time::sleep(rhythm.heartbeat) => {}
        () = node.context.changes.grown() => tokio::time::sleep(GATHER).await,
    }
}

/// One heartbeat and its answer.
async fn beat(node: &Node) -> Result<HeartbeatAnswer, CallError> {
    let context = &node.context;
    let Some(incarnation) = context.incarnation.get() else {
        return Err(CallError::Unreachable("the node is not registered".to_owned()));
    };
    let noted = context.changes.noted(CHANGES);
    let statuses = node.supervisor.statuses(noted.iter().map(|(account, _)| *account));
    let heartbeat = Heartbeat {
        incarnation,
        number: node.pulse.next_number(),
        changes: statuses
            .into_iter()
            .map(|SessionStatus { lease, report, settings }| SessionChange { lease, report, settings })
            .collect(),
        removed: context.removals.done(),
        outdated: context.version.refused(),
        sessions: u32::try_from(node.supervisor.live_sessions()).unwrap_or(u32::MAX),
        memory_bytes: Metrics::resident_bytes().unwrap_or_default(),
    };
    let sent = Instant::now();
    let answer = tokio::time::timeout(PATIENCE, context.control.heartbeat(&heartbeat))
        .await
        .unwrap_or_else(|_| Err(CallError::Interrupted("no answer in time".to_owned())))?;
    if answer.number != heartbeat.number {
        return Err(CallError::BadAnswer(format!(
            "heartbeat {} was answered as {}",
            heartbeat.number, answer.number
        )));
    }
    node.pulse.beat(sent);
    context.changes.acknowledge(&noted);
    context.removals.acknowledge(&heartbeat.removed);
    Ok(answer)
}

/// Works towards what the API wants.
fn reconcile(node: &Arc<Node>, answer: HeartbeatAnswer) {
    node.context.version.set(answer.client_version);
    if answer.report_all {
        node.supervisor.report_all();
    }
    for lease in answer.stop {
        let stopping = stop(Arc::clone(node), lease).in_current_span();
        node.context.runtime.spawn(stopping);
    }
    removals::carry_out(node, answer.remove);
    registration::ensure_all(node, answer.start);
}

async fn stop(node: Arc<Node>, lease: Lease) {
    match node.supervisor.stop_if_running(lease).await {
        Ok(()) | Err(Fault::NotRunning | Fault::StaleLease) => {}
        Err(error) => {
            tracing::warn!(%error, account.id = %lease.account_id, "a session that should rest did not stop");
        }
    }
}
