//! `POST /groups/{group}/members {by, action, members}`: a phone adds or removes members, or leaves.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};

use crate::error::EmulatorError;
use crate::groups::{self, GroupAction};
use crate::server::Server;

pub(super) async fn handle(
    server: Data<Server>,
    group: Path<String>,
    body: Json<GroupAction>,
) -> Result<HttpResponse, EmulatorError> {
    Ok(HttpResponse::Ok().json(groups::act(&server, &group, body.into_inner())?))
}
