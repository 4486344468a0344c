//! What becomes of a claimed job. Every statement names the claim: one that has been lost changes nothing.

use blazz_domain::{JobId, Timestamp};
use diesel::dsl::case_when;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{JobRow, PENDING, RUNNING, make_first_due};
use crate::schema::jobs;
use crate::types::{Id, UtcTime};
use crate::{Conn, DatabaseError};

/// The job as this claim runs it.
macro_rules! mine {
    ($job:expr) => {
        jobs::table
            .filter(jobs::id.eq(Id::from($job.id)))
            .filter(jobs::claim.eq($job.claim))
            .filter(jobs::state.eq(RUNNING))
    };
}

/// Extends a claim; `false` when it has been lost.
///
/// # Errors
/// When the database is not there.
pub async fn renew(
    conn: &mut Conn,
    job: &JobRow,
    lease_expires_at: Timestamp,
) -> Result<bool, DatabaseError> {
    let change = jobs::lease_expires_at.eq(Some(UtcTime(lease_expires_at)));
    conn.in_turn(async |conn| {
        let renewed: usize = on!(conn, c => diesel::update(mine!(job)).set(change).execute(c).await)?;
        Ok(renewed == 1)
    })
    .await
}

/// Deletes a job that is done, or makes it pending once more when that was asked for; the next of its lane is due. `false` when the claim
/// has been lost.
///
/// # Errors
/// When the database is not there.
pub async fn complete(conn: &mut Conn, job: &JobRow, now: Timestamp) -> Result<bool, DatabaseError> {
    conn.transaction(async |conn| {
        // In this order: what is asked for while the deletion waits for the asking one's commit is seen by it.
        let deleted: usize =
            on!(conn, c => diesel::delete(mine!(job).filter(jobs::again.eq(false))).execute(c).await)?;
        if deleted == 0 {
            return run_once_more(conn, job.id, job.claim, now).await;
        }
        release_lane(conn, job, now).await?;
        Ok(true)
    })
    .await
}

/// Makes a job pending again, due at `run_at` or, when its lane was told meanwhile that its waiting is over, at once. The lane waits with
/// it. `attempts` is how many count from now on. `false` when the claim has been lost.
///
/// # Errors
/// When the database is not there.
pub async fn postpone(
    conn: &mut Conn,
    job: &JobRow,
    now: Timestamp,
    run_at: Timestamp,
    attempts: i32,
    error: Option<&str>,
) -> Result<bool, DatabaseError> {
    conn.transaction(async |conn| {
        let at: Option<UtcTime> = on!(conn, c => {
            let change = (
                jobs::state.eq(PENDING),
                jobs::attempt.eq(attempts),
                jobs::run_at.eq(case_when(jobs::woken.or(jobs::again), UtcTime(now).into_sql::<crate::types::sql::UtcTime>())
                    .otherwise(UtcTime(run_at).into_sql::<crate::types::sql::UtcTime>())),
                jobs::woken.eq(false),
                jobs::again.eq(false),
                jobs::lease_expires_at.eq(None::<UtcTime>),
                jobs::last_error.eq(error),
            );
            diesel::update(mine!(job)).set(change).returning(jobs::run_at).get_result(c).await.optional()
        })?;
        let Some(UtcTime(at)) = at else { return Ok(false) };
        if let Some(lane) = &job.lane {
            put_off(conn, lane, at).await?;
        }
        Ok(true)
    })
    .await
}

/// Marks a job as failed for good and frees its unique key; the next of its lane is due. One that was asked to run again does so instead.
/// `false` when the claim has been lost.
///
/// # Errors
/// When the database is not there.
pub async fn bury(conn: &mut Conn, job: &JobRow, now: Timestamp, error: &str) -> Result<bool, DatabaseError> {
    let change = (
        jobs::state.eq(super::DEAD),
        jobs::unique_key.eq(None::<String>),
        jobs::lease_expires_at.eq(None::<UtcTime>),
        jobs::last_error.eq(Some(error)),
    );
    conn.transaction(async |conn| {
        let buried: usize = on!(conn, c => {
            diesel::update(mine!(job).filter(jobs::again.eq(false))).set(change).execute(c).await
        })?;
        if buried == 0 {
            return run_once_more(conn, job.id, job.claim, now).await;
        }
        release_lane(conn, job, now).await?;
        Ok(true)
    })
    .await
}

/// Makes a job that was asked to run again pending, with all its attempts.
async fn run_once_more(
    conn: &mut Conn,
    id: JobId,
    claim: i64,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let change = (
        jobs::state.eq(PENDING),
        jobs::attempt.eq(0),
        jobs::again.eq(false),
        jobs::run_at.eq(UtcTime(now)),
        jobs::lease_expires_at.eq(None::<UtcTime>),
    );
    let asked: usize = on!(conn, c => {
        let asked = jobs::table.filter(jobs::id.eq(Id::from(id))).filter(jobs::claim.eq(claim));
        diesel::update(asked.filter(jobs::state.eq(RUNNING))).set(change).execute(c).await
    })?;
    Ok(asked == 1)
}

async fn release_lane(conn: &mut Conn, job: &JobRow, now: Timestamp) -> Result<(), DatabaseError> {
    match &job.lane {
        Some(lane) => make_first_due(conn, std::slice::from_ref(lane), now).await,
        None => Ok(()),
    }
}

/// What waits behind a job that waits need not be looked at before it.
async fn put_off(conn: &mut Conn, lane: &str, until: Timestamp) -> Result<(), DatabaseError> {
    on!(conn, c => {
        let behind = jobs::table.filter(jobs::lane.eq(lane)).filter(jobs::state.eq(PENDING));
        let earlier = behind.filter(jobs::run_at.lt(UtcTime(until)));
        diesel::update(earlier).set(jobs::run_at.eq(UtcTime(until))).execute(c).await
    })?;
    Ok(())
}

/// Deletes up to `limit` dead jobs that are older than `before`; how many it were.
///
/// # Errors
/// When the database is not there.
pub async fn delete_dead_before(
    conn: &mut Conn,
    before: Timestamp,
    limit: u32,
) -> Result<u32, DatabaseError> {
    conn.in_turn(async |conn| {
        let deleted: usize = on!(conn, c => {
            let old = jobs::table.filter(jobs::state.eq(super::DEAD)).filter(jobs::created_at.lt(UtcTime(before)));
            let places: Vec<i64> = old.limit(limit.into()).select(jobs::position).load(c).await?;
            diesel::delete(jobs::table.filter(jobs::position.eq_any(places))).execute(c).await
        })?;
        Ok(u32::try_from(deleted).unwrap_or(u32::MAX))
    })
    .await
}
