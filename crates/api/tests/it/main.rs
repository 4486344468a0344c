//! The API over real HTTP, on every database, with a session node that speaks the real signed hop.

#![expect(
    clippy::indexing_slicing,
    reason = "a missing field of a JSON value reads as null, and the test says so"
)]

#[path = "../../../wire/tests/shared/attacks.rs"]
#[expect(clippy::expect_used, reason = "test code")]
mod attacks;
mod audit;
mod bad_input;
mod control;
mod docs;
mod document;
mod keys;
mod limits;
mod media;
mod messages;
mod node;
mod operations;
mod pairing_code;
mod probe;
mod process;
mod profile;
mod qr;
mod request_id;
mod stage;
mod tenancy;
mod worker;
