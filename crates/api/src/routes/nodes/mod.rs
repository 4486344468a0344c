//! Session nodes.

mod list;
mod probe;

pub(crate) use list::list_nodes;
pub(crate) use probe::probe_node;
