//! The bus over Redis.

use std::fmt;
use std::time::Duration;

use futures_util::StreamExt as _;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Cmd};
use tokio::sync::broadcast;
use tokio::time::sleep;

use crate::local::BACKLOG;
use crate::publisher::Publisher;
use crate::{BusError, Subscription};

/// Keys of other programs in the same Redis stay apart.
const PREFIX: &str = "blazz:";
/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// The pause before a broken subscription is made anew.
const PAUSE: Duration = Duration::from_millis(500);

/// One multiplexed connection for commands, one more per subscription.
#[derive(Clone)]
pub(crate) struct Remote {
    client: Client,
    commands: ConnectionManager,
    publisher: Publisher,
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
        Ok(Self { client, commands, publisher })
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
