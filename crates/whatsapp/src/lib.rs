//! One live WhatsApp Web session over its directory. The only crate, beside the emulator, that knows the engine.
//!
//! A session is a supervisor ([`Session`]) over a row of connections. Each connection is an engine client of its own, run on tasks
//! that are all ended with it; between two of them the session waits by its own backoff. What arrives is in the
//! durable outbox before WhatsApp gets its ack.

mod address;
mod backend;
mod backoff;
mod composed;
mod config;
mod connection;
mod content;
mod ears;
mod error;
mod fleet_version;
mod inbound;
mod media;
mod numbers;
mod outbound;
mod pairing;
mod profile;
mod progress;
mod receipts;
mod reports;
mod road;
mod sends;
mod session;
mod signal;
mod silence;
mod supervisor;
mod tasks;

pub use config::{Backoff, EndpointError, EngineConfig, is_sandbox};
pub use error::{EngineError, OpenError};
pub use fleet_version::{DEFAULT_VERSION, FleetVersion};
pub use media::{DownloadError, Downloaded, FileSource, MediaRecord, SourceError};
pub use numbers::StateNumbers;
pub use pairing::PairingError;
pub use profile::ProfileError;
pub use road::ProxyPolicy;
pub use session::Session;
