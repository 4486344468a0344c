//! `PATCH /phones/{phone} {confirms_delivery?, name?, about?}`: changes what is named.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};

use crate::error::EmulatorError;
use crate::profile::{self, PhoneChange};
use crate::server::Server;

pub(super) async fn handle(
    server: Data<Server>,
    phone: Path<String>,
    body: Json<PhoneChange>,
) -> Result<HttpResponse, EmulatorError> {
    Ok(HttpResponse::Ok().json(profile::change(&server, &phone, body.into_inner())?))
}
