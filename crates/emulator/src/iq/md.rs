//! `md`: the companion's half of pairing, and its logout.

use std::sync::Arc;

use anyhow::Result;
use whatsapp_rust::wacore_binary::node::Node;

use super::{Answer, Request};
use crate::connection::Link;
use crate::server::Server;
use crate::{pairing, removal};

/// A result from a client answers what the server asked: only the signature of a pairing carries something.
pub(super) fn take_result(server: &Arc<Server>, link: &Link, node: &Node) -> Result<()> {
    match node.get_optional_child("pair-device-sign") {
        Some(signed) => pairing::finish(server, link, signed),
        None => Ok(()),
    }
}

pub(super) fn answer(request: &Request<'_>) -> Answer {
    match (request.is_set, request.operation_tag()) {
        (true, "remove-companion-device") => Answer::Result(Vec::new()),
        _ => Answer::Unknown,
    }
}

/// The companion logs itself out: it is forgotten, and its socket ends.
pub(super) fn after_removal(request: &Request<'_>) {
    removal::forget(request.server, request.account, request.device);
    request.link.close();
}
