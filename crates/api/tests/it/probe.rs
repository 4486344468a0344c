//! Asking a node over the signed hop whether it is there.

use std::time::Duration;

use anyhow::ensure;

use crate::stage::on_every_stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_asked_over_the_hop_and_its_clock_compared() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let node = stage.node("node-1").await?;
        let operator = stage.operator();
        let path = "/v1/nodes/node-1/probe";
        let probe = operator.get(path).await?.ok()?.json()?;
        ensure!(probe["is_reachable"] == true && probe["version"] == "0.0.0", "{probe}");
        ensure!(probe["problem"].is_null() && probe["duration_ms"].is_u64(), "{probe}");
        ensure!(probe["clock_ahead_ms"].as_i64().is_some_and(|ahead| ahead.abs() < 3_000), "{probe}");

        node.script(|script| script.clock_ahead = Duration::from_secs(90));
        let probe = operator.get(path).await?.ok()?.json()?;
        let ahead = probe["clock_ahead_ms"].as_i64().unwrap_or_default();
        ensure!((85_000..=95_000).contains(&ahead), "{probe}");

        node.vanish().await;
        let probe = operator.get(path).await?.ok()?.json()?;
        ensure!(probe["is_reachable"] == false && probe["version"].is_null(), "{probe}");
        ensure!(probe["problem"].as_str().is_some_and(|why| why.contains("not reachable")), "{probe}");

        operator.get("/v1/nodes/node-2/probe").await?.refuses(404, "not_found")?;
        operator.get("/v1/nodes/Node/probe").await?.refuses(404, "not_found")?;
        let tenant = stage.tenant("a").await?;
        ensure!(!tenant.get(path).await?.status.is_success(), "a workspace's key opens nothing of the fleet");
        Ok(stage)
    })
    .await
}
