//! API keys of a workspace.

mod create;
mod list;
mod revoke;
mod rotate;
mod update;

pub(crate) use create::create_key;
pub(crate) use list::list_keys;
pub(crate) use revoke::revoke_key;
pub(crate) use rotate::rotate_key;
pub(crate) use update::update_key;
