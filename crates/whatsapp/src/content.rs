//! What a message says, and which messages say nothing to a person.

use blazz_domain::MessageContent;
use blazz_domain::message::MAX_TEXT_BYTES;
use whatsapp_rust::prelude::{MessageExt as _, wa};

/// The content of a message; `None` for what is not a chat message: protocol internals, reactions, edits, votes, keys.
pub(crate) fn content(message: &wa::Message) -> Option<MessageContent> {
    if is_silent(message) {
        return None;
    }
    let base = message.get_base_message();
    if is_silent(base) {
        return None;
    }
    if let Some(text) = base.text_content() {
        return Some(MessageContent::Text { text: cut(text).to_owned() });
    }
    match kind(base) {
        Some(original) => Some(MessageContent::Unsupported { original: original.to_owned() }),
        // The keys of a group, or nothing at all.
        None if base.sender_key_distribution_message.is_set() || is_empty(base) => None,
        None => Some(MessageContent::Unsupported { original: "unknown".to_owned() }),
    }
}

/// A message that changes or carries something else than itself.
fn is_silent(message: &wa::Message) -> bool {
    message.protocol_message.is_set()
        || message.edited_message.is_set()
        || message.reaction_message.is_set()
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
        image_message = "imageMessage",
        video_message = "videoMessage",
        ptv_message = "ptvMessage",
        audio_message = "audioMessage",
        document_message = "documentMessage",
        sticker_message = "stickerMessage",
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

/// The text, at most [`MAX_TEXT_BYTES`] of it.
fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_TEXT_BYTES)).unwrap_or(text)
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
        let reaction =
            wa::Message { reaction_message: MessageField::some(Default::default()), ..Default::default() };
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

    #[test]
    fn other_kinds_are_named() {
        let image =
            wa::Message { image_message: MessageField::some(Default::default()), ..Default::default() };
        assert_eq!(
            content(&image),
            Some(MessageContent::Unsupported { original: "imageMessage".to_owned() })
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
        assert_eq!(cut(&odd).len(), MAX_TEXT_BYTES - 1);
    }
}
