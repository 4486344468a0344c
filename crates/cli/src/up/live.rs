//! `blazz up --live`: what it asks before it begins, and how a number is linked.

use std::path::Path;

use anyhow::Context as _;
use blazz_domain::AccountId;
use serde::Deserialize;
use serde_json::json;

use super::home::Home;
use super::say::say;
use super::signals::Signals;
use super::up_file::Up;
use crate::link::{self, Keyboard, Screen, Workspace};

#[derive(Deserialize)]
struct Page {
    data: Vec<Account>,
}

#[derive(Deserialize)]
struct Account {
    id: AccountId,
}

/// Says plainly what is about to happen, and asks. Only `yes` means yes.
pub(super) async fn is_wanted(dir: &Path, keyboard: &mut Keyboard, signals: &mut Signals) -> bool {
    let dir = dir.display();
    say(&format!(
        "
This links a WhatsApp number of yours with the real WhatsApp. Before you go on:

  - Blazz becomes a linked device of the number, as WhatsApp Web is. The phone shows it under Linked devices.
  - The device's credentials are kept in {dir}. Whoever has them reads and writes messages as you: keep that directory to yourself.
  - Every message that reaches the number is received here and stored in {dir}.
  - Blazz is no client of WhatsApp's and not affiliated with it. WhatsApp may restrict or ban numbers that use such clients: use one that
    you can do without, and write to nobody who does not expect it.
  - To end it: on the phone, Linked devices, tap the device, Log out; then delete {dir}.

Type yes to go on."
    ));
    tokio::select! {
        typed = keyboard.line() => typed.is_some_and(|typed| typed.trim().eq_ignore_ascii_case("yes")),
        _ = signals.next() => false,
    }
}

/// What a person needs to begin.
pub(super) fn introduce(up: &Up, home: &Home) {
    say(&format!(
        "
Blazz is up, with WhatsApp itself.

  API            {}
  workspace key  {}
  all of this    {}
  logs           {}

Ctrl-C stops everything; the number stays linked, and WhatsApp keeps what arrives until the next start.
",
        up.api_url,
        up.workspace_key,
        home.up_file().display(),
        home.logs().display(),
    ));
}

/// Links the workspace's account, which it makes if there is none. Never ends: what runs runs on, linked or not.
pub(super) async fn link(up: &Up, phone: Option<&str>, keyboard: &mut Keyboard) {
    match try_link(up, phone, keyboard).await {
        Ok((account, phone)) => say(&linked(up, account, &phone)),
        Err(error) => {
            say(&format!("not linked: {error:#}"));
            say("Everything runs on. Ctrl-C stops it; start it again to try again.");
        }
    }
    std::future::pending().await
}

async fn try_link(
    up: &Up,
    phone: Option<&str>,
    keyboard: &mut Keyboard,
) -> anyhow::Result<(AccountId, String)> {
    let url = up.api_url.parse().context("the API's address is none")?;
    let workspace = Workspace::new(&url, &up.workspace_key)?;
    let accounts: Page = workspace.get("/v1/accounts?limit=1").await?;
    let account = match accounts.data.into_iter().next() {
        Some(account) => account,
        None => serde_json::from_value(workspace.post("/v1/accounts", json!({ "name": "Live" })).await?)?,
    };
    let phone = link::link(&workspace, account.id, phone, &mut Screen::new(false), keyboard).await?;
    Ok((account.id, phone))
}

fn linked(up: &Up, account: AccountId, phone: &str) -> String {
    format!(
        "
linked as {phone}

A first message, to a number that expects it:

  curl -sS {api}/v1/messages -H 'Authorization: Bearer {key}' \\
    --json '{{\"account_id\":\"{account}\",\"to\":\"+…\",\"text\":\"Hello from Blazz\"}}'

What happens:

  curl -sS '{api}/v1/events?limit=50' -H 'Authorization: Bearer {key}'

To unlink: on the phone, Linked devices, Log out; or
  curl -sS -X POST {api}/v1/accounts/{account}/session/logout -H 'Authorization: Bearer {key}'
",
        api = up.api_url,
        key = up.workspace_key,
    )
}
