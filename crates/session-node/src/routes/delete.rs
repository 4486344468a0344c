//! `DELETE …`: the session is logged out as far as possible, and its directory deleted.

use actix_web::web;
use blazz_wire::node_api::Deleted;
use blazz_wire::server::CallLease;

use super::Answer;
use crate::node::Node;

pub(super) async fn delete(node: web::Data<Node>, CallLease(lease): CallLease) -> Answer<Deleted> {
    Ok(web::Json(node.supervisor.delete(lease).await?))
}
