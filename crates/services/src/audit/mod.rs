//! The audit log: who did what to which object, with what result. Written by [`Audit`], read here.

mod flood;
mod record;
mod writer;

use blazz_database::audit_entries::{self, AuditEntryRow, AuditFilter};
use blazz_domain::{Actor, ApiKeyId, AuditEntryId, ErrorCode, Page, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use record::{NewEntry, Object};
pub use writer::Audit;

use crate::cursor::{PageQuery, TimeCursor, page_of};
use crate::{ServiceError, Services};

/// The most characters that the name of an action or the id of an object has.
const MAX_WORD: usize = 64;

/// One call that changed something, or was not let.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// Its id.
    pub id: AuditEntryId,
    /// When the call was answered.
    pub occurred_at: Timestamp,
    /// The workspace that it is about, or whose key was used.
    pub workspace_id: Option<WorkspaceId>,
    /// Who called.
    pub actor: Actor,
    /// With which key of the workspace.
    pub key_id: Option<ApiKeyId>,
    /// The key's name at that time.
    #[schema(examples("production"))]
    pub key_name: Option<String>,
    /// The address that the call came from. A workspace is not shown the operator's.
    #[schema(examples("192.0.2.7"))]
    pub address: Option<String>,
    /// The request's id, as the logs know it.
    pub request_id: String,
    /// The operation's id, as in this document.
    #[schema(examples("sendMessage"))]
    pub action: String,
    /// What kind of object it was about, where it was about one.
    #[schema(examples("message"))]
    pub object_type: Option<String>,
    /// The object's id.
    pub object_id: Option<String>,
    /// The answer's HTTP status; `null` when the caller hung up before there was an answer.
    #[schema(examples(201))]
    pub status: Option<u16>,
    /// The answer's error code.
    pub code: Option<String>,
    /// How many calls the entry stands for: more than one where refused calls came in a flood.
    #[schema(examples(1))]
    pub calls: u32,
}

impl From<AuditEntryRow> for AuditEntry {
    fn from(row: AuditEntryRow) -> Self {
        Self {
            id: row.id,
            occurred_at: row.occurred_at,
            workspace_id: row.workspace_id,
            actor: row.actor,
            key_id: row.key_id,
            key_name: row.key_name,
            address: row.address,
            request_id: row.request_id,
            action: row.action,
            object_type: row.object_type,
            object_id: row.object_id,
            status: row.status,
            code: row.code,
            calls: row.calls,
        }
    }
}

/// Which entries are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Only those of this operation.
    pub action: Option<String>,
    /// Only those about the object with this id.
    pub object: Option<String>,
    /// Only those with this key.
    pub key: Option<ApiKeyId>,
    /// Only those from this moment on.
    pub since: Option<Timestamp>,
    /// Only those before this moment.
    pub until: Option<Timestamp>,
}

impl AuditQuery {
    fn filter(&self) -> Result<AuditFilter, ServiceError> {
        Ok(AuditFilter {
            action: word("action", self.action.as_deref())?,
            object_id: word("object", self.object.as_deref())?,
            key_id: self.key,
            since: self.since,
            until: self.until,
        })
    }
}

/// What can be a name or an id: nothing else is ever found, and some of it no database takes.
fn word(field: &str, text: Option<&str>) -> Result<Option<String>, ServiceError> {
    match text {
        Some(text) if !is_word(text) => {
            let detail = format!("{field} must be 1 to {MAX_WORD} visible ASCII characters");
            Err(ServiceError::refused(ErrorCode::InvalidRequest, detail))
        }
        text => Ok(text.map(str::to_owned)),
    }
}

fn is_word(text: &str) -> bool {
    (1..=MAX_WORD).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A workspace's entries, newest first: what was done with its keys, and what the operator did to it.
///
/// # Errors
/// When the page or the query is not one.
pub async fn list(
    services: &Services,
    workspace_id: WorkspaceId,
    query: &AuditQuery,
    page: &PageQuery,
) -> Result<Page<AuditEntry>, ServiceError> {
    let (after, limit, filter) = (page.after_time()?, page.limit()?, query.filter()?);
    let mut conn = services.pool.get().await?;
    let rows = audit_entries::list(&mut conn, workspace_id, &filter, place(after), limit + 1).await?;
    Ok(page_of(rows, limit, cursor, as_seen_by_a_tenant))
}

/// The entries of every workspace (or of one) and of none, newest first. For operators.
///
/// # Errors
/// When the page or the query is not one.
pub async fn list_all(
    services: &Services,
    workspace_id: Option<WorkspaceId>,
    query: &AuditQuery,
    page: &PageQuery,
) -> Result<Page<AuditEntry>, ServiceError> {
    let (after, limit, filter) = (page.after_time()?, page.limit()?, query.filter()?);
    let (place, more) = (place(after), limit + 1);
    let mut conn = services.pool.get().await?;
    let rows = match workspace_id {
        Some(workspace_id) => audit_entries::list(&mut conn, workspace_id, &filter, place, more).await?,
        None => audit_entries::list_all(&mut conn, &filter, place, more).await?,
    };
    Ok(page_of(rows, limit, cursor, AuditEntry::from))
}

fn place(after: Option<TimeCursor>) -> Option<(Timestamp, AuditEntryId)> {
    after.map(|cursor| (cursor.at, AuditEntryId(cursor.id)))
}

fn cursor(row: &AuditEntryRow) -> String {
    TimeCursor { at: row.occurred_at, id: row.id.0 }.encode()
}

/// Where the operator works from is no tenant's business.
fn as_seen_by_a_tenant(row: AuditEntryRow) -> AuditEntry {
    let is_operators = row.actor == Actor::Operator;
    let entry = AuditEntry::from(row);
    AuditEntry { address: entry.address.filter(|_| !is_operators), ..entry }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_database_can_look_for_is_refused() {
        for bad in ["", "a\0b", "ü", "a b", &"a".repeat(MAX_WORD + 1)] {
            let query = AuditQuery { action: Some(bad.to_owned()), ..AuditQuery::default() };
            assert_eq!(query.filter().unwrap_err().code(), ErrorCode::InvalidRequest, "{bad:?}");
        }
        assert!(AuditQuery::default().filter().is_ok());
    }
}
