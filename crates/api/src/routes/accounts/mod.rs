//! Accounts: the WhatsApp numbers of a workspace.

mod create;
mod delete;
mod get;
mod list;
mod update;

pub(crate) use create::create_account;
pub(crate) use delete::delete_account;
pub(crate) use get::get_account;
pub(crate) use list::list_accounts;
pub(crate) use update::update_account;
