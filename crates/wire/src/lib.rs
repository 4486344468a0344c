//! The signed hop between the API and its nodes: the types of both internal APIs, signing and verifying (RFC 9421), and one typed
//! client per direction. Nobody else knows how the two processes talk.

pub mod client;
pub mod control_api;
pub mod keys;
pub mod node_api;
pub mod nonces;
pub mod problem;
pub mod request_id;
mod routes;
pub mod server;
mod signature;

pub use client::{CallError, ControlClient, FileToSend, MAX_FILE_TIME, NodeClient, http_client};
pub use nonces::{MemoryNonces, NonceStore};
pub use problem::Problem;
pub use request_id::RequestId;
pub use routes::{API_NAME, PREFIX};
