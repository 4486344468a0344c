//! `w:sync:app:state`: encrypted collections.

use super::{Answer, Request};
use crate::{app_state, notifications};

pub(super) fn answer(request: &Request<'_>) -> Answer {
    let Some(sync) = request.operation().filter(|child| child.tag == "sync") else { return Answer::Unknown };
    let (answer, grown) = app_state::sync(request.server, request.account, sync);
    notifications::app_state_grew(request.server, request.account, request.device, &grown);
    Answer::Result(vec![answer])
}
