//! `POST /phones/{phone}/scan {qr}`: the phone scans the text of a QR code.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};
use serde::Deserialize;
use serde_json::json;

use crate::error::EmulatorError;
use crate::script;
use crate::server::Server;

#[derive(Deserialize)]
pub(super) struct Body {
    qr: String,
}

pub(super) async fn handle(
    server: Data<Server>,
    phone: Path<String>,
    body: Json<Body>,
) -> Result<HttpResponse, EmulatorError> {
    let device = script::scan(&server, &phone, &body.qr)?;
    Ok(HttpResponse::Ok().json(json!({ "device": device })))
}
