//! The one rule of every limit: the generic cell rate algorithm (ITU-T I.371, annex A), in whole microseconds.
//!
//! A bucket is one number, the moment from which its whole quota is there again. Each call moves it on by the time in which one call grows
//! back; a call that would move it further ahead than the whole quota takes to grow back is refused and moves nothing. [`SCRIPT`] is the same
//! rule for Redis, by Redis' own clock; a test compares the two.

use std::time::Duration;

/// A quota is counted over this time.
const WINDOW_MICROS: u64 = 60_000_000;
/// [`take`] for Redis: `KEYS[1]` is the bucket, `ARGV` the quota's interval and burst. Gives whether the call may pass, when the bucket will
/// be full, and the time by Redis' clock.
pub(crate) const SCRIPT: &str = "
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local full_at = tonumber(redis.call('GET', KEYS[1]) or '0') or 0
full_at = math.min(math.max(full_at, now), now + burst)
if full_at + interval - now > burst then
  return {0, full_at, now}
end
full_at = full_at + interval
redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'PX', math.ceil((full_at - now) / 1000))
return {1, full_at, now}
";

/// How many calls a minute a bucket allows: all of them at once, or spread out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota(u32);

impl Quota {
    /// The most calls a minute: they are told apart by microseconds.
    pub const MAX_CALLS: u32 = 1_000_000;

    /// `calls` a minute, a million at most; `None` for 0, which is no quota.
    #[must_use]
    pub fn per_minute(calls: u32) -> Option<Self> {
        (calls > 0).then(|| Self(calls.min(Self::MAX_CALLS)))
    }

    /// The calls a minute.
    #[must_use]
    pub const fn calls(self) -> u32 {
        self.0
    }

    /// The time that the quota is counted over.
    #[must_use]
    pub const fn window(self) -> Duration {
        Duration::from_micros(WINDOW_MICROS)
    }

    /// In how many microseconds one call grows back: rounded up, so that never more than the quota passes.
    pub(crate) fn interval(self) -> u64 {
        WINDOW_MICROS.div_ceil(u64::from(self.0))
    }

    /// In how many microseconds the whole quota grows back.
    pub(crate) fn burst(self) -> u64 {
        self.interval() * u64::from(self.0)
    }
}

/// Whether a call may pass, and what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may.
    pub is_allowed: bool,
    /// How many more may pass right now.
    pub remaining: u32,
    /// After which time the whole quota is there again.
    pub full_in: Duration,
    /// After which time one more may pass; zero when one may right now.
    pub retry_in: Duration,
}

impl Decision {
    /// Reads a bucket that will be full at `full_at`. Both times are in microseconds of the same clock.
    pub(crate) fn new(quota: Quota, is_allowed: bool, full_at: u64, now: u64) -> Self {
        let missing = full_at.saturating_sub(now);
        let remaining = quota.burst().saturating_sub(missing) / quota.interval();
        Self {
            is_allowed,
            remaining: u32::try_from(remaining).unwrap_or(u32::MAX),
            full_in: Duration::from_micros(missing),
            retry_in: Duration::from_micros((missing + quota.interval()).saturating_sub(quota.burst())),
        }
    }
}

/// Takes one call out of a bucket that will be full at `full_at`: whether it may pass, and when the bucket will be full after it.
pub(crate) fn take(quota: Quota, full_at: u64, now: u64) -> (bool, u64) {
    let (interval, burst) = (quota.interval(), quota.burst());
    // Beyond the burst only after the clock was set back.
    let full_at = full_at.clamp(now, now + burst);
    if full_at + interval - now > burst { (false, full_at) } else { (true, full_at + interval) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quota(calls: u32) -> Quota {
        Quota::per_minute(calls).unwrap()
    }

    #[test]
    fn what_is_left_is_told_as_it_is() {
        let five_hundred = quota(500);
        let (allowed, full_at) = take(five_hundred, 0, 1_000_000);
        let first = Decision::new(five_hundred, allowed, full_at, 1_000_000);
        assert!(first.is_allowed && first.remaining == 499 && first.retry_in.is_zero());
        assert_eq!(first.full_in, Duration::from_millis(120));
        let empty = Decision::new(five_hundred, false, 61_000_000, 1_000_000);
        assert_eq!((empty.remaining, empty.retry_in), (0, Duration::from_millis(120)));
        assert_eq!(empty.full_in, Duration::from_secs(60));
        assert_eq!((Quota::per_minute(0), quota(u32::MAX).calls()), (None, Quota::MAX_CALLS));
    }

    proptest! {
        #[test]
        fn exactly_the_quota_passes_at_once(calls in 1..5000u32, now in 0..u64::MAX / 4) {
            let mut full_at = 0;
            for left in (0..calls).rev() {
                let (allowed, next) = take(quota(calls), full_at, now);
                prop_assert_eq!((allowed, Decision::new(quota(calls), allowed, next, now).remaining), (true, left));
                full_at = next;
            }
            prop_assert_eq!(take(quota(calls), full_at, now), (false, full_at));
            let again = full_at - quota(calls).burst() + quota(calls).interval();
            prop_assert!(!take(quota(calls), full_at, again - 1).0 && take(quota(calls), full_at, again).0);
        }

        #[test]
        fn over_any_time_no_more_than_the_quota_and_what_grew_back_passes(
            calls in 1..2000u32,
            pauses in prop::collection::vec(0..3_000_000u64, 1..400),
        ) {
            let quota = quota(calls);
            let (mut now, mut full_at, mut passed) = (0, 0, 0u64);
            for pause in pauses {
                now += pause;
                let (allowed, next) = take(quota, full_at, now);
                passed += u64::from(allowed);
                full_at = next;
                prop_assert!(passed <= u64::from(calls) + now / quota.interval());
            }
        }

        #[test]
        fn a_clock_that_is_set_back_shuts_nobody_out_for_longer_than_a_burst(
            calls in 1..5000u32, full_at in any::<u64>(), now in 0..u64::MAX / 4,
        ) {
            let (allowed, full_at) = take(quota(calls), full_at, now);
            let decision = Decision::new(quota(calls), allowed, full_at, now);
            prop_assert!(decision.retry_in <= Duration::from_micros(quota(calls).interval()));
        }
    }
}
