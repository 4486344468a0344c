//! Listening to a channel.

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::AbortHandle;

/// What is said on a channel, from the moment of subscribing on.
#[derive(Debug)]
pub struct Subscription {
    receiver: Receiver<String>,
    reader: Option<AbortHandle>,
}

impl Subscription {
    pub(crate) fn new(receiver: Receiver<String>, reader: Option<AbortHandle>) -> Self {
        Self { receiver, reader }
    }

    /// The next payload; waits for ever when the bus is gone. After messages were missed, an empty one: look for yourself.
    pub async fn next(&mut self) -> String {
        match self.receiver.recv().await {
            Ok(payload) => payload,
            Err(RecvError::Lagged(_)) => String::new(),
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(reader) = &self.reader {
            reader.abort();
        }
    }
}
