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
mod reconnecting;
mod replies;
mod stage;
mod stopping;
