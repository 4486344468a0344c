//! `blazz-bench engine-direct`: the process's own side.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use blazz_emulator::direct::{DirectClient, DirectStore, StoreKind};
use clap::Args;
use serde_json::Value;
use tokio::task::JoinSet;

use super::{Burst, Conversation, Order, Sending, Shown};
use crate::child::{answer_order, next_order};
use crate::main_path::TEXT;

/// Where its clients connect and what they keep their keys in.
#[derive(Args, Debug)]
pub(crate) struct EngineDirectArgs {
    /// The emulator's WebSocket.
    #[arg(long)]
    url: String,
    /// Where files may be created.
    #[arg(long)]
    directory: PathBuf,
    /// The store.
    #[arg(long)]
    store: StoreKind,
}

/// Does what it is told until standard input ends.
pub(crate) async fn run(args: EngineDirectArgs) -> Result<()> {
    let mut direct = Direct { args, shown: 0, clients: BTreeMap::new() };
    while let Some(order) = next_order().await? {
        answer_order(direct.obey(order).await)?;
    }
    Ok(())
}

/// The clients there are.
struct Direct {
    args: EngineDirectArgs,
    shown: usize,
    clients: BTreeMap<usize, Arc<DirectClient>>,
}

impl Direct {
    async fn obey(&mut self, order: Order) -> Result<Value> {
        let done = match order {
            Order::Show => serde_json::to_value(self.show().await?),
            Order::Connect { client } => serde_json::to_value(self.client(client)?.connected().await?),
            Order::Stop { client } => serde_json::to_value(self.stop(client).await?),
            Order::Send(sending) => serde_json::to_value(self.send(sending).await?),
        };
        Ok(done?)
    }

    async fn show(&mut self) -> Result<Shown> {
        let begun = Instant::now();
        let number = self.shown;
        self.shown += 1;
        let store = DirectStore::create(self.args.store, &self.args.directory, &number.to_string()).await?;
        let client = DirectClient::start(&self.args.url, &store).await?;
        let code = client.first_qr().await?;
        let time = begun.elapsed();
        self.clients.insert(number, Arc::new(client));
        Ok(Shown { client: number, code, time })
    }

    fn client(&self, number: usize) -> Result<&Arc<DirectClient>> {
        self.clients.get(&number).context("there is no such client")
    }

    async fn stop(&mut self, number: usize) -> Result<()> {
        let client = self.clients.remove(&number).context("there is no such client")?;
        let Some(client) = Arc::into_inner(client) else { bail!("the client is still in use") };
        client.stop().await;
        Ok(())
    }

    async fn send(&self, sending: Sending) -> Result<Burst> {
        let Sending { conversations, each, until_delivered } = sending;
        let expected = self.delivered_after(&conversations, each)?;
        let begun = Instant::now();
        let mut tasks = JoinSet::new();
        for Conversation { client, to } in conversations {
            let client = Arc::clone(self.client(client)?);
            tasks.spawn(async move { converse(&client, &to, each).await });
        }
        let mut latencies = Vec::new();
        while let Some(conversed) = tasks.join_next().await {
            latencies.extend(conversed??);
        }
        let wall = begun.elapsed();
        if until_delivered {
            for (client, count) in expected {
                self.client(client)?.until_delivered(count).await?;
            }
        }
        Ok(Burst { latencies, wall })
    }

    /// How many delivered messages each client will count when all of these are.
    fn delivered_after(&self, conversations: &[Conversation], each: usize) -> Result<BTreeMap<usize, usize>> {
        let mut expected = BTreeMap::new();
        for Conversation { client, .. } in conversations {
            let delivered = self.client(*client)?.delivered();
            *expected.entry(*client).or_insert(delivered) += each;
        }
        Ok(expected)
    }
}

/// Sends one message after the other.
async fn converse(client: &DirectClient, to: &str, count: usize) -> Result<Vec<Duration>> {
    let mut latencies = Vec::with_capacity(count);
    for _ in 0..count {
        let begun = Instant::now();
        client.send(to, TEXT).await?;
        latencies.push(begun.elapsed());
    }
    Ok(latencies)
}
