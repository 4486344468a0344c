//! The figures of the whole installation, for whoever watches it.

use std::time::Duration;

use blazz_database::{accounts, jobs};
use blazz_domain::AccountState;

use super::view::{self, NodeState};
use crate::{ServiceError, Services};

/// What is true of the whole installation just now, whichever process is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// How many nodes there are in each state.
    pub nodes: Vec<(NodeState, u64)>,
    /// How long ago the node was heard of that is silent for longest, of those that are not lost.
    pub heartbeat_age: Duration,
    /// How many accounts there are in each state.
    pub sessions: Vec<(AccountState, u64)>,
    /// Jobs that are due and that nobody has claimed.
    pub jobs_due: u64,
    /// How long the oldest of them has been due.
    pub jobs_late: Duration,
    /// Jobs that have failed for good.
    pub jobs_dead: u64,
}

/// The figures of the whole installation.
///
/// # Errors
/// When the database is not there.
pub async fn figures(services: &Services) -> Result<Figures, ServiceError> {
    let now = services.clock.now();
    let nodes = view::nodes(services).await?;
    let mut conn = services.pool.get().await?;
    let known = accounts::count_by_state(&mut conn).await?;
    let backlog = jobs::backlog(&mut conn, now).await?;
    let count = |state| nodes.iter().filter(|node| node.state == state).count();
    let states = [NodeState::Ready, NodeState::Lost];
    let heard = nodes.iter().filter(|node| node.state != NodeState::Lost).map(|node| node.heartbeat_at);
    let of = |state| known.iter().find(|(other, _)| *other == state).map_or(0, |(_, count)| *count);
    Ok(Figures {
        nodes: states.map(|state| (state, u64::try_from(count(state)).unwrap_or(u64::MAX))).to_vec(),
        heartbeat_age: heard.min().map_or(Duration::ZERO, |at| now.since(at)),
        sessions: AccountState::ALL.into_iter().map(|state| (state, of(state))).collect(),
        jobs_due: backlog.due,
        jobs_late: backlog.due_since.map_or(Duration::ZERO, |at| now.since(at)),
        jobs_dead: backlog.dead,
    })
}
