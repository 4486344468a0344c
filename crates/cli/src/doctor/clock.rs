//! The clocks: signatures count for sixty seconds on either side, so those who speak to each other need the same time.

use blazz_database::Pool;
use blazz_domain::{Clock as _, SystemClock, Timestamp};

use super::{Finding, Patient};
use crate::settings::Which;

const API: &str = "clock.api";
const DATABASE: &str = "clock.database";
const REDIS: &str = "clock.redis";

/// From here on it is worth a look, and from here on calls will soon be refused; both in milliseconds.
const WARN_MS: u64 = 1_000;
const ERROR_MS: u64 = 30_000;
/// An HTTP date has whole seconds, and servers make it anew twice a second.
const DATE_MICROS: i64 = 1_500_000;

/// Compares this machine's clock with those of the API, the database and Redis.
pub(super) async fn check(patient: &Patient) -> Vec<Finding> {
    let (api, database, redis) = tokio::join!(api(patient), database(patient), redis(patient));
    [api, database, redis].into_iter().flatten().collect()
}

async fn api(patient: &Patient) -> Option<Finding> {
    let url = patient.api_url.as_ref()?.as_str().trim_end_matches('/');
    let before = SystemClock.now();
    let answer = patient.http.get(format!("{url}/healthz")).send().await.ok()?;
    let after = SystemClock.now();
    let date = Timestamp::from_http_date(answer.headers().get("date")?.to_str().ok()?)?.unix_micros();
    Some(judge(API, "here", "the API's", apart((before, after), (date, date + DATE_MICROS))))
}

async fn database(patient: &Patient) -> Option<Finding> {
    let url = patient.of(Which::Api).find_map(|api| api.text("BLAZZ_DATABASE_URL"))?;
    let pool = if url.starts_with("sqlite:") { return None } else { Pool::open(&url, 1).await.ok()? };
    let before = SystemClock.now();
    let theirs = pool.server().await.ok()?.now?.unix_micros();
    let after = SystemClock.now();
    Some(judge(DATABASE, "here", "the database's", apart((before, after), (theirs, theirs))))
}

async fn redis(patient: &Patient) -> Option<Finding> {
    let url = patient.of(Which::Api).find_map(|api| api.text("BLAZZ_REDIS_URL"))?;
    let before = SystemClock.now();
    let theirs = blazz_bus::inspect(&url).await.ok()?.now_micros;
    let after = SystemClock.now();
    Some(judge(REDIS, "here", "that of Redis", apart((before, after), (theirs, theirs))))
}

/// How far two clocks are apart at least, in milliseconds, when between two readings of ours theirs was somewhere between two others.
fn apart((before, after): (Timestamp, Timestamp), (earliest, latest): (i64, i64)) -> u64 {
    let behind = before.unix_micros().saturating_sub(latest);
    let ahead = earliest.saturating_sub(after.unix_micros());
    u64::try_from(behind.max(ahead).max(0) / 1_000).unwrap_or(u64::MAX)
}

/// What a difference of `ms` milliseconds to another clock means.
pub(super) fn judge(check: &'static str, subject: &str, whose: &str, ms: u64) -> Finding {
    let text = format!("{}.{} s apart from {whose} clock", ms / 1_000, ms % 1_000 / 100);
    let advice = "let every machine keep time by NTP (chrony or systemd-timesyncd); signatures are refused from 60 s on";
    if ms > ERROR_MS {
        Finding::error(check, subject, text, advice)
    } else if ms > WARN_MS {
        Finding::warning(check, subject, text, advice)
    } else {
        Finding::ok(check, subject, format!("the same time as {whose} clock"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    #[test]
    fn clocks_are_apart_only_as_far_as_is_sure() {
        let at = |micros| Timestamp::from_unix_micros(micros).unwrap();
        let ours = (at(10_000_000), at(10_200_000));
        assert_eq!(apart(ours, (9_000_000, 10_500_000)), 0);
        assert_eq!(apart(ours, (10_100_000, 10_100_000)), 0);
        assert_eq!(apart(ours, (5_000_000, 6_500_000)), 3_500);
        assert_eq!(apart(ours, (50_200_000, 51_700_000)), 40_000);
    }

    #[test]
    fn a_second_is_worth_a_look_and_thirty_are_an_error() {
        let level = |ms| judge(API, "here", "the API's", ms).level;
        assert_eq!(
            (level(1_000), level(1_001), level(30_000), level(30_001)),
            (Level::Ok, Level::Warning, Level::Warning, Level::Error)
        );
    }
}
