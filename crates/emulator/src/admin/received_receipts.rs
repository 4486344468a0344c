//! `GET /phones/{phone}/receipts`: the receipts that the phone got.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};

use crate::error::EmulatorError;
use crate::script;
use crate::server::Server;

pub(super) async fn handle(server: Data<Server>, phone: Path<String>) -> Result<HttpResponse, EmulatorError> {
    Ok(HttpResponse::Ok().json(script::received_receipts(&server, &phone)?))
}
