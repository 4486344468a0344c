//! API keys: who may speak for a workspace. Stored as a hash; the secret is shown once.

mod authenticate;
mod rotate;
mod secret;
mod update;

use std::fmt;

use blazz_bus::Quota;
use blazz_database::api_keys::{self, ApiKeyRow};
use blazz_domain::{ApiKeyId, ErrorCode, Grants, Page, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use authenticate::{KeyHolder, KnownKey, Refused, authenticate, note_use};
pub use rotate::{MAX_OVERLAP, Rotation, rotate};
pub use update::{ApiKeyPatch, update};

use crate::cursor::{PageQuery, id_cursor, page_of};
use crate::workspaces::{self, checked_name};
use crate::{ServiceError, Services};

/// A key without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// The workspace it speaks for.
    pub workspace_id: WorkspaceId,
    /// The operator's name for it.
    #[schema(examples("production"))]
    pub name: String,
    /// The last four characters of the secret.
    #[schema(examples("x9Qa"))]
    pub hint: String,
    /// What it may do.
    pub scopes: Grants,
    /// How many requests a minute it may make, apart from all others; without a number it shares those of its workspace.
    #[schema(examples(500))]
    pub requests_per_minute: Option<u32>,
    /// When it was created.
    pub created_at: Timestamp,
    /// From when on it opens nothing.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to a minute.
    pub last_used_at: Option<Timestamp>,
    /// The key that took its place when it was rotated.
    pub replaced_by: Option<ApiKeyId>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// A key to make.
#[derive(Debug, Clone, Default)]
pub struct NewKey {
    /// The operator's name for it.
    pub name: String,
    /// What it may do ([`Grants::parse`]); all there is, unless told.
    pub scopes: Option<Vec<String>>,
    /// From when on it opens nothing.
    pub expires_at: Option<Timestamp>,
    /// How many requests a minute it may make; shares those of its workspace, unless told.
    pub requests_per_minute: Option<u32>,
}

/// A new key with its secret, which nobody can ask for again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreatedKey {
    /// The key.
    pub key: ApiKey,
    /// What to send as `Authorization: Bearer …`. Shown this once.
    pub secret: String,
}

impl fmt::Debug for CreatedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedKey").field("key", &self.key).finish_non_exhaustive()
    }
}

impl From<ApiKeyRow> for ApiKey {
    fn from(row: ApiKeyRow) -> Self {
        Self {
            id: row.id,
            workspace_id: row.workspace_id,
            name: row.name,
            hint: row.hint,
            scopes: row.scopes,
            requests_per_minute: row.requests_per_minute,
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
            replaced_by: row.replaced_by,
            revoked_at: row.revoked_at,
        }
    }
}

/// Creates a key for a workspace.
///
/// # Errors
/// When the name, a scope or the expiry is bad or there is no such workspace.
pub async fn create(
    services: &Services,
    workspace_id: WorkspaceId,
    new: &NewKey,
) -> Result<CreatedKey, ServiceError> {
    let (name, now) = (checked_name(&new.name)?, services.clock.now());
    let scopes = new.scopes.as_deref().map_or_else(|| Ok(Grants::all()), Grants::parse);
    let scopes = scopes
        .map_err(|error| ServiceError::refused(ErrorCode::InvalidRequest, format!("scopes: {error}")))?;
    check_expiry(new.expires_at, now)?;
    check_quota(new.requests_per_minute)?;
    workspaces::get(services, workspace_id).await?;
    let (mut row, secret) = new_row(workspace_id, name, scopes, new.expires_at, now);
    row.requests_per_minute = new.requests_per_minute;
    let mut conn = services.pool.get().await?;
    api_keys::insert(&mut conn, &row).await?;
    tracing::info!(workspace.id = %workspace_id, api_key.id = %row.id, "api key created");
    Ok(CreatedKey { key: row.into(), secret })
}

fn new_row(
    workspace_id: WorkspaceId,
    name: String,
    scopes: Grants,
    expires_at: Option<Timestamp>,
    created_at: Timestamp,
) -> (ApiKeyRow, String) {
    let secret = secret::new();
    let row = ApiKeyRow {
        id: ApiKeyId::new(),
        workspace_id,
        name,
        hint: secret::hint(&secret),
        secret_hash: secret::hash(&secret),
        created_at,
        revoked_at: None,
        scopes,
        expires_at,
        last_used_at: None,
        replaced_by: None,
        requests_per_minute: None,
    };
    (row, secret)
}

fn check_quota(requests_per_minute: Option<u32>) -> Result<(), ServiceError> {
    if requests_per_minute.is_none_or(|calls| (1..=Quota::MAX_CALLS).contains(&calls)) {
        return Ok(());
    }
    let detail = format!("requests_per_minute must be between 1 and {}", Quota::MAX_CALLS);
    Err(ServiceError::refused(ErrorCode::InvalidRequest, detail))
}

fn check_expiry(expires_at: Option<Timestamp>, now: Timestamp) -> Result<(), ServiceError> {
    if expires_at.is_none_or(|at| at > now) {
        return Ok(());
    }
    Err(ServiceError::refused(ErrorCode::InvalidRequest, "expires_at must be in the future"))
}

/// The keys of a workspace, newest first, revoked ones too.
///
/// # Errors
/// When the page is not one or there is no such workspace.
pub async fn list(
    services: &Services,
    workspace_id: WorkspaceId,
    page: &PageQuery,
) -> Result<Page<ApiKey>, ServiceError> {
    let (after, limit) = (page.after_id()?, page.limit()?);
    workspaces::get(services, workspace_id).await?;
    let mut conn = services.pool.get().await?;
    let rows = api_keys::list(&mut conn, workspace_id, after, limit + 1).await?;
    Ok(page_of(rows, limit, |row| id_cursor(row.id.0), ApiKey::from))
}

/// Revokes a key for good. Revoking it again changes nothing.
///
/// # Errors
/// When the workspace has no such key.
pub async fn revoke(
    services: &Services,
    workspace_id: WorkspaceId,
    id: ApiKeyId,
) -> Result<ApiKey, ServiceError> {
    let mut conn = services.pool.get().await?;
    let row = api_keys::revoke(&mut conn, workspace_id, id, services.clock.now()).await?;
    let row = row.ok_or_else(|| ServiceError::not_found("key"))?;
    tracing::info!(workspace.id = %workspace_id, api_key.id = %id, "api key revoked");
    Ok(row.into())
}
