//! What systemd is told of the process: that it serves, that it is alive, that it ends (sd_notify(3)). Without systemd nobody is told.

use std::pin::pin;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::Shutdown;

/// How often a process is looked at of which systemd demands no sign of life.
const UNWATCHED: Duration = Duration::from_secs(10);
/// How much longer a start may take that goes on, in microseconds.
const MORE_TIME: u32 = 60_000_000;

/// Tells systemd that the process serves once `is_ready` comes, that it ends once `shutdown` asks for it, and all the while that it is alive,
/// as long as `is_alive` says so in time. A start that takes long is given more time on the same condition.
///
/// `is_alive` is told how old a proof of life may be. Goes on until the process is gone.
pub fn attend<F>(
    shutdown: &Shutdown,
    is_ready: impl Future<Output = ()> + Send + 'static,
    is_alive: impl Fn(Duration) -> F + Send + Sync + 'static,
) where
    F: Future<Output = bool> + Send + 'static,
{
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return;
    }
    let (soft, watchdog) = (shutdown.soft(), sd_notify::watchdog_enabled());
    let ending = async move { soft.cancelled().await };
    tokio::spawn(report(watchdog, is_ready, ending, is_alive, tell));
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Starts,
    Serves,
    Ends,
}

async fn report<F: Future<Output = bool>>(
    watchdog: Option<Duration>,
    is_ready: impl Future<Output = ()>,
    ending: impl Future<Output = ()>,
    is_alive: impl Fn(Duration) -> F,
    tell: impl Fn(NotifyState<'_>),
) {
    // Two signs may get lost or come late before systemd gives the process up.
    let pace = watchdog.map_or(UNWATCHED, |limit| limit / 4);
    let (mut is_ready, mut ending) = (pin!(is_ready), pin!(ending));
    let (mut phase, mut was_alive) = (Phase::Starts, true);
    let mut ticks = interval(pace);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = &mut ending, if phase != Phase::Ends => {
                phase = Phase::Ends;
                tell(NotifyState::Stopping);
            }
            () = &mut is_ready, if phase == Phase::Starts => {
                phase = Phase::Serves;
                tell(NotifyState::Ready);
            }
            _ = ticks.tick() => {
                let alive = timeout(pace, is_alive(pace * 2)).await.unwrap_or(false);
                if was_alive && !alive {
                    tracing::error!("the process does not answer itself: systemd hears nothing more from it");
                }
                was_alive = alive;
                match phase {
                    _ if !alive => {}
                    Phase::Starts => tell(NotifyState::ExtendTimeoutUsec(MORE_TIME)),
                    Phase::Serves | Phase::Ends if watchdog.is_some() => tell(NotifyState::Watchdog),
                    Phase::Serves | Phase::Ends => {}
                }
            }
        }
    }
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "systemd cannot be told how the process is");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Mutex};

    use tokio::time::{advance, sleep};
    use tokio_util::sync::CancellationToken;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(40);

    /// A process, and what systemd has heard of it since it was last asked.
    #[derive(Clone, Default)]
    struct Stage {
        heard: Arc<Mutex<Vec<String>>>,
        is_alive: Arc<AtomicBool>,
        ready: CancellationToken,
        end: CancellationToken,
    }

    impl Stage {
        fn start(watchdog: Option<Duration>) -> Self {
            let stage = Self::default();
            stage.is_alive.store(true, Ordering::SeqCst);
            let Self { heard, is_alive, ready, end } = stage.clone();
            let is_alive = move |_| {
                let is_alive = Arc::clone(&is_alive);
                async move {
                    // What hangs does not answer at all.
                    if !is_alive.load(Ordering::SeqCst) {
                        std::future::pending::<()>().await;
                    }
                    true
                }
            };
            let tell = move |state: NotifyState<'_>| heard.lock().unwrap().push(state.to_string());
            tokio::spawn(async move {
                report(watchdog, ready.cancelled(), end.cancelled(), is_alive, tell).await;
            });
            stage
        }

        async fn hears(&self, during: Duration) -> Vec<String> {
            sleep(during).await;
            std::mem::take(&mut *self.heard.lock().unwrap())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_starts_serves_and_ends_says_so() {
        let stage = Stage::start(Some(LIMIT));
        let heard = stage.hears(Duration::from_secs(35)).await;
        assert_eq!(heard, ["EXTEND_TIMEOUT_USEC=60000000"; 4], "it starts");
        stage.ready.cancel();
        let heard = stage.hears(Duration::from_secs(10)).await;
        assert_eq!(heard, ["READY=1", "WATCHDOG=1"]);
        stage.end.cancel();
        let heard = stage.hears(Duration::from_secs(20)).await;
        assert_eq!(heard, ["STOPPING=1", "WATCHDOG=1", "WATCHDOG=1"], "an end may take long");
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_hangs_gives_no_sign_of_life() {
        let stage = Stage::start(Some(LIMIT));
        stage.ready.cancel();
        advance(Duration::from_millis(1)).await;
        assert!(stage.hears(Duration::from_secs(11)).await.contains(&"WATCHDOG=1".to_owned()));
        stage.is_alive.store(false, Ordering::SeqCst);
        assert_eq!(stage.hears(LIMIT).await, [""; 0]);
        stage.is_alive.store(true, Ordering::SeqCst);
        assert!(stage.hears(LIMIT).await.contains(&"WATCHDOG=1".to_owned()), "it has come back");
    }

    #[tokio::test(start_paused = true)]
    async fn a_start_that_hangs_gets_no_more_time() {
        let stage = Stage::start(Some(LIMIT));
        stage.is_alive.store(false, Ordering::SeqCst);
        assert_eq!(stage.hears(LIMIT * 2).await, [""; 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_not_watched_only_says_that_it_serves() {
        let stage = Stage::start(None);
        stage.ready.cancel();
        assert_eq!(stage.hears(LIMIT).await, ["READY=1"]);
    }
}
