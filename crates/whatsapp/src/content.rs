//! What a message says, and which messages say nothing to a person.

use blazz_domain::message::MAX_TEXT_BYTES;
use blazz_domain::reference::MAX_EMOJI_BYTES;
use blazz_domain::{MessageContent, ProviderMessageId, Quote};
use whatsapp_rust::prelude::{MessageExt as _, wa};

use crate::media::found_file;

/// The longest message id that is taken; WhatsApp's own have at most 32 characters.
pub(crate) const MAX_ID_BYTES: usize = 128;
/// The most characters kept of what a quoted message says.
const MAX_QUOTE_CHARS: usize = 120;

/// The content of a message; `None` for what is not a chat message: protocol internals, edits, votes, keys.
pub(crate) fn content(message: &wa::Message) -> Option<MessageContent> {
    if is_silent(message) {
        return None;
    }
    let base = message.get_base_message();
    if is_silent(base) {
        return None;
    }
    if let Some(reaction) = base.reaction_message.as_option() {
        return self::reaction(reaction);
    }
    if let Some(text) = base.text_content() {
        return Some(MessageContent::Text { text: cut(text, MAX_TEXT_BYTES).to_owned() });
    }
    if let Some(file) = found_file(base) {
        return Some(file.content());
    }
    match kind(base) {
        Some(original) => Some(MessageContent::Unsupported { original: original.to_owned() }),
        // The keys of a group, or nothing at all.
        None if base.sender_key_distribution_message.is_set() || is_empty(base) => None,
        None => Some(MessageContent::Unsupported { original: "unknown".to_owned() }),
    }
}

/// A reaction; `None` when it does not say to what. Without an emoji it takes an earlier one back.
fn reaction(reaction: &wa::message::ReactionMessage) -> Option<MessageContent> {
    let id = reaction.key.as_option()?.id.as_deref().filter(|id| is_good_id(id))?;
    let emoji = cut(reaction.text.as_deref().unwrap_or_default(), MAX_EMOJI_BYTES);
    Some(MessageContent::Reaction {
        message_id: None,
        provider_message_id: ProviderMessageId(id.to_owned()),
        emoji: emoji.to_owned(),
    })
}

macro_rules! context {
    ($message:ident: $($field:ident),* $(,)?) => {
        None$(.or_else(|| $message.$field.as_option().and_then(|part| part.context_info.as_option())))*
    };
}

/// The message that this one answers, as it repeats it.
pub(crate) fn quote(message: &wa::Message) -> Option<Quote> {
    let base = message.get_base_message();
    let context: Option<&wa::ContextInfo> = context!(base:
        extended_text_message, image_message, video_message, audio_message, document_message, sticker_message,
        contact_message, location_message,
    );
    let context = context?;
    let id = context.stanza_id.as_deref().filter(|id| is_good_id(id))?;
    let quoted = context.quoted_message.as_option();
    let text = quoted.and_then(|quoted| quoted.text_content().or_else(|| quoted.get_caption()));
    Some(Quote {
        message_id: None,
        provider_message_id: ProviderMessageId(id.to_owned()),
        preview: text.unwrap_or_default().chars().take(MAX_QUOTE_CHARS).collect(),
    })
}

