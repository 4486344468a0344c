//! Conversations.

mod list;
mod messages;
mod read;

pub(crate) use list::list_conversations;
pub(crate) use messages::list_conversation_messages;
pub(crate) use read::read_conversation;
