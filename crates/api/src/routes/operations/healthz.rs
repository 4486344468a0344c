//! `GET /healthz`.

use actix_web::get;
use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;

use crate::state::AppState;

/// The process is alive.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "status": "ok", "service": "blazz-api", "version": "0.1.0" }))]
pub(crate) struct Health {
    /// Always `ok`.
    #[schema(examples("ok"))]
    status: &'static str,
    /// Which program this is.
    #[schema(examples("blazz-api"))]
    service: &'static str,
    /// Its version.
    #[schema(examples("0.1.0"))]
    version: &'static str,
}

/// Say that the process is alive.
///
/// Asks nothing else.
#[utoipa::path(
    operation_id = "getHealth",
    tag = "operations",
    security(()),
    responses((status = 200, description = "It is.", body = Health)),
)]
#[get("/healthz")]
pub(crate) async fn get_health(state: Data<AppState>) -> Json<Health> {
    Json(Health { status: "ok", service: state.service, version: env!("CARGO_PKG_VERSION") })
}
