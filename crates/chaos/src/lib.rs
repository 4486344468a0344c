//! A whole fleet of a tool's or a test's own, with everything about it that can be killed, paused and cut; and the program that does so
//! at random and keeps the ledger of what went in and came out (`scripts/chaos`).

mod actions;
mod clients;
pub mod fleet;
mod ledger;
mod link;
mod load;
mod overlaps;
mod report;
mod run;
mod schedule;
mod traffic;
mod watch;

pub use clients::{Phones, Tenant};
pub use ledger::Balance;
pub use link::{Linked, link};
pub use overlaps::overlaps;
pub use run::{ChaosArgs, run};
pub use traffic::Traffic;

/// Tells whoever waits what is being done.
#[expect(clippy::print_stderr, reason = "progress is for people; the result goes to standard output")]
pub(crate) fn say(what: &str) {
    eprintln!("chaos: {what}");
}

/// A line of the result.
#[expect(clippy::print_stdout, reason = "this is what the program is for")]
pub(crate) fn tell(line: &str) {
    println!("{line}");
}
