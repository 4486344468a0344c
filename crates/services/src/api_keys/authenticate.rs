//! Whose key came: found by its hash, judged by the clock.

use std::time::Duration;

use blazz_database::api_keys::{self, ApiKeyRow};
use blazz_domain::{ApiKeyId, ErrorCode, Grants, Timestamp, WorkspaceId};

use super::secret;
use crate::{ServiceError, Services};

/// How exactly the last use of a key is known: one write in this time, however often it is used.
const USE_GRAIN: Duration = Duration::from_secs(60);

/// Who holds a valid key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHolder {
    /// The key.
    pub key_id: ApiKeyId,
    /// The workspace it speaks for.
    pub workspace_id: WorkspaceId,
    /// What it may do.
    pub scopes: Grants,
    /// Its name.
    pub name: String,
    /// How many calls a minute it may make; without it, it shares those of its workspace.
    pub requests_per_minute: Option<u32>,
    /// Whether [`note_use`] is due.
    pub is_use_to_note: bool,
}

/// Why a secret opens nothing, and which key it was where that is known.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Refused {
    /// Why.
    pub error: ServiceError,
    /// The key that has expired or was revoked.
    pub key: Option<KnownKey>,
}

/// A key that is known and opens nothing any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownKey {
    /// The key.
    pub key_id: ApiKeyId,
    /// The workspace that it spoke for.
    pub workspace_id: WorkspaceId,
    /// Its name.
    pub name: String,
}

impl Refused {
    /// The stable name of the reason.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        self.error.code()
    }

    fn known(row: ApiKeyRow, code: ErrorCode, detail: &str) -> Self {
        let key = KnownKey { key_id: row.id, workspace_id: row.workspace_id, name: row.name };
        Self { error: ServiceError::refused(code, detail), key: Some(key) }
    }
}

impl<E: Into<ServiceError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self { error: error.into(), key: None }
    }
}

/// Whose key this is.
///
/// # Errors
/// `unauthorized` for what is no key's secret, `key_revoked` and `key_expired` for what was one; when the database is not there.
pub async fn authenticate(services: &Services, secret: &str) -> Result<KeyHolder, Refused> {
    let unknown = || ServiceError::refused(ErrorCode::Unauthorized, "the key is not valid");
    if !secret::is_one(secret) {
        return Err(unknown().into());
    }
    let mut conn = services.pool.get().await?;
    let row = api_keys::find_by_hash(&mut conn, &secret::hash(secret)).await?.ok_or_else(unknown)?;
    let now = services.clock.now();
    if row.revoked_at.is_some() {
        return Err(Refused::known(row, ErrorCode::KeyRevoked, "the key was revoked"));
    }
    if has_expired(&row, now) {
        let detail =
            if row.replaced_by.is_some() { "the key was replaced by another" } else { "the key has expired" };
        return Err(Refused::known(row, ErrorCode::KeyExpired, detail));
    }
    Ok(KeyHolder {
        key_id: row.id,
        workspace_id: row.workspace_id,
        scopes: row.scopes,
        name: row.name,
        requests_per_minute: row.requests_per_minute,
        is_use_to_note: row.last_used_at.is_none_or(|at| now.since(at) >= USE_GRAIN),
    })
}

/// Notes that a key is in use.
///
/// # Errors
/// When the database is not there.
pub async fn note_use(services: &Services, holder: &KeyHolder) -> Result<(), ServiceError> {
    let mut conn = services.pool.get().await?;
    Ok(api_keys::touch(&mut conn, holder.workspace_id, holder.key_id, services.clock.now()).await?)
}

/// Whether the key's time is over.
pub(super) fn has_expired(row: &ApiKeyRow, now: Timestamp) -> bool {
    row.expires_at.is_some_and(|at| at <= now)
}
