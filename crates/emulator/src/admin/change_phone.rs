//! `PATCH /phones/{phone} {confirms_delivery}`: the phone's own delivery receipts, on or off.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};
use serde::Deserialize;

use crate::error::EmulatorError;
use crate::script;
use crate::server::Server;

#[derive(Deserialize)]
pub(super) struct Body {
    confirms_delivery: bool,
}

pub(super) async fn handle(
    server: Data<Server>,
    phone: Path<String>,
    body: Json<Body>,
) -> Result<HttpResponse, EmulatorError> {
    Ok(HttpResponse::Ok().json(script::set_confirms_delivery(&server, &phone, body.confirms_delivery)?))
}
