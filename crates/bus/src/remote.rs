//! The bus over Redis.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Cmd, Script};
use tokio::sync::broadcast;
use tokio::time::{sleep, timeout};

use crate::gcra::{self, Decision, Quota};
use crate::local::{BACKLOG, Local};
use crate::outage::Outage;
use crate::publisher::Publisher;
use crate::{BusError, Subscription};

/// Keys of other programs in the same Redis stay apart.
const PREFIX: &str = "blazz:";
/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a call waits to be counted before this process counts it alone.
const COUNT_PATIENCE: Duration = Duration::from_millis(250);
/// The pause before a broken subscription is made anew.
const PAUSE: Duration = Duration::from_millis(500);

/// One multiplexed connection for commands, one more per subscription.
#[derive(Clone)]
pub(crate) struct Remote {
    client: Client,
    commands: ConnectionManager,
    publisher: Publisher,
    counting: Arc<Counting>,
}

/// How calls are counted: together with all other processes, and by this one alone while Redis is away.
struct Counting {
    script: Script,
    outage: Outage,
    own: Local,
    alone: AtomicU64,
}

// The address may hold a password.
impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Remote")
    }
}

impl Remote {
    pub(crate) async fn open(url: &str) -> Result<Self, BusError> {
        let client = Client::open(url)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            .set_number_of_retries(1);
        let commands = ConnectionManager::new_lazy_with_config(client.clone(), config)?;
        let publisher = Publisher::start(commands.clone());
        let counting = Counting {
            script: Script::new(gcra::SCRIPT),
            outage: Outage::default(),
            own: Local::default(),
            alone: AtomicU64::new(0),
        };
        Ok(Self { client, commands, publisher, counting: Arc::new(counting) })
    }

    pub(crate) fn publish(&self, channel: &str, payload: &str) {
        self.publisher.publish(format!("{PREFIX}{channel}"), payload.to_owned());
    }

    pub(crate) async fn remember(&self, nonce: &str, ttl: Duration) -> Result<bool, BusError> {
        let millis = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut command = redis::cmd("SET");
        command.arg(format!("{PREFIX}nonce:{nonce}")).arg(1).arg("NX").arg("PX").arg(millis);
        let set: Option<String> = self.run(&command).await?;
        Ok(set.is_some())
    }

    /// Takes one call out of a bucket. Never fails: a Redis that is away or slow must not stop the calls that it only counts.
    pub(crate) async fn take(&self, bucket: &str, quota: Quota) -> Decision {
        let Counting { outage, own, alone, .. } = self.counting.as_ref();
        if !outage.holds_off() {
            let reason = match timeout(COUNT_PATIENCE, self.take_together(bucket, quota)).await {
                Ok(Ok(decision)) => {
                    if outage.end() {
                        tracing::info!("calls are counted together with the other processes again");
                    }
                    return decision;
                }
                Ok(Err(error)) => error.category().to_owned(),
                Err(_) => "no answer in time".to_owned(),
            };
            if outage.begin() {
                tracing::error!(reason, "calls are counted by this process alone: the bus is away");
            }
        }
        alone.fetch_add(1, Ordering::Relaxed);
        own.take(bucket, quota)
    }

    async fn take_together(&self, bucket: &str, quota: Quota) -> redis::RedisResult<Decision> {
        let mut call = self.counting.script.key(format!("{PREFIX}limit:{bucket}"));
        call.arg(quota.interval()).arg(quota.burst());
        let mut connection = self.commands.clone();
        let (allowed, full_at, now): (u8, u64, u64) = call.invoke_async(&mut connection).await?;
        Ok(Decision::new(quota, allowed == 1, full_at, now))
    }

    /// Whether calls are counted by this process alone just now, and how many were since it began.
    pub(crate) fn counted_alone(&self) -> (bool, u64) {
        (self.counting.outage.lasts(), self.counting.alone.load(Ordering::Relaxed))
    }

    pub(crate) async fn ping(&self) -> Result<(), BusError> {
        self.run::<String>(&redis::cmd("PING")).await?;
        Ok(())
    }

    async fn run<T: redis::FromRedisValue>(&self, command: &Cmd) -> Result<T, BusError> {
        let mut connection = self.commands.clone();
        Ok(command.query_async(&mut connection).await?)
    }

    /// Returns once Redis has confirmed the subscription, or has shown that it is away.
    pub(crate) async fn subscribe(&self, channel: &str) -> Subscription {
        let (sender, receiver) = broadcast::channel(BACKLOG);
        let (client, channel) = (self.client.clone(), format!("{PREFIX}{channel}"));
        let first = listen(&client, &channel).await;
        let reader = tokio::spawn(async move {
            let mut listening = first;
            loop {
                match listening {
                    Ok(mut pubsub) => {
                        let mut messages = pubsub.on_message();
                        while let Some(message) = messages.next().await {
                            let _ = sender.send(message.get_payload().unwrap_or_default());
                        }
                        tracing::warn!("the bus's connection is lost; it is made anew");
                    }
                    Err(error) => tracing::warn!(%error, "cannot listen on the bus"),
                }
                sleep(PAUSE).await;
                listening = listen(&client, &channel).await;
                // What was said meanwhile is lost: tell the listener to look for itself.
                let _ = sender.send(String::new());
            }
        });
        Subscription::new(receiver, Some(reader.abort_handle()))
    }
}

