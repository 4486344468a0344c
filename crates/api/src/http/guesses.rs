//! Against guessing: an address that comes with too many keys that are nobody's is not listened to for a while, and its keys are not even
//! looked up. Keys that have opened something lately are, from wherever they come: others may share the address. A key that was somebody's, and
//! is revoked or has expired, is no guess: it is limited by itself, and its address is not to blame.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::http::header;
use blazz_bus::{Bus, Quota};
use blazz_domain::{ApiKeyId, ErrorCode};
use sha2::{Digest as _, Sha256};

use super::{ApiError, address};

/// How long a key that has opened something is remembered for it.
const TRUST: Duration = Duration::from_secs(600);
/// The most keys and addresses that are remembered.
const MAX_KNOWN: usize = 20_000;

type Digest32 = [u8; 32];

/// Who comes with keys that open nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Suspect {
    /// A group of addresses, with keys that are nobody's.
    Address(IpAddr),
    /// A secret that was good once.
    Secret(Digest32),
}

/// Who guesses, and who does not.
pub(crate) struct Guesses {
    quota: Option<Quota>,
    /// Who is not listened to, and until when.
    shut_out: Mutex<HashMap<Suspect, Instant>>,
    /// The hashes of secrets that have opened something, and until when that counts.
    good: Mutex<HashMap<Digest32, Instant>>,
}

impl Guesses {
    /// With this many refused keys a minute and address; any number without a quota.
    pub(crate) fn new(quota: Option<Quota>) -> Self {
        Self { quota, shut_out: Mutex::default(), good: Mutex::default() }
    }

    /// Whether a secret from this address may be looked at.
    ///
    /// # Errors
    /// `rate_limited` while it may not.
    pub(crate) fn check(&self, address: Option<IpAddr>, secret: &str) -> Result<(), ApiError> {
        if self.quota.is_none() {
            return Ok(());
        }
        let (hash, now) = (hash(secret), Instant::now());
        let wait = self.wait(Suspect::Secret(hash), now).or_else(|| {
            let suspect = Suspect::Address(address::group(address?));
            self.wait(suspect, now).filter(|_| !self.is_good(&hash, now))
        });
        wait.map_or(Ok(()), |wait| Err(refusal(wait)))
    }

    fn wait(&self, suspect: Suspect, now: Instant) -> Option<Duration> {
        let until = lock(&self.shut_out).get(&suspect).copied()?;
        until.checked_duration_since(now)
    }

    /// A secret has opened something.
    pub(crate) fn opened(&self, secret: &str) {
        if self.quota.is_some() {
            remember(&self.good, hash(secret), TRUST);
        }
    }

    /// A secret from this address has opened nothing; it may have been that of a key. The refusal that was earned, if this was one too many.
    pub(crate) async fn refused(
        &self,
        bus: &Bus,
        address: Option<IpAddr>,
        secret: &str,
        key: Option<ApiKeyId>,
    ) -> Option<ApiError> {
        let quota = self.quota?;
        let (suspect, bucket) = match key {
            Some(key) => (Suspect::Secret(hash(secret)), format!("dead:{key}")),
            None => {
                let group = address::group(address?);
                (Suspect::Address(group), format!("guess:{group}"))
            }
        };
        let decision = bus.take(&bucket, quota).await;
        if decision.remaining == 0 {
            remember(&self.shut_out, suspect, decision.retry_in);
        }
        (!decision.is_allowed).then(|| refusal(decision.retry_in))
    }

    fn is_good(&self, hash: &Digest32, now: Instant) -> bool {
        lock(&self.good).get(hash).is_some_and(|until| *until > now)
    }
}

fn hash(secret: &str) -> Digest32 {
    Sha256::digest(secret).into()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps `what` for a time; when too much is kept, not at all.
fn remember<T: Eq + std::hash::Hash>(known: &Mutex<HashMap<T, Instant>>, what: T, time: Duration) {
    let (now, mut known) = (Instant::now(), lock(known));
    if known.len() >= MAX_KNOWN && !known.contains_key(&what) {
        known.retain(|_, until| *until > now);
        if known.len() >= MAX_KNOWN {
            return;
        }
    }
    known.insert(what, now + time);
}

fn refusal(wait: Duration) -> ApiError {
    let detail =
        "too many keys that open nothing have come from this address, or this one has come too often";
    let seconds = super::ration::whole_seconds(wait).max(1).to_string();
    ApiError::refused(ErrorCode::RateLimited, detail).with_header(header::RETRY_AFTER, &seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn who_guesses_too_often_is_not_listened_to_and_others_beside_him_are() {
        let (bus, guesses) = (Bus::in_process(), Guesses::new(Quota::per_minute(3)));
        let address = |text: &str| text.parse::<IpAddr>().ok();
        let (guesser, other) = (address("2001:db8::1"), address("2001:db8:0:1::1"));
        guesses.opened("good");
        for _ in 0..3 {
            assert!(guesses.check(guesser, "bad").is_ok());
            assert!(guesses.refused(&bus, guesser, "bad", None).await.is_none());
        }
        let neighbour = address("2001:db8::2");
        for secret in ["bad", "unknown so far"] {
            let error = guesses.check(neighbour, secret).unwrap_err();
            assert_eq!(error.code(), ErrorCode::RateLimited);
        }
        assert!(guesses.check(neighbour, "good").is_ok() && guesses.check(other, "bad").is_ok());
        // Another process may have let it through; the bucket is common.
        let error = guesses.refused(&bus, guesser, "bad", None).await.unwrap();
        assert_eq!(error.answer(None).headers().get("retry-after").unwrap(), "20");
    }

    #[actix_web::test]
    async fn a_key_that_was_good_once_is_limited_by_itself() {
        let (bus, guesses) = (Bus::in_process(), Guesses::new(Quota::per_minute(3)));
        let (address, key) = ("192.0.2.7".parse().ok(), Some(ApiKeyId::new()));
        guesses.opened("dead");
        for _ in 0..3 {
            assert!(guesses.check(address, "dead").is_ok());
            assert!(guesses.refused(&bus, address, "dead", key).await.is_none());
        }
        assert_eq!(guesses.check(address, "dead").unwrap_err().code(), ErrorCode::RateLimited);
        assert!(guesses.check(address, "its successor").is_ok());
    }

    #[actix_web::test]
    async fn without_a_quota_everybody_is_listened_to() {
        let (bus, guesses) = (Bus::in_process(), Guesses::new(None));
        let address = "192.0.2.7".parse().ok();
        for _ in 0..1000 {
            assert!(guesses.refused(&bus, address, "bad", None).await.is_none());
        }
        assert!(guesses.check(address, "bad").is_ok());
    }
}
