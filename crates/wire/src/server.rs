//! The server half: one actix scope per direction. Everything under a scope is verified before it runs, and every answer of it is
//! signed, whoever made it; a handler can neither forget nor avoid it.

mod answer;
mod body;
mod extract;
mod file;
mod guard;
mod refusal;
mod scope;
mod verifier;

pub use answer::{InternalError, problem_response};
pub use extract::{CallLease, Caller, SignedJson};
pub use file::{SignedFile, file_response, sha256_of_hex};
pub use scope::{control_scope, node_scope};
pub use verifier::{ControlKeys, FleetKeys, Verifier};

pub use crate::nonces::{MemoryNonces, NonceStore};
