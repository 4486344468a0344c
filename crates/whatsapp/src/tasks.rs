//! Everything the engine runs for one connection, so that all of it can be ended.
//!
//! The engine detaches tasks that hold it alive; while a QR code is shown, for up to 160 seconds after a stop
//! (whatsapp-rust 0.7.0, `src/pair.rs`). Under this runtime nothing outlives [`Tasks::end`].

use std::pin::Pin;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use whatsapp_rust::Runtime;
use whatsapp_rust::wacore::runtime::AbortHandle;

type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send + 'static>>;

/// How long tasks get to notice that they were cut.
const CUT_TIMEOUT: Duration = Duration::from_secs(2);

/// The tasks of one connection. Clones are the same.
#[derive(Clone)]
pub(crate) struct Tasks {
    handle: Handle,
    tracker: TaskTracker,
    cut: CancellationToken,
}

impl Tasks {
    /// For the runtime that the caller is on.
    pub(crate) fn new() -> Self {
        Self { handle: Handle::current(), tracker: TaskTracker::new(), cut: CancellationToken::new() }
    }

    /// Runs a future until it is done or everything is cut.
    pub(crate) fn run<F>(&self, future: F) -> JoinHandle<Option<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.tracker.spawn_on(self.cut.clone().run_until_cancelled_owned(future), &self.handle)
    }

    /// Cancelled when everything is cut.
    pub(crate) fn cut_token(&self) -> CancellationToken {
        self.cut.clone()
    }

    /// Cuts every task, without waiting until they are gone.
    pub(crate) fn cut(&self) {
        self.cut.cancel();
        self.tracker.close();
    }

    /// Cuts every task and waits until they are gone; says how many would not go.
    pub(crate) async fn end(&self) -> usize {
        self.cut();
        match tokio::time::timeout(CUT_TIMEOUT, self.tracker.wait()).await {
            Ok(()) => 0,
            Err(_) => self.tracker.len(),
        }
    }
}

#[async_trait::async_trait]
impl Runtime for Tasks {
    fn spawn(&self, future: BoxFuture) -> AbortHandle {
        let task = self.run(future);
        AbortHandle::new(move || task.abort())
    }

    fn spawn_detached(&self, future: BoxFuture) {
        drop(self.run(future));
    }

    fn sleep(&self, duration: Duration) -> BoxFuture {
        Box::pin(tokio::time::sleep(duration))
    }

    fn spawn_blocking(&self, work: Box<dyn FnOnce() + Send + 'static>) -> BoxFuture {
        let task = self.tracker.spawn_blocking_on(work, &self.handle);
        Box::pin(async move { drop(task.await) })
    }

    fn yield_now(&self) -> Option<BoxFuture> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn nothing_outlives_the_end() {
        let tasks = Tasks::new();
        let held = Arc::new(());
        for _ in 0..10 {
            let held = Arc::clone(&held);
            tasks.spawn_detached(Box::pin(async move {
                std::future::pending::<()>().await;
                drop(held);
            }));
        }
        assert_eq!(Arc::strong_count(&held), 11);
        assert_eq!(tasks.end().await, 0);
        assert_eq!(Arc::strong_count(&held), 1);
        // What is spawned too late does not run at all.
        tasks.spawn_detached(Box::pin(std::future::pending()));
        assert_eq!(tasks.end().await, 0);
    }
}
