//! Messages in: batches of outbox entries from nodes, each entry taken in exactly once and in order.
//!
//! A batch is one transaction: its entries, the events they cause and the outbox's cursor commit together, so a batch that comes again is
//! recognised. An entry that cannot be taken is stored as it came and never blocks those behind it.

mod entry;
mod media;
mod message;
mod receipt;
pub(crate) mod thread;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use blazz_database::accounts::{self, AccountRow};
use blazz_database::{Conn, nodes, outbox_cursors};
use blazz_domain::{ErrorCode, Lease, NodeId};
use blazz_wire::control_api::{ENTRY_VERSION, EventBatch, EventsAcknowledged};

use crate::events::{self, Mark};
use crate::{ServiceError, Services, fleet};

/// The most entries of one batch.
const MAX_ENTRIES: usize = 1000;

static REJECTED: AtomicU64 = AtomicU64::new(0);

/// How many entries this process could not take in since it started. More than none is an alarm.
#[must_use]
pub fn rejected_entries() -> u64 {
    REJECTED.load(Ordering::Relaxed)
}

/// Takes in a batch from `node_id`, which drains the outbox under `lease`; or its beginning, when it takes long. The answer says up to
/// where.
///
/// # Errors
/// `stale_lease` when the node does not hold the session, `superseded` or `not_registered` when it is not the node's current start, `invalid_request` for
/// entries of a version that is not known here, and whatever keeps the database away: in each case nothing is taken and the node keeps the batch.
pub async fn ingest(
    services: &Services,
    node_id: &NodeId,
    lease: &Lease,
    batch: EventBatch,
) -> Result<EventsAcknowledged, ServiceError> {
    check(lease, &batch)?;
    let mut conn = services.pool.get().await?;
    let node = nodes::find(&mut conn, node_id).await?;
    fleet::check_incarnation(node.as_ref(), batch.incarnation)?;
    let (sequence, rejected, mark) =
        conn.transaction(async |conn| take(services, conn, node_id, lease, &batch).await).await?;
    REJECTED.fetch_add(rejected, Ordering::Relaxed);
    events::announce(&services.bus, mark);
    Ok(EventsAcknowledged { sequence })
}

fn check(lease: &Lease, batch: &EventBatch) -> Result<(), ServiceError> {
    let refuse = |detail: String| Err(ServiceError::refused(ErrorCode::InvalidRequest, detail));
    if batch.version != ENTRY_VERSION {
        return refuse(format!(
            "entries of version {} are not known here; this api reads version {ENTRY_VERSION}",
            batch.version
        ));
    }
    if batch.written_under > lease.epoch {
        return refuse("written_under must not be above the lease's epoch".to_owned());
    }
    if batch.entries.is_empty() || batch.entries.len() > MAX_ENTRIES {
        return refuse(format!("a batch has 1 to {MAX_ENTRIES} entries"));
    }
    let ascending = batch.entries.is_sorted_by(|a, b| a.sequence.checked_add(1) == Some(b.sequence));
    let fits = |entry: &blazz_wire::control_api::EventEntry| (1..=MAX_SEQUENCE).contains(&entry.sequence);
    if !ascending || !batch.entries.iter().all(fits) {
        return refuse("sequences must ascend from 1 without gaps".to_owned());
    }
    Ok(())
}

const MAX_SEQUENCE: u64 = i64::MAX.unsigned_abs();

async fn take(
    services: &Services,
    conn: &mut Conn,
    node_id: &NodeId,
    lease: &Lease,
    batch: &EventBatch,
) -> Result<(u64, u64, Option<Mark>), ServiceError> {
    let (workspace_id, account_id, outbox_id) = (lease.workspace_id, lease.account_id, batch.outbox_id);
    let account = accounts::find(conn, workspace_id, account_id).await?;
    let holds =
        |account: &AccountRow| account.node_id.as_ref() == Some(node_id) && account.epoch == lease.epoch;
    if !account.as_ref().is_some_and(holds) {
        return Err(ServiceError::refused(ErrorCode::StaleLease, "this node does not hold the session"));
    }
    // Makes the batches of one outbox follow each other.
    let taken = outbox_cursors::find_for_update(conn, workspace_id, account_id, outbox_id).await?;
    let mut intake = entry::Intake::new(services, *lease, outbox_id);
    let news: Vec<_> = batch.entries.iter().filter(|entry| entry.sequence > taken).collect();
    if let Some(first) = news.first().filter(|first| first.sequence > taken + 1) {
        tracing::error!(account.id = %account_id, outbox.id = %outbox_id, taken, first = first.sequence, "outbox entries are missing");
    }
    let entries = intake.read(conn, &news).await?;
    let (end, mut last) = (Instant::now() + services.settings.ingest_budget, taken);
    for entry in entries {
        last = entry.sequence();
        intake.take(conn, entry).await?;
        // The node does not wait for ever; what is left comes again.
        if Instant::now() >= end {
            break;
        }
    }
    if last == taken {
        return Ok((taken, 0, None));
    }
    let now = services.clock.now();
    outbox_cursors::advance(conn, workspace_id, account_id, outbox_id, last, now).await?;
    let (payloads, rejected) = intake.finish();
    let mark = events::append(conn, services.clock.as_ref(), workspace_id, payloads).await?;
    Ok((last, rejected, mark))
}
