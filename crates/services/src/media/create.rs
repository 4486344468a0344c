//! Storing a file of a tenant.

use blazz_database::media::{self, MediaRow, STORED};
use blazz_domain::{MediaFile, MediaId, WorkspaceId};
use blazz_media::{Arrival, Arrived};

use super::kind;
use crate::{ServiceError, Services};

/// What its sender says of a file.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct NewFile {
    /// Its MIME type.
    pub mime_type: Option<String>,
    /// Its name.
    pub filename: Option<String>,
}

/// Begins to take a file, of at most as many bytes as the operator allows.
///
/// # Errors
/// When the media store fails.
pub async fn begin(services: &Services) -> Result<Arrival, ServiceError> {
    Ok(services.media.receive(services.settings.media_limit).await?)
}

/// Stores a file that has arrived. The same bytes under the same name and type again are the same file.
///
/// # Errors
/// `invalid_request` for a file without a byte, `unsupported_media_type` when it is not what its sender says.
pub async fn create(
    services: &Services,
    workspace_id: WorkspaceId,
    arrived: Arrived,
    new: &NewFile,
) -> Result<MediaFile, ServiceError> {
    if arrived.size == 0 {
        let detail = "the body is empty; send the bytes of a file";
        return Err(ServiceError::refused(blazz_domain::ErrorCode::InvalidRequest, detail));
    }
    let row = MediaRow {
        id: MediaId::new(),
        workspace_id,
        sha256: arrived.sha256.clone(),
        mime: kind::settle(new.mime_type.as_deref(), arrived.sniffed)?,
        size: arrived.size,
        filename: new.filename.as_deref().and_then(blazz_domain::media::filename).unwrap_or_default(),
        state: STORED.to_owned(),
        created_at: services.clock.now(),
    };
    keep(services, row, arrived).await.map(MediaFile::from)
}

/// Puts the bytes in their place and the row beside the others, or finds the row that was there.
pub(super) async fn keep(
    services: &Services,
    row: MediaRow,
    arrived: Arrived,
) -> Result<MediaRow, ServiceError> {
    let mut conn = services.pool.get().await?;
    conn.transaction(async |conn| {
        media::lock(conn, row.workspace_id).await?;
        let row = media::upsert(conn, &row).await?;
        // Before the commit: a row that others can see has its bytes.
        services.media.keep(row.workspace_id, arrived).await?;
        Ok::<_, ServiceError>(row)
    })
    .await
}
