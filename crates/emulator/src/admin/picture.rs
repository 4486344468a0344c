//! `GET /phones/{phone}/picture`: the picture that the account has now.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};

use crate::error::EmulatorError;
use crate::profile;
use crate::server::Server;

pub(super) async fn handle(server: Data<Server>, phone: Path<String>) -> Result<HttpResponse, EmulatorError> {
    Ok(HttpResponse::Ok().content_type("image/jpeg").body(profile::picture_of(&server, &phone)?))
}
