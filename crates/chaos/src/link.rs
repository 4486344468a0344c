//! Links accounts to phones of the emulator.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use blazz_domain::AccountId;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::clients::{Phones, Tenant};

/// How many link at the same time.
const AT_ONCE: usize = 8;
/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A linked account.
#[derive(Debug, Clone)]
pub struct Linked {
    /// The account.
    pub id: AccountId,
    /// Its own phone's number.
    pub number: String,
    /// The place of its workspace in the list of tenants.
    pub tenant: usize,
}

/// Links accounts of these tenants, in turns, to new phones numbered from `first` on.
///
/// # Errors
/// When one does not become connected.
pub async fn link(tenants: &[Tenant], phones: &Phones, first: usize, count: usize) -> Result<Vec<Linked>> {
    let one = |index: usize| async move {
        let place = index % tenants.len().max(1);
        let tenant = tenants.get(place).context("there is no workspace")?;
        let number = format!("1555{index:07}");
        phones.add(&number).await?;
        let id = tenant.create_account(&number).await?;
        tenant.must(Method::POST, &format!("/v1/accounts/{id}/session/start"), Some(json!({}))).await?;
        let code = tenant.must(Method::GET, &format!("/v1/accounts/{id}/session/qr?wait=20"), None).await?;
        phones.scan(&number, code.get("text").and_then(Value::as_str).context("no QR code")?).await?;
        until_connected(tenant, id).await?;
        Ok(Linked { id, number, tenant: place })
    };
    stream::iter(first..first + count).map(one).buffered(AT_ONCE).try_collect().await
}

async fn until_connected(tenant: &Tenant, account: AccountId) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = tenant.must(Method::GET, &format!("/v1/accounts/{account}"), None).await?;
        if found.get("state").and_then(Value::as_str) == Some("connected") {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "an account does not connect: {found}");
        sleep(Duration::from_millis(30)).await;
    }
}
