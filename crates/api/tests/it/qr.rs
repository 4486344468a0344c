//! The QR code in all its forms.

use std::time::{Duration, Instant};

use anyhow::ensure;
use blazz_domain::{AccountState, Clock as _, SystemClock, Timestamp};
use blazz_test_support::eventually;
use reqwest::Method;
use serde_json::json;

use crate::node::QR_TEXT;
use crate::stage::{Answer, on_every_stage};

#[tokio::test(flavor = "multi_thread")]
async fn a_code_comes_in_the_form_that_is_asked_for() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let node = stage.node("node-1").await?;
        node.script(|script| script.start = AccountState::Qr);
        let tenant = stage.tenant("a").await?;
        let account = tenant.account("a").await?;
        let started =
            tenant.post(&format!("/v1/accounts/{account}/session/start"), json!({})).await?.ok()?.json()?;
        ensure!(started["state"] == "qr" && started["node_id"] == "node-1", "{started}");
        let path = format!("/v1/accounts/{account}/session/qr?wait=1");
        let ask =
            |accept: &'static str| Answer::of(tenant.request(Method::GET, &path).header("accept", accept));
        for (accept, content_type) in [
            ("*/*", "application/json"),
            ("application/json", "application/json"),
            ("image/png", "image/png"),
            ("image/svg+xml", "image/svg+xml"),
            ("text/plain", "text/plain; charset=utf-8"),
            ("image/avif,image/webp,image/*;q=0.8,*/*;q=0.5", "image/png"),
            ("text/plain;q=0.2, image/svg+xml;q=0.7", "image/svg+xml"),
        ] {
            let answer = ask(accept).await?.ok()?;
            ensure!(answer.header("content-type") == content_type, "{accept}: {answer:?}");
            ensure!(
                answer.header("cache-control") == "no-store" && answer.header("vary") == "Accept",
                "{answer:?}"
            );
            for name in ["x-qr-expires-at", "x-qr-round-ends-at"] {
                let at: Result<Timestamp, _> = answer.header(name).parse();
                ensure!(at.is_ok_and(|at| at > SystemClock.now()), "{accept}: {name}: {answer:?}");
            }
        }
        ask("application/xml").await?.refuses(406, "not_acceptable")?;
        ensure!(ask("text/plain").await?.text() == QR_TEXT, "the text is the code");
        ensure!(ask("image/svg+xml").await?.text().contains("<svg"), "an svg is one");
        let png = ask("image/png").await?.body;
        ensure!(png.starts_with(b"\x89PNG\r\n\x1a\n"), "a png is one");
        let body = ask("application/json").await?.json()?;
        ensure!(
            body["text"] == QR_TEXT && body["expires_at"].is_string() && body["round_ends_at"].is_string(),
            "{body}"
        );
        ensure!(
            body["data_url"].as_str().is_some_and(|url| url.starts_with("data:image/png;base64,")),
            "{body}"
        );

        node.script(|script| script.start = AccountState::Connected);
        let problem = ask("image/png").await?.refuses(409, "qr_not_available")?;
        ensure!(problem["detail"].is_string(), "{problem}");
        Ok(stage)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_code_does_not_hold_up_the_end() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let node = stage.node("node-1").await?;
        node.script(|script| {
            script.start = AccountState::Qr;
            script.qr_takes = Duration::from_secs(15);
        });
        let tenant = stage.tenant("a").await?;
        let account = tenant.account("a").await?;
        tenant.post(&format!("/v1/accounts/{account}/session/start"), json!({})).await?.ok()?;
        let calls = node.script(|script| script.request_ids.len());
        let path = format!("/v1/accounts/{account}/session/qr?wait=15");
        let waits = tokio::spawn(Answer::of(tenant.request(Method::GET, &path)));
        eventually(Duration::from_secs(10), async || {
            node.script(|script| (script.request_ids.len() > calls).then_some(()))
        })
        .await?;
        let asked = Instant::now();
        stage.shutdown.soft().cancel();
        let answer = waits.await??;
        answer.refuses(503, "unavailable")?;
        ensure!(answer.header("retry-after") == "1", "{answer:?}");
        ensure!(asked.elapsed() < Duration::from_secs(10), "it waited for the node");
        Ok(stage)
    })
    .await
}
