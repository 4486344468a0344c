//! `POST …/pairing-code`: a code to type into the phone.

use actix_web::web;
use blazz_domain::PairingCode;
use blazz_wire::node_api::RequestPairingCode;
use blazz_wire::server::{CallLease, SignedJson};

use super::Answer;
use crate::node::Node;

pub(super) async fn pairing_code(
    node: web::Data<Node>,
    CallLease(lease): CallLease,
    SignedJson(RequestPairingCode { phone }): SignedJson<RequestPairingCode>,
) -> Answer<PairingCode> {
    Ok(web::Json(node.supervisor.pairing_code(lease, phone).await?))
}
