//! How long to wait before the next try: doubling, with jitter, up to a limit.

use std::time::Duration;

use blazz_domain::random;

/// Waits that double from `first` to `limit`.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    first: Duration,
    limit: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) const fn new(first: Duration, limit: Duration) -> Self {
        Self { first, limit, next: first }
    }

    /// The next wait: the step, jittered.
    pub(crate) fn wait(&mut self) -> Duration {
        let step = self.next;
        self.next = step.saturating_mul(2).min(self.limit);
        random::jittered(step)
    }

    /// It worked: start over at the first step.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit_and_start_over() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
        for step in [100, 200, 400, 800, 1600, 3200, 5000, 5000] {
            let wait = backoff.wait();
            let whole = Duration::from_millis(step);
            assert!(wait >= whole / 2 && wait <= whole, "{wait:?} of {whole:?}");
        }
        backoff.reset();
        assert!(backoff.wait() <= Duration::from_millis(100));
    }
}
