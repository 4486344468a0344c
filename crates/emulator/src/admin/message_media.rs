//! `GET /phones/{phone}/messages/{id}/media`: the decrypted file of a message, fetched and checked as a phone does.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};

use crate::compose;
use crate::error::EmulatorError;
use crate::server::Server;

pub(super) async fn handle(
    server: Data<Server>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, EmulatorError> {
    let (phone, id) = path.into_inner();
    let (mimetype, file) = compose::media(&server, &phone, &id)?;
    Ok(HttpResponse::Ok().insert_header(("content-type", mimetype)).body(file))
}
