//! `GET /v1/conversations`.

use actix_web::get;
use actix_web::web::{Data, Json};
use blazz_domain::{Conversation, Page};
use blazz_services::conversations;

use crate::examples;
use crate::http::{ApiError, PageParams, Query, Tenant};
use crate::state::AppState;

/// List the conversations, the one with the newest message first.
#[utoipa::path(
    operation_id = "listConversations",
    tag = "conversations",
    security(("workspace_key" = ["conversations:read"])),
    params(PageParams),
    responses((status = 200, description = "A page of conversations.", body = Page<Conversation>,
        example = json!(examples::page(examples::conversation())))),
)]
#[get("/v1/conversations")]
pub(crate) async fn list_conversations(
    state: Data<AppState>,
    Tenant(workspace_id): Tenant,
    Query(page): Query<PageParams>,
) -> Result<Json<Page<Conversation>>, ApiError> {
    Ok(Json(conversations::list(&state.services, workspace_id, &page.into()).await?))
}
