//! A worker does what others have left to do.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::ensure;
use blazz_api::{Config, Worker};
use blazz_domain::{Clock as _, SendOutcome, SystemClock};
use blazz_telemetry::Shutdown;
use blazz_test_support::{eventually, for_each_database};
use reqwest::StatusCode;

use crate::stage::{OPERATOR, Stage};

const DEADLINE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_sends_what_waits_when_nobody_serves() -> anyhow::Result<()> {
    for_each_database(async |database| {
        let files = tempfile::tempdir()?;
        let stage = Stage::start(database).await?;
        let node = stage.node("node-1").await?;
        let tenant = stage.tenant("a").await?;
        let account = tenant.connected_account(&node).await?;
        node.script(|script| script.send = SendOutcome::NotConnected);
        tenant.send(&account, "later").await?.is(StatusCode::ACCEPTED)?;
        let fleet = stage.fleet.to_hex();
        stage.end().await?;
        let tried = node.script(|script| {
            script.send = SendOutcome::Acknowledged { at: SystemClock.now() };
            script.sent.len()
        });

        let mut settings = HashMap::from([
            ("BLAZZ_MEDIA_DIR", files.path().display().to_string()),
            ("BLAZZ_WORKER_LISTEN", "127.0.0.1:0".to_owned()),
            ("BLAZZ_DATABASE_URL", database.url().to_owned()),
            ("BLAZZ_OPERATOR_KEY", OPERATOR.to_owned()),
            ("BLAZZ_FLEET_SECRET", fleet),
            ("BLAZZ_WHATSAPP_VERSION", "2.3000.1".to_owned()),
        ]);
        settings.insert("BLAZZ_REDIS_URL", blazz_test_support::redis_url()?);
        let settings = settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let (config, shutdown) = (Config::from_variables(&settings)?, Shutdown::new());
        if database.pool().is_sqlite() {
            ensure!(Worker::start(&config, shutdown).await.is_err(), "a worker beside a SQLite file");
            return Ok(());
        }
        let worker = Worker::start(&config, shutdown.clone()).await?;
        eventually(DEADLINE, async || node.script(|script| script.sent.len() > tried).then_some(())).await?;
        shutdown.soft().cancel();
        worker.ended().await
    })
    .await
}
