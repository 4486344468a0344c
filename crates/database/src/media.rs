//! Files of workspaces: what is known of them. Their bytes lie elsewhere.

use blazz_domain::{MediaFile, MediaId, Timestamp, WorkspaceId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::conn::Link;
use crate::row::rows;
use crate::schema::{media, workspaces};
use crate::types::{Id, UtcTime};
use crate::{Conn, DatabaseError};

/// A file that is announced and has not arrived.
pub const PENDING: &str = "pending";
/// A file whose bytes are there.
pub const STORED: &str = "stored";

row! {
    /// A file.
    pub struct MediaRow as KeptMedia in media {
        /// Its id.
        id: MediaId as Id,
        /// Whose it is.
        workspace_id: WorkspaceId as Id,
        /// The SHA-256 of its bytes, in hex.
        sha256: String as String,
        /// Its MIME type.
        mime: String as String,
        /// Its length in bytes.
        size: u64 as i64,
        /// Its name; empty when it has none.
        filename: String as String,
        /// [`PENDING`] or [`STORED`].
        state: String as String,
        /// When it was stored or announced.
        created_at: Timestamp as UtcTime,
    }
}

impl MediaRow {
    /// Whether its bytes are there.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        self.state == STORED
    }
}

impl From<MediaRow> for MediaFile {
    fn from(row: MediaRow) -> Self {
        Self {
            id: row.id,
            mime_type: row.mime,
            size: row.size,
            sha256: row.sha256,
            filename: Some(row.filename).filter(|name| !name.is_empty()),
            created_at: row.created_at,
        }
    }
}

/// Keeps others of the workspace from storing or deleting files until the transaction ends.
///
/// # Errors
/// When the database is not there.
pub async fn lock(conn: &mut Conn, workspace_id: WorkspaceId) -> Result<(), DatabaseError> {
    if let Link::Postgres(c) = &mut conn.link {
        let own = workspaces::table.find(Id::from(workspace_id)).select(workspaces::id);
        let _locked: Option<Id> = own.for_no_key_update().first(&mut **c).await.optional()?;
    }
    // On SQLite the transaction holds the only write lock there is.
    Ok(())
}

/// Stores a file; where the workspace has the very same one it stays, and is returned. A pending one becomes stored when `new` is.
///
/// # Errors
/// `ForeignKey` when there is no such workspace.
pub async fn upsert(conn: &mut Conn, new: &MediaRow) -> Result<MediaRow, DatabaseError> {
    let kept = KeptMedia::from(new);
    let key = (media::workspace_id, media::sha256, media::mime, media::filename);
    on!(conn, c => {
        diesel::insert_into(media::table).values(kept).on_conflict(key).do_nothing().execute(c).await
    })?;
    let found: KeptMedia = on!(conn, c => {
        let own = media::table.filter(media::workspace_id.eq(Id::from(new.workspace_id)));
        let same = own.filter(media::sha256.eq(&new.sha256)).filter(media::mime.eq(&new.mime));
        same.filter(media::filename.eq(&new.filename)).first(c).await
    })?;
    let mut row = MediaRow::from(found);
    if new.is_stored() && !row.is_stored() {
        set_stored(conn, row.workspace_id, row.id).await?;
        STORED.clone_into(&mut row.state);
    }
    Ok(row)
}

/// The bytes of a file are there.
///
/// # Errors
/// When the database is not there.
pub async fn set_stored(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    id: MediaId,
) -> Result<(), DatabaseError> {
    on!(conn, c => {
        let own = media::table.filter(media::workspace_id.eq(Id::from(workspace_id)));
        diesel::update(own.filter(media::id.eq(Id::from(id)))).set(media::state.eq(STORED)).execute(c).await
    })?;
    Ok(())
}

/// The file of this id.
///
/// # Errors
/// When the database is not there.
pub async fn find(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    id: MediaId,
) -> Result<Option<MediaRow>, DatabaseError> {
    let kept: Option<KeptMedia> = on!(conn, c => {
        let own = media::table.filter(media::workspace_id.eq(Id::from(workspace_id)));
        own.filter(media::id.eq(Id::from(id))).first(c).await.optional()
    })?;
    Ok(kept.map(MediaRow::from))
}

/// Every file of a workspace with these bytes, oldest first.
///
/// # Errors
/// When the database is not there.
pub async fn list_by_hash(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    sha256: &str,
) -> Result<Vec<MediaRow>, DatabaseError> {
    let kept: Vec<KeptMedia> = on!(conn, c => {
        let own = media::table.filter(media::workspace_id.eq(Id::from(workspace_id)));
        own.filter(media::sha256.eq(sha256)).order(media::id).load(c).await
    })?;
    Ok(rows(kept))
}

/// Deletes a file's row; `None` when there is none.
///
/// # Errors
/// When the database is not there.
pub async fn delete(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    id: MediaId,
) -> Result<Option<MediaRow>, DatabaseError> {
    conn.in_turn(async |conn| {
        let found = find(conn, workspace_id, id).await?;
        on!(conn, c => {
            let own = media::table.filter(media::workspace_id.eq(Id::from(workspace_id)));
            diesel::delete(own.filter(media::id.eq(Id::from(id)))).execute(c).await
        })?;
        Ok(found)
    })
    .await
}

/// Deletes up to `limit` rows of files that were announced before `before` and never arrived; how many it were.
///
/// # Errors
/// When the database is not there.
pub async fn delete_pending_before(
    conn: &mut Conn,
    before: Timestamp,
    limit: u32,
) -> Result<u32, DatabaseError> {
    conn.in_turn(async |conn| {
        let deleted: usize = on!(conn, c => {
            let old = media::table.filter(media::state.eq(PENDING)).filter(media::created_at.lt(UtcTime(before)));
            let ids: Vec<Id> = old.order(media::created_at).limit(limit.into()).select(media::id).load(c).await?;
            let pending = media::table.filter(media::id.eq_any(&ids)).filter(media::state.eq(PENDING));
            diesel::delete(pending).execute(c).await
        })?;
        Ok(u32::try_from(deleted).unwrap_or(u32::MAX))
    })
    .await
}
