//! How much is left to do.

use blazz_domain::Timestamp;
use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{DEAD, PENDING};
use crate::schema::jobs;
use crate::types::UtcTime;
use crate::{Conn, DatabaseError};

/// How much is left to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Jobs that are due and that nobody has claimed.
    pub due: u64,
    /// Since when the oldest of them is due.
    pub due_since: Option<Timestamp>,
    /// Jobs that have failed for good, and are kept for a while.
    pub dead: u64,
}

/// How much is left to do.
///
/// # Errors
/// When the database is not there.
pub async fn backlog(conn: &mut Conn, now: Timestamp) -> Result<Backlog, DatabaseError> {
    let due = jobs::table.filter(jobs::state.eq(PENDING)).filter(jobs::run_at.le(UtcTime(now)));
    let count: i64 = on!(conn, c => due.select(count_star()).first(c).await)?;
    let first = due.order(jobs::run_at).select(jobs::run_at);
    let since: Option<UtcTime> = on!(conn, c => first.first(c).await.optional())?;
    let dead = jobs::table.filter(jobs::state.eq(DEAD)).select(count_star());
    let dead: i64 = on!(conn, c => dead.first(c).await)?;
    let whole = |count| u64::try_from(count).unwrap_or(0);
    Ok(Backlog { due: whole(count), due_since: since.map(|time| time.0), dead: whole(dead) })
}
