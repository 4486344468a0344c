//! A request to send a message: what it says, whether it makes sense, and what tells two of them apart.

use blazz_domain::message::MAX_TEXT_BYTES;
use blazz_domain::reference::MAX_EMOJI_BYTES;
use blazz_domain::{AccountId, ErrorCode, MediaId, MediaKind, MessageId, PhoneNumber};
use sha2::{Digest as _, Sha256};

use super::file;
use crate::ServiceError;

/// The most characters of an idempotency key.
const MAX_KEY_CHARS: usize = 255;

/// What to send.
#[derive(Clone, PartialEq, Eq)]
pub enum SendContent {
    /// A text.
    Text(String),
    /// A file of the workspace.
    File(SendFile),
    /// A reaction to a message of the conversation with the recipient.
    Reaction {
        /// Which message.
        message_id: MessageId,
        /// The emoji; empty takes an earlier reaction back.
        emoji: String,
    },
}

/// A file to send.
#[derive(Clone, PartialEq, Eq)]
pub struct SendFile {
    /// What it is to be shown as.
    pub kind: MediaKind,
    /// Which file.
    pub media_id: MediaId,
    /// What stands below it.
    pub caption: Option<String>,
    /// Its name; the file's own when `None`.
    pub filename: Option<String>,
    /// Whether audio is shown as recorded for the message.
    pub voice: bool,
}

/// A message to send.
#[derive(Clone, PartialEq, Eq)]
pub struct SendRequest {
    /// The account to send from.
    pub account_id: AccountId,
    /// The phone number to send to, as people write it.
    pub to: String,
    /// What it says.
    pub content: SendContent,
    /// The message of the conversation with the recipient that it answers. A reaction answers none.
    pub reply_to: Option<MessageId>,
}

/// What can be checked without the database.
pub(super) fn check_content(content: &SendContent, reply_to: Option<MessageId>) -> Result<(), ServiceError> {
    match content {
        SendContent::Text(text) => check_text(text),
        SendContent::File(file) => file::check(file),
        SendContent::Reaction { .. } if reply_to.is_some() => {
            Err(ServiceError::refused(ErrorCode::InvalidRequest, "a reaction does not answer a message"))
        }
        SendContent::Reaction { emoji, .. } => check_emoji(emoji),
    }
}

fn check_emoji(emoji: &str) -> Result<(), ServiceError> {
    let is_good =
        emoji.len() <= MAX_EMOJI_BYTES && !emoji.chars().any(|c| c.is_control() || c.is_whitespace());
    let detail = "reaction.emoji must be one emoji, or empty to take an earlier reaction back";
    is_good.then_some(()).ok_or_else(|| ServiceError::refused(ErrorCode::InvalidRequest, detail))
}

fn check_text(text: &str) -> Result<(), ServiceError> {
    let refuse = |detail: String| Err(ServiceError::refused(ErrorCode::InvalidRequest, detail));
    if text.trim().is_empty() {
        return refuse("text must not be empty".to_owned());
    }
    if text.len() > MAX_TEXT_BYTES {
        return refuse(format!("text must not be longer than {MAX_TEXT_BYTES} bytes"));
    }
    if text.contains('\0') {
        return refuse("text must not contain the character U+0000".to_owned());
    }
    Ok(())
}

/// An idempotency key, if it is one.
pub(super) fn checked_key(key: &str) -> Result<String, ServiceError> {
    let good = (1..=MAX_KEY_CHARS).contains(&key.len()) && key.bytes().all(|b| matches!(b, 0x20..=0x7e));
    let detail = format!("the key must be 1 to {MAX_KEY_CHARS} printable ASCII characters");
    good.then(|| key.to_owned())
        .ok_or_else(|| ServiceError::refused(ErrorCode::InvalidIdempotencyKey, detail))
}

