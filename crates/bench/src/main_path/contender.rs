//! Who sends messages: Blazz, or the engine alone with one of its stores.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use blazz_domain::{AccountId, MessageId};
use blazz_emulator::direct::StoreKind;
use futures_util::future::try_join_all;

use super::{Bench, TEXT, link};
use crate::engine::{Burst, Conversation, Engine};
use crate::gauges::{Gauges, Spent};
use crate::stack::Api;
use crate::statistics::{each, micros, millis, number, per_second, percentile};

/// One of them, with its linked numbers.
pub(super) struct Contender {
    sender: Sender,
    gauges: Gauges,
    /// The processes whose CPU time counts.
    processes: &'static [&'static str],
}

enum Sender {
    Blazz { api: Api, accounts: Vec<AccountId> },
    Engine { engine: Box<Engine>, clients: Vec<usize> },
}

/// What bursts of messages took together.
#[derive(Default)]
pub(super) struct Series {
    spent: Spent,
    latencies: Vec<Duration>,
    wall: Duration,
    processes: &'static [&'static str],
}

impl Contender {
    /// Blazz.
    pub(super) async fn blazz(bench: &Bench) -> Result<Self> {
        let stack = &bench.stack;
        let mut accounts = Vec::new();
        for _ in 0..bench.sizes.numbers {
            accounts.push(link::account(bench).await?);
        }
        let processes =
            [("api", stack.api_pid()), ("node", stack.node_pid()), ("emulator", stack.emulator_pid())];
        let gauges = Gauges::of(&processes, &bench.disk)?;
        let sender = Sender::Blazz { api: stack.api.clone(), accounts };
        Ok(Self { sender, gauges, processes: &["api", "node"] })
    }

    /// The engine alone.
    pub(super) async fn engine(bench: &Bench, kind: StoreKind) -> Result<Self> {
        let folder = bench.folder(&format!("send-{}", kind.as_str()))?;
        let mut engine = Engine::start(kind, &bench.stack.websocket_url()?, &folder)?;
        let gauges = Gauges::of(&[("engine", engine.pid())], &bench.disk)?;
        let mut clients = Vec::new();
        for _ in 0..bench.sizes.numbers {
            clients.push(link::engine(bench, &mut engine).await?);
        }
        Ok(Self {
            sender: Sender::Engine { engine: Box::new(engine), clients },
            gauges,
            processes: &["engine"],
        })
    }

    /// Sends `each` messages to every phone, all phones at once; adds what that took to `series`.
    pub(super) async fn send(
        &mut self,
        phones: &[String],
        each: usize,
        until_delivered: bool,
        series: &mut Series,
    ) -> Result<()> {
        let Self { sender, gauges, processes } = self;
        let burst = gauges.over(&mut series.spent, sender.send(phones, each, until_delivered)).await?;
        series.processes = processes;
        series.latencies.extend(burst.latencies);
        series.wall += burst.wall;
        Ok(())
    }
}

impl Sender {
    async fn send(&mut self, phones: &[String], each: usize, until_delivered: bool) -> Result<Burst> {
        match self {
            Self::Engine { engine, clients } => {
                let conversations: Vec<_> = (clients.iter().cycle().zip(phones))
                    .map(|(client, to)| Conversation { client: *client, to: to.clone() })
                    .collect();
                engine.send(&conversations, each, until_delivered).await
            }
            Self::Blazz { api, accounts } => {
                let conversations = accounts.iter().cycle().zip(phones);
                let begun = Instant::now();
                let sending = conversations.map(|(account, to)| converse(api, *account, to, each));
                let conversed = try_join_all(sending).await?;
                let wall = begun.elapsed();
                if until_delivered {
                    for (_, last) in &conversed {
                        api.until_delivered(*last).await?;
                    }
                }
                let latencies = conversed.into_iter().flat_map(|(latencies, _)| latencies).collect();
                Ok(Burst { latencies, wall })
            }
        }
    }
}

/// Sends one message after the other; gives the last one too.
async fn converse(
    api: &Api,
    account: AccountId,
    to: &str,
    count: usize,
) -> Result<(Vec<Duration>, MessageId)> {
    let (mut latencies, mut last) = (Vec::with_capacity(count), None);
    for _ in 0..count {
        let begun = Instant::now();
        last = Some(api.send(account, to, TEXT).await?);
        latencies.push(begun.elapsed());
    }
    Ok((latencies, last.context("nothing was to be sent")?))
}

impl Series {
    /// Microseconds of CPU for one message.
    pub(super) fn cpu(&self) -> f64 {
        self.cpu_of(self.processes)
    }

    /// Of these processes.
    pub(super) fn cpu_of(&self, processes: &[&str]) -> f64 {
        each(micros(self.spent.cpu(processes)), self.latencies.len())
    }

    /// Messages in one second of CPU.
    pub(super) fn per_core(&self) -> f64 {
        per_second(self.latencies.len(), self.spent.cpu(self.processes))
    }

    /// Messages in one second.
    pub(super) fn per_second(&self) -> f64 {
        per_second(self.latencies.len(), self.wall)
    }

    /// Disk flushes for one message.
    pub(super) fn flushes(&self) -> f64 {
        each(number(self.spent.flushes), self.latencies.len())
    }

    /// Milliseconds that this share of all messages did not exceed.
    pub(super) fn percentile(&self, percent: usize) -> f64 {
        millis(percentile(&self.latencies, percent))
    }
}
