//! `POST …/logout`: the link is removed at WhatsApp and the credentials here.

use actix_web::web;
use blazz_wire::node_api::SessionStatus;
use blazz_wire::server::CallLease;

use super::Answer;
use crate::node::Node;

pub(super) async fn logout(node: web::Data<Node>, CallLease(lease): CallLease) -> Answer<SessionStatus> {
    Ok(web::Json(node.supervisor.logout(lease).await?))
}
