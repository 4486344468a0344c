//! API keys of a workspace.

mod create;
mod list;
mod revoke;

pub(crate) use create::create_key;
pub(crate) use list::list_keys;
pub(crate) use revoke::revoke_key;
