//! What a request's entry in the audit log says, gathered while it is served.

use std::net::IpAddr;

use actix_web::HttpMessage as _;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use blazz_domain::{Actor, Scope, WorkspaceId};
use blazz_services::api_keys::KnownKey;
use blazz_services::audit::{Audit, NewEntry, Object};
use blazz_wire::request_id::RequestId;

use super::ApiError;
use super::caller::Caller;
use super::route_table::{Access, Route};
use crate::state::AppState;

/// A call that changes something, or would. However it ends, it leaves an entry: also when the caller hangs up and this is dropped.
pub(crate) struct Act {
    audit: Audit,
    entry: Option<NewEntry>,
    /// The workspace that the path names, which only the operator may.
    in_path: Option<WorkspaceId>,
    /// Whether the answer may leave before the entry is on disk.
    is_hurried: bool,
}

impl Act {
    /// Begins with what the request says; none for a request that changes nothing.
    pub(crate) fn begin(
        state: &AppState,
        request: &ServiceRequest,
        route: &Route,
        address: Option<IpAddr>,
    ) -> Option<Self> {
        if *request.method() == Method::GET {
            return None;
        }
        let template = request.match_pattern().unwrap_or_default();
        let named = ids(&template, request.path());
        let in_path = named.iter().find(|object| object.kind == "workspace");
        let request_id = request.extensions().get::<RequestId>().map(ToString::to_string);
        Some(Self {
            audit: state.audit.clone(),
            in_path: in_path.and_then(|object| object.id.parse().ok()),
            // Sending is what has to be fast; of a message, the row itself is on disk by then.
            is_hurried: route.access == Access::Workspace(Scope::MessagesSend),
            entry: Some(NewEntry {
                actor: Actor::Unknown,
                workspace_id: None,
                key_id: None,
                key_name: None,
                address,
                request_id: request_id.unwrap_or_default(),
                action: route.operation.clone(),
                object: named.into_iter().last(),
                status: None,
                code: None,
            }),
        })
    }

    /// The caller is known.
    pub(crate) fn is_by(&mut self, caller: &Caller) {
        let in_path = self.in_path;
        let Some(entry) = &mut self.entry else { return };
        match caller {
            Caller::Operator => {
                entry.actor = Actor::Operator;
                entry.workspace_id = in_path;
            }
            Caller::Workspace(holder) => {
                self.is_with(&KnownKey {
                    key_id: holder.key_id,
                    workspace_id: holder.workspace_id,
                    name: holder.name.clone(),
                });
            }
        }
    }

    /// The key is known.
    pub(crate) fn is_with(&mut self, key: &KnownKey) {
        let Some(entry) = &mut self.entry else { return };
        entry.actor = Actor::WorkspaceKey;
        entry.workspace_id = Some(key.workspace_id);
        entry.key_id = Some(key.key_id);
        entry.key_name = Some(key.name.clone());
    }

    /// Leaves no entry: nobody knows who called, for lack of a database.
    pub(crate) fn forget(mut self) {
        self.entry = None;
    }

    /// The request has its answer. Comes back when that may leave.
    pub(crate) async fn answered(mut self, answer: &ServiceResponse) {
        let Some(mut entry) = self.entry.take() else { return };
        let status = answer.status();
        let error = answer.response().error().and_then(|error| error.as_error::<ApiError>());
        entry.status = Some(status.as_u16());
        entry.code = error.map(ApiError::code);
        let location = answer.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        if let Some(made) = location.and_then(located) {
            entry.object = Some(made);
        }
        if let (Actor::Operator, None, Some(object)) = (entry.actor, entry.workspace_id, &entry.object)
            && object.kind == "workspace"
        {
            entry.workspace_id = object.id.parse().ok();
        }
        if status.is_success() && !self.is_hurried {
            self.audit.record_durably(entry).await;
        } else {
            self.audit.record(entry);
        }
    }
}

impl Drop for Act {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            self.audit.record(entry);
        }
    }
}

/// The ids in a path, in order, by the names that its template gives them.
fn ids(template: &str, path: &str) -> Vec<Object> {
    let parameter = |segment: &str| {
        let name = segment.strip_prefix('{')?.strip_suffix('}')?;
        Some(name.strip_suffix("_id").unwrap_or(name).to_owned())
    };
    let segments = template.split('/').zip(path.split('/'));
    segments.filter_map(|(name, id)| Some(Object { kind: parameter(name)?, id: id.to_owned() })).collect()
}

/// The object at a place such as `/v1/accounts/{id}`.
fn located(location: &str) -> Option<Object> {
    let (collection, id) = location.rsplit_once('/')?;
    let kind = collection.rsplit('/').next()?;
    Some(Object { kind: kind.strip_suffix('s').unwrap_or(kind).to_owned(), id: id.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(kind: &str, id: &str) -> Object {
        Object { kind: kind.to_owned(), id: id.to_owned() }
    }

    #[test]
    fn objects_are_known_by_where_they_are() {
        let template = "/v1/workspaces/{workspace_id}/keys/{key_id}/rotate";
        let named = ids(template, "/v1/workspaces/w/keys/k/rotate");
        assert_eq!(named, [object("workspace", "w"), object("key", "k")]);
        assert_eq!(ids("/v1/accounts", "/v1/accounts"), []);
        assert_eq!(located("/v1/messages/m"), Some(object("message", "m")));
        assert_eq!(located("/v1/workspaces/w/keys/k"), Some(object("key", "k")));
    }
}
