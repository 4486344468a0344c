//! What can be changed of a key that is in use.

use blazz_database::api_keys;
use blazz_domain::{ApiKeyId, WorkspaceId};

use super::{ApiKey, check_quota};
use crate::{ServiceError, Services};

/// What to change of a key; what is left out stays.
#[derive(Debug, Clone, Copy, Default)]
pub struct ApiKeyPatch {
    /// How many requests a minute it may make; `Some(None)` lets it share those of its workspace.
    pub requests_per_minute: Option<Option<u32>>,
}

/// Changes a key, from its next call on.
///
/// # Errors
/// When the workspace has no such key, or the number is out of range.
pub async fn update(
    services: &Services,
    workspace_id: WorkspaceId,
    id: ApiKeyId,
    patch: ApiKeyPatch,
) -> Result<ApiKey, ServiceError> {
    let mut conn = services.pool.get().await?;
    if let Some(requests_per_minute) = patch.requests_per_minute {
        check_quota(requests_per_minute)?;
        api_keys::set_requests_per_minute(&mut conn, workspace_id, id, requests_per_minute).await?;
        tracing::info!(workspace.id = %workspace_id, api_key.id = %id, "api key changed");
    }
    let row = api_keys::find(&mut conn, workspace_id, id).await?;
    Ok(row.ok_or_else(|| ServiceError::not_found("key"))?.into())
}
