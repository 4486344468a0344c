//! `GET /v1/workspaces`.

use actix_web::get;
use actix_web::web::{Data, Json};
use blazz_domain::Page;
use blazz_services::workspaces::{self, Workspace};

use crate::examples;
use crate::http::{ApiError, PageParams, Query};
use crate::state::AppState;

/// List the workspaces, newest first.
#[utoipa::path(
    operation_id = "listWorkspaces",
    tag = "workspaces",
    security(("operator_key" = [])),
    params(PageParams),
    responses(
        (status = 200, description = "A page of workspaces.", body = Page<Workspace>, example = json!(examples::page(examples::workspace()))),
    ),
)]
#[get("/v1/workspaces")]
pub(crate) async fn list_workspaces(
    state: Data<AppState>,
    Query(page): Query<PageParams>,
) -> Result<Json<Page<Workspace>>, ApiError> {
    Ok(Json(workspaces::list(&state.services, &page.into()).await?))
}