async fn listen(client: &Client, channel: &str) -> Result<redis::aio::PubSub, BusError> {
    let listening = async {
        let mut pubsub = client.get_async_pubsub().await?;
        pubsub.subscribe(channel).await?;
        Ok(pubsub)
    };
    tokio::time::timeout(PATIENCE, listening).await.map_err(|_| BusError("no answer".to_owned()))?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use redis::AsyncCommands as _;

    use super::*;

    /// A bucket as it may be found: never used, used up to some point, or left by a clock that was set back.
    fn found() -> impl Strategy<Value = Option<i64>> {
        prop_oneof![
            Just(None),
            (-1_000_000..70_000_000i64).prop_map(Some),
            (3_000_000_000..4_000_000_000i64).prop_map(Some),
        ]
    }

    /// Takes from a bucket that will be full `ahead` microseconds from now, and compares what Redis makes of it with what the function does.
    async fn compare(remote: &Remote, quota: Quota, ahead: Option<i64>) -> Result<(), TestCaseError> {
        let mut connection = remote.commands.clone();
        let key = format!("{PREFIX}limit:twin-{}", std::process::id());
        let (seconds, micros): (i64, i64) =
            redis::cmd("TIME").query_async(&mut connection).await.expect("redis");
        let found = ahead.map(|ahead| seconds * 1_000_000 + micros + ahead);
        let _: () = match found {
            Some(full_at) => connection.set(&key, full_at).await,
            None => connection.del(&key).await,
        }
        .expect("redis");
        let mut call = remote.counting.script.key(&key);
        call.arg(quota.interval()).arg(quota.burst());
        let (allowed, full_at, now): (u8, u64, u64) =
            call.invoke_async(&mut connection).await.expect("redis");
        let before = found.map_or(0, i64::unsigned_abs);
        prop_assert_eq!((allowed == 1, full_at), gcra::take(quota, before, now));
        let (kept, ends_in): (Option<u64>, i64) =
            redis::pipe().get(&key).pttl(&key).query_async(&mut connection).await.expect("redis");
        if allowed == 1 {
            // It may have grown full, and gone, since.
            prop_assert!(kept.is_none_or(|kept| kept == full_at));
            let whole = i64::try_from(quota.burst() / 1000 + 1).expect("small");
            prop_assert!(ends_in <= whole, "{} ms", ends_in);
        }
        Ok(())
    }

    /// What the script makes of a bucket at a time that the test sets, in the place of Redis' own.
    async fn at(remote: &Remote, quota: Quota, full_at: u64, now: u64) -> (bool, u64) {
        let script = gcra::SCRIPT.replace("redis.call('TIME')", "{ARGV[3], ARGV[4]}");
        let mut connection = remote.commands.clone();
        let key = format!("{PREFIX}limit:twin-at-{}", std::process::id());
        let _: () = connection.set(&key, full_at).await.expect("redis");
        let script = Script::new(&script);
        let mut call = script.key(&key);
        call.arg(quota.interval()).arg(quota.burst()).arg(now / 1_000_000).arg(now % 1_000_000);
        let (allowed, full_at, told): (u8, u64, u64) =
            call.invoke_async(&mut connection).await.expect("redis");
        assert_eq!(told, now);
        (allowed == 1, full_at)
    }

    #[test]
    fn redis_and_the_function_say_the_same() {
        let url = std::env::var("BLAZZ_TEST_REDIS_URL").expect("BLAZZ_TEST_REDIS_URL: run with scripts/test");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let remote = runtime.block_on(Remote::open(&url)).expect("redis");
        proptest!(|(calls in 1..20_000u32, ahead in found())| {
            let quota = Quota::per_minute(calls).expect("more than 0");
            runtime.block_on(compare(&remote, quota, ahead))?;
        });
        // By the year 2200 the microseconds are still whole numbers to a script.
        let times = 1_700_000_000_000_000..7_300_000_000_000_000u64;
        proptest!(|(calls in 1..20_000u32, now in times, left in 0..4u64, off in -1..=1i64)| {
            let quota = Quota::per_minute(calls).expect("more than 0");
            // At the very moments where the answer changes, and beside them.
            let missing = quota.burst().saturating_sub(left * quota.interval());
            let full_at = (now + missing).saturating_add_signed(off);
            let answer = runtime.block_on(at(&remote, quota, full_at, now));
            prop_assert_eq!(answer, gcra::take(quota, full_at, now));
        });
    }
}
