//! The files of tenants: kept by the hash of their bytes, each workspace for itself. The only crate that knows the object store.
//!
//! ```text
//! {root}/{workspace}/{sha-256 in hex}    a whole file
//! {root}/incoming/{id}                   one that is still arriving
//! ```
//!
//! What arrives is written to a file of its own first ([`Arrival`]): its hash, length and type are known only at its end. Put on disk whole, it
//! is then moved to its place in one step, so a crash leaves either all of a file or none of it.

mod arrival;
mod error;
mod sniff;
mod store;

pub use arrival::{Arrival, Arrived};
pub use error::MediaError;
pub use sniff::{HEAD_BYTES, Sniffed, sniff};
pub use store::{ByteStream, MediaStore};
