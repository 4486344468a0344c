//! `disappearing_mode`: the account's default timer.

use super::{Answer, Request};
use crate::stanza::attr_or_empty;

pub(super) fn answer(request: &Request<'_>) -> Answer {
    let Some(mode) = request.operation().filter(|child| request.is_set && child.tag == "disappearing_mode")
    else {
        return Answer::Unknown;
    };
    let Ok(seconds) = attr_or_empty(mode, "duration").parse() else {
        return Answer::Error(400, "bad-request");
    };
    request.account.state().disappearing_seconds = seconds;
    Answer::Result(Vec::new())
}
