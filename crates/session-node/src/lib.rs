//! The process that runs WhatsApp Web sessions: a supervisor of many sessions, the signed calls of the API, a pump that hands over what
//! the sessions receive, and heartbeats.
//!
//! ```text
//! API ──signed──▶ routes ─▶ supervisor ─▶ one actor per session ─▶ engine (a session over its directory)
//!  ▲                            │                  └─▶ pump: the session's outbox ──signed──▶ API
//!  └──────signed── heartbeat ◀──┴─ changes
//! ```
//!
//! A session's actor takes commands one after the other; whatever the session's own code does runs on tasks of its own with a deadline, so
//! that a panic or a hang there is that session's affair alone.

mod backoff;
mod changes;
mod config;
mod context;
pub mod engine;
mod fault;
mod heartbeat;
mod media;
mod metrics;
mod node;
mod process;
mod pulse;
mod pump;
mod ready_file;
mod registration;
mod removals;
mod routes;
mod run;
mod session;
mod supervisor;

pub use config::{Config, SETTINGS};
pub use fault::Fault;
pub use process::main;
pub use run::{RunError, run, run_with};
