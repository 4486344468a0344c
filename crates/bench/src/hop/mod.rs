//! What a signed call costs beside an unsigned one.

mod client;
mod hashes;
pub(crate) mod server;

pub(crate) use client::{Caller, Signed, Unsigned};
pub(crate) use hashes::hashes;
pub(crate) use server::HopServer;
