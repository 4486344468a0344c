//! `GET …/qr`: the code to scan, once there is one.

use std::time::Duration;

use actix_web::web;
use blazz_domain::QrCode;
use blazz_wire::node_api::QrQuery;
use blazz_wire::server::CallLease;

use super::Answer;
use crate::node::Node;

pub(super) async fn qr(
    node: web::Data<Node>,
    CallLease(lease): CallLease,
    query: web::Query<QrQuery>,
) -> Answer<QrCode> {
    let code = node.supervisor.qr(lease, Duration::from_millis(query.wait_ms)).await?;
    Ok(web::Json(code))
}
