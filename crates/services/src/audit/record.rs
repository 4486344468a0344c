//! An entry as the edge knows it.

use std::net::IpAddr;

use blazz_database::audit_entries::AuditEntryRow;
use blazz_domain::{Actor, ApiKeyId, AuditEntryId, ErrorCode, Timestamp, WorkspaceId};

use super::is_word;

/// What an act was about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// What kind of thing.
    pub kind: String,
    /// Which one, as the caller or the answer named it.
    pub id: String,
}

/// A call that changed something, or was not let. No body, no secret, no number, no text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// Who called.
    pub actor: Actor,
    /// The workspace that it is about, or whose key it was.
    pub workspace_id: Option<WorkspaceId>,
    /// With which key of a workspace.
    pub key_id: Option<ApiKeyId>,
    /// The key's name.
    pub key_name: Option<String>,
    /// Where the call came from.
    pub address: Option<IpAddr>,
    /// The request's id.
    pub request_id: String,
    /// The operation's id in the OpenAPI document.
    pub action: String,
    /// What it was about.
    pub object: Option<Object>,
    /// The answer's HTTP status; none when the caller was gone before there was one.
    pub status: Option<u16>,
    /// The answer's error code.
    pub code: Option<ErrorCode>,
}

impl NewEntry {
    /// The row of it. An id that a caller made up, of whatever no id of ours is, is left out.
    pub(super) fn row(self, now: Timestamp) -> AuditEntryRow {
        let object = self.object.filter(|object| is_word(&object.id));
        let (object_type, object_id) = object.map(|object| (object.kind, object.id)).unzip();
        AuditEntryRow {
            id: AuditEntryId::new(),
            occurred_at: now,
            workspace_id: self.workspace_id,
            actor: self.actor,
            key_id: self.key_id,
            key_name: self.key_name,
            address: self.address.map(|address| address.to_string()),
            request_id: self.request_id,
            action: self.action,
            object_type,
            object_id,
            status: self.status,
            code: self.code.map(|code| code.as_str().to_owned()),
            calls: 1,
        }
    }
}
