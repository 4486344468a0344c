//! `DELETE /phones/{phone}/blocked/{other}`: the phone unblocks another.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};

use crate::contact;
use crate::error::EmulatorError;
use crate::server::Server;

pub(super) async fn handle(
    server: Data<Server>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, EmulatorError> {
    let (phone, other) = path.into_inner();
    contact::block(&server, &phone, &other, false)?;
    Ok(HttpResponse::NoContent().finish())
}
