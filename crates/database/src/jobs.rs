//! The job table's statements. What they mean is the business of the crate `blazz-jobs`.

use blazz_domain::{JobId, Timestamp};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::conn::Link;
use crate::schema::jobs::dsl;
use crate::types::{Id, Json, UtcTime};
use crate::{Conn, DatabaseError};

/// A job that nobody has claimed.
pub const PENDING: &str = "pending";
/// A job that somebody runs.
pub const RUNNING: &str = "running";
/// A job that has failed for good.
pub const DEAD: &str = "dead";

/// A job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRow {
    /// Its place: lower ones of a lane go first.
    pub position: i64,
    /// Its id.
    pub id: JobId,
    /// Which handler runs it.
    pub kind: String,
    /// What the handler is told.
    pub payload: serde_json::Value,
    /// Jobs of one lane run one at a time, in order.
    pub lane: Option<String>,
    /// UtcTime most one job that is not dead has this key.
    pub unique_key: Option<String>,
    /// `pending`, `running` or `dead`.
    pub state: String,
    /// How often it has been claimed.
    pub attempt: i32,
    /// How often it may be.
    pub max_attempts: i32,
    /// When it is due.
    pub run_at: Timestamp,
    /// Until when its claim holds.
    pub lease_expires_at: Option<Timestamp>,
    /// Whether it is to run once more after it has run.
    pub again: bool,
    /// What went wrong last.
    pub last_error: Option<String>,
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
    /// How often it may be claimed.
    pub max_attempts: i32,
    /// When it is due.
    pub run_at: Timestamp,
    /// Now.
    pub created_at: Timestamp,
}

type Raw = (
    i64,
    Id,
    String,
    Json<serde_json::Value>,
    Option<String>,
    Option<String>,
    i16,
    String,
    i32,
    i32,
    UtcTime,
    Option<UtcTime>,
    bool,
    Option<String>,
    UtcTime,
);

fn row(raw: Raw) -> JobRow {
    JobRow {
        position: raw.0,
        id: raw.1.into(),
        kind: raw.2,
        payload: raw.3.0,
        lane: raw.4,
        unique_key: raw.5,
        state: raw.7,
        attempt: raw.8,
        max_attempts: raw.9,
        run_at: raw.10.0,
        lease_expires_at: raw.11.map(|at| at.0),
        again: raw.12,
        last_error: raw.13,
    }
}

/// Stores a job; `None`, and nothing stored, when its unique key is taken.
///
/// # Errors
/// When the database is not there.
pub async fn insert(conn: &mut Conn, new: &NewJob) -> Result<Option<JobId>, DatabaseError> {
    let values = (
        dsl::id.eq(Id::from(new.id)),
        dsl::kind.eq(new.kind),
        dsl::payload.eq(Json(new.payload.clone())),
        dsl::lane.eq(&new.lane),
        dsl::unique_key.eq(&new.unique_key),
        dsl::priority.eq(new.priority),
        dsl::max_attempts.eq(new.max_attempts),
        dsl::run_at.eq(UtcTime(new.run_at)),
        dsl::created_at.eq(UtcTime(new.created_at)),
    );
    let stored: usize = on!(conn, c => diesel::insert_into(dsl::jobs).values(values).on_conflict_do_nothing().execute(c).await)?;
    Ok((stored == 1).then_some(new.id))
}

/// Asks the job with this unique key to run once more: at once when it is pending, after its present run when it is running.
///
/// # Errors
/// When the database is not there.
pub async fn ask_again(
    conn: &mut Conn,
    unique_key: &str,
    run_at: Timestamp,
) -> Result<Option<JobId>, DatabaseError> {
    let id: Option<Id> = on!(conn, c => {
        let running = dsl::jobs.filter(dsl::unique_key.eq(unique_key)).filter(dsl::state.eq(RUNNING));
        diesel::update(running).set(dsl::again.eq(true)).returning(dsl::id).get_result(c).await.optional()
    })?;
    if let Some(id) = id {
        return Ok(Some(id.into()));
    }
    let id: Option<Id> = on!(conn, c => {
        let pending = dsl::jobs.filter(dsl::unique_key.eq(unique_key)).filter(dsl::state.eq(PENDING));
        diesel::update(pending.filter(dsl::run_at.gt(UtcTime(run_at)))).set(dsl::run_at.eq(UtcTime(run_at))).execute(c).await?;
        dsl::jobs.filter(dsl::unique_key.eq(unique_key)).select(dsl::id).first(c).await.optional()
    })?;
    Ok(id.map(Into::into))
}

