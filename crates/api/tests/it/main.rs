//! The API over real HTTP, on every database, with a session node that speaks the real signed hop.

mod bad_input;
mod control;
mod document;
mod keys;
mod messages;
mod node;
mod operations;
mod process;
mod qr;
mod request_id;
mod stage;
mod tenancy;
