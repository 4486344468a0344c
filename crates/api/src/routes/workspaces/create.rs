//! `POST /v1/workspaces`.

use actix_web::http::header::LOCATION;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use blazz_services::workspaces::{self, Workspace};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::examples;
use crate::http::{ApiError, Body, promise};
use crate::state::AppState;

/// A workspace to create.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Acme" }))]
pub(crate) struct CreateWorkspace {
    /// The operator's name for it.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
}

/// Create a workspace.
#[utoipa::path(
    operation_id = "createWorkspace",
    tag = "workspaces",
    security(("operator_key" = [])),
    request_body = CreateWorkspace,
    responses(
        (status = 201, description = "The workspace.",
            headers(("Location" = String, description = "Where it is found.")),
            body = Workspace, example = json!(examples::workspace())),
    ),
)]
#[post("/v1/workspaces")]
pub(crate) async fn create_workspace(
    state: Data<AppState>,
    Body(body): Body<CreateWorkspace>,
) -> Result<HttpResponse, ApiError> {
    let workspace =
        promise(state, |state| async move { workspaces::create(&state.services, &body.name).await }).await?;
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, format!("/v1/workspaces/{}", workspace.id)))
        .json(workspace))
}
