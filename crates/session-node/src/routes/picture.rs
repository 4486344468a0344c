//! `GET`, `PUT` and `DELETE …/profile/picture`: the account's picture, while it is connected.

use actix_web::web;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use blazz_wire::node_api::{PictureChanged, ProfilePicture};
use blazz_wire::server::{CallLease, SignedJson};

use super::Answer;
use crate::fault::Fault;
use crate::node::Node;

pub(super) async fn get(node: web::Data<Node>, CallLease(lease): CallLease) -> Answer<ProfilePicture> {
    let session = node.supervisor.open_session(lease)?;
    let jpeg = session.picture().await.map_err(Fault::from)?;
    Ok(web::Json(ProfilePicture { jpeg: BASE64_STANDARD.encode(jpeg) }))
}

pub(super) async fn put(
    node: web::Data<Node>,
    CallLease(lease): CallLease,
    SignedJson(picture): SignedJson<ProfilePicture>,
) -> Answer<PictureChanged> {
    let jpeg = BASE64_STANDARD.decode(picture.jpeg).unwrap_or_default();
    if jpeg.is_empty() {
        return Err(Fault::Invalid("the picture is no base64, or empty").into());
    }
    let session = node.supervisor.open_session(lease)?;
    session.set_picture(jpeg).await.map_err(Fault::from)?;
    Ok(web::Json(PictureChanged {}))
}

pub(super) async fn delete(node: web::Data<Node>, CallLease(lease): CallLease) -> Answer<PictureChanged> {
    let session = node.supervisor.open_session(lease)?;
    session.set_picture(Vec::new()).await.map_err(Fault::from)?;
    Ok(web::Json(PictureChanged {}))
}
