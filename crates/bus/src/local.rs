//! The bus of a single process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::broadcast::{self, Receiver, Sender};
use tokio::time::Instant;

use crate::gcra::{self, Decision, Quota};

/// How many messages a slow listener may be behind.
pub(crate) const BACKLOG: usize = 1024;
/// How many remembered nonces or buckets make it worth looking for those that have ended.
const SWEEP_AT: usize = 10_000;
/// The most buckets that are remembered. A full bucket needs none, so only a flood of strangers could want more.
const MAX_BUCKETS: usize = 1_000_000;

/// Channels, nonces and buckets in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Local {
    channels: Arc<Mutex<HashMap<String, Sender<String>>>>,
    nonces: Arc<Mutex<Nonces>>,
    buckets: Arc<Mutex<Buckets>>,
}

/// When each bucket will be full, in microseconds after `begun`.
#[derive(Debug)]
struct Buckets {
    begun: Instant,
    full_at: HashMap<String, u64>,
    sweep_at: usize,
}

impl Default for Buckets {
    fn default() -> Self {
        Self { begun: Instant::now(), full_at: HashMap::new(), sweep_at: SWEEP_AT }
    }
}

#[derive(Debug, Default)]
struct Nonces {
    until: HashMap<String, Instant>,
    sweep_at: usize,
}

impl Local {
    pub(crate) fn publish(&self, channel: &str, payload: &str) {
        let channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = channels.get(channel) {
            // Nobody listens: then nobody needs it.
            let _ = sender.send(payload.to_owned());
        }
    }

    pub(crate) fn subscribe(&self, channel: &str) -> Receiver<String> {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        channels.entry(channel.to_owned()).or_insert_with(|| broadcast::channel(BACKLOG).0).subscribe()
    }

    pub(crate) fn remember(&self, nonce: &str, ttl: Duration) -> bool {
        let now = Instant::now();
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        if nonces.until.len() >= nonces.sweep_at.max(SWEEP_AT) {
            nonces.until.retain(|_, until| *until > now);
            nonces.sweep_at = nonces.until.len().saturating_mul(2);
        }
        let known = nonces.until.get(nonce).is_some_and(|until| *until > now);
        if !known {
            nonces.until.insert(nonce.to_owned(), now + ttl);
        }
        !known
    }

    /// Takes one call out of a bucket.
    pub(crate) fn take(&self, bucket: &str, quota: Quota) -> Decision {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner).take(bucket, quota)
    }
}

impl Buckets {
    fn take(&mut self, bucket: &str, quota: Quota) -> Decision {
        let now = u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        let known = self.full_at.get(bucket).copied();
        let (is_allowed, full_at) = gcra::take(quota, known.unwrap_or(0), now);
        match self.full_at.get_mut(bucket) {
            Some(kept) => *kept = full_at,
            None => self.remember(bucket, full_at, now),
        }
        Decision::new(quota, is_allowed, full_at, now)
    }

    fn remember(&mut self, bucket: &str, full_at: u64, now: u64) {
        if self.full_at.len() >= self.sweep_at {
            self.full_at.retain(|_, full_at| *full_at > now);
            self.sweep_at = self.full_at.len().saturating_mul(2).clamp(SWEEP_AT, MAX_BUCKETS);
        }
        if self.full_at.len() < MAX_BUCKETS {
            self.full_at.insert(bucket.to_owned(), full_at);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Bus;

    use super::*;

    #[tokio::test]
    async fn listeners_hear_their_channel_only() {
        let bus = Bus::in_process();
        let (mut jobs, mut events) = (bus.subscribe("jobs").await, bus.subscribe("events").await);
        bus.publish("events", "e");
        bus.publish("jobs", "j");
        assert_eq!((jobs.next().await, events.next().await), ("j".to_owned(), "e".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn nonces_are_remembered_for_their_time() {
        let bus = Bus::in_process();
        assert!(bus.remember_nonce("a", Duration::from_secs(60)).await.unwrap());
        assert!(!bus.remember_nonce("a", Duration::from_secs(60)).await.unwrap());
        assert!(bus.remember_nonce("b", Duration::from_secs(60)).await.unwrap());
        tokio::time::advance(Duration::from_secs(61)).await;
        assert!(bus.remember_nonce("a", Duration::from_secs(60)).await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_lets_its_quota_pass_and_what_grows_back() {
        let (bus, quota) = (Bus::in_process(), Quota::per_minute(500).unwrap());
        for left in (0..500).rev() {
            let decision = bus.take("a", quota).await;
            assert!(decision.is_allowed && decision.remaining == left);
        }
        assert!(!bus.take("a", quota).await.is_allowed, "the 501st");
        assert!(bus.take("b", quota).await.is_allowed, "another bucket");
        tokio::time::advance(Duration::from_millis(119)).await;
        assert!(!bus.take("a", quota).await.is_allowed);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(bus.take("a", quota).await.is_allowed);
        assert!(!bus.take("a", quota).await.is_allowed);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(bus.take("a", quota).await.remaining, 499);
    }

    #[tokio::test(start_paused = true)]
    async fn buckets_that_are_full_again_are_forgotten() {
        let (local, quota) = (Local::default(), Quota::per_minute(1).unwrap());
        for n in 0..SWEEP_AT {
            local.take(&n.to_string(), quota);
        }
        tokio::time::advance(Duration::from_secs(60)).await;
        local.take("another", quota);
        assert_eq!(local.buckets.lock().unwrap().full_at.len(), 1);
    }
}
