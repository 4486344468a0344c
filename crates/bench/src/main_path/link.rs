//! Links fresh numbers.

use anyhow::Result;
use blazz_domain::AccountId;

use super::Bench;
use crate::engine::Engine;

/// A new account, linked to a new phone and connected.
pub(super) async fn account(bench: &Bench) -> Result<AccountId> {
    let (api, phones) = (&bench.stack.api, &bench.stack.phones);
    let number = phones.add().await?;
    let account = api.create_account().await?;
    api.start(account).await?;
    phones.scan(&number, &api.qr(account).await?).await?;
    api.until_connected(account).await?;
    Ok(account)
}

/// The same with the engine alone; gives the number of the client.
pub(super) async fn engine(bench: &Bench, engine: &mut Engine) -> Result<usize> {
    let number = bench.stack.phones.add().await?;
    let shown = engine.show().await?;
    bench.stack.phones.scan(&number, &shown.code).await?;
    engine.connect(shown.client).await?;
    Ok(shown.client)
}
