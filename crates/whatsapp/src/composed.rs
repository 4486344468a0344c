//! A message to send, as the protocol writes it.

use std::sync::Arc;

use blazz_domain::{MessageContent, Reference, Timestamp};
use whatsapp_rust::Client;
use whatsapp_rust::Jid as EngineJid;
use whatsapp_rust::prelude::{MessageBuilderExt as _, wa};
use whatsapp_rust::wacore::proto_helpers::{build_quote_context_with_info, build_reaction_message};
use whatsapp_rust::wacore_binary::JidExt as _;

/// The message; `None` for what cannot be sent: a reaction to nothing, or a kind that is only received.
pub(crate) fn compose(
    client: &Arc<Client>,
    to: &EngineJid,
    content: &MessageContent,
    about: Option<&Reference>,
    now: Timestamp,
) -> Option<wa::Message> {
    match (content, about) {
        (MessageContent::Text { text }, None) => Some(wa::Message::text(text)),
        (MessageContent::Text { text }, Some(about)) => {
            let author = author(client, about)?;
            let quoted = quoted(&about.content);
            let context = build_quote_context_with_info(about.id.0.as_str(), &author, to, to, &quoted);
            Some(wa::Message::text_with_context(text, context))
        }
        (MessageContent::Reaction { emoji, .. }, Some(about)) => {
            Some(build_reaction_message(key(to, about), emoji, now.as_datetime().timestamp_millis()))
        }
        (MessageContent::Reaction { .. }, None) | (MessageContent::Unsupported { .. }, _) => None,
    }
}

/// Which message is meant. Only in a group its author has to be named (`waproto`, `message MessageKey`).
fn key(to: &EngineJid, about: &Reference) -> wa::MessageKey {
    let author = about.sender.as_ref().filter(|_| to.is_group());
    wa::MessageKey {
        remote_jid: Some(to.to_string()),
        from_me: Some(about.from_me),
        id: Some(about.id.0.clone()),
        participant: author.map(|jid| jid.as_str().to_owned()),
    }
}

fn author(client: &Arc<Client>, about: &Reference) -> Option<EngineJid> {
    match &about.sender {
        Some(jid) => jid.as_str().parse().ok(),
        None => client.pn().map(|own| own.to_non_ad()),
    }
}

/// What a reply repeats of the message that it answers. Receivers that know it show their own copy.
fn quoted(content: &MessageContent) -> wa::Message {
    match content {
        MessageContent::Text { text } => wa::Message::text(text),
        MessageContent::Reaction { .. } | MessageContent::Unsupported { .. } => wa::Message::default(),
    }
}
