//! Messages out: stored with the id that they will be sent under, then sent by the request itself or by its job; and reading messages.

pub(crate) mod about;
mod file;
mod job;
mod list;
mod outcome;
pub(crate) mod reactions;
mod request;
mod send;
mod store;
mod wake;

pub use job::{Courier, SendMessageJob};
pub use list::{MessageFilter, get, list};
pub use request::{SendContent, SendFile, SendRequest};
pub use send::{Sent, deliver, send};
pub use store::{Stored, store};

pub(crate) use store::ME;
pub(crate) use wake::{pull_forward, wake};

use blazz_domain::ConversationId;

/// The lane of a conversation: its messages are sent one at a time, in the order in which they were stored.
fn lane(conversation_id: ConversationId) -> String {
    format!("conversation:{conversation_id}")
}
