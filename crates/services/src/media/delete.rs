//! Deleting a file.

use blazz_database::media;
use blazz_domain::{MediaId, WorkspaceId};

use crate::{ServiceError, Services};

/// Deletes a file. Messages that carry it still name it; those that wait to be sent fail.
///
/// # Errors
/// When the workspace has none with this id.
pub async fn delete(services: &Services, workspace_id: WorkspaceId, id: MediaId) -> Result<(), ServiceError> {
    let mut conn = services.pool.get().await?;
    let row = media::delete(&mut conn, workspace_id, id).await?.ok_or_else(ServiceError::media_not_found)?;
    // After that commit: should the process die here, bytes stay that no row points to.
    conn.transaction(async |conn| {
        media::lock(conn, workspace_id).await?;
        if media::list_by_hash(conn, workspace_id, &row.sha256).await?.is_empty() {
            services.media.delete(workspace_id, &row.sha256).await?;
        }
        Ok::<_, ServiceError>(())
    })
    .await?;
    tracing::info!(workspace.id = %workspace_id, media.id = %id, "file deleted");
    Ok(())
}
