//! Messages.

mod get;
mod list;
mod send;

pub(crate) use get::get_message;
pub(crate) use list::list_messages;
pub(crate) use send::send_message;
