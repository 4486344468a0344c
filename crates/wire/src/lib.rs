//! The signed hop between the API and its nodes: the types of both internal APIs, signing and verifying (RFC 9421), and one typed
//! client per direction. Nobody else knows how the two processes talk.

pub mod control_api;
pub mod node_api;
pub mod problem;
