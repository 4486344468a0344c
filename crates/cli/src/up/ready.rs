//! Waiting until a program answers.

use std::time::Duration;

use anyhow::bail;
use tokio::time::{Instant, sleep};

use super::child::Child;

/// How long a program may take until it answers.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `url` answers with success, `child` ends, or patience does.
pub(crate) async fn until_ready(http: &reqwest::Client, url: &str, child: &mut Child) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if http.get(url).send().await.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(());
        }
        if let Some(status) = child.has_ended() {
            bail!("{} ended at once ({status}){}", child.name(), child.last_words());
        }
        if Instant::now() >= deadline {
            bail!("{} is not ready after {} s{}", child.name(), PATIENCE.as_secs(), child.last_words());
        }
        sleep(Duration::from_millis(25)).await;
    }
}
