//! `GET /v1/sessions`.

use actix_web::get;
use actix_web::web::{Data, Json};
use blazz_domain::Page;
use blazz_services::fleet::{self, SessionView};

use crate::examples;
use crate::http::{ApiError, PageParams, Query};
use crate::state::AppState;

/// List the sessions of every workspace that a node holds, newest account first.
#[utoipa::path(
    operation_id = "listSessions",
    tag = "fleet",
    security(("operator_key" = [])),
    params(PageParams),
    responses((status = 200, description = "A page of sessions.", body = Page<SessionView>, example = json!(examples::page(examples::placed_session())))),
)]
#[get("/v1/sessions")]
pub(crate) async fn list_sessions(
    state: Data<AppState>,
    Query(page): Query<PageParams>,
) -> Result<Json<Page<SessionView>>, ApiError> {
    Ok(Json(fleet::sessions(&state.services, &page.into()).await?))
}