/// Makes the pending jobs of these lanes due.
///
/// # Errors
/// When the database is not there.
pub async fn pull_forward(conn: &mut Conn, lanes: &[String], now: Timestamp) -> Result<(), DatabaseError> {
    on!(conn, c => {
        let waiting = dsl::jobs.filter(dsl::lane.eq_any(lanes)).filter(dsl::state.eq(PENDING));
        diesel::update(waiting.filter(dsl::run_at.gt(UtcTime(now)))).set(dsl::run_at.eq(UtcTime(now))).execute(c).await
    })?;
    Ok(())
}

mod alias {
    //! The table a second time, for its jobs that stand before others.
    diesel::alias!(crate::schema::jobs as earlier: Earlier);
}
use alias::earlier;

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
                use crate::schema::jobs;
                let is_due = jobs::state.eq(PENDING).and(jobs::run_at.le(UtcTime(now)));
                let is_abandoned =
                    jobs::state.eq(RUNNING).and(jobs::lease_expires_at.le(UtcTime(now)).assume_not_null());
                let before = earlier
                    .filter(earlier.field(jobs::lane).eq(jobs::lane))
                    .filter(earlier.field(jobs::position).lt(jobs::position))
                    .filter(earlier.field(jobs::state).ne(DEAD));
                jobs::table
                    .filter(is_due.or(is_abandoned))
                    .filter(jobs::kind.eq_any(kinds))
                    .filter(diesel::dsl::not(diesel::dsl::exists(before)))
                    .order((jobs::priority.desc(), jobs::run_at, jobs::position))
                    .limit(limit.into())
                    .select(jobs::position)
            }};
        }
        let positions: Vec<i64> = match &mut conn.link {
            Link::Postgres(c) => due!().for_update().skip_locked().load(&mut **c).await?,
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
        macro_rules! head {
            () => {{
                use crate::schema::jobs;
                let before = earlier
                    .filter(earlier.field(jobs::lane).eq(jobs::lane))
                    .filter(earlier.field(jobs::position).lt(jobs::position))
                    .filter(earlier.field(jobs::state).ne(DEAD));
                jobs::table
                    .filter(jobs::id.eq(Id::from(id)))
                    .filter(jobs::state.eq(PENDING))
                    .filter(diesel::dsl::not(diesel::dsl::exists(before)))
                    .select(jobs::position)
            }};
        }
        let position: Option<i64> = match &mut conn.link {
            Link::Postgres(c) => head!().for_update().skip_locked().first(&mut **c).await.optional()?,
            Link::Sqlite(c) => head!().first(&mut c.conn).await.optional()?,
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
    let mut raws: Vec<Raw> = on!(conn, c => {
        let change = (
            dsl::state.eq(RUNNING),
            dsl::attempt.eq(dsl::attempt + 1),
            dsl::lease_expires_at.eq(Some(UtcTime(lease_expires_at))),
        );
        let chosen = dsl::jobs.filter(dsl::position.eq_any(positions));
        diesel::update(chosen).set(change).returning(dsl::jobs::all_columns()).get_results(c).await
    })?;
    raws.sort_by_key(|raw| raw.0);
    Ok(raws.into_iter().map(row).collect())
}

/// The job as this attempt runs it.
macro_rules! mine {
    ($id:expr, $attempt:expr) => {
        dsl::jobs
            .filter(dsl::id.eq(Id::from($id)))
            .filter(dsl::attempt.eq($attempt))
            .filter(dsl::state.eq(RUNNING))
    };
}

/// Extends a claim; `false` when it is no longer this attempt's.
///
/// # Errors
/// When the database is not there.
pub async fn renew(
    conn: &mut Conn,
    id: JobId,
    attempt: i32,
    lease_expires_at: Timestamp,
) -> Result<bool, DatabaseError> {
    let change = dsl::lease_expires_at.eq(Some(UtcTime(lease_expires_at)));
    let renewed: usize = on!(conn, c => diesel::update(mine!(id, attempt)).set(change).execute(c).await)?;
    Ok(renewed == 1)
}

/// Deletes a job that is done, or makes it pending once more when that was asked for; `false` when it is no longer this attempt's.
///
/// # Errors
/// When the database is not there.
pub async fn complete(
    conn: &mut Conn,
    id: JobId,
    attempt: i32,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let once_more = (
        dsl::state.eq(PENDING),
        dsl::attempt.eq(0),
        dsl::again.eq(false),
        dsl::run_at.eq(UtcTime(now)),
        dsl::lease_expires_at.eq(None::<UtcTime>),
    );
    let asked: usize = on!(conn, c => diesel::update(mine!(id, attempt).filter(dsl::again.eq(true))).set(once_more).execute(c).await)?;
    if asked == 1 {
        return Ok(true);
    }
    let deleted: usize = on!(conn, c => diesel::delete(mine!(id, attempt)).execute(c).await)?;
    Ok(deleted == 1)
}

/// Makes a job pending again, due at `run_at`, counting `attempts` attempts; `false` when it is no longer this attempt's.
///
/// # Errors
/// When the database is not there.
pub async fn postpone(
    conn: &mut Conn,
    id: JobId,
    attempt: i32,
    run_at: Timestamp,
    attempts: i32,
    error: Option<&str>,
) -> Result<bool, DatabaseError> {
    let change = (
        dsl::state.eq(PENDING),
        dsl::attempt.eq(attempts),
        dsl::run_at.eq(UtcTime(run_at)),
        dsl::lease_expires_at.eq(None::<UtcTime>),
        dsl::last_error.eq(error),
    );
    let changed: usize = on!(conn, c => diesel::update(mine!(id, attempt)).set(change).execute(c).await)?;
    Ok(changed == 1)
}

/// Marks a job as failed for good and frees its unique key; `false` when it is no longer this attempt's.
///
/// # Errors
/// When the database is not there.
pub async fn bury(conn: &mut Conn, id: JobId, attempt: i32, error: &str) -> Result<bool, DatabaseError> {
    let change = (
        dsl::state.eq(DEAD),
        dsl::unique_key.eq(None::<String>),
        dsl::lease_expires_at.eq(None::<UtcTime>),
        dsl::last_error.eq(Some(error)),
    );
    let changed: usize = on!(conn, c => diesel::update(mine!(id, attempt)).set(change).execute(c).await)?;
    Ok(changed == 1)
}

/// Makes a dead job pending again, with all its attempts; `false` when there is no such dead job.
///
/// # Errors
/// When the database is not there.
pub async fn revive(conn: &mut Conn, id: JobId, now: Timestamp) -> Result<bool, DatabaseError> {
    let change = (dsl::state.eq(PENDING), dsl::attempt.eq(0), dsl::run_at.eq(UtcTime(now)));
    let changed: usize = on!(conn, c => {
        let dead = dsl::jobs.filter(dsl::id.eq(Id::from(id))).filter(dsl::state.eq(DEAD));
        diesel::update(dead).set(change).execute(c).await
    })?;
    Ok(changed == 1)
}

/// The job of this id.
///
/// # Errors
/// When the database is not there.
pub async fn find(conn: &mut Conn, id: JobId) -> Result<Option<JobRow>, DatabaseError> {
    let raw: Option<Raw> =
        on!(conn, c => dsl::jobs.filter(dsl::id.eq(Id::from(id))).first(c).await.optional())?;
    Ok(raw.map(row))
}

/// When the next pending job or ended lease of these kinds is due; `None` when nothing waits.
///
/// # Errors
/// When the database is not there.
pub async fn next_due(conn: &mut Conn, kinds: &[&str]) -> Result<Option<Timestamp>, DatabaseError> {
    let at: Option<UtcTime> = on!(conn, c => {
        let waiting = dsl::jobs.filter(dsl::state.eq(PENDING)).filter(dsl::kind.eq_any(kinds));
        waiting.select(dsl::run_at).order(dsl::run_at).first(c).await.optional()
    })?;
    Ok(at.map(|at| at.0))
}
