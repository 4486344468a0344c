//! Session nodes.

mod list;

pub(crate) use list::list_nodes;
