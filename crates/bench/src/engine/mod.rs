//! The engine with nothing around it, in a process of its own so that its CPU time and memory can be told apart.

pub(crate) mod direct;

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use blazz_emulator::direct::StoreKind;
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use crate::child::Child;

/// What the process is told.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    /// A new client over a new store, up to its first QR code.
    Show,
    /// Waits until this client is connected.
    Connect { client: usize },
    /// Ends a client.
    Stop { client: usize },
    /// Sends in all conversations at once, in each one message after the other.
    Send(Sending),
}

/// Messages to send.
#[derive(Serialize, Deserialize)]
struct Sending {
    conversations: Vec<Conversation>,
    each: usize,
    until_delivered: bool,
}

/// Who writes to whom.
#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct Conversation {
    /// The number of the client.
    pub(crate) client: usize,
    /// The phone.
    pub(crate) to: String,
}

/// A client that shows a QR code.
#[derive(Serialize, Deserialize)]
pub(crate) struct Shown {
    /// Its number.
    pub(crate) client: usize,
    /// The text of the code.
    pub(crate) code: String,
    /// From the opening of its store to the code.
    pub(crate) time: Duration,
}

/// What a burst of messages took.
#[derive(Serialize, Deserialize)]
pub(crate) struct Burst {
    /// Each message, from the call to the server's acknowledgement.
    pub(crate) latencies: Vec<Duration>,
    /// All of them together.
    pub(crate) wall: Duration,
}

/// The process.
pub(crate) struct Engine {
    child: Child,
}

impl Engine {
    /// Starts it; its clients will connect to `url` and keep their keys in such a store in `directory`.
    pub(crate) fn start(kind: StoreKind, url: &str, directory: &Path) -> Result<Self> {
        let directory = directory.display().to_string();
        let arguments = ["engine-direct", "--url", url, "--directory", &directory, "--store", kind.as_str()];
        Ok(Self { child: Child::start(&arguments)? })
    }

    /// Its process.
    pub(crate) fn pid(&self) -> Pid {
        self.child.pid()
    }

    /// Lets a new client come to its first QR code.
    pub(crate) async fn show(&mut self) -> Result<Shown> {
        self.child.order(&Order::Show).await
    }

    /// Waits until a client is connected.
    pub(crate) async fn connect(&mut self, client: usize) -> Result<()> {
        self.child.order(&Order::Connect { client }).await
    }

    /// Ends a client.
    pub(crate) async fn stop(&mut self, client: usize) -> Result<()> {
        self.child.order(&Order::Stop { client }).await
    }

    /// Sends `each` messages in every conversation, and waits for their receipts if asked to.
    pub(crate) async fn send(
        &mut self,
        conversations: &[Conversation],
        each: usize,
        until_delivered: bool,
    ) -> Result<Burst> {
        let sending = Sending { conversations: conversations.to_vec(), each, until_delivered };
        self.child.order(&Order::Send(sending)).await
    }
}
