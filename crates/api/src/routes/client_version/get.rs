//! `GET /v1/client-version`.

use actix_web::get;
use actix_web::web::{Data, Json};
use blazz_services::client_version::{self, ClientVersionView};

use crate::examples;
use crate::http::ApiError;
use crate::state::AppState;

/// Get the version of WhatsApp Web that sessions claim, and where it comes from.
#[utoipa::path(
    operation_id = "getClientVersion",
    tag = "fleet",
    security(("operator_key" = [])),
    responses((status = 200, description = "The version.", body = ClientVersionView,
        example = json!(examples::client_version()))),
)]
#[get("/v1/client-version")]
pub(crate) async fn get_client_version(state: Data<AppState>) -> Result<Json<ClientVersionView>, ApiError> {
    Ok(Json(client_version::view(&state.services).await?))
}
