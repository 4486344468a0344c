//! `passive`: whether deliveries may come now.

use super::{Answer, Request};
use crate::delivery;

pub(super) fn answer(request: &Request<'_>) -> Answer {
    match request.operation_tag() {
        "active" => Answer::Result(Vec::new()),
        "passive" => {
            request.link.deactivate();
            Answer::Result(Vec::new())
        }
        _ => Answer::Unknown,
    }
}

/// The backlog comes after the answer.
pub(super) fn after_active(request: &Request<'_>) {
    delivery::drain(request.server, request.account, request.device, request.link);
}
