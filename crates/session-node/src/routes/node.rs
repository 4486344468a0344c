//! `GET /internal/v1/node`: what the node is. Whoever gets this answer knows that the hop works, signatures and clocks included.

use actix_web::web;
use blazz_wire::node_api::NodeStatus;

use super::Answer;
use crate::node::Node;

pub(super) async fn node(node: web::Data<Node>) -> Answer<NodeStatus> {
    Ok(web::Json(NodeStatus {
        node_id: node.id.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sandbox: blazz_whatsapp::is_sandbox(),
        now: node.context.clock.now(),
    }))
}
