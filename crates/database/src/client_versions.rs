//! The version of WhatsApp Web that the fleet claims: what was fetched, and what the operator has set instead.

use blazz_domain::Timestamp;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::row::rows;
use crate::schema::client_versions;
use crate::types::UtcTime;
use crate::{Conn, DatabaseError};

/// The source of the row that holds what was fetched.
pub const FETCHED: &str = "fetched";
/// The source of the row that holds what the operator has set.
pub const OPERATOR: &str = "operator";

row! {
    /// What one source says; the row of each is always there.
    pub struct ClientVersionRow as KeptClientVersion in client_versions {
        /// [`FETCHED`] or [`OPERATOR`].
        source: String as String,
        /// The version; `None` while the source says nothing.
        version: Option<String> as Option<String>,
        /// Since when.
        at: Option<Timestamp> as Option<UtcTime>,
        /// When somebody last set out to fetch.
        tried_at: Option<Timestamp> as Option<UtcTime>,
        /// When somebody last did so because a version had been refused.
        asked_at: Option<Timestamp> as Option<UtcTime>,
    }
}

/// When another fetch is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchDue {
    /// A fetch that succeeded is repeated when it was tried no later than this.
    pub succeeded_before: Timestamp,
    /// One that failed is repeated when it was tried no later than this.
    pub failed_before: Timestamp,
}

/// What each source says.
///
/// # Errors
/// When the database is not there.
pub async fn list(conn: &mut Conn) -> Result<Vec<ClientVersionRow>, DatabaseError> {
    let query = client_versions::table.order(client_versions::source);
    let kept: Vec<KeptClientVersion> = on!(conn, c => query.load(c).await)?;
    Ok(rows(kept))
}

/// Stores what a source says from now on; `None`: nothing.
///
/// # Errors
/// When the database is not there.
pub async fn set(
    conn: &mut Conn,
    source: &str,
    version: Option<&str>,
    at: Timestamp,
) -> Result<(), DatabaseError> {
    let at = version.map(|_| UtcTime(at));
    let values = (client_versions::version.eq(version), client_versions::at.eq(at));
    conn.in_turn(async |conn| {
        on!(conn, c => diesel::update(client_versions::table.find(source)).set(values).execute(c).await)?;
        Ok(())
    })
    .await
}

/// Takes the next regular fetch upon the caller, if one is due. At most one of several processes is told so.
///
/// # Errors
/// When the database is not there.
pub async fn claim_due(conn: &mut Conn, now: Timestamp, due: FetchDue) -> Result<bool, DatabaseError> {
    let tried = client_versions::tried_at;
    let never = tried.is_null();
    let long_ago = tried.assume_not_null().le(UtcTime(due.succeeded_before));
    let nothing_came =
        client_versions::at.is_null().or(client_versions::at.assume_not_null().lt(tried.assume_not_null()));
    let failed = tried.assume_not_null().le(UtcTime(due.failed_before)).and(nothing_came);
    let is_due = never.or(tried.is_not_null().and(long_ago.or(failed)));
    let row = client_versions::table.filter(client_versions::source.eq(FETCHED)).filter(is_due);
    let claim = diesel::update(row).set(tried.eq(Some(UtcTime(now))));
    conn.in_turn(async |conn| Ok(on!(conn, c => claim.execute(c).await)? == 1)).await
}

/// Takes a fetch upon the caller because WhatsApp has refused the version, unless that was done later than `before`. At most one of
/// several processes is told so.
///
/// # Errors
/// When the database is not there.
pub async fn claim_asked(conn: &mut Conn, now: Timestamp, before: Timestamp) -> Result<bool, DatabaseError> {
    let asked = client_versions::asked_at;
    let may = asked.is_null().or(asked.is_not_null().and(asked.assume_not_null().le(UtcTime(before))));
    let row = client_versions::table.filter(client_versions::source.eq(FETCHED)).filter(may);
    let now = Some(UtcTime(now));
    let claim = diesel::update(row).set((asked.eq(now), client_versions::tried_at.eq(now)));
    conn.in_turn(async |conn| Ok(on!(conn, c => claim.execute(c).await)? == 1)).await
}
