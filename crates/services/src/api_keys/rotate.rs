//! A new secret in the place of an old one, both good for a while.

use std::time::Duration;

use blazz_database::api_keys;
use blazz_domain::{ApiKeyId, ErrorCode, Timestamp, WorkspaceId};

use super::authenticate::has_expired;
use super::{CreatedKey, check_expiry, new_row};
use crate::{ServiceError, Services};

/// The longest time that an old key may go on beside the new one.
pub const MAX_OVERLAP: Duration = Duration::from_secs(30 * 86_400);

/// How a key is replaced.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rotation {
    /// How long the old key goes on beside the new one.
    pub overlap: Duration,
    /// When the new key expires; without it, it lives as long as the old one was given.
    pub expires_at: Option<Timestamp>,
}

/// Makes a key with the name, the scopes and the quota of another, which ends after the overlap (or when it expires, if that is sooner).
///
/// # Errors
/// When the workspace has no such key (`not_found`), it was revoked, has expired or was replaced (`conflict`), or a time is out of range.
pub async fn rotate(
    services: &Services,
    workspace_id: WorkspaceId,
    id: ApiKeyId,
    rotation: Rotation,
) -> Result<CreatedKey, ServiceError> {
    let now = services.clock.now();
    if rotation.overlap > MAX_OVERLAP {
        let detail = format!("overlap_seconds must be at most {}", MAX_OVERLAP.as_secs());
        return Err(ServiceError::refused(ErrorCode::InvalidRequest, detail));
    }
    check_expiry(rotation.expires_at, now)?;
    let ended = || ServiceError::refused(ErrorCode::Conflict, "the key was revoked, replaced or has expired");
    let mut conn = services.pool.get().await?;
    let old = api_keys::find(&mut conn, workspace_id, id).await?;
    let old = old.ok_or_else(|| ServiceError::not_found("key"))?;
    if has_expired(&old, now) {
        return Err(ended());
    }
    let life = old.expires_at.map(|at| now.plus(at.since(old.created_at)));
    let expires_at = rotation.expires_at.or(life);
    let (mut new, secret) = new_row(workspace_id, old.name.clone(), old.scopes.clone(), expires_at, now);
    new.requests_per_minute = old.requests_per_minute;
    if !api_keys::replace(&mut conn, &old, &new, now.plus(rotation.overlap)).await? {
        return Err(ended());
    }
    tracing::info!(workspace.id = %workspace_id, api_key.id = %id, api_key.new_id = %new.id, "api key rotated");
    Ok(CreatedKey { key: new.into(), secret })
}