/// Whether it can be the id of a message.
pub(crate) fn is_good_id(id: &str) -> bool {
    (1..=MAX_ID_BYTES).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A message that changes or carries something else than itself.
fn is_silent(message: &wa::Message) -> bool {
    message.protocol_message.is_set()
        || message.edited_message.is_set()
        || message.enc_reaction_message.is_set()
        || message.poll_update_message.is_set()
        || message.enc_event_response_message.is_set()
        || message.keep_in_chat_message.is_set()
        || message.pin_in_chat_message.is_set()
        || message.secret_encrypted_message.is_set()
        || message.message_history_bundle.is_set()
        || message.message_history_notice.is_set()
        || message.sticker_sync_rmr_message.is_set()
}

fn is_empty(message: &wa::Message) -> bool {
    let context_alone =
        wa::Message { message_context_info: message.message_context_info.clone(), ..wa::Message::default() };
    *message == context_alone
}

macro_rules! kinds {
    ($message:ident: $($field:ident = $name:literal),* $(,)?) => {
        $(if $message.$field.is_set() { return Some($name); })*
    };
}

/// The protocol's name of what a message is (`waproto`, `message Message`).
fn kind(message: &wa::Message) -> Option<&'static str> {
    kinds!(message:
        lottie_sticker_message = "lottieStickerMessage",
        sticker_pack_message = "stickerPackMessage",
        album_message = "albumMessage",
        contact_message = "contactMessage",
        contacts_array_message = "contactsArrayMessage",
        location_message = "locationMessage",
        live_location_message = "liveLocationMessage",
        poll_creation_message = "pollCreationMessage",
        poll_creation_message_v2 = "pollCreationMessageV2",
        poll_creation_message_v3 = "pollCreationMessageV3",
        poll_creation_message_v5 = "pollCreationMessageV5",
        event_message = "eventMessage",
        group_invite_message = "groupInviteMessage",
        template_message = "templateMessage",
        template_button_reply_message = "templateButtonReplyMessage",
        buttons_message = "buttonsMessage",
        buttons_response_message = "buttonsResponseMessage",
        list_message = "listMessage",
        list_response_message = "listResponseMessage",
        interactive_message = "interactiveMessage",
        interactive_response_message = "interactiveResponseMessage",
        product_message = "productMessage",
        order_message = "orderMessage",
        invoice_message = "invoiceMessage",
        send_payment_message = "sendPaymentMessage",
        request_payment_message = "requestPaymentMessage",
        payment_invite_message = "paymentInviteMessage",
        highly_structured_message = "highlyStructuredMessage",
        call_log_messsage = "callLogMesssage",
        call = "call",
        placeholder_message = "placeholderMessage",
        comment_message = "commentMessage",
        newsletter_admin_invite_message = "newsletterAdminInviteMessage",
        request_phone_number_message = "requestPhoneNumberMessage",
    );
    None
}

