//! The one source of randomness for keys, ids and nonces: the operating system's generator.

use std::time::Duration;

use rand::TryRng as _;
use rand::rngs::SysRng;

/// `N` bytes fit for keys.
///
/// # Panics
/// When the operating system has no randomness to give: nothing secret can be made on such a machine.
#[must_use]
#[expect(
    clippy::expect_used,
    reason = "without system randomness no key may be made; there is nothing to fall back to"
)]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    SysRng.try_fill_bytes(&mut out).expect("the operating system's random generator works");
    out
}

/// A number in `0.0..1.0`, for jitter.
#[must_use]
pub fn fraction() -> f64 {
    f64::from(u32::from_le_bytes(bytes())) / (f64::from(u32::MAX) + 1.0)
}

/// Between a half and the whole of `wait`, so that many who wait for the same thing do not come back together.
#[must_use]
pub fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(0.5 + fraction() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ_and_fractions_stay_in_range() {
        assert_ne!(bytes::<32>(), bytes::<32>());
        for _ in 0..1000 {
            assert!((0.0..1.0).contains(&fraction()));
        }
    }

    #[test]
    fn jitter_takes_off_at_most_a_half() {
        let whole = Duration::from_secs(10);
        let waits: Vec<_> = (0..1000).map(|_| jittered(whole)).collect();
        assert!(waits.iter().all(|wait| (whole / 2..=whole).contains(wait)));
        assert!(waits.iter().any(|wait| *wait != waits[0]));
    }
}
