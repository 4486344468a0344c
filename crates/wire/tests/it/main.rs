//! The signed hop over real connections: the real clients against the real scopes, every way to tamper with either, and an
//! independent implementation of RFC 9421 on the other end.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod answers;
mod clock;
mod forge;
mod independent;
mod limits;
mod proxy;
mod replay;
mod rotation;
mod round_trip;
mod served;
mod tampering;
mod unreached;
