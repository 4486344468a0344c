//! The two clients, one per direction. Both sign every request, and believe only an answer that is signed for it.

mod control;
mod error;
mod file;
mod hop;
mod http;
mod node;

pub use control::ControlClient;
pub use error::CallError;
pub use file::{FileToSend, MAX_FILE_TIME};
pub use http::http_client;
pub use node::NodeClient;
