//! `w:sync:app:state`: encrypted collections.

use anyhow::Result;

use super::{Answer, Request};
use crate::{app_state, notifications};

pub(super) fn answer(request: &Request<'_>) -> Result<Answer> {
    let Some(sync) = request.operation().filter(|child| child.tag == "sync") else {
        return Ok(Answer::Unknown);
    };
    let (answer, grown) = app_state::sync(request.account, sync)?;
    notifications::app_state_grew(request.server, request.account, request.device, &grown);
    Ok(Answer::Result(vec![answer]))
}
