//! Claiming: a job that is first in its lane becomes its claimer's until a time.

use blazz_domain::{JobId, Timestamp};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{DEAD, JobRow, KeptJob, PENDING, RUNNING, before, earlier};
use crate::conn::Link;
use crate::row::rows;
use crate::schema::jobs;
use crate::types::{Id, UtcTime};
use crate::{Conn, DatabaseError};

/// Claims up to `limit` jobs that are due and first in their lane: they run, one attempt more, until the lease ends. A job whose
/// lease has ended is due again.
///
/// # Errors
/// When the database is not there.
pub async fn claim(
    conn: &mut Conn,
    kinds: &[&str],
    now: Timestamp,
    lease_expires_at: Timestamp,
    limit: u32,
) -> Result<Vec<JobRow>, DatabaseError> {
    conn.transaction(async |conn| {
        macro_rules! due {
            () => {{
                let is_due = jobs::state.eq(PENDING).and(jobs::run_at.le(UtcTime(now)));
                let has_ended = jobs::lease_expires_at.le(UtcTime(now)).assume_not_null();
                let is_abandoned = jobs::state.eq(RUNNING).and(has_ended);
                jobs::table
                    .filter(is_due.or(is_abandoned))
                    .filter(jobs::kind.eq_any(kinds))
                    .filter(diesel::dsl::not(diesel::dsl::exists(before!())))
                    .order((jobs::priority.desc(), jobs::run_at, jobs::position))
                    .limit(limit.into())
                    .select(jobs::position)
            }};
        }
        let positions: Vec<i64> = match &mut conn.link {
            Link::Postgres(c) => due!().for_no_key_update().skip_locked().load(&mut **c).await?,
            Link::Sqlite(c) => due!().load(&mut c.conn).await?,
        };
        take(conn, &positions, lease_expires_at).await
    })
    .await
}

/// Claims one pending job if it is first in its lane, whether it is due or not.
///
/// # Errors
/// When the database is not there.
pub async fn claim_one(
    conn: &mut Conn,
    id: JobId,
    lease_expires_at: Timestamp,
) -> Result<Option<JobRow>, DatabaseError> {
    conn.transaction(async |conn| {
        macro_rules! first {
            () => {
                jobs::table
                    .filter(jobs::id.eq(Id::from(id)))
                    .filter(jobs::state.eq(PENDING))
                    .filter(diesel::dsl::not(diesel::dsl::exists(before!())))
                    .select(jobs::position)
            };
        }
        let position: Option<i64> = match &mut conn.link {
            Link::Postgres(c) => {
                first!().for_no_key_update().skip_locked().first(&mut **c).await.optional()?
            }
            Link::Sqlite(c) => first!().first(&mut c.conn).await.optional()?,
        };
        let taken = take(conn, position.as_slice(), lease_expires_at).await?;
        Ok(taken.into_iter().next())
    })
    .await
}

async fn take(
    conn: &mut Conn,
    positions: &[i64],
    lease_expires_at: Timestamp,
) -> Result<Vec<JobRow>, DatabaseError> {
    if positions.is_empty() {
        return Ok(vec![]);
    }
    let kept: Vec<KeptJob> = on!(conn, c => {
        let change = (
            jobs::state.eq(RUNNING),
            jobs::attempt.eq(jobs::attempt + 1),
            jobs::claim.eq(jobs::claim + 1),
            jobs::woken.eq(false),
            jobs::lease_expires_at.eq(Some(UtcTime(lease_expires_at))),
        );
        let chosen = jobs::table.filter(jobs::position.eq_any(positions));
        diesel::update(chosen).set(change).returning(jobs::all_columns).get_results(c).await
    })?;
    let mut taken: Vec<JobRow> = rows(kept);
    taken.sort_by_key(|job| job.position);
    Ok(taken)
}
