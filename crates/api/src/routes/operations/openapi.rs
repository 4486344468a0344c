//! `GET /openapi.json`.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};

use crate::state::AppState;

/// Get this document.
#[utoipa::path(
    operation_id = "getOpenapi",
    tag = "operations",
    security(()),
    responses((status = 200, description = "The OpenAPI document of this API.", body = serde_json::Value,
        example = json!({ "openapi": "3.1.0" }))),
)]
#[get("/openapi.json")]
pub(crate) async fn get_openapi(state: Data<AppState>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(state.document.clone())
}
