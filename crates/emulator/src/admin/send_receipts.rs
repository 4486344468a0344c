//! `POST /phones/{phone}/receipts {from, ids?, type}`: the phone confirms what it received from somebody.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};
use serde::Deserialize;
use serde_json::json;

use crate::error::EmulatorError;
use crate::phone::ReceiptKind;
use crate::script;
use crate::server::Server;

#[derive(Deserialize)]
pub(super) struct Body {
    from: String,
    group: Option<String>,
    ids: Option<Vec<String>>,
    #[serde(rename = "type")]
    kind: ReceiptKind,
}

pub(super) async fn handle(
    server: Data<Server>,
    phone: Path<String>,
    body: Json<Body>,
) -> Result<HttpResponse, EmulatorError> {
    let Body { from, group, ids, kind } = body.into_inner();
    let ids = script::send_receipts(&server, &phone, &from, group.as_deref(), ids, kind)?;
    Ok(HttpResponse::Ok().json(json!({ "ids": ids })))
}
