//! The reference in the browser: served whole, by this process alone.

use anyhow::{Context as _, ensure};
use blazz_domain::ErrorCode;
use reqwest::{Method, StatusCode};

use crate::stage::{Answer, on_every_stage};

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_needs_no_key_and_no_other_server() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let nobody = stage.with_key("");
        let moved = nobody.get("/docs").await?.is(StatusCode::PERMANENT_REDIRECT)?;
        let page = nobody.get(moved.header("location")).await?.ok()?;
        let html = page.text();
        ensure!(html.contains("swagger-ui"), "{html}");
        let policy = page.header("content-security-policy");
        ensure!(policy.contains("default-src 'none'") && !policy.contains("http"), "{policy}");

        let mut files = 0;
        for reference in html.split('"').filter(|text| text.starts_with("./") || text.contains("://")) {
            let name = reference.strip_prefix("./").with_context(|| format!("{reference} is elsewhere"))?;
            let file = nobody.get(&format!("/docs/{name}")).await?.ok()?;
            ensure!(file.header("x-content-type-options") == "nosniff", "{name}");
            files += 1;
        }
        ensure!(files >= 4, "scripts and styles: {files}");
        ensure!(!html.contains("<script>"), "the policy forbids scripts in the page");
        let start = nobody.get("/docs/swagger-initializer.js").await?.ok()?;
        ensure!(start.text().contains("/openapi.json"), "{}", start.text());

        nobody.get("/docs/no-such-file.js").await?.refuses(404, "route_not_found")?;
        nobody.get("/docs/../v1/accounts").await?.refuses(401, "unauthorized")?;
        Answer::of(nobody.request(Method::POST, "/docs/errors")).await?.refuses(405, "method_not_allowed")?;
        Ok(stage)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_problem_leads_to_its_explanation() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let tenant = stage.tenant("a").await?;
        let problem = tenant.get("/v1/accounts/nope").await?.refuses(404, "account_not_found")?;
        let (page, anchor) =
            problem["type"].as_str().and_then(|kind| kind.split_once('#')).context("type")?;
        let catalogue = tenant.get(page).await?.ok()?;
        ensure!(catalogue.text().contains(&format!("id=\"{anchor}\"")), "{anchor}");
        for code in ErrorCode::ALL {
            ensure!(catalogue.text().contains(code.advice().split('`').next().unwrap_or_default()), "{code}");
        }
        Ok(stage)
    })
    .await
}
