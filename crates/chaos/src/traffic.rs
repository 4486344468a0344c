//! Load that is kept account of, from its first message to the balance.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::clients::{Phones, Tenant};
use crate::ledger::{Balance, Copies, Ledger};
use crate::link::Linked;
use crate::load::{Load, Phase, peer};
use crate::say;
use crate::watch::follow;

/// How long everything must stay even before the books are closed: a late duplicate would come in this time.
const QUIET: Duration = Duration::from_secs(4);

/// Messages both ways between accounts and phones of their own.
pub struct Traffic {
    phones: Phones,
    accounts: Vec<Linked>,
    ledger: Arc<Ledger>,
    phase: watch::Sender<Phase>,
    tasks: JoinSet<Result<()>>,
}

impl Traffic {
    /// Begins: for each account a tenant who writes, and a phone that writes to it; each waits for `think` between two messages.
    ///
    /// # Errors
    /// When the emulator refuses a phone.
    pub async fn begin(
        tenants: &[Tenant],
        phones: &Phones,
        accounts: &[Linked],
        think: Duration,
    ) -> Result<Self> {
        for place in 0..accounts.len() {
            phones.add(&peer(place)).await?;
        }
        let (phase, phases) = watch::channel(Phase::Running);
        let ledger = Arc::<Ledger>::default();
        let load = Load {
            tenants: tenants.into(),
            phones: phones.clone(),
            ledger: Arc::clone(&ledger),
            pause: think,
            phase: phases.clone(),
        };
        let mut tasks = load.begin(accounts);
        for tenant in tenants {
            tasks.spawn(follow(tenant.clone(), Arc::clone(&ledger), phases.clone()));
        }
        Ok(Self { phones: phones.clone(), accounts: accounts.to_vec(), ledger, phase, tasks })
    }

    /// How many messages have begun so far.
    #[must_use]
    pub fn begun(&self) -> usize {
        self.ledger.begun()
    }

    pub(crate) fn ledger(&self) -> Arc<Ledger> {
        Arc::clone(&self.ledger)
    }

    /// Begins no more messages; what has begun goes on.
    pub fn pause(&self) {
        self.phase.send_replace(Phase::Draining);
    }

    /// Begins no more, waits until nothing is missing and nothing more comes, for so long at most, and strikes the balance.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub async fn finish(mut self, patience: Duration) -> Result<Balance> {
        self.pause();
        let balance = self.drain(Instant::now() + patience).await?;
        self.phase.send_replace(Phase::Over);
        while let Some(task) = self.tasks.join_next().await {
            task??;
        }
        Ok(balance)
    }

    async fn drain(&self, deadline: Instant) -> Result<Balance> {
        let begun = Instant::now();
        let mut complete_since = None;
        loop {
            let balance = self.ledger.balance(&self.shown().await?);
            let now = Instant::now();
            if balance.is_complete() {
                let since = *complete_since.get_or_insert_with(|| {
                    say(&format!("nothing is missing after {:.1} s", begun.elapsed().as_secs_f64()));
                    now
                });
                if now >= since + QUIET {
                    return Ok(balance);
                }
            }
            if now >= deadline {
                return Ok(balance);
            }
            sleep(Duration::from_millis(500)).await;
        }
    }

    /// What the peers' phones show, by its text.
    async fn shown(&self) -> Result<HashMap<String, Copies>> {
        let mut shown = HashMap::<String, Copies>::new();
        for (place, account) in self.accounts.iter().enumerate() {
            let messages = self.phones.messages(&peer(place)).await?;
            for message in messages.into_iter().filter(|message| message.from == account.number) {
                let copies = shown.entry(message.body).or_default();
                copies.shown += 1;
                copies.repeated += message.arrivals.saturating_sub(1);
            }
        }
        Ok(shown)
    }
}
