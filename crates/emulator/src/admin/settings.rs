//! `GET /phones/{phone}/settings`: what the phone and its companions have set of chats and contacts.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};

use crate::app_state;
use crate::error::EmulatorError;
use crate::server::Server;

pub(super) async fn handle(server: Data<Server>, phone: Path<String>) -> Result<HttpResponse, EmulatorError> {
    Ok(HttpResponse::Ok().json(app_state::settings(&server, &phone)?))
}
