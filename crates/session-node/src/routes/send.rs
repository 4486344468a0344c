//! `POST …/messages`: one message, answered when WhatsApp has acknowledged it.

use actix_web::web;
use blazz_domain::SendOutcome;
use blazz_wire::node_api::SendMessage;
use blazz_wire::server::{CallLease, SignedJson};

use super::Answer;
use crate::node::Node;

pub(super) async fn send(
    node: web::Data<Node>,
    CallLease(lease): CallLease,
    SignedJson(message): SignedJson<SendMessage>,
) -> Answer<SendOutcome> {
    Ok(web::Json(node.supervisor.send(lease, message).await?))
}
