//! `GET /v1/messages`.

use actix_web::get;
use actix_web::web::{Data, Json};
use blazz_domain::{AccountId, Message, MessageStatus, Page};
use blazz_services::PageQuery;
use blazz_services::messages::{self, MessageFilter};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::examples;
use crate::http::{ApiError, Query, Tenant};
use crate::openapi::codes;
use crate::state::AppState;

codes!(AccountNotFound);

/// Which messages.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MessageParams {
    /// Only those of this account.
    account_id: Option<AccountId>,
    /// Only those with this status.
    status: Option<MessageStatus>,
    /// The `next` of the page before; leave it out to begin.
    after: Option<String>,
    /// How many rows, 1 to 200; 50 unless told.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

/// List the messages, newest first.
#[utoipa::path(
    operation_id = "listMessages",
    tag = "messages",
    security(("workspace_key" = ["messages:read"])),
    params(MessageParams),
    responses(
        (status = 200, description = "A page of messages.", body = Page<Message>, example = json!(examples::page(examples::message()))),
        Refusals,
    ),
)]
#[get("/v1/messages")]
pub(crate) async fn list_messages(
    state: Data<AppState>,
    Tenant(workspace_id): Tenant,
    Query(params): Query<MessageParams>,
) -> Result<Json<Page<Message>>, ApiError> {
    let filter = MessageFilter { account_id: params.account_id, status: params.status };
    let page = PageQuery { after: params.after, limit: params.limit };
    Ok(Json(messages::list(&state.services, workspace_id, filter, &page).await?))
}
