//! `PATCH /groups/{group} {by, subject?, description?, announce?, locked?}`: a phone changes a group.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};

use crate::error::EmulatorError;
use crate::groups::{self, GroupChange};
use crate::server::Server;

pub(super) async fn handle(
    server: Data<Server>,
    group: Path<String>,
    body: Json<GroupChange>,
) -> Result<HttpResponse, EmulatorError> {
    Ok(HttpResponse::Ok().json(groups::change(&server, &group, body.into_inner())?))
}
