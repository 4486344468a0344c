//! `status`: the about text.

use super::{Answer, Request};
use crate::profile;
use crate::stanza::bytes;

pub(super) fn answer(request: &Request<'_>) -> Answer {
    let Some(status) = request.operation().filter(|child| request.is_set && child.tag == "status") else {
        return Answer::Unknown;
    };
    let about = String::from_utf8_lossy(&bytes(status)).into_owned();
    profile::set_about(request.server, request.account, request.device, &about);
    Answer::Result(Vec::new())
}
