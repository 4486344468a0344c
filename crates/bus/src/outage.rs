//! While Redis is away, one call in a while tries it, and all others go on without.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// How long nobody tries after a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// Whether Redis has failed last, and when to try it again.
#[derive(Debug)]
pub(crate) struct Outage {
    begun: Instant,
    /// Microseconds after `begun`; 0 while all is well.
    next_try: AtomicU64,
}

impl Default for Outage {
    fn default() -> Self {
        Self { begun: Instant::now(), next_try: AtomicU64::new(0) }
    }
}

impl Outage {
    /// Whether there is one.
    pub(crate) fn lasts(&self) -> bool {
        self.next_try.load(Ordering::Acquire) != 0
    }

    /// Whether this caller has to go on without. When it is time, one is told to try.
    pub(crate) fn holds_off(&self) -> bool {
        let next_try = self.next_try.load(Ordering::Acquire);
        if next_try == 0 {
            return false;
        }
        let now = self.now();
        let pause = now + micros(PAUSE);
        let is_due = now >= next_try;
        let mine = || self.next_try.compare_exchange(next_try, pause, Ordering::AcqRel, Ordering::Acquire);
        !(is_due && mine().is_ok())
    }

    /// Redis has failed; whether this is news.
    pub(crate) fn begin(&self) -> bool {
        self.next_try.swap(self.now() + micros(PAUSE), Ordering::AcqRel) == 0
    }

    /// Redis has answered; whether this is news.
    pub(crate) fn end(&self) -> bool {
        self.next_try.swap(0, Ordering::AcqRel) != 0
    }

    fn now(&self) -> u64 {
        micros(self.begun.elapsed())
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_in_a_while_tries_again() {
        let outage = Outage::default();
        assert!(!outage.holds_off() && !outage.lasts());
        assert!(outage.begin() && !outage.begin());
        assert!(outage.holds_off() && outage.lasts());
        tokio::time::advance(PAUSE).await;
        assert!(!outage.holds_off(), "it is time");
        assert!(outage.holds_off(), "one has gone to try");
        assert!(outage.end() && !outage.end());
        assert!(!outage.holds_off());
    }
}
