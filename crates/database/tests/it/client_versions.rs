//! Who may fetch the version, and when.

use std::time::Duration;

use blazz_database::client_versions::{self, FETCHED, FetchDue, OPERATOR};
use blazz_test_support::for_each_database;

use crate::seed::at;

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_is_due_at_first_soon_after_a_failure_and_long_after_a_success() -> anyhow::Result<()> {
    for_each_database(async |db| {
        let mut conn = db.pool().get().await?;
        let start = at("2026-01-02T03:00:00Z");
        let minutes = |count: u64| start.plus(Duration::from_secs(60 * count));
        let due = |now: u64| FetchDue {
            succeeded_before: minutes(now).minus(Duration::from_secs(3600)),
            failed_before: minutes(now).minus(Duration::from_secs(600)),
        };
        assert!(client_versions::claim_due(&mut conn, minutes(0), due(0)).await?, "never tried");
        assert!(!client_versions::claim_due(&mut conn, minutes(9), due(9)).await?, "it may still succeed");
        assert!(client_versions::claim_due(&mut conn, minutes(10), due(10)).await?, "it has failed");
        client_versions::set(&mut conn, FETCHED, Some("2.3000.1"), minutes(11)).await?;
        assert!(!client_versions::claim_due(&mut conn, minutes(69), due(69)).await?, "it has succeeded");
        assert!(client_versions::claim_due(&mut conn, minutes(70), due(70)).await?, "that was long ago");
        assert!(!client_versions::claim_due(&mut conn, minutes(79), due(79)).await?);
        assert!(client_versions::claim_due(&mut conn, minutes(80), due(80)).await?, "it failed meanwhile");

        assert!(client_versions::claim_asked(&mut conn, minutes(81), minutes(76)).await?);
        assert!(!client_versions::claim_asked(&mut conn, minutes(85), minutes(80)).await?);
        assert!(client_versions::claim_asked(&mut conn, minutes(86), minutes(81)).await?);

        client_versions::set(&mut conn, OPERATOR, Some("2.3000.2"), minutes(90)).await?;
        client_versions::set(&mut conn, OPERATOR, None, minutes(91)).await?;
        let rows = client_versions::list(&mut conn).await?;
        let said: Vec<_> =
            rows.iter().map(|row| (row.source.as_str(), row.version.as_deref(), row.at)).collect();
        assert_eq!(said, [(FETCHED, Some("2.3000.1"), Some(minutes(11))), (OPERATOR, None, None)]);
        Ok(())
    })
    .await
}
