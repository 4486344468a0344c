//! `POST …/read`: the writer hears that messages were read.

use actix_web::web;
use blazz_wire::node_api::{ReadMessages, Told};
use blazz_wire::server::{CallLease, SignedJson};

use super::Answer;
use crate::node::Node;

pub(super) async fn read(
    node: web::Data<Node>,
    CallLease(lease): CallLease,
    SignedJson(messages): SignedJson<ReadMessages>,
) -> Answer<Told> {
    node.supervisor.read(lease, messages).await?;
    Ok(web::Json(Told {}))
}
