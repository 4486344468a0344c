//! `abt`: experiment settings. Clients keep their defaults but for one: they show trusted-contact tokens when they write.

use whatsapp_rust::wacore_binary::builder::NodeBuilder;

use super::{Answer, Request};

/// `privacy_token_sending_on_all_1_on_1_messages`.
const SEND_TOKENS: u32 = 10_518;

pub(super) fn answer(request: &Request<'_>) -> Answer {
    if request.operation_tag() != "props" {
        return Answer::Unknown;
    }
    let send_tokens = NodeBuilder::new("prop").attr("config_code", SEND_TOKENS).attr("config_value", "1");
    let props = NodeBuilder::new("props")
        .attr("protocol", "1")
        .attr("ab_key", "emulator")
        .attr("hash", "emulator")
        .attr("refresh", 86_400)
        .attr("refresh_id", 1)
        .children([send_tokens.build()]);
    Answer::Result(vec![props.build()])
}
