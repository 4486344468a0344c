//! `newsletter`: the messages of a channel, and its live updates.

use whatsapp_rust::wacore_binary::builder::NodeBuilder;

use super::{Answer, Request};
use crate::newsletters;
use crate::stanza::jid_attr;

/// How long live updates come after they were asked for, in seconds.
const LIVE_SECONDS: u32 = 300;

pub(super) fn answer(request: &Request<'_>) -> Answer {
    let newsletter = jid_attr(request.node, "to").and_then(|to| request.server.newsletters.find(&to.user));
    let Some(newsletter) = newsletter else { return Answer::Error(404, "item-not-found") };
    let Some(asked) = request.operation() else { return Answer::Unknown };
    match (request.is_set, &*asked.tag) {
        (false, tag @ ("messages" | "message_updates")) => {
            let messages = NodeBuilder::new_dynamic(tag.to_owned())
                .attr("jid", newsletter.jid())
                .attr("t", request.server.seconds())
                .children(newsletters::messages(&newsletter, asked));
            Answer::Result(vec![messages.build()])
        }
        (true, "live_updates") => {
            let live = NodeBuilder::new("live_updates").attr("duration", LIVE_SECONDS).build();
            Answer::Result(vec![live])
        }
        _ => Answer::Unknown,
    }
}