/// The text, at most so many bytes of it.
pub(crate) fn cut(text: &str, max_bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(max_bytes)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use whatsapp_rust::prelude::MessageField;

    use super::*;

    fn text(text: &str) -> wa::Message {
        wa::Message { conversation: Some(text.to_owned()), ..wa::Message::default() }
    }

    fn wrapped(message: wa::Message) -> MessageField<wa::message::FutureProofMessage> {
        MessageField::some(wa::message::FutureProofMessage { message: MessageField::some(message) })
    }

    #[test]
    fn text_is_found_in_its_wrappers() {
        let extended = wa::Message {
            extended_text_message: MessageField::some(wa::message::ExtendedTextMessage {
                text: Some("hi".to_owned()),
                ..Default::default()
            }),
            ..Default::default()
        };
        let ephemeral = wa::Message { ephemeral_message: wrapped(extended.clone()), ..Default::default() };
        let sent = wa::Message {
            device_sent_message: MessageField::some(wa::message::DeviceSentMessage {
                message: MessageField::some(ephemeral.clone()),
                ..Default::default()
            }),
            ..Default::default()
        };
        for message in [text("hi"), extended, ephemeral, sent] {
            assert_eq!(content(&message), Some(MessageContent::Text { text: "hi".to_owned() }));
        }
    }

    #[test]
    fn what_is_no_chat_message_is_silent() {
        let reaction = wa::Message {
            // One that does not say what it is on.
            reaction_message: MessageField::some(Default::default()),
            ..Default::default()
        };
        let protocol =
            wa::Message { protocol_message: MessageField::some(Default::default()), ..Default::default() };
        let edit = wa::Message { edited_message: wrapped(text("better")), ..Default::default() };
        let keys = wa::Message {
            sender_key_distribution_message: MessageField::some(Default::default()),
            ..Default::default()
        };
        let hidden = wa::Message { ephemeral_message: wrapped(reaction.clone()), ..Default::default() };
        for message in [reaction, protocol, edit, keys, hidden, wa::Message::default()] {
            assert_eq!(content(&message), None);
        }
    }

    fn reaction_to(id: &str, emoji: Option<&str>) -> wa::Message {
        let key = wa::MessageKey { id: Some(id.to_owned()), ..Default::default() };
        wa::Message {
            reaction_message: MessageField::some(wa::message::ReactionMessage {
                key: MessageField::some(key),
                text: emoji.map(str::to_owned),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[test]
    fn a_reaction_names_its_message_and_an_empty_one_takes_it_back() {
        for (text, emoji) in [(Some("👍"), "👍"), (Some(""), ""), (None, "")] {
            let expected = MessageContent::Reaction {
                message_id: None,
                provider_message_id: ProviderMessageId("3EB0AA".to_owned()),
                emoji: emoji.to_owned(),
            };
            assert_eq!(content(&reaction_to("3EB0AA", text)), Some(expected));
        }
        assert_eq!(content(&reaction_to("", Some("👍"))), None);
        let long = "👍".repeat(MAX_EMOJI_BYTES);
        let Some(MessageContent::Reaction { emoji, .. }) = content(&reaction_to("A", Some(&long))) else {
            panic!("it is a reaction")
        };
        assert_eq!(emoji.len(), MAX_EMOJI_BYTES);
    }

    #[test]
    fn a_reply_names_what_it_answers_also_with_an_image() {
        let context = |id: &str| {
            MessageField::some(wa::ContextInfo {
                stanza_id: Some(id.to_owned()),
                quoted_message: MessageField::some(text(&"q".repeat(1000))),
                ..Default::default()
            })
        };
        let answer = wa::Message {
            extended_text_message: MessageField::some(wa::message::ExtendedTextMessage {
                text: Some("yes".to_owned()),
                context_info: context("3EB0AA"),
                ..Default::default()
            }),
            ..Default::default()
        };
        let image = wa::Message {
            image_message: MessageField::some(wa::message::ImageMessage {
                context_info: context("3EB0AA"),
                ..Default::default()
            }),
            ..Default::default()
        };
        let hidden = wa::Message { ephemeral_message: wrapped(answer.clone()), ..Default::default() };
        for message in [answer, image, hidden] {
            let quote = quote(&message).unwrap();
            assert_eq!((quote.provider_message_id.0.as_str(), quote.message_id), ("3EB0AA", None));
            assert_eq!(quote.preview.len(), MAX_QUOTE_CHARS);
        }
        let bad = wa::Message {
            image_message: MessageField::some(wa::message::ImageMessage {
                context_info: context("not an id"),
                ..Default::default()
            }),
            ..Default::default()
        };
        assert_eq!((quote(&bad), quote(&text("hi"))), (None, None));
    }

    #[test]
    fn other_kinds_are_named() {
        let poll = wa::Message {
            poll_creation_message: MessageField::some(Default::default()),
            ..Default::default()
        };
        assert_eq!(
            content(&poll),
            Some(MessageContent::Unsupported { original: "pollCreationMessage".to_owned() })
        );
        let rare = wa::Message { spoiler_message: wrapped(text("hidden")), ..Default::default() };
        assert_eq!(content(&rare), Some(MessageContent::Unsupported { original: "unknown".to_owned() }));
    }

    #[test]
    fn a_text_has_a_limit_and_is_cut_between_characters() {
        let Some(MessageContent::Text { text }) = content(&text(&"ä".repeat(MAX_TEXT_BYTES))) else {
            panic!("it is text")
        };
        assert_eq!(text.len(), MAX_TEXT_BYTES);
        let odd = format!("x{}", "ä".repeat(MAX_TEXT_BYTES));
        assert_eq!(cut(&odd, MAX_TEXT_BYTES).len(), MAX_TEXT_BYTES - 1);
    }
}
