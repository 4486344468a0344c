//! `GET /v1/events`.

use actix_web::get;
use actix_web::web::{Data, Json};
use blazz_services::events::{self, EventPage};

use crate::examples;
use crate::http::{ApiError, PageParams, Query, Tenant};
use crate::openapi::codes;
use crate::state::AppState;

codes!(LogReplaced, EventsPruned);

/// Read the event log, oldest first.
///
/// `next` is always there: come back with it for what happens later.
#[utoipa::path(
    operation_id = "listEvents",
    tag = "events",
    security(("workspace_key" = ["events:read"])),
    params(PageParams),
    responses(
        (status = 200, description = "A stretch of the log.", body = EventPage, example = json!(examples::events())),
        Refusals,
    ),
)]
#[get("/v1/events")]
pub(crate) async fn list_events(
    state: Data<AppState>,
    Tenant(workspace_id): Tenant,
    Query(page): Query<PageParams>,
) -> Result<Json<EventPage>, ApiError> {
    Ok(Json(events::list(&state.services, workspace_id, page.after.as_deref(), page.limit).await?))
}
