//! Sessions against the emulator: the real engine, the real protocol, real files.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed step fails the test"
)]

mod contract;
mod linking;
mod loss;
mod messages;
mod pairing;
mod profile;
#[path = "../shared/proxy.rs"]
mod proxy;
mod reconnecting;
mod replies;
mod stage;
mod stopping;
mod through_proxy;
