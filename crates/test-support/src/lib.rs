//! What tests stand on: a database of their own on every backend, a bus, a clock that is set, a second WhatsApp client, and waiting for
//! conditions. Dev only.

mod baileys;
mod clock;
mod database;

use std::time::{Duration, Instant};

use anyhow::Context as _;
use blazz_bus::Bus;

pub use baileys::{Baileys, WhatsAppServer};
pub use clock::TestClock;
pub use database::{TestDatabase, for_each_database, for_each_empty_database};

/// Asks until there is an answer.
///
/// # Errors
/// When there is none before the deadline.
pub async fn eventually<T>(deadline: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> anyhow::Result<T> {
    let end = Instant::now() + deadline;
    loop {
        if let Some(answer) = ask().await {
            return Ok(answer);
        }
        anyhow::ensure!(Instant::now() < end, "the condition did not come true within {deadline:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A bus over the tests' Redis.
///
/// # Errors
/// When there is none.
pub async fn redis_bus() -> anyhow::Result<Bus> {
    let bus = Bus::redis(&redis_url()?).await?;
    bus.ping().await?;
    Ok(bus)
}

/// Where the tests' Redis is.
///
/// # Errors
/// When there is none.
pub fn redis_url() -> anyhow::Result<String> {
    required("BLAZZ_TEST_REDIS_URL")
}

/// A variable that says where a service is. Without it the test fails: one that was skipped would prove nothing.
fn required(name: &str) -> anyhow::Result<String> {
    std::env::var(name).with_context(|| format!("{name} is not set: run the tests through scripts/test"))
}
