//! Tells the API that this node is there, until the API knows, and takes up the sessions that it is given.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use blazz_domain::AccountId;
use blazz_wire::control_api::Registered;
use blazz_wire::node_api::Assignment;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::backoff::Backoff;
use crate::node::Node;

/// Waits while the API is away.
const AWAY: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));

/// How the node is to report from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rhythm {
    pub(crate) heartbeat: Duration,
    pub(crate) ttl: Duration,
}

/// Registers, however long that takes, and starts what the API assigns.
pub(crate) async fn register(node: &Arc<Node>, url: &str) -> Rhythm {
    let introduction = node.introduction(url);
    let mut backoff = AWAY.clone();
    loop {
        node.pulse.turned();
        let sent = Instant::now();
        match node.context.control.register(&introduction).await {
            Ok(registered) => return take_up(node, registered, sent),
            Err(error) => {
                let wait = backoff.wait();
                tracing::warn!(%error, wait_ms = wait.as_millis(), "the API does not register this node");
                tokio::time::sleep(wait).await;
            }
        }
    }
}

fn take_up(node: &Arc<Node>, registered: Registered, sent: Instant) -> Rhythm {
    let Registered { incarnation, sessions, heartbeat_ms, ttl_ms, client_version } = registered;
    // Before the first session connects.
    node.context.version.set(client_version);
    // Whatever the API says, a node neither floods it nor falls silent.
    let rhythm = Rhythm {
        heartbeat: Duration::from_millis(heartbeat_ms.clamp(100, 60_000)),
        ttl: Duration::from_millis(ttl_ms.clamp(1_000, 600_000)),
    };
    tracing::info!(incarnation = incarnation.0, sessions = sessions.len(), "registered");
    node.context.incarnation.set(incarnation);
    node.supervisor.report_all();
    node.pulse.registered(sent, rhythm.ttl);
    let assigned: HashSet<_> = sessions.iter().map(|assignment| assignment.lease.account_id).collect();
    ensure_all(node, sessions);
    drain_others(node, assigned);
    rhythm
}

/// Starts sessions that the API counts on; each on its own, so that none waits for another.
pub(crate) fn ensure_all(node: &Arc<Node>, assignments: Vec<Assignment>) {
    for assignment in assignments {
        let ensuring = ensure(Arc::clone(node), assignment).in_current_span();
        node.context.runtime.spawn(ensuring);
    }
}

async fn ensure(node: Arc<Node>, assignment: Assignment) {
    let account = assignment.lease.account_id;
    if let Err(error) = node.supervisor.ensure(assignment).await {
        tracing::warn!(%error, account.id = %account, "an assigned session could not be started");
    }
}

/// Sessions at rest owe the API what they received before.
fn drain_others(node: &Arc<Node>, assigned: HashSet<AccountId>) {
    let draining = drain(Arc::clone(node), assigned).in_current_span();
    node.context.runtime.spawn(draining);
}

async fn drain(node: Arc<Node>, assigned: HashSet<AccountId>) {
    let root = node.context.root.clone();
    let leases = match node.context.runtime.spawn_blocking(move || root.sessions()).await {
        Ok(Ok(leases)) => leases,
        Ok(Err(error)) => return tracing::error!(%error, "the session root cannot be listed"),
        Err(error) => return tracing::error!(%error, "the session root cannot be listed"),
    };
    // One after the other: there is no hurry, and there may be thousands.
    for lease in leases.into_iter().filter(|lease| !assigned.contains(&lease.account_id)) {
        if let Err(error) = node.supervisor.drain(lease).await {
            tracing::warn!(%error, account.id = %lease.account_id, "the outbox of a session at rest cannot be read");
        }
    }
}
