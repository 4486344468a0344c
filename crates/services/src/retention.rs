//! What is not kept for ever: keys of old requests, receipts whose message never came, files that never arrived, jobs that died long ago, old
//! audit entries.

use std::time::Duration;

use blazz_database::{audit_entries, early_receipts, idempotency_keys, jobs, media};

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
        let unfilled = media::delete_pending_before(&mut conn, now.minus(7 * DAY), AT_ONCE).await?;
        let dead = jobs::delete_dead_before(&mut conn, now.minus(30 * DAY), AT_ONCE).await?;
        let acts = now.minus(services.settings.audit_ttl);
        let acts = audit_entries::delete_before(&mut conn, acts, AT_ONCE).await?;
        swept += [keys, receipts, unfilled, dead, acts].map(u64::from).iter().sum::<u64>();
        if keys.max(receipts).max(unfilled).max(dead).max(acts) < AT_ONCE {
            return Ok(swept + services.media.sweep(DAY).await?);
        }
    }
}
