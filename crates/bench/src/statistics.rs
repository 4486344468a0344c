//! Medians, percentiles and numbers per unit.

use std::time::Duration;

/// The value that this share of all are not above (nearest rank); zero when there are none.
pub(crate) fn percentile(values: &[Duration], percent: usize) -> Duration {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// Milliseconds.
pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Microseconds.
pub(crate) fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// `total` for each of `count`; zero when there are none.
pub(crate) fn each(total: f64, count: usize) -> f64 {
    if count == 0 { 0.0 } else { total / number(count) }
}

/// How often in each second; zero when no time has passed.
pub(crate) fn per_second(count: usize, time: Duration) -> f64 {
    if time.is_zero() { 0.0 } else { number(count) / time.as_secs_f64() }
}

/// A count as a number to calculate with.
#[expect(clippy::as_conversions, reason = "no bench counts to 2^53")]
pub(crate) fn number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let values: Vec<_> = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&values, 50), Duration::from_millis(100));
        assert_eq!(percentile(&values, 99), Duration::from_millis(198));
        assert_eq!(percentile(&values, 100), Duration::from_millis(200));
        assert_eq!(percentile(&[Duration::from_millis(7)], 50), Duration::from_millis(7));
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }

    #[test]
    fn rates_of_nothing_are_zero() {
        assert!(each(3.0, 0) == 0.0 && per_second(3, Duration::ZERO) == 0.0);
        assert!(each(3.0, 2) == 1.5 && per_second(3, Duration::from_millis(1500)) == 2.0);
    }
}
