//! `abt`: experiment settings. The emulator runs no experiments: every client keeps its defaults.

use whatsapp_rust::wacore_binary::builder::NodeBuilder;

use super::{Answer, Request};

pub(super) fn answer(request: &Request<'_>) -> Answer {
    if request.operation_tag() != "props" {
        return Answer::Unknown;
    }
    let props = NodeBuilder::new("props")
        .attr("protocol", "1")
        .attr("ab_key", "emulator")
        .attr("hash", "emulator")
        .attr("refresh", 86_400)
        .attr("refresh_id", 1);
    Answer::Result(vec![props.build()])
}
