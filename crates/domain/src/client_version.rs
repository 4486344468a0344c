//! The version of WhatsApp Web that sessions claim to be.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// A version of WhatsApp Web, such as `2.3000.1042742319`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientVersion(pub u32, pub u32, pub u32);

impl PartialSchema for ClientVersion {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A version of WhatsApp Web: three numbers."))
            .pattern(Some(r"^[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,10}$"))
            .examples(["2.3000.1042742319"])
            .into()
    }
}

impl ToSchema for ClientVersion {}

/// Why a text is not a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a version has three numbers, such as 2.3000.1042742319")]
pub struct InvalidClientVersion;

/// Where the version comes from that sessions claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VersionSource {
    /// The operator has set it, until it is taken back.
    Operator,
    /// The setting `BLAZZ_WHATSAPP_VERSION` of the API.
    Setting,
    /// WhatsApp Web's own page said so.
    Fetched,
    /// Nothing is known yet: each node claims the version that it was built with.
    BuiltIn,
}

impl FromStr for ClientVersion {
    type Err = InvalidClientVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_number = |part: &&str| part.len() <= 10 && part.bytes().all(|byte| byte.is_ascii_digit());
        let mut parts =
            text.split('.').map(|part| Some(part).filter(is_number).and_then(|part| part.parse().ok()));
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Some(a)), Some(Some(b)), Some(Some(c)), None) => Ok(Self(a, b, c)),
            _ => Err(InvalidClientVersion),
        }
    }
}

impl TryFrom<String> for ClientVersion {
    type Error = InvalidClientVersion;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ClientVersion> for String {
    fn from(version: ClientVersion) -> Self {
        version.to_string()
    }
}

impl fmt::Display for ClientVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(a, b, c) = self;
        write!(f, "{a}.{b}.{c}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_three_numbers() {
        let version: ClientVersion = "2.3000.17".parse().unwrap();
        assert_eq!((version, version.to_string().as_str()), (ClientVersion(2, 3000, 17), "2.3000.17"));
        for bad in
            ["", "2.3000", "2.3000.1.2", "2.3000.x", "2.3000.-1", "2.3000.+1", "2..1", "2.3000.4294967296"]
        {
            assert_eq!(bad.parse::<ClientVersion>(), Err(InvalidClientVersion), "{bad:?}");
        }
    }

    #[test]
    fn later_versions_are_greater() {
        assert!(ClientVersion(2, 3000, 10) > ClientVersion(2, 3000, 9));
        assert!(ClientVersion(2, 3001, 0) > ClientVersion(2, 3000, 9));
    }
}
