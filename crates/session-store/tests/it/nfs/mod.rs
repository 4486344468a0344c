//! On a file system that fails: power that is lost, errors, a full disk, calls that hang, and clients that remember too much.

mod clients;
mod errors;
mod ledger;
mod life;
mod power;
