//! How long to wait before the next attempt to connect.

use std::time::Duration;

use blazz_domain::random;

use crate::config::Backoff;

/// Counts the attempts since the last stable connection.
pub(crate) struct Attempts {
    backoff: Backoff,
    failed: u32,
}

impl Attempts {
    pub(crate) fn new(backoff: Backoff) -> Self {
        Self { backoff, failed: 0 }
    }

    /// A connection ended after messages had flowed for so long, if they ever did: how long to wait.
    pub(crate) fn next_delay(&mut self, lasted: Option<Duration>) -> Duration {
        if lasted.is_some_and(|lasted| lasted >= self.backoff.stable) {
            self.failed = 0;
        }
        let ceiling = self
            .backoff
            .first
            .saturating_mul(2_u32.saturating_pow(self.failed.min(31)))
            .min(self.backoff.longest);
        self.failed = self.failed.saturating_add(1);
        random::jittered(ceiling)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_around(delay: Duration, seconds: u64) -> bool {
        let ceiling = Duration::from_secs(seconds);
        (ceiling / 2..=ceiling).contains(&delay)
    }

    #[test]
    fn delays_double_up_to_a_minute_and_start_over_only_after_a_stable_minute() {
        let mut attempts = Attempts::new(Backoff::default());
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert!(is_around(attempts.next_delay(None), seconds));
        }
        assert!(is_around(attempts.next_delay(Some(Duration::from_secs(59))), 60));
        assert!(is_around(attempts.next_delay(Some(Duration::from_secs(60))), 1));
        assert!(is_around(attempts.next_delay(None), 2));
    }
}
