//! Keys under which tenants ask for a send at most once.

use blazz_domain::{MessageId, Timestamp, WorkspaceId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::schema::idempotency_keys::dsl;
use crate::types::{Id, UtcTime};
use crate::{Conn, DatabaseError};

/// A key that was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKeyRow {
    /// Whose.
    pub workspace_id: WorkspaceId,
    /// The key.
    pub key: String,
    /// The hash of what was asked for.
    pub body_hash: String,
    /// The message that came of it.
    pub message_id: MessageId,
    /// When it was used.
    pub created_at: Timestamp,
}

type Raw = (Id, String, String, Id, UtcTime);

/// Stores a key.
///
/// # Errors
/// `UniqueViolation` when the workspace has used it already.
pub async fn insert(conn: &mut Conn, new: &IdempotencyKeyRow) -> Result<(), DatabaseError> {
    let values = (
        dsl::workspace_id.eq(Id::from(new.workspace_id)),
        dsl::key.eq(&new.key),
        dsl::body_hash.eq(&new.body_hash),
        dsl::message_id.eq(Id::from(new.message_id)),
        dsl::created_at.eq(UtcTime(new.created_at)),
    );
    on!(conn, c => diesel::insert_into(dsl::idempotency_keys).values(values).execute(c).await)?;
    Ok(())
}

/// The key, if the workspace has used it.
///
/// # Errors
/// When the database is not there.
pub async fn find(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    key: &str,
) -> Result<Option<IdempotencyKeyRow>, DatabaseError> {
    let raw: Option<Raw> =
        on!(conn, c => dsl::idempotency_keys.find((Id::from(workspace_id), key)).first(c).await.optional())?;
    Ok(raw.map(|(workspace_id, key, body_hash, message_id, created_at)| IdempotencyKeyRow {
        workspace_id: workspace_id.into(),
        key,
        body_hash,
        message_id: message_id.into(),
        created_at: created_at.0,
    }))
}

/// Deletes up to `limit` of those that are older than `before`; how many it were.
///
/// # Errors
/// When the database is not there.
pub async fn delete_before(conn: &mut Conn, before: Timestamp, limit: u32) -> Result<u32, DatabaseError> {
    conn.in_turn(async |conn| {
        let deleted: usize = on!(conn, c => {
            let old = dsl::idempotency_keys.filter(dsl::created_at.lt(UtcTime(before)));
            let ids: Vec<Id> = old.order(dsl::created_at).limit(limit.into()).select(dsl::message_id).load(c).await?;
            diesel::delete(dsl::idempotency_keys.filter(dsl::message_id.eq_any(&ids))).execute(c).await
        })?;
        Ok(u32::try_from(deleted).unwrap_or(u32::MAX))
    })
    .await
}
