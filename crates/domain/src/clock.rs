//! Time as Blazz writes it: UTC, microseconds, RFC 3339; and the clock that hands it out.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Datelike as _, SecondsFormat, SubsecRound, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

/// A moment in UTC, truncated to microseconds so that every store and every wire format keeps it exactly.
///
/// Written as RFC 3339 with six fractional digits and `Z`, so that text order is time order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
#[schema(value_type = String, format = DateTime, examples("2026-01-31T12:00:00.000000Z"))]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// Truncates `at` to microseconds.
    #[must_use]
    pub fn new(at: DateTime<Utc>) -> Self {
        Self(at.trunc_subsecs(6))
    }

    /// The moment `seconds` after 1970-01-01T00:00:00Z; `None` outside the years 0 to 9999, which every store and format can write.
    #[must_use]
    pub fn from_unix_seconds(seconds: i64) -> Option<Self> {
        DateTime::from_timestamp(seconds, 0).map(Self).filter(|at| at.has_four_digit_year())
    }

    /// The moment that an HTTP `Date` header names, such as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7).
    #[must_use]
    pub fn from_http_date(text: &str) -> Option<Self> {
        let at = DateTime::parse_from_rfc2822(text).ok()?.with_timezone(&Utc);
        Some(Self(at)).filter(|at| at.has_four_digit_year())
    }

    /// The moment `micros` microseconds after 1970-01-01T00:00:00Z; `None` outside the years 0 to 9999.
    #[must_use]
    pub fn from_unix_micros(micros: i64) -> Option<Self> {
        DateTime::from_timestamp_micros(micros).map(Self).filter(|at| at.has_four_digit_year())
    }

    fn has_four_digit_year(self) -> bool {
        (0..=9999).contains(&self.0.year())
    }

    /// The underlying date and time.
    #[must_use]
    pub fn as_datetime(self) -> DateTime<Utc> {
        self.0
    }

    /// Whole seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn unix_seconds(self) -> i64 {
        self.0.timestamp()
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn unix_micros(self) -> i64 {
        self.0.timestamp_micros()
    }

    /// `self + by`; saturates at the end of time.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
        Self::new(self.0.checked_add_signed(by).unwrap_or(DateTime::<Utc>::MAX_UTC))
    }

    /// `self - by`; saturates at the beginning of time.
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
        Self::new(self.0.checked_sub_signed(by).unwrap_or(DateTime::<Utc>::MIN_UTC))
    }

    /// How long after `earlier` this moment is; zero when it is not after it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.0.signed_duration_since(earlier.0).to_std().unwrap_or(Duration::ZERO)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

impl FromStr for Timestamp {
    type Err = chrono::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::new(DateTime::parse_from_rfc3339(text)?.with_timezone(&Utc)))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Where the time of day comes from. Code takes a clock; only `main` picks the real one.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one real clock")]
    fn now(&self) -> Timestamp {
        Timestamp::new(Utc::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_keeps_microseconds_and_sorts_like_time() {
        let a: Timestamp = "2026-01-02T03:04:05.000001999Z".parse().unwrap();
        assert_eq!(a.to_string(), "2026-01-02T03:04:05.000001Z");
        let b: Timestamp = "2026-01-02T05:04:05.1+02:00".parse().unwrap();
        assert_eq!(b.to_string(), "2026-01-02T03:04:05.100000Z");
        assert!(a < b && a.to_string() < b.to_string());
        assert_eq!(serde_json::from_str::<Timestamp>(&serde_json::to_string(&b).unwrap()).unwrap(), b);
    }

    #[test]
    fn years_have_four_digits() {
        assert!(Timestamp::from_unix_seconds(253_402_300_799).is_some());
        assert_eq!(Timestamp::from_unix_seconds(253_402_300_800), None);
        assert_eq!(Timestamp::from_unix_micros(i64::MAX), None);
        assert_eq!(Timestamp::from_unix_micros(-62_167_219_200_000_001), None);
    }

    #[test]
    fn http_dates_are_read() {
        let at = Timestamp::from_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        assert_eq!(at.to_string(), "1994-11-06T08:49:37.000000Z");
        assert_eq!(Timestamp::from_http_date("yesterday"), None);
    }

    #[test]
    fn arithmetic_saturates() {
        let now = SystemClock.now();
        assert_eq!(now.plus(Duration::from_secs(5)).since(now), Duration::from_secs(5));
        assert_eq!(now.since(now.plus(Duration::from_secs(5))), Duration::ZERO);
        assert!(now.plus(Duration::MAX) > now && now.minus(Duration::MAX) < now);
    }
}
