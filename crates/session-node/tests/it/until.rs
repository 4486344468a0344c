//! Waiting for a condition, with a deadline.

use std::time::Duration;

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Asks again and again until there is something.
pub(crate) async fn until<T>(what: &str, mut check: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(value) = check().await {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, asking).await {
        Ok(value) => value,
        Err(_) => panic!("waited too long for {what}"),
    }
}
