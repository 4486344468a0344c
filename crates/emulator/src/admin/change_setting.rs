//! `POST /phones/{phone}/settings {action, chat, on?, name?}`: the phone archives, pins, mutes, reads, or names somebody.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};

use crate::app_state::{self, SettingChange};
use crate::error::EmulatorError;
use crate::server::Server;

pub(super) async fn handle(
    server: Data<Server>,
    phone: Path<String>,
    body: Json<SettingChange>,
) -> Result<HttpResponse, EmulatorError> {
    app_state::change_setting(&server.into_inner(), &phone, &body)?;
    Ok(HttpResponse::NoContent().finish())
}
