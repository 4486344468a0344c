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
#[path = "../../../whatsapp/tests/shared/proxy.rs"]
#[expect(dead_code, reason = "not every test needs all of it")]
mod proxy;
mod settings;
mod stage;
mod storage;
mod until;
