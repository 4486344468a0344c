//! The public routes: one file each. A file reads its request, calls one use case and writes the answer; nothing else.

pub(crate) mod accounts;
pub(crate) mod audit;
pub(crate) mod client_version;
pub(crate) mod conversations;
pub(crate) mod events;
pub(crate) mod keys;
pub(crate) mod media;
pub(crate) mod messages;
pub(crate) mod nodes;
pub(crate) mod operations;
pub(crate) mod profile;
pub(crate) mod sessions;
pub(crate) mod workspaces;
