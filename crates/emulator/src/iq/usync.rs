//! `usync`: see the module of that name.

use anyhow::Result;

use super::{Answer, Request};

pub(super) fn answer(request: &Request<'_>) -> Result<Answer> {
    Ok(match request.operation() {
        Some(query) if query.tag == "usync" => {
            Answer::Result(vec![crate::usync::answer(request.server, request.account, query)?])
        }
        _ => Answer::Unknown,
    })
}
