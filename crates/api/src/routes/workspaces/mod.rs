//! Workspaces: the tenants.

mod create;
mod get;
mod list;

pub(crate) use create::create_workspace;
pub(crate) use get::get_workspace;
pub(crate) use list::list_workspaces;
