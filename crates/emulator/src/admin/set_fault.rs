//! `POST /faults {kind, …, phone?, count?}`: turns a fault on.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use serde_json::{Value, json};

use crate::error::EmulatorError;
use crate::script;
use crate::server::Server;

pub(super) async fn handle(server: Data<Server>, body: Json<Value>) -> Result<HttpResponse, EmulatorError> {
    let request = serde_json::from_value(body.into_inner())
        .map_err(|error| EmulatorError::BadFault(error.to_string()))?;
    let met = script::fault(&server, request).await?;
    Ok(HttpResponse::Ok().json(json!({ "met": met, "faults": server.faults.list() })))
}
