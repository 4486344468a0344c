//! API keys of a workspace.

mod create;
mod list;
mod revoke;
mod rotate;

pub(crate) use create::create_key;
pub(crate) use list::list_keys;
pub(crate) use revoke::revoke_key;
pub(crate) use rotate::rotate_key;
