//! The bus of a single process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::broadcast::{self, Receiver, Sender};
use tokio::time::Instant;

/// How many messages a slow listener may be behind.
pub(crate) const BACKLOG: usize = 1024;
/// How many remembered nonces make it worth looking for those that have ended.
const SWEEP_AT: usize = 10_000;

/// Channels and nonces in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Local {
    channels: Arc<Mutex<HashMap<String, Sender<String>>>>,
    nonces: Arc<Mutex<Nonces>>,
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
}
