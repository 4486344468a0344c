//! `POST …/restart`: the session connects anew.

use actix_web::web;
use blazz_wire::node_api::SessionStatus;
use blazz_wire::server::CallLease;

use super::Answer;
use crate::node::Node;

pub(super) async fn restart(node: web::Data<Node>, CallLease(lease): CallLease) -> Answer<SessionStatus> {
    Ok(web::Json(node.supervisor.restart(lease).await?))
}
