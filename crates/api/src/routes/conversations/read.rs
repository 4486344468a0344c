//! `POST /v1/conversations/{conversation_id}/read`.

use actix_web::post;
use actix_web::web::{Data, Json};
use blazz_domain::{Conversation, ConversationId, MessageId};
use blazz_services::conversations;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::examples;
use crate::http::{ApiError, Body, Id, Tenant, Traced, promise};
use crate::state::AppState;

/// How far a conversation was read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "message_id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e04" }))]
pub(crate) struct ReadConversation {
    /// The last message that was seen; without it, the whole conversation.
    #[serde(default)]
    message_id: Option<MessageId>,
}

/// Mark a conversation as read.
///
/// Nothing in it is `unread` any more, and its writers see that their messages were read, as far as the account's privacy settings on WhatsApp
/// let them: as soon as the session is connected, within a day. Of more than the latest 1,000 messages nobody is told.
#[utoipa::path(
    operation_id = "readConversation",
    tag = "conversations",
    security(("workspace_key" = ["conversations:write"])),
    params(("conversation_id" = ConversationId, Path, description = "The conversation.")),
    request_body = ReadConversation,
    responses((status = 200, description = "The conversation as it is now.", body = Conversation,
        example = json!(examples::conversation()))),
)]
#[post("/v1/conversations/{conversation_id}/read")]
pub(crate) async fn read_conversation(
    state: Data<AppState>,
    Tenant(workspace_id): Tenant,
    Id(conversation_id): Id<ConversationId>,
    Traced(request_id): Traced,
    Body(body): Body<ReadConversation>,
) -> Result<Json<Conversation>, ApiError> {
    let work = |state: Data<AppState>| async move {
        conversations::read(&state.services, workspace_id, conversation_id, body.message_id, &request_id)
            .await
    };
    Ok(Json(promise(state, work).await?))
}
