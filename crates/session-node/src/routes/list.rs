//! `GET /internal/v1/sessions`: every session, at rest or not.

use actix_web::web;
use blazz_wire::node_api::SessionList;

use super::Answer;
use crate::node::Node;

pub(super) async fn list(node: web::Data<Node>) -> Answer<SessionList> {
    Ok(web::Json(SessionList { sessions: node.supervisor.list()? }))
}
