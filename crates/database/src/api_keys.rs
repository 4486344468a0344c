//! API keys.

use blazz_domain::{ApiKeyId, Grants, Timestamp, WorkspaceId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::row::rows;
use crate::schema::api_keys;
use crate::types::{Id, Json, UtcTime, int};
use crate::{Conn, DatabaseError};

row! {
    /// A key, with the hash of its secret.
    pub struct ApiKeyRow as KeptApiKey in api_keys {
        /// Its id.
        id: ApiKeyId as Id,
        /// The workspace it speaks for.
        workspace_id: WorkspaceId as Id,
        /// The operator's name for it.
        name: String as String,
        /// The end of the secret, to tell keys apart by.
        hint: String as String,
        /// The hash of the secret.
        secret_hash: String as String,
        /// When it was created.
        created_at: Timestamp as UtcTime,
        /// When it was revoked.
        revoked_at: Option<Timestamp> as Option<UtcTime>,
        /// What it may do.
        scopes: Grants as Json<Grants>,
        /// From when on it opens nothing.
        expires_at: Option<Timestamp> as Option<UtcTime>,
        /// When it was last used, to a minute.
        last_used_at: Option<Timestamp> as Option<UtcTime>,
        /// The key that took its place.
        replaced_by: Option<ApiKeyId> as Option<Id>,
        /// How many calls a minute it may make; without it, it shares those of its workspace.
        requests_per_minute: Option<u32> as Option<i32>,
    }
}

/// Stores a new key.
///
/// # Errors
/// When the id or the hash is taken, or the workspace is not there.
pub async fn insert(conn: &mut Conn, row: &ApiKeyRow) -> Result<(), DatabaseError> {
    let kept = KeptApiKey::from(row);
    on!(conn, c => diesel::insert_into(api_keys::table).values(kept).execute(c).await)?;
    Ok(())
}

/// The keys of a workspace, newest first, those after `after`, revoked ones too.
///
/// # Errors
/// When the database is not there.
pub async fn list(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    after: Option<ApiKeyId>,
    limit: u32,
) -> Result<Vec<ApiKeyRow>, DatabaseError> {
    let kept: Vec<KeptApiKey> = on!(conn, c => {
        let query = api_keys::table.filter(api_keys::workspace_id.eq(Id(workspace_id.0)));
        let query = query.order(api_keys::id.desc()).limit(limit.into());
        let mut query = query.into_boxed();
        if let Some(after) = after {
            query = query.filter(api_keys::id.lt(Id(after.0)));
        }
        query.load(c).await
    })?;
    Ok(rows(kept))
}

/// Revokes a key; the time of the first revocation stays. `None` when the workspace has no such key.
///
/// # Errors
/// When the database is not there.
pub async fn revoke(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    id: ApiKeyId,
    now: Timestamp,
) -> Result<Option<ApiKeyRow>, DatabaseError> {
    conn.transaction(async |conn| {
        let unrevoked = api_keys::table.find(Id(id.0)).filter(api_keys::revoked_at.is_null());
        let revoke = diesel::update(unrevoked.filter(api_keys::workspace_id.eq(Id(workspace_id.0))));
        let revoke = revoke.set(api_keys::revoked_at.eq(Some(UtcTime(now))));
        on!(conn, c => revoke.execute(c).await)?;
        let query = api_keys::table.find(Id(id.0)).filter(api_keys::workspace_id.eq(Id(workspace_id.0)));
        let kept: Option<KeptApiKey> = on!(conn, c => query.first(c).await.optional())?;
        Ok(kept.map(ApiKeyRow::from))
    })
    .await
}

/// One key of a workspace.
///
/// # Errors
/// When the database is not there.
pub async fn find(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    id: ApiKeyId,
) -> Result<Option<ApiKeyRow>, DatabaseError> {
    let query = api_keys::table.find(Id(id.0)).filter(api_keys::workspace_id.eq(Id(workspace_id.0)));
    let kept: Option<KeptApiKey> = on!(conn, c => query.first(c).await.optional())?;
    Ok(kept.map(ApiKeyRow::from))
}

/// Stores `new` in the place of the key `old` of the same workspace, which ends at `ends_at` at the latest. Whether it did: not when the
/// old one was replaced before.
///
/// # Errors
/// When the id or the hash is taken, or the database is not there.
pub async fn replace(
    conn: &mut Conn,
    old: &ApiKeyRow,
    new: &ApiKeyRow,
    ends_at: Timestamp,
) -> Result<bool, DatabaseError> {
    let ends_at = old.expires_at.map_or(ends_at, |expires_at| expires_at.min(ends_at));
    conn.transaction(async |conn| {
        let standing = api_keys::table.find(Id(old.id.0)).filter(api_keys::replaced_by.is_null());
        let standing = standing.filter(api_keys::revoked_at.is_null());
        let update = diesel::update(standing.filter(api_keys::workspace_id.eq(Id(old.workspace_id.0))));
        let update = update.set((
            api_keys::replaced_by.eq(Some(Id(new.id.0))),
            api_keys::expires_at.eq(Some(UtcTime(ends_at))),
        ));
        if on!(conn, c => update.execute(c).await)? == 0 {
            return Ok(false);
        }
        insert(conn, new).await?;
        Ok(true)
    })
    .await
}

/// Sets how many calls a minute a key may make; whether the workspace has such a key.
///
/// # Errors
/// When the database is not there.
pub async fn set_requests_per_minute(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    id: ApiKeyId,
    requests_per_minute: Option<u32>,
) -> Result<bool, DatabaseError> {
    conn.in_turn(async |conn| {
        let own = api_keys::table.find(Id(id.0)).filter(api_keys::workspace_id.eq(Id(workspace_id.0)));
        let change = api_keys::requests_per_minute.eq(requests_per_minute.map(int));
        Ok(on!(conn, c => diesel::update(own).set(change).execute(c).await)? == 1)
    })
    .await
}

/// Notes that a key was used.
///
/// # Errors
/// When the database is not there.
pub async fn touch(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    id: ApiKeyId,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    conn.in_turn(async |conn| {
        let own = api_keys::table.find(Id(id.0)).filter(api_keys::workspace_id.eq(Id(workspace_id.0)));
        let update = diesel::update(own).set(api_keys::last_used_at.eq(Some(UtcTime(now))));
        on!(conn, c => update.execute(c).await)?;
        Ok(())
    })
    .await
}

/// The key whose secret has this hash, revoked and expired ones too.
///
/// # Errors
/// When the database is not there.
pub async fn find_by_hash(conn: &mut Conn, hash: &str) -> Result<Option<ApiKeyRow>, DatabaseError> {
    let query = api_keys::table.filter(api_keys::secret_hash.eq(hash));
    let kept: Option<KeptApiKey> = on!(conn, c => query.first(c).await.optional())?;
    Ok(kept.map(ApiKeyRow::from))
}
