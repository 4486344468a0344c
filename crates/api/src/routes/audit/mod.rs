//! The audit log.

mod list;
mod list_all;

pub(crate) use list::list_audit_entries;
pub(crate) use list_all::list_all_audit_entries;
