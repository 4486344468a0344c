//! API keys: who may speak for a workspace. Stored as a hash; the secret is shown once.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use blazz_database::api_keys::{self, ApiKeyRow};
use blazz_domain::{ApiKeyId, Page, Timestamp, WorkspaceId, random};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use crate::cursor::{PageQuery, id_cursor, page_of};
use crate::workspaces::{self, checked_name};
use crate::{ServiceError, Services};

/// What every secret begins with, so that scanners find a leaked one.
const PREFIX: &str = "blz_";
/// The prefix and 32 bytes in base64.
const SECRET_LENGTH: usize = PREFIX.len() + 43;

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
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
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
            created_at: row.created_at,
            revoked_at: row.revoked_at,
        }
    }
}

/// Creates a key for a workspace.
///
/// # Errors
/// When the name is bad or there is no such workspace.
pub async fn create(
    services: &Services,
    workspace_id: WorkspaceId,
    name: &str,
) -> Result<CreatedKey, ServiceError> {
    let name = checked_name(name)?;
    workspaces::get(services, workspace_id).await?;
    let secret = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random::bytes::<32>()));
    let row = ApiKeyRow {
        id: ApiKeyId::new(),
        workspace_id,
        name,
        hint: secret.chars().skip(SECRET_LENGTH - 4).collect(),
        secret_hash: hash(&secret),
        created_at: services.clock.now(),
        revoked_at: None,
    };
    let mut conn = services.pool.get().await?;
    api_keys::insert(&mut conn, &row).await?;
    tracing::info!(workspace.id = %workspace_id, api_key.id = %row.id, "api key created");
    Ok(CreatedKey { key: row.into(), secret })
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

/// Whose key this is; `None` for anything but a valid, unrevoked secret.
///
/// # Errors
/// When the database is not there.
pub async fn authenticate(services: &Services, secret: &str) -> Result<Option<WorkspaceId>, ServiceError> {
    if secret.len() != SECRET_LENGTH || !secret.starts_with(PREFIX) {
        return Ok(None);
    }
    let mut conn = services.pool.get().await?;
    let row = api_keys::find_active_by_hash(&mut conn, &hash(secret)).await?;
    Ok(row.map(|row| row.workspace_id))
}

/// A plain hash will do: a secret of 256 random bits cannot be guessed, so it needs no slow one.
fn hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret))
}
