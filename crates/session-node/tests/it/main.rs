//! A real node over real HTTP: against the emulator on one side and a scripted control server on the other.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

#[path = "../../../wire/tests/shared/attacks.rs"]
mod attacks;
mod control;
mod faults;
mod faulty;
mod fleet;
mod hop;
mod linking;
mod media;
mod outbox;
mod probes;
mod process;
mod stage;
mod until;
