//! The job table's statements. What they mean is the business of the crate `blazz-jobs`.

mod backlog;
mod claim;
mod settle;

use blazz_domain::{JobId, Timestamp};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::schema::jobs;
use crate::types::{Id, Json, UtcTime};
use crate::{Conn, DatabaseError};

pub use backlog::{Backlog, backlog};
pub use claim::{claim, claim_one};
pub use settle::{bury, complete, delete_dead_before, postpone, renew};

/// A job that nobody has claimed.
pub const PENDING: &str = "pending";
/// A job that somebody runs.
pub const RUNNING: &str = "running";
/// A job that has failed for good.
pub const DEAD: &str = "dead";

/// How many lanes one statement names; SQLite and PostgreSQL bind at most 32,766 and 65,535 values.
const LANES_AT_ONCE: usize = 1000;

row! {
    /// A job.
    pub struct JobRow as KeptJob in jobs {
        /// Its place: lower ones of a lane go first.
        position: i64 as i64,
        /// Its id.
        id: JobId as Id,
        /// Which handler runs it.
        kind: String as String,
        /// What the handler is told.
        payload: serde_json::Value as Json<serde_json::Value>,
        /// Jobs of one lane run one at a time, in order.
        lane: Option<String> as Option<String>,
        /// At most one job that is not dead has this key.
        unique_key: Option<String> as Option<String>,
        /// Higher ones of equal time go first.
        priority: i16 as i16,
        /// `pending`, `running` or `dead`.
        state: String as String,
        /// How many runs count as attempts.
        attempt: i32 as i32,
        /// How often it has been claimed: whoever settles it must name the last claim.
        claim: i64 as i64,
        /// How many attempts it may take.
        max_attempts: i32 as i32,
        /// When it is due.
        run_at: Timestamp as UtcTime,
        /// Until when its claim holds.
        lease_expires_at: Option<Timestamp> as Option<UtcTime>,
        /// Whether it is to run once more after it has run.
        again: bool as bool,
        /// Whether what it may be waiting for has come about while it ran.
        woken: bool as bool,
        /// What went wrong last.
        last_error: Option<String> as Option<String>,
        /// When it was stored.
        created_at: Timestamp as UtcTime,
    }
}

/// A job to store.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// Its id.
    pub id: JobId,
    /// Which handler runs it.
    pub kind: &'static str,
    /// What the handler is told.
    pub payload: serde_json::Value,
    /// Its lane.
    pub lane: Option<String>,
    /// Its unique key.
    pub unique_key: Option<String>,
    /// Higher ones of equal time go first.
    pub priority: i16,
    /// How many attempts it may take.
    pub max_attempts: i32,
    /// When it is due.
    pub run_at: Timestamp,
    /// Now.
    pub created_at: Timestamp,
}

mod alias {
    //! The table a second time, for its jobs that stand before others.
    diesel::alias!(crate::schema::jobs as earlier: Earlier);
}
use alias::earlier;

/// The jobs of the same lane that stand before a job.
macro_rules! before {
    () => {
        earlier
            .filter(earlier.field(jobs::lane).eq(jobs::lane))
            .filter(earlier.field(jobs::position).lt(jobs::position))
            .filter(earlier.field(jobs::state).ne(DEAD))
    };
}
use before;

