//! The least that a signed call costs: its hashes.

use std::hint::black_box;
use std::time::Duration;

use anyhow::Result;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::gauges::CpuClock;

/// About what is signed of a request and of an answer, in bytes, and about their bodies (`docs/benchmarks.md`).
const REQUEST: (usize, usize) = (580, 150);
const ANSWER: (usize, usize) = (310, 60);
/// What is hashed.
static BYTES: [u8; 580] = [7; 580];

/// The CPU time of the hashes of `calls` calls: both ends hash both bodies and compute both signatures.
pub(crate) fn hashes(calls: usize) -> Result<Duration> {
    let key = Hmac::<Sha256>::new_from_slice(&[7; 32])?;
    let clock = CpuClock::own();
    let begun = clock.now()?;
    for _ in 0..calls {
        for (signed, body) in [REQUEST, REQUEST, ANSWER, ANSWER] {
            black_box(Sha256::digest(black_box(BYTES.get(..body).unwrap_or_default())));
            let mut mac = key.clone();
            mac.update(black_box(BYTES.get(..signed).unwrap_or_default()));
            black_box(mac.finalize());
        }
    }
    Ok(clock.now()?.saturating_sub(begun))
}
