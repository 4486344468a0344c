//! The id under which both processes log one request.

use std::fmt;

use blazz_domain::random;

/// The header that carries it. It is not signed: it names log lines and decides nothing.
pub const HEADER: &str = "x-request-id";
/// The most characters it may have.
pub const MAX_CHARS: usize = 64;

/// 1–64 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestId(String);

impl RequestId {
    /// A fresh one: 32 hex digits.
    #[must_use]
    pub fn generate() -> Self {
        Self(hex::encode(random::bytes::<16>()))
    }

    /// Takes a caller's own id when it is fit for a log line.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let shaped = (1..=MAX_CHARS).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        shaped.then(|| Self(text.to_owned()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_visible_ascii_is_taken_over() {
        let own = RequestId::generate();
        assert_eq!(RequestId::parse(own.as_str()), Some(own));
        assert!(RequestId::parse(&"x".repeat(64)).is_some());
        for bad in ["", "a b", "a\nb", "ä", &"x".repeat(65)] {
            assert_eq!(RequestId::parse(bad), None);
        }
    }
}
