//! `GET /healthz`.

use actix_web::get;
use actix_web::web::Json;
use serde::Serialize;
use utoipa::ToSchema;

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
pub(crate) async fn get_health() -> Json<Health> {
    Json(Health { status: "ok", service: "blazz-api", version: env!("CARGO_PKG_VERSION") })
}
