//! Traffic both ways: for each account a tenant who writes to its peer, and the peer's phone, which writes back.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::clients::{Answer, Phones, Tenant};
use crate::ledger::Ledger;
use crate::link::Linked;

/// How long a client waits before it tries again.
const RETRY: Duration = Duration::from_millis(150);

/// How far the run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// New messages are sent.
    Running,
    /// What has begun is brought to its end.
    Draining,
    /// Nobody waits any longer.
    Over,
}

/// Who writes and what with.
pub(crate) struct Load {
    pub(crate) tenants: Arc<[Tenant]>,
    pub(crate) phones: Phones,
    pub(crate) ledger: Arc<Ledger>,
    /// How long each of them thinks between two messages.
    pub(crate) pause: Duration,
    pub(crate) phase: watch::Receiver<Phase>,
}

/// The number of the phone that an account writes to.
pub(crate) fn peer(account: usize) -> String {
    format!("1666{account:07}")
}

impl Load {
    /// Begins; the tasks end by themselves when the phase says so.
    pub(crate) fn begin(self, accounts: &[Linked]) -> JoinSet<Result<()>> {
        let load = Arc::new(self);
        let mut tasks = JoinSet::new();
        for (place, account) in accounts.iter().enumerate() {
            tasks.spawn(Arc::clone(&load).write(place, account.clone()));
            tasks.spawn(Arc::clone(&load).write_back(place, account.clone()));
        }
        tasks
    }

    fn is(&self, phase: Phase) -> bool {
        *self.phase.borrow() == phase
    }

    async fn write(self: Arc<Self>, place: usize, account: Linked) -> Result<()> {
        let tenant = self.tenants.get(account.tenant).context("there is no such workspace")?;
        let mut number = 0;
        while self.is(Phase::Running) {
            number += 1;
            let text = format!("out-{place}-{number}");
            self.ledger.begin_out(place, &text);
            self.send(tenant, &account, place, &text).await;
            sleep(self.pause).await;
        }
        Ok(())
    }

    /// Tries until there is an answer, as a client does: with the same key, at another replica.
    async fn send(&self, tenant: &Tenant, account: &Linked, place: usize, text: &str) {
        let body = json!({ "account_id": account.id, "to": format!("+{}", peer(place)), "text": text });
        while !self.is(Phase::Over) {
            match tenant.call(Method::POST, "/v1/messages", Some(body.clone()), Some(text)).await {
                Ok(Answer { status, body }) if status.is_success() => {
                    let id = body.get("id").and_then(Value::as_str).unwrap_or_default();
                    return self.ledger.accepted(text, id);
                }
                Ok(Answer { status, body })
                    if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS =>
                {
                    return self.ledger.refused(text, &format!("{status} {body}"));
                }
                _ => sleep(RETRY).await,
            }
        }
    }

    async fn write_back(self: Arc<Self>, place: usize, account: Linked) -> Result<()> {
        let mut number = 0;
        while self.is(Phase::Running) {
            number += 1;
            let text = format!("in-{place}-{number}");
            self.ledger.begin_in(place, &text);
            self.phones.send(&peer(place), &account.number, &text).await?;
            self.ledger.sent_in(&text);
            sleep(self.pause).await;
        }
        Ok(())
    }
}
