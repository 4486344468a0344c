//! `DELETE /phones/{phone}/devices`: removes every companion on the phone.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use serde_json::json;

use crate::error::EmulatorError;
use crate::script;
use crate::server::Server;

pub(super) async fn handle(server: Data<Server>, phone: Path<String>) -> Result<HttpResponse, EmulatorError> {
    let removed = script::remove_devices(&server.into_inner(), &phone)?;
    Ok(HttpResponse::Ok().json(json!({ "removed": removed })))
}
