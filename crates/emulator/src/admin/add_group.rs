//! `POST /groups {by, subject, members?}`: a phone creates a group.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json};

use crate::error::EmulatorError;
use crate::groups::{self, NewGroup};
use crate::server::Server;

pub(super) async fn handle(
    server: Data<Server>,
    body: Json<NewGroup>,
) -> Result<HttpResponse, EmulatorError> {
    let info = groups::create_by_phone(&server.into_inner(), body.into_inner())?;
    Ok(HttpResponse::Created().json(info))
}
