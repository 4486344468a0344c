//! `GET /v1/messages/{message_id}`.

use actix_web::get;
use actix_web::web::{Data, Json};
use blazz_domain::{Message, MessageId};
use blazz_services::messages;

use crate::examples;
use crate::http::{ApiError, Id, Tenant};
use crate::state::AppState;

/// Get a message.
#[utoipa::path(
    operation_id = "getMessage",
    tag = "messages",
    security(("workspace_key" = ["messages:read"])),
    params(("message_id" = MessageId, Path, description = "The message.")),
    responses((status = 200, description = "The message.", body = Message, example = json!(examples::message()))),
)]
#[get("/v1/messages/{message_id}")]
pub(crate) async fn get_message(
    state: Data<AppState>,
    Tenant(workspace_id): Tenant,
    Id(message_id): Id<MessageId>,
) -> Result<Json<Message>, ApiError> {
    Ok(Json(messages::get(&state.services, workspace_id, message_id).await?))
}
