//! The event log.

mod list;

pub(crate) use list::list_events;
