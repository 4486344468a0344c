//! The code to type into the phone.

use anyhow::ensure;
use blazz_domain::{AccountState, ErrorCode};
use serde_json::json;

use crate::node::PAIRING_CODE;
use crate::stage::on_every_stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_pairing_code_starts_the_session_and_says_why_there_is_none() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let node = stage.node("node-1").await?;
        node.script(|script| script.start = AccountState::Qr);
        let tenant = stage.tenant("a").await?;
        let account = tenant.account("a").await?;
        let path = format!("/v1/accounts/{account}/session/pairing-code");
        let ask = json!({ "phone": "+1 555 000 0001" });
        tenant.post(&path, json!({ "phone": "12" })).await?.refuses(400, "invalid_phone")?;

        let answer = tenant.post(&path, ask.clone()).await?.ok()?;
        ensure!(answer.header("cache-control") == "no-store", "{answer:?}");
        let body = answer.json()?;
        ensure!(body["code"] == PAIRING_CODE && body["expires_at"].is_string(), "{body}");
        let session = tenant.get(&format!("/v1/accounts/{account}/session")).await?.ok()?.json()?;
        ensure!(session["state"] == "qr" && session["desired"] == "running", "{session}");

        for (status, code) in [
            (429, ErrorCode::PairingRateLimited),
            (409, ErrorCode::PairingRefused),
            (409, ErrorCode::AlreadyLinked),
        ] {
            node.script(|script| script.pairing_refused = Some((status, code)));
            tenant.post(&path, ask.clone()).await?.refuses(status, code.as_str())?;
        }
        node.script(|script| {
            script.pairing_refused = None;
            script.start = AccountState::Connected;
        });
        tenant.post(&format!("/v1/accounts/{account}/session/start"), json!({})).await?.ok()?;
        tenant.post(&path, ask.clone()).await?.refuses(409, "already_linked")?;
        Ok(stage)
    })
    .await
}
