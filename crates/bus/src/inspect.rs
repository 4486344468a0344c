//! Looking at Redis from outside: is it there, what is it, what time has it?

use std::time::Duration;

use redis::Client;

use crate::BusError;

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// What Redis says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisServer {
    /// Its version; empty when it does not tell.
    pub version: String,
    /// The time by its clock, in microseconds since 1970-01-01T00:00:00Z.
    pub now_micros: i64,
}

/// Asks the Redis at `url`, on a connection of its own.
///
/// # Errors
/// When the address is not one, or nobody answers there.
pub async fn inspect(url: &str) -> Result<RedisServer, BusError> {
    tokio::time::timeout(PATIENCE, ask(url)).await.map_err(|_| BusError("no answer".to_owned()))?
}

async fn ask(url: &str) -> Result<RedisServer, BusError> {
    let mut connection = Client::open(url)?.get_multiplexed_async_connection().await?;
    let _: String = redis::cmd("PING").query_async(&mut connection).await?;
    let (seconds, micros): (i64, i64) = redis::cmd("TIME").query_async(&mut connection).await?;
    // A server that keeps this to administrators is no worse for it.
    let about: String =
        redis::cmd("INFO").arg("server").query_async(&mut connection).await.unwrap_or_default();
    let version = about.lines().find_map(|line| line.strip_prefix("redis_version:")).unwrap_or_default();
    Ok(RedisServer { version: version.trim().to_owned(), now_micros: seconds * 1_000_000 + micros })
}
