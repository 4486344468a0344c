//! What is not kept for ever: keys of old requests, receipts whose message never came, jobs that died long ago, old audit entries.

use std::time::Duration;

use blazz_database::{audit_entries, early_receipts, idempotency_keys, jobs};

use crate::{ServiceError, Services};

/// How many rows one statement deletes.
const AT_ONCE: u32 = 1000;
const DAY: Duration = Duration::from_secs(24 * 3600);
/// How long an idempotency key is remembered.
pub const IDEMPOTENCY_KEYS: Duration = Duration::from_secs(7 * 24 * 3600);

/// Deletes what has been kept for long enough. To be called now and then; how many rows it were.
///
/// # Errors
/// When the database is not there; what was deleted stays deleted.
pub async fn sweep(services: &Services) -> Result<u64, ServiceError> {
    let now = services.clock.now();
    let mut conn = services.pool.get().await?;
    let mut swept = 0;
    loop {
        let keys = idempotency_keys::delete_before(&mut conn, now.minus(IDEMPOTENCY_KEYS), AT_ONCE).await?;
        let receipts = early_receipts::delete_before(&mut conn, now.minus(7 * DAY), AT_ONCE).await?;
        let dead = jobs::delete_dead_before(&mut conn, now.minus(30 * DAY), AT_ONCE).await?;
        let acts = now.minus(services.settings.audit_ttl);
        let acts = audit_entries::delete_before(&mut conn, acts, AT_ONCE).await?;
        swept += u64::from(keys) + u64::from(receipts) + u64::from(dead) + u64::from(acts);
        if keys.max(receipts).max(dead).max(acts) < AT_ONCE {
            return Ok(swept);
        }
    }
}
