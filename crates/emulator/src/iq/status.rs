//! `status`: the about text.

use super::{Answer, Request};
use crate::stanza::bytes;

/// The longest about text, in characters.
const LONGEST: usize = 139;

pub(super) fn answer(request: &Request<'_>) -> Answer {
    let Some(status) = request.operation().filter(|child| request.is_set && child.tag == "status") else {
        return Answer::Unknown;
    };
    let about: String = String::from_utf8_lossy(&bytes(status)).chars().take(LONGEST).collect();
    request.account.state().about = about;
    Answer::Result(Vec::new())
}
