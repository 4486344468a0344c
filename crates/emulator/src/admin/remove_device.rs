//! `DELETE /phones/{phone}/devices/{device}`: removes a companion on the phone.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};

use crate::error::EmulatorError;
use crate::script;
use crate::server::Server;

pub(super) async fn handle(
    server: Data<Server>,
    path: Path<(String, u16)>,
) -> Result<HttpResponse, EmulatorError> {
    let (phone, device) = path.into_inner();
    script::remove_device(&server.into_inner(), &phone, device)?;
    Ok(HttpResponse::NoContent().finish())
}
