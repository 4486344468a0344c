//! Nonces that were used, so that a recorded request cannot be played again.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use blazz_domain::{Clock, Timestamp};
use futures_util::future::{BoxFuture, FutureExt as _};
use sha2::{Digest as _, Sha256};

/// Remembers nonces for as long as a signature with them could be taken for fresh.
pub trait NonceStore: Send + Sync {
    /// Remembers `nonce` for `ttl`; `false` when it is remembered already. Must be atomic: of two at once, one is told `false`.
    fn remember(&self, nonce: &str, ttl: Duration) -> BoxFuture<'_, bool>;
}

/// How many nonces [`MemoryNonces`] holds unless told: over two minutes, 1,000 calls a second.
const CAPACITY: usize = 120_000;

/// Nonces in the memory of this process. When full of fresh ones it takes no new ones (so calls are refused): forgetting one early
/// would let its request be played again.
#[derive(Debug)]
pub struct MemoryNonces {
    clock: Arc<dyn Clock>,
    capacity: usize,
    remembered: Mutex<Remembered>,
}

/// 16 bytes of its hash stand for a nonce: callers choose their length, memory must not follow.
type Mark = [u8; 16];

#[derive(Debug, Default)]
struct Remembered {
    marks: HashSet<Mark>,
    by_end: VecDeque<(Timestamp, Mark)>,
}

impl MemoryNonces {
    /// An empty store.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with_capacity(clock, CAPACITY)
    }

    /// An empty store that holds at most `capacity` nonces.
    #[must_use]
    pub fn with_capacity(clock: Arc<dyn Clock>, capacity: usize) -> Self {
        Self { clock, capacity, remembered: Mutex::default() }
    }

    fn remember_now(&self, nonce: &str, ttl: Duration) -> bool {
        let now = self.clock.now();
        let mark = mark(nonce);
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.forget_until(now);
        if remembered.marks.contains(&mark) {
            return false;
        }
        if remembered.marks.len() >= self.capacity {
            tracing::warn!(capacity = self.capacity, "the nonce memory is full, calls are refused");
            return false;
        }
        remembered.marks.insert(mark);
        remembered.by_end.push_back((now.plus(ttl), mark));
        true
    }
}

impl Remembered {
    // Callers give one and the same ttl, so the queue is in the order of the ends; were it not, some would be kept longer.
    fn forget_until(&mut self, now: Timestamp) {
        while let Some((_, mark)) = self.by_end.pop_front_if(|(end, _)| *end < now) {
            self.marks.remove(&mark);
        }
    }
}

fn mark(nonce: &str) -> Mark {
    let mut mark = Mark::default();
    for (to, from) in mark.iter_mut().zip(Sha256::digest(nonce.as_bytes())) {
        *to = from;
    }
    mark
}

impl NonceStore for MemoryNonces {
    fn remember(&self, nonce: &str, ttl: Duration) -> BoxFuture<'_, bool> {
        std::future::ready(self.remember_now(nonce, ttl)).boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    #[derive(Debug)]
    struct Set(AtomicI64);

    impl Clock for Set {
        fn now(&self) -> Timestamp {
            Timestamp::from_unix_seconds(self.0.load(Ordering::SeqCst)).unwrap()
        }
    }

    #[test]
    fn a_nonce_counts_once_until_its_time_is_over() {
        let clock = Arc::new(Set(AtomicI64::new(1000)));
        let nonces = MemoryNonces::with_capacity(clock.clone(), 2);
        let ttl = Duration::from_secs(10);
        assert!(nonces.remember_now("a", ttl));
        assert!(!nonces.remember_now("a", ttl));
        assert!(nonces.remember_now("b", ttl));
        assert!(!nonces.remember_now("c", ttl), "full: a new one is refused, no old one forgotten");
        assert!(!nonces.remember_now("a", ttl));
        clock.0.store(1010, Ordering::SeqCst);
        assert!(!nonces.remember_now("a", ttl), "still remembered at its very end");
        clock.0.store(1011, Ordering::SeqCst);
        assert!(nonces.remember_now("a", ttl) && nonces.remember_now("c", ttl));
        assert_eq!(nonces.remembered.lock().unwrap().marks.len(), 2);
    }
}