/// Stores a job; `None`, and nothing stored, when its unique key is taken. One whose lane waits is due no earlier than the lane's first:
/// what cannot run yet is not looked at.
///
/// # Errors
/// When the database is not there.
pub async fn insert(conn: &mut Conn, new: &NewJob) -> Result<Option<JobId>, DatabaseError> {
    let run_at = match &new.lane {
        Some(lane) => first_of_lane(conn, lane).await?.map_or(new.run_at, |first| first.max(new.run_at)),
        None => new.run_at,
    };
    let values = (
        jobs::id.eq(Id::from(new.id)),
        jobs::kind.eq(new.kind),
        jobs::payload.eq(Json(new.payload.clone())),
        jobs::lane.eq(&new.lane),
        jobs::unique_key.eq(&new.unique_key),
        jobs::priority.eq(new.priority),
        jobs::max_attempts.eq(new.max_attempts),
        jobs::run_at.eq(UtcTime(run_at)),
        jobs::created_at.eq(UtcTime(new.created_at)),
    );
    let stored: usize = on!(conn, c => {
        diesel::insert_into(jobs::table).values(values).on_conflict_do_nothing().execute(c).await
    })?;
    Ok((stored == 1).then_some(new.id))
}

/// When the first of a lane is due.
async fn first_of_lane(conn: &mut Conn, lane: &str) -> Result<Option<Timestamp>, DatabaseError> {
    let at: Option<UtcTime> = on!(conn, c => {
        let live = jobs::table.filter(jobs::lane.eq(lane)).filter(jobs::state.ne(DEAD));
        live.order(jobs::position).select(jobs::run_at).first(c).await.optional()
    })?;
    Ok(at.map(|at| at.0))
}

/// Asks the job with this unique key to run once more: at `run_at` or earlier when it is pending, after its present run when it is
/// running. The job keeps still until the caller's transaction ends, so that its next run sees what the caller has written. `None` when
/// there is no such job.
///
/// # Errors
/// When the database is not there.
pub async fn ask_again(
    conn: &mut Conn,
    unique_key: &str,
    run_at: Timestamp,
) -> Result<Option<JobId>, DatabaseError> {
    let query = jobs::table.filter(jobs::unique_key.eq(unique_key));
    let kept: Option<KeptJob> = locked!(conn, query, c, q => q.first(c).await.optional())?;
    let Some(job) = kept.map(JobRow::from) else { return Ok(None) };
    let (again, run_at) =
        if job.state == RUNNING { (true, job.run_at) } else { (false, job.run_at.min(run_at)) };
    let change = (jobs::again.eq(again), jobs::run_at.eq(UtcTime(run_at)));
    on!(conn, c => diesel::update(jobs::table.find(job.position)).set(change).execute(c).await)?;
    Ok(Some(job.id))
}

/// Tells these lanes that what they may be waiting for has come about: the first of each is due, and one that is running will be when it
/// is put off.
///
/// # Errors
/// When the database is not there.
pub async fn pull_forward(conn: &mut Conn, lanes: &[String], now: Timestamp) -> Result<(), DatabaseError> {
    for lanes in lanes.chunks(LANES_AT_ONCE) {
        on!(conn, c => {
            let running = jobs::table.filter(jobs::lane.eq_any(lanes)).filter(jobs::state.eq(RUNNING));
            diesel::update(running).set(jobs::woken.eq(true)).execute(c).await
        })?;
        make_first_due(conn, lanes, now).await?;
    }
    Ok(())
}

/// Makes the first of each lane due, unless it runs.
async fn make_first_due(conn: &mut Conn, lanes: &[String], now: Timestamp) -> Result<(), DatabaseError> {
    on!(conn, c => {
        let waiting = jobs::table
            .filter(jobs::lane.eq_any(lanes))
            .filter(jobs::state.eq(PENDING))
            .filter(jobs::run_at.gt(UtcTime(now)))
            .filter(diesel::dsl::not(diesel::dsl::exists(before!())));
        diesel::update(waiting).set(jobs::run_at.eq(UtcTime(now))).execute(c).await
    })?;
    Ok(())
}

/// The job of this id.
///
/// # Errors
/// When the database is not there.
pub async fn find(conn: &mut Conn, id: JobId) -> Result<Option<JobRow>, DatabaseError> {
    let kept: Option<KeptJob> =
        on!(conn, c => jobs::table.filter(jobs::id.eq(Id::from(id))).first(c).await.optional())?;
    Ok(kept.map(JobRow::from))
}
