//! Workspaces: the tenants. For operators.

use blazz_database::workspaces::{self, WorkspaceRow};
use blazz_domain::{ErrorCode, Page, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::cursor::{PageQuery, id_cursor, page_of};
use crate::{ServiceError, Services};

/// The most characters a name of a workspace or key may have.
pub const MAX_NAME_CHARS: usize = 100;

/// A tenant as operators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Workspace {
    /// Its id.
    pub id: WorkspaceId,
    /// The operator's name for it.
    #[schema(examples("Acme"))]
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
}

impl From<WorkspaceRow> for Workspace {
    fn from(row: WorkspaceRow) -> Self {
        Self { id: row.id, name: row.name, created_at: row.created_at }
    }
}

/// Creates a workspace.
///
/// # Errors
/// When the name is empty or too long.
pub async fn create(services: &Services, name: &str) -> Result<Workspace, ServiceError> {
    let row =
        WorkspaceRow { id: WorkspaceId::new(), name: checked_name(name)?, created_at: services.clock.now() };
    let mut conn = services.pool.get().await?;
    workspaces::insert(&mut conn, &row).await?;
    tracing::info!(workspace.id = %row.id, "workspace created");
    Ok(row.into())
}

/// Every workspace, newest first.
///
/// # Errors
/// When the page is not one.
pub async fn list(services: &Services, page: &PageQuery) -> Result<Page<Workspace>, ServiceError> {
    let (after, limit) = (page.after_id()?, page.limit()?);
    let mut conn = services.pool.get().await?;
    let rows = workspaces::list(&mut conn, after, limit + 1).await?;
    Ok(page_of(rows, limit, |row| id_cursor(row.id.0), Workspace::from))
}

/// One workspace.
///
/// # Errors
/// When there is none with this id.
pub async fn get(services: &Services, id: WorkspaceId) -> Result<Workspace, ServiceError> {
    let mut conn = services.pool.get().await?;
    let row = workspaces::find(&mut conn, id).await?;
    row.map(Workspace::from)
        .ok_or_else(|| ServiceError::refused(ErrorCode::NotFound, "no workspace has this id"))
}

/// A trimmed name of 1 to [`MAX_NAME_CHARS`] characters.
pub(crate) fn checked_name(name: &str) -> Result<String, ServiceError> {
    let name = name.trim();
    let fits = (1..=MAX_NAME_CHARS).contains(&name.chars().count());
    if fits && !name.chars().any(char::is_control) {
        return Ok(name.to_owned());
    }
    let detail = format!("name must be 1 to {MAX_NAME_CHARS} characters without control characters");
    Err(ServiceError::refused(ErrorCode::InvalidRequest, detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_bounded() {
        assert_eq!(checked_name("  Sales ").unwrap(), "Sales");
        assert!(checked_name(&"ü".repeat(MAX_NAME_CHARS)).is_ok());
        for bad in ["", "  ", "a\u{0}b", "a\nb", &"a".repeat(MAX_NAME_CHARS + 1)] {
            assert_eq!(checked_name(bad).unwrap_err().code(), ErrorCode::InvalidRequest, "{bad:?}");
        }
    }
}
