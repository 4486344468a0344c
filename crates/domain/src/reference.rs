//! Messages that are about another message: replies quote one, reactions stand on one.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::id::{ContactId, MessageId};
use crate::jid::Jid;
use crate::message::{Direction, MessageContent, ProviderMessageId};

/// The most bytes that are kept of a reaction. The longest emoji, families of joined people, have less than fifty.
pub const MAX_EMOJI_BYTES: usize = 64;

/// The message that a reply answers.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Quote {
    /// Its id; `null` when it is not stored here.
    #[serde(default)]
    pub message_id: Option<MessageId>,
    /// WhatsApp's id of it.
    pub provider_message_id: ProviderMessageId,
    /// The beginning of what it says, as far as the reply repeats it; empty where it has no text.
    #[serde(default)]
    #[schema(examples("Shall we say ten o'clock?"))]
    pub preview: String,
}

/// What somebody thinks of a message: one for each person, the latest.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reaction {
    /// Who reacts: `outbound` is the account, `inbound` a contact.
    pub direction: Direction,
    /// The contact; `null` when it is the account.
    pub contact_id: Option<ContactId>,
    /// The emoji.
    #[schema(examples("👍"))]
    pub emoji: String,
    /// Since when.
    pub at: Timestamp,
}

/// The message that one to send is about, with all that WhatsApp wants to hear of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// WhatsApp's id of it.
    pub id: ProviderMessageId,
    /// Whether the account wrote it.
    pub from_me: bool,
    /// Who wrote it; the account itself when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<Jid>,
    /// What it says: a reply repeats it.
    pub content: MessageContent,
}

/// Puts a reaction in its place among those of a message; an empty emoji takes its sender's back. `false` when nothing changes: the same again, or
/// one that is older than what its sender thinks now.
pub fn put_reaction(reactions: &mut Vec<Reaction>, new: Reaction) -> bool {
    let is_same_sender =
        |known: &Reaction| (known.direction, known.contact_id) == (new.direction, new.contact_id);
    match reactions.iter().position(is_same_sender) {
        Some(place) => {
            let is_news = reactions.get(place).is_some_and(|old| old.emoji != new.emoji && old.at <= new.at);
            if is_news {
                reactions.remove(place);
                push(reactions, new);
            }
            is_news
        }
        None => push(reactions, new),
    }
}

fn push(reactions: &mut Vec<Reaction>, new: Reaction) -> bool {
    let is_one = !new.emoji.is_empty();
    if is_one {
        reactions.push(new);
    }
    is_one
}

// What people write must not reach a log through `{:?}`.
impl fmt::Debug for Quote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Quote({}, {} bytes)", self.provider_message_id, self.preview.len())
    }
}

impl fmt::Debug for Reaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reaction({}, {} bytes)", self.direction.as_str(), self.emoji.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reaction(contact_id: Option<ContactId>, emoji: &str, second: i64) -> Reaction {
        Reaction {
            direction: if contact_id.is_some() { Direction::Inbound } else { Direction::Outbound },
            contact_id,
            emoji: emoji.to_owned(),
            at: Timestamp::from_unix_seconds(second).unwrap(),
        }
    }

    #[test]
    fn the_latest_of_each_sender_stands_and_an_empty_one_takes_it_back() {
        let (ann, bob) = (Some(ContactId::new()), Some(ContactId::new()));
        let mut all = Vec::new();
        assert!(put_reaction(&mut all, reaction(ann, "👍", 5)));
        assert!(put_reaction(&mut all, reaction(bob, "👍", 5)));
        assert!(put_reaction(&mut all, reaction(None, "🎉", 6)));
        assert!(!put_reaction(&mut all, reaction(ann, "👍", 7)), "the same again");
        assert!(!put_reaction(&mut all, reaction(ann, "😢", 4)), "an older one");
        assert!(put_reaction(&mut all, reaction(ann, "❤️", 5)), "in one second the later one counts");
        assert_eq!(all, [reaction(bob, "👍", 5), reaction(None, "🎉", 6), reaction(ann, "❤️", 5)]);
        assert!(put_reaction(&mut all, reaction(bob, "", 8)));
        assert!(!put_reaction(&mut all, reaction(bob, "", 9)), "there is nothing to take back");
        assert_eq!(all.len(), 2);
    }

    #[test]
    fn debug_hides_what_people_write() {
        let quote = Quote {
            message_id: None,
            provider_message_id: ProviderMessageId("3EB0".into()),
            preview: "secret".into(),
        };
        assert_eq!(format!("{quote:?}"), "Quote(3EB0, 6 bytes)");
        assert!(!format!("{:?}", reaction(None, "👍", 1)).contains('👍'));
    }
}
