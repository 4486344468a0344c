//! `POST …/stop`: the session rests; its link stays.

use actix_web::web;
use blazz_wire::node_api::SessionStatus;
use blazz_wire::server::CallLease;

use super::Answer;
use crate::node::Node;

pub(super) async fn stop(node: web::Data<Node>, CallLease(lease): CallLease) -> Answer<SessionStatus> {
    Ok(web::Json(node.supervisor.stop(lease).await?))
}
