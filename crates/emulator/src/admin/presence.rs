//! `GET /phones/{phone}/presence`: presence and typing that the phone saw, oldest first.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};

use crate::contact;
use crate::error::EmulatorError;
use crate::server::Server;

pub(super) async fn handle(server: Data<Server>, phone: Path<String>) -> Result<HttpResponse, EmulatorError> {
    Ok(HttpResponse::Ok().json(contact::signals(&server, &phone)?))
}
