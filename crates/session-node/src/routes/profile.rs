//! `GET` and `PUT …/profile`: what others see of the account, while it is connected.

use actix_web::web;
use blazz_domain::{Profile, ProfileChange};
use blazz_wire::server::{CallLease, SignedJson};

use super::Answer;
use crate::fault::Fault;
use crate::node::Node;

pub(super) async fn get(node: web::Data<Node>, CallLease(lease): CallLease) -> Answer<Profile> {
    let session = node.supervisor.open_session(lease)?;
    Ok(web::Json(session.profile().await.map_err(Fault::from)?))
}

pub(super) async fn put(
    node: web::Data<Node>,
    CallLease(lease): CallLease,
    SignedJson(change): SignedJson<ProfileChange>,
) -> Answer<Profile> {
    let session = node.supervisor.open_session(lease)?;
    session.change_profile(change).await.map_err(Fault::from)?;
    Ok(web::Json(session.profile().await.map_err(Fault::from)?))
}
