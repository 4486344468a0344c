//! `DELETE /phones/{phone}/picture`: the phone removes its picture.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};

use crate::error::EmulatorError;
use crate::profile;
use crate::server::Server;

pub(super) async fn handle(server: Data<Server>, phone: Path<String>) -> Result<HttpResponse, EmulatorError> {
    profile::take_picture_away(&server, &phone)?;
    Ok(HttpResponse::NoContent().finish())
}
