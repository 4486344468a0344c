//! The generator that the Signal library draws from, seeded from the house's one source of randomness.

use blazz_domain::random;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

/// A fresh generator for one cryptographic operation or a few.
pub(crate) fn generator() -> StdRng {
    StdRng::from_seed(random::bytes())
}

/// `N` random bytes in upper-case hexadecimal, as message ids are written.
pub(crate) fn hexadecimal<const N: usize>() -> String {
    random::bytes::<N>().iter().map(|byte| format!("{byte:02X}")).collect()
}
