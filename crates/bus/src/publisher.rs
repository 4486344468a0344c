//! What is said over Redis, in order, by one task: whoever says it does not wait.

use redis::aio::ConnectionManager;
use tokio::sync::mpsc;

/// How much may wait to be said. What comes on top is dropped: listeners look by themselves now and then.
const BACKLOG: usize = 4096;
/// How much is said in one go.
const BATCH: usize = 128;

/// Says things over one connection. Clones are the same; the task ends with the last of them.
#[derive(Clone)]
pub(crate) struct Publisher(mpsc::Sender<Saying>);

#[derive(PartialEq, Eq)]
struct Saying {
    channel: String,
    payload: String,
}

impl Publisher {
    /// Starts the task on the caller's runtime.
    pub(crate) fn start(connection: ConnectionManager) -> Self {
        let (sender, receiver) = mpsc::channel(BACKLOG);
        tokio::spawn(run(connection, receiver));
        Self(sender)
    }

    pub(crate) fn publish(&self, channel: String, payload: String) {
        if self.0.try_send(Saying { channel, payload }).is_err() {
            tracing::debug!("the bus is behind; a wake-up is dropped");
        }
    }
}

async fn run(mut connection: ConnectionManager, mut sayings: mpsc::Receiver<Saying>) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut failing = false;
    while sayings.recv_many(&mut batch, BATCH).await > 0 {
        // The same wake-up many times over is one.
        batch.dedup();
        let mut pipe = redis::pipe();
        for Saying { channel, payload } in batch.drain(..) {
            pipe.cmd("PUBLISH").arg(channel).arg(payload).ignore();
        }
        let said: redis::RedisResult<()> = pipe.query_async(&mut connection).await;
        match said {
            Ok(()) => failing = false,
            // Once per outage.
            Err(error) if !failing => {
                failing = true;
                tracing::warn!(
                    reason = error.category(),
                    "cannot publish on the bus; listeners look by themselves"
                );
            }
            Err(_) => {}
        }
    }
}
