//! `GET /groups/{group}`: one group.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};

use crate::error::EmulatorError;
use crate::groups;
use crate::server::Server;

pub(super) async fn handle(server: Data<Server>, group: Path<String>) -> Result<HttpResponse, EmulatorError> {
    let group = groups::find(&server, &group)?;
    Ok(HttpResponse::Ok().json(groups::info(&group)))
}
