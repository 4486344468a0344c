//! `PUT /v1/client-version`.

use actix_web::put;
use actix_web::web::{Data, Json};
use blazz_domain::ClientVersion;
use blazz_services::client_version::{self, ClientVersionView};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::examples;
use crate::http::{ApiError, Body, promise};
use crate::state::AppState;

/// The version to claim.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "version": "2.3000.1042742319" }))]
pub(crate) struct SetClientVersion {
    /// Three numbers.
    version: ClientVersion,
}

/// Set the version of WhatsApp Web by hand, until that is taken back.
///
/// Sessions claim it from their next connection on; those that WhatsApp refuses because of the version before connect at once.
#[utoipa::path(
    operation_id = "setClientVersion",
    tag = "fleet",
    security(("operator_key" = [])),
    request_body = SetClientVersion,
    responses((status = 200, description = "The version as it is now.", body = ClientVersionView,
        example = json!(examples::client_version()))),
)]
#[put("/v1/client-version")]
pub(crate) async fn set_client_version(
    state: Data<AppState>,
    Body(body): Body<SetClientVersion>,
) -> Result<Json<ClientVersionView>, ApiError> {
    let work =
        |state: Data<AppState>| async move { client_version::set(&state.services, Some(body.version)).await };
    Ok(Json(promise(state, work).await?))
}
