//! `PUT …`: the session runs; one that runs already is left alone.

use actix_web::web;
use blazz_wire::node_api::{SessionStatus, StartSession};
use blazz_wire::server::{CallLease, SignedJson};

use super::Answer;
use crate::node::Node;

pub(super) async fn start(
    node: web::Data<Node>,
    CallLease(lease): CallLease,
    SignedJson(start): SignedJson<StartSession>,
) -> Answer<SessionStatus> {
    Ok(web::Json(node.supervisor.start(lease, start).await?))
}
