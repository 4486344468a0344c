//! How much is measured.

use std::time::Duration;

use clap::Args;

/// Sizes on the command line; what is not given follows from `--quick`.
#[derive(Args, Debug)]
pub(super) struct SizeArgs {
    /// Everything small: shows that the bench works, the figures say little.
    #[arg(long)]
    quick: bool,
    /// Linked sessions when memory is read first.
    #[arg(long)]
    sessions_from: Option<usize>,
    /// Linked sessions when it is read again.
    #[arg(long)]
    sessions_to: Option<usize>,
    /// How many times a fresh account asks for its first QR code.
    #[arg(long)]
    qr: Option<usize>,
    /// How often the contenders take turns.
    #[arg(long)]
    rounds: Option<usize>,
    /// Messages in one conversation and turn.
    #[arg(long)]
    messages: Option<usize>,
    /// Conversations at once.
    #[arg(long)]
    conversations: Option<usize>,
    /// Numbers that these conversations are spread over.
    #[arg(long)]
    numbers: Option<usize>,
    /// Calls of each kind in one turn.
    #[arg(long)]
    calls: Option<usize>,
}

/// How much is measured.
#[derive(Debug)]
pub(super) struct Sizes {
    pub(super) sessions_from: usize,
    pub(super) sessions_to: usize,
    pub(super) qr: usize,
    pub(super) rounds: usize,
    pub(super) messages: usize,
    pub(super) conversations: usize,
    pub(super) numbers: usize,
    pub(super) calls: usize,
    /// How long processes may come to rest before their memory is read, and how long they are then watched.
    pub(super) rest: Duration,
}

impl SizeArgs {
    pub(super) fn sizes(&self) -> Sizes {
        let standard = if self.quick { QUICK } else { FULL };
        let sessions_from = self.sessions_from.unwrap_or(standard.sessions_from);
        Sizes {
            sessions_from,
            sessions_to: self.sessions_to.unwrap_or(standard.sessions_to).max(sessions_from + 1),
            qr: self.qr.unwrap_or(standard.qr).max(1),
            rounds: self.rounds.unwrap_or(standard.rounds).max(1),
            messages: self.messages.unwrap_or(standard.messages).max(1),
            conversations: self.conversations.unwrap_or(standard.conversations).max(1),
            numbers: self.numbers.unwrap_or(standard.numbers).max(1),
            calls: self.calls.unwrap_or(standard.calls).max(1),
            rest: standard.rest,
        }
    }
}

const FULL: Sizes = Sizes {
    sessions_from: 20,
    sessions_to: 120,
    qr: 200,
    rounds: 10,
    messages: 50,
    conversations: 16,
    numbers: 4,
    calls: 500,
    rest: Duration::from_secs(10),
};

const QUICK: Sizes = Sizes {
    sessions_from: 3,
    sessions_to: 10,
    qr: 6,
    rounds: 2,
    messages: 5,
    conversations: 4,
    numbers: 2,
    calls: 50,
    rest: Duration::from_secs(2),
};