/// Two spellings of a phone number are the same request.
pub(super) fn body_hash(request: &SendRequest, to: &PhoneNumber) -> String {
    let mut digest = Sha256::new()
        .chain_update(request.account_id.0.as_bytes())
        .chain_update(to.as_str())
        .chain_update([0]);
    // No text begins with or has a zero byte, so what follows one is never taken for text.
    match &request.content {
        SendContent::Text(text) => digest.update(text),
        SendContent::File(file) => file::digest(&mut digest, file),
        SendContent::Reaction { message_id, emoji } => {
            digest.update([0]);
            digest.update(message_id.0.as_bytes());
            digest.update(emoji);
        }
    }
    if let Some(answered) = request.reply_to {
        digest.update([0]);
        digest.update(answered.0.as_bytes());
    }
    hex::encode(digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_printable_ascii_within_bounds() {
        assert!(checked_key("a").is_ok() && checked_key(&"k".repeat(MAX_KEY_CHARS)).is_ok());
        for bad in ["", "ä", "a\tb", &"k".repeat(MAX_KEY_CHARS + 1)] {
            assert_eq!(checked_key(bad).unwrap_err().code(), ErrorCode::InvalidIdempotencyKey, "{bad:?}");
        }
    }

    #[test]
    fn texts_have_something_to_say_and_bounds() {
        assert!(check_text("hi").is_ok() && check_text(&"x".repeat(MAX_TEXT_BYTES)).is_ok());
        for bad in ["", " \n", "a\0b", &"x".repeat(MAX_TEXT_BYTES + 1)] {
            assert_eq!(check_text(bad).unwrap_err().code(), ErrorCode::InvalidRequest);
        }
    }

    #[test]
    fn emojis_have_bounds_and_may_be_empty() {
        for good in ["", "👍", "👨‍👩‍👧‍👦", "❤️"] {
            assert!(check_emoji(good).is_ok(), "{good}");
        }
        for bad in ["a b", "\n", "\0", &"👍".repeat(17)] {
            assert_eq!(check_emoji(bad).unwrap_err().code(), ErrorCode::InvalidRequest, "{bad:?}");
        }
        let reaction = SendContent::Reaction { message_id: MessageId::new(), emoji: "👍".to_owned() };
        assert!(check_content(&reaction, Some(MessageId::new())).is_err());
    }

    #[test]
    fn the_hash_tells_requests_apart_and_spellings_not() {
        let id = AccountId::new();
        let to = |text: &str| text.parse::<PhoneNumber>().unwrap();
        let (first, second) = ("+15550000001", "+15550000002");
        let request = |account_id, content, reply_to| SendRequest {
            account_id,
            to: first.to_owned(),
            content,
            reply_to,
        };
        let text = |text: &str| SendContent::Text(text.to_owned());
        let reaction = |message_id| SendContent::Reaction { message_id, emoji: "👍".to_owned() };
        let media_id = MediaId::new();
        let image = |caption: Option<&str>| {
            let caption = caption.map(str::to_owned);
            SendContent::File(SendFile {
                kind: MediaKind::Image,
                media_id,
                caption,
                filename: None,
                voice: false,
            })
        };
        let hi = request(id, text("hi"), None);
        let hash = body_hash(&hi, &to(first));
        assert_eq!(hash, body_hash(&hi, &to("1 (555) 000-0001")));
        let mut hashes = std::collections::HashSet::from([hash, body_hash(&hi, &to(second))]);
        for other in [
            request(id, text("ho"), None),
            request(AccountId::new(), text("hi"), None),
            request(id, text("hi"), Some(MessageId::new())),
            request(id, text("hi"), Some(MessageId::new())),
            request(id, reaction(MessageId::new()), None),
            request(id, reaction(MessageId::new()), None),
            request(id, image(None), None),
            request(id, image(Some("a")), None),
            request(id, image(Some("")), None),
        ] {
            hashes.insert(body_hash(&other, &to(first)));
        }
        assert_eq!(hashes.len(), 11);
    }
}
