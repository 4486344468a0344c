//! A file system for tests that behaves like a network's: what it keeps is in memory, what goes wrong is switched while it is mounted.
//!
//! A [`Server`] keeps the files: what callers see, and apart from it what was put on disk. A [`Client`] is one mount of it with
//! caches, faults and locks of its own; two of them are two machines. Dev only.

mod cache;
mod client;
mod fault;
mod filesystem;
mod operations;
mod server;
mod tree;

pub use client::{Client, ClientOptions, Locks};
pub use fault::{Call, Effect, Fault, FaultHandle};
pub use nix::errno::Errno;
pub use server::{Moment, Server, State};
pub use tree::Cut;
