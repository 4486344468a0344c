//! Against guessing: an address that comes with too many keys that open nothing is not listened to for a while, and its keys are not even
//! looked up. Keys that have opened something lately are, from wherever they come: others may share the address.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::http::header;
use blazz_bus::{Bus, Quota};
use blazz_domain::ErrorCode;
use sha2::{Digest as _, Sha256};

use super::{ApiError, address};

/// How long a key that has opened something is remembered for it.
const TRUST: Duration = Duration::from_secs(600);
/// The most keys and addresses that are remembered.
const MAX_KNOWN: usize = 20_000;

/// Who guesses, and who does not.
pub(crate) struct Guesses {
    quota: Option<Quota>,
    /// The groups of addresses that are not listened to, and until when.
    shut_out: Mutex<HashMap<IpAddr, Instant>>,
    /// The hashes of secrets that have opened something, and until when that counts.
    good: Mutex<HashMap<[u8; 32], Instant>>,
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
        let Some(address) = address.filter(|_| self.quota.is_some()) else { return Ok(()) };
        let now = Instant::now();
        let until = lock(&self.shut_out).get(&address::group(address)).copied();
        match until.and_then(|until| until.checked_duration_since(now)) {
            Some(wait) if !self.is_good(secret, now) => Err(refusal(wait)),
            _ => Ok(()),
        }
    }

    /// A secret has opened something.
    pub(crate) fn opened(&self, secret: &str) {
        if self.quota.is_some() {
            remember(&self.good, hash(secret), TRUST);
        }
    }

    /// A secret has opened nothing. The refusal that the address has earned, if this was one too many.
    pub(crate) async fn refused(&self, bus: &Bus, address: Option<IpAddr>) -> Option<ApiError> {
        let (quota, group) = (self.quota?, address::group(address?));
        let decision = bus.take(&format!("guess:{group}"), quota).await;
        if decision.remaining == 0 {
            remember(&self.shut_out, group, decision.retry_in);
        }
        (!decision.is_allowed).then(|| refusal(decision.retry_in))
    }

    fn is_good(&self, secret: &str, now: Instant) -> bool {
        lock(&self.good).get(&hash(secret)).is_some_and(|until| *until > now)
    }
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps `what` for a time; when too much is kept, not at all.
fn remember<T: Eq + Hash>(known: &Mutex<HashMap<T, Instant>>, what: T, time: Duration) {
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
    let detail = "too many keys that open nothing have come from this address";
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
            assert!(guesses.refused(&bus, guesser).await.is_none());
        }
        let neighbour = address("2001:db8::2");
        for secret in ["bad", "unknown so far"] {
            let error = guesses.check(neighbour, secret).unwrap_err();
            assert_eq!(error.code(), ErrorCode::RateLimited);
        }
        assert!(guesses.check(neighbour, "good").is_ok() && guesses.check(other, "bad").is_ok());
        // Another process may have let it through; the bucket is common.
        let error = guesses.refused(&bus, guesser).await.unwrap();
        assert_eq!(error.answer(None).headers().get("retry-after").unwrap(), "20");
    }

    #[actix_web::test]
    async fn without_a_quota_everybody_is_listened_to() {
        let (bus, guesses) = (Bus::in_process(), Guesses::new(None));
        let address = "192.0.2.7".parse().ok();
        for _ in 0..1000 {
            assert!(guesses.refused(&bus, address).await.is_none());
        }
        assert!(guesses.check(address, "bad").is_ok());
    }
}
