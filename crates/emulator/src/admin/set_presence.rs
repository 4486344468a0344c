//! `POST /phones/{phone}/presence {state}`: the phone is looked at (`available`) or not (`unavailable`).

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};
use serde::Deserialize;

use crate::contact::{self, Availability};
use crate::error::EmulatorError;
use crate::server::Server;

#[derive(Deserialize)]
pub(super) struct Body {
    state: Availability,
}

pub(super) async fn handle(
    server: Data<Server>,
    phone: Path<String>,
    body: Json<Body>,
) -> Result<HttpResponse, EmulatorError> {
    contact::set_presence(&server, &phone, body.state)?;
    Ok(HttpResponse::NoContent().finish())
}
