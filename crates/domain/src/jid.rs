//! WhatsApp addresses.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::phone::PhoneNumber;

/// An address without its device part: `15550000001@s.whatsapp.net`, `123@lid`, `120363…@g.us`, `status@broadcast`.
///
/// Source: the servers whatsapp-rust knows (`wacore-binary`, `Server`).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, examples("15550000001@s.whatsapp.net"))]
pub struct Jid(String);

/// What kind of thing an address names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JidKind {
    /// A person, by phone number (`s.whatsapp.net`).
    Phone,
    /// A person, by linked id, which hides the number (`lid`).
    Lid,
    /// A group or community (`g.us`).
    Group,
    /// A broadcast list or the status feed (`broadcast`).
    Broadcast,
    /// A channel (`newsletter`).
    Newsletter,
    /// Anything else the protocol names.
    Other,
}

/// The text is not `user@server`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a JID is written user@server")]
pub struct InvalidJid;

impl Jid {
    /// The phone-number address of `phone`.
    #[must_use]
    pub fn phone(phone: &PhoneNumber) -> Self {
        Self(format!("{}@s.whatsapp.net", phone.digits()))
    }

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before `@`.
    #[must_use]
    pub fn user(&self) -> &str {
        self.0.split_once('@').map_or("", |(user, _)| user)
    }

    /// The part after `@`.
    #[must_use]
    pub fn server(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, server)| server)
    }

    /// What kind of thing it names.
    #[must_use]
    pub fn kind(&self) -> JidKind {
        match self.server() {
            "s.whatsapp.net" => JidKind::Phone,
            "lid" => JidKind::Lid,
            "g.us" => JidKind::Group,
            "broadcast" => JidKind::Broadcast,
            "newsletter" => JidKind::Newsletter,
            _ => JidKind::Other,
        }
    }

    /// The phone number, when the address is made of one.
    #[must_use]
    pub fn phone_number(&self) -> Option<PhoneNumber> {
        if self.kind() != JidKind::Phone {
            return None;
        }
        PhoneNumber::from_e164(&format!("+{}", self.user())).ok()
    }
}

impl FromStr for Jid {
    type Err = InvalidJid;

    /// Drops a device or agent part (`user:3@server`, `user.1:3@server`).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (user, server) = text.split_once('@').ok_or(InvalidJid)?;
        let user = user.split_once(':').map_or(user, |(user, _)| user);
        let good = |part: &str, extra: &[u8]| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || extra.contains(&b))
        };
        if text.len() > 128 || !good(user, b"-_.+") || !good(server, b".-") {
            return Err(InvalidJid);
        }
        Ok(Self(format!("{user}@{server}")))
    }
}

impl TryFrom<String> for Jid {
    type Error = InvalidJid;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Jid> for String {
    fn from(jid: Jid) -> Self {
        jid.0
    }
}

impl fmt::Display for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// The user part is a phone number more often than not.
impl fmt::Debug for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jid(…@{})", self.server())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_dropped_and_kinds_told_apart() {
        let jid: Jid = "15550000001:3@s.whatsapp.net".parse().unwrap();
        assert_eq!(jid.as_str(), "15550000001@s.whatsapp.net");
        assert_eq!(jid.phone_number().unwrap().as_str(), "+15550000001");
        assert_eq!("915@lid".parse::<Jid>().unwrap().kind(), JidKind::Lid);
        assert_eq!("915@lid".parse::<Jid>().unwrap().phone_number(), None);
        assert_eq!("1203-1@g.us".parse::<Jid>().unwrap().kind(), JidKind::Group);
        for bad in ["", "@", "a@", "@b", "a b@c", "a@b@c", &format!("{}@lid", "1".repeat(200))] {
            assert!(bad.parse::<Jid>().is_err(), "{bad}");
        }
    }

    #[test]
    fn debug_hides_the_user() {
        assert_eq!(
            format!("{:?}", "15550000001@s.whatsapp.net".parse::<Jid>().unwrap()),
            "Jid(…@s.whatsapp.net)"
        );
    }
}
