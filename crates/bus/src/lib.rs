//! What API processes tell each other: wake-ups, used nonces and how many calls were made, through Redis, or in process where there is only
//! one.
//!
//! Nothing here is a promise: whoever listens also looks by itself now and then.

mod gcra;
mod inspect;
mod local;
mod outage;
mod publisher;
mod remote;
mod subscription;

use std::time::Duration;

pub use gcra::{Decision, Quota};
pub use inspect::{RedisServer, inspect};
pub use subscription::Subscription;

use crate::local::Local;
use crate::remote::Remote;

/// The bus does not work just now.
#[derive(Debug, thiserror::Error)]
#[error("the bus is not available: {0}")]
pub struct BusError(String);

impl From<redis::RedisError> for BusError {
    fn from(error: redis::RedisError) -> Self {
        // The category, not the text: that may hold the address with its password.
        Self(error.category().to_owned())
    }
}

/// The bus. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Bus(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Local(Local),
    Remote(Remote),
}

impl Bus {
    /// A bus for this process alone.
    #[must_use]
    pub fn in_process() -> Self {
        Self(Kind::Local(Local::default()))
    }

    /// A bus that all processes with this Redis share. Comes up even while Redis is away.
    ///
    /// # Errors
    /// When the address is not one.
    pub async fn redis(url: &str) -> Result<Self, BusError> {
        Ok(Self(Kind::Remote(Remote::open(url).await?)))
    }

    /// Tells everybody who listens to `channel`, soon: nobody waits for a Redis that is slow, and while it is away what was to be said is lost.
    pub fn publish(&self, channel: &str, payload: &str) {
        match &self.0 {
            Kind::Local(local) => local.publish(channel, payload),
            Kind::Remote(remote) => remote.publish(channel, payload),
        }
    }

    /// Listens to `channel` from now on. A listener that is too slow misses messages; a broken connection is made anew.
    pub async fn subscribe(&self, channel: &str) -> Subscription {
        match &self.0 {
            Kind::Local(local) => Subscription::new(local.subscribe(channel), None),
            Kind::Remote(remote) => remote.subscribe(channel).await,
        }
    }

    /// Remembers `nonce` for `ttl`; `false` when it is remembered already. Of two at once, one is told `false`.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn remember_nonce(&self, nonce: &str, ttl: Duration) -> Result<bool, BusError> {
        match &self.0 {
            Kind::Local(local) => Ok(local.remember(nonce, ttl)),
            Kind::Remote(remote) => remote.remember(nonce, ttl).await,
        }
    }

    /// Takes one call out of `bucket`, which begins full: exact across all processes with this Redis, by Redis' clock. While Redis is away, or
    /// takes longer than a quarter of a second, this process counts alone, from a full bucket.
    pub async fn take(&self, bucket: &str, quota: Quota) -> Decision {
        match &self.0 {
            Kind::Local(local) => local.take(bucket, quota),
            Kind::Remote(remote) => remote.take(bucket, quota).await,
        }
    }

    /// Whether calls are counted by this process alone just now although others count too, and how many were since it began.
    #[must_use]
    pub fn counted_alone(&self) -> (bool, u64) {
        match &self.0 {
            Kind::Local(_) => (false, 0),
            Kind::Remote(remote) => remote.counted_alone(),
        }
    }

    /// Whether other processes hear what is said here.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self.0, Kind::Remote(_))
    }

    /// Whether it works just now.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn ping(&self) -> Result<(), BusError> {
        match &self.0 {
            Kind::Local(_) => Ok(()),
            Kind::Remote(remote) => remote.ping().await,
        }
    }
}
