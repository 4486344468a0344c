//! `GET /v1/conversations/{conversation_id}/messages`.

use actix_web::get;
use actix_web::web::{Data, Json};
use blazz_domain::{ConversationId, Message, Page};
use blazz_services::conversations;

use crate::examples;
use crate::http::{ApiError, Id, PageParams, Query, Tenant};
use crate::state::AppState;

/// List the messages of a conversation, newest first.
#[utoipa::path(
    operation_id = "listConversationMessages",
    tag = "conversations",
    security(("workspace_key" = ["conversations:read"])),
    params(("conversation_id" = ConversationId, Path, description = "The conversation."), PageParams),
    responses((status = 200, description = "A page of messages.", body = Page<Message>, example = json!(examples::page(examples::message())))),
)]
#[get("/v1/conversations/{conversation_id}/messages")]
pub(crate) async fn list_conversation_messages(
    state: Data<AppState>,
    Tenant(workspace_id): Tenant,
    Id(conversation_id): Id<ConversationId>,
    Query(page): Query<PageParams>,
) -> Result<Json<Page<Message>>, ApiError> {
    Ok(Json(conversations::messages(&state.services, workspace_id, conversation_id, &page.into()).await?))
}
