//! The end of a process: first softly, then, when asked twice, at once.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Tells tasks to end. The soft token says «take nothing new, finish what you have»; the hard one says «stop now».
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    soft: CancellationToken,
    hard: CancellationToken,
    tracker: TaskTracker,
}

impl Shutdown {
    /// Nothing has been asked yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Take nothing new, finish what is under way.
    #[must_use]
    pub fn soft(&self) -> CancellationToken {
        self.soft.clone()
    }

    /// Stop now.
    #[must_use]
    pub fn hard(&self) -> CancellationToken {
        self.hard.clone()
    }

    /// Spawn here whatever the end should wait for.
    #[must_use]
    pub fn tracker(&self) -> &TaskTracker {
        &self.tracker
    }

    /// Ends softly on the first SIGTERM or SIGINT, at once on the second.
    ///
    /// # Errors
    /// When the signal handlers cannot be installed.
    pub fn on_signals(&self) -> io::Result<()> {
        let mut term = signal(SignalKind::terminate())?;
        let mut int = signal(SignalKind::interrupt())?;
        let shutdown = self.clone();
        tokio::spawn(async move {
            for token in [&shutdown.soft, &shutdown.hard] {
                let name = tokio::select! {
                    _ = term.recv() => "SIGTERM",
                    _ = int.recv() => "SIGINT",
                };
                tracing::info!(signal = name, hard = token.is_cancelled(), "asked to stop");
                token.cancel();
            }
        });
        Ok(())
    }

    /// Asks for a soft end and waits until every tracked task has ended.
    pub async fn finish(&self) {
        self.soft.cancel();
        self.tracker.close();
        tokio::select! {
            () = self.tracker.wait() => {}
            () = self.hard.cancelled() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn finishing_waits_for_tracked_tasks() {
        let shutdown = Shutdown::new();
        let soft = shutdown.soft();
        let task = shutdown.tracker().spawn(async move { soft.cancelled().await });
        shutdown.finish().await;
        assert!(task.is_finished());
    }

    #[tokio::test]
    async fn a_hard_end_waits_for_nobody() {
        let shutdown = Shutdown::new();
        let task = shutdown.tracker().spawn(std::future::pending::<()>());
        shutdown.hard().cancel();
        shutdown.finish().await;
        task.abort();
    }
}
