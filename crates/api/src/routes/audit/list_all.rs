//! `GET /v1/operator/audit`.

use actix_web::get;
use actix_web::web::{Data, Json};
use blazz_domain::{ApiKeyId, Page, Timestamp, WorkspaceId};
use blazz_services::PageQuery;
use blazz_services::audit::{self, AuditEntry, AuditQuery};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::examples;
use crate::http::{ApiError, Query};
use crate::state::AppState;

/// Which entries.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AllAuditParams {
    /// Only those of this workspace.
    workspace: Option<WorkspaceId>,
    /// Only those of this operation, by its id in this document.
    #[param(min_length = 1, max_length = 64)]
    action: Option<String>,
    /// Only those about the object with this id, deleted ones too.
    #[param(min_length = 1, max_length = 64)]
    object: Option<String>,
    /// Only those with the key of this id.
    key: Option<ApiKeyId>,
    /// Only those from this moment on.
    since: Option<Timestamp>,
    /// Only those before this moment.
    until: Option<Timestamp>,
    /// The `next` of the page before; leave it out to begin.
    after: Option<String>,
    /// How many rows, 1 to 200; 50 unless told.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

/// See who did what, in all workspaces and beside them, newest first.
///
/// Calls with no key, or with nobody's, are seen here alone.
#[utoipa::path(
    operation_id = "listAllAuditEntries",
    tag = "audit",
    security(("operator_key" = [])),
    params(AllAuditParams),
    responses(
        (status = 200, description = "A page of entries.", body = Page<AuditEntry>, example = json!(examples::page(examples::audit_entry()))),
    ),
)]
#[get("/v1/operator/audit")]
pub(crate) async fn list_all_audit_entries(
    state: Data<AppState>,
    Query(params): Query<AllAuditParams>,
) -> Result<Json<Page<AuditEntry>>, ApiError> {
    let query = AuditQuery {
        action: params.action,
        object: params.object,
        key: params.key,
        since: params.since,
        until: params.until,
    };
    let page = PageQuery { after: params.after, limit: params.limit };
    Ok(Json(audit::list_all(&state.services, params.workspace, &query, &page).await?))
}
