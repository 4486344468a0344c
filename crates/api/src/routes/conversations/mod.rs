//! Conversations.

mod list;
mod messages;

pub(crate) use list::list_conversations;
pub(crate) use messages::list_conversation_messages;
