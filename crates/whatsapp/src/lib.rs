//! One live WhatsApp Web session over its directory. The only crate, beside the emulator, that knows the engine.

mod config;
mod error;
mod numbers;
mod session;

pub use config::{Backoff, DEFAULT_VERSION, EndpointError, EngineConfig, is_sandbox};
pub use error::{EngineError, OpenError};
pub use numbers::StateNumbers;
pub use session::Session;
