//! `DELETE /v1/client-version`.

use actix_web::delete;
use actix_web::web::{Data, Json};
use blazz_services::client_version::{self, ClientVersionView};

use crate::examples;
use crate::http::{ApiError, promise};
use crate::state::AppState;

/// Take the version that was set by hand back; what was fetched holds again.
#[utoipa::path(
    operation_id = "unsetClientVersion",
    tag = "fleet",
    security(("operator_key" = [])),
    responses((status = 200, description = "The version as it is now.", body = ClientVersionView,
        example = json!(examples::client_version()))),
)]
#[delete("/v1/client-version")]
pub(crate) async fn unset_client_version(state: Data<AppState>) -> Result<Json<ClientVersionView>, ApiError> {
    let work = |state: Data<AppState>| async move { client_version::set(&state.services, None).await };
    Ok(Json(promise(state, work).await?))
}
