//! `w:profile:picture`: no account has one, and clients are told so.

use super::{Answer, Request};

pub(super) fn answer(request: &Request<'_>) -> Answer {
    if request.is_set { Answer::Unknown } else { Answer::Error(404, "item-not-found") }
}
