//! `POST /phones/{phone}/chatstate {to, state}`: the phone is `composing`, `recording` or `paused`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};
use serde::Deserialize;

use crate::contact::{self, Activity};
use crate::error::EmulatorError;
use crate::server::Server;

#[derive(Deserialize)]
pub(super) struct Body {
    to: String,
    state: Activity,
}

pub(super) async fn handle(
    server: Data<Server>,
    phone: Path<String>,
    body: Json<Body>,
) -> Result<HttpResponse, EmulatorError> {
    contact::act(&server, &phone, &body.to, body.state)?;
    Ok(HttpResponse::NoContent().finish())
}
