//! Reading files, and what is known of them.

use std::ops::Range;

use blazz_database::Conn;
use blazz_database::media::{self, MediaRow};
use blazz_domain::{MediaFile, MediaId, WorkspaceId};
use blazz_media::ByteStream;

use crate::{ServiceError, Services};

/// A file and its bytes, or some of them.
pub struct Content {
    /// The file.
    pub file: MediaFile,
    /// Which bytes of it.
    pub range: Range<u64>,
    /// These bytes.
    pub bytes: ByteStream,
}

/// One file.
///
/// # Errors
/// When the workspace has none with this id.
pub async fn get(
    services: &Services,
    workspace_id: WorkspaceId,
    id: MediaId,
) -> Result<MediaFile, ServiceError> {
    let mut conn = services.pool.get().await?;
    find_stored(&mut conn, workspace_id, id).await.map(MediaFile::from)
}

/// The bytes of a file; those that `choose` picks when it is told how many there are.
///
/// # Errors
/// When the workspace has none with this id.
pub async fn content(
    services: &Services,
    workspace_id: WorkspaceId,
    id: MediaId,
    choose: impl FnOnce(u64) -> Option<Range<u64>>,
) -> Result<Content, ServiceError> {
    let file = get(services, workspace_id, id).await?;
    let chosen = choose(file.size).filter(|range| range.start < range.end && range.end <= file.size);
    let bytes = services.media.read(workspace_id, &file.sha256, chosen.clone()).await?;
    let range = chosen.unwrap_or(0..file.size);
    Ok(Content { file, range, bytes })
}

pub(crate) async fn find_stored(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    id: MediaId,
) -> Result<MediaRow, ServiceError> {
    let row = media::find(conn, workspace_id, id).await?;
    row.filter(MediaRow::is_stored).ok_or_else(ServiceError::media_not_found)
}
