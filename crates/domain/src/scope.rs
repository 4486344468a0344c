//! What a workspace's key may do: scopes, each an area and an action.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// One thing that a key may be allowed to do. Every route of a workspace needs exactly one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Scope {
            $($(#[$doc])* $name,)*
        }

        impl Scope {
            /// Every scope.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// `area:action`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

scopes! {
    /// See the accounts.
    AccountsRead = "accounts:read";
    /// Create, change and delete accounts.
    AccountsWrite = "accounts:write";
    /// See the state of a session and its QR code.
    SessionsRead = "sessions:read";
    /// Link, start, stop and log out sessions.
    SessionsWrite = "sessions:write";
    /// Read messages.
    MessagesRead = "messages:read";
    /// Send messages.
    MessagesSend = "messages:send";
    /// Read files and what is known of them.
    MediaRead = "media:read";
    /// Store and delete files.
    MediaWrite = "media:write";
    /// See the conversations, and read the messages in them.
    ConversationsRead = "conversations:read";
    /// Say that a conversation was read.
    ConversationsWrite = "conversations:write";
    /// Follow the event log.
    EventsRead = "events:read";
    /// See who did what.
    AuditRead = "audit:read";
}

impl Scope {
    /// The scope of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|scope| scope.as_str() == name)
    }

    /// What stands before the colon.
    #[must_use]
    pub fn area(self) -> &'static str {
        self.as_str().split_once(':').map_or("", |(area, _)| area)
    }
}

/// What a key was given: scopes (`messages:send`), whole areas (`messages:*`, those to come too) or all there is (`*`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Vec<String>, examples("accounts:read", "messages:*"))]
pub struct Grants(Vec<String>);

/// Names that are no scope, or none at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrantsError {
    /// A key that may do nothing is of no use.
    #[error("at least one scope is needed")]
    Empty,
    /// There is no such scope; the name itself is left out, it may be anything.
    #[error("not a scope (number {0} of the list)")]
    Unknown(usize),
}

impl Grants {
    /// All there is.
    #[must_use]
    pub fn all() -> Self {
        Self(vec!["*".to_owned()])
    }

    /// Reads what a caller asks for; sorted, each once.
    ///
    /// # Errors
    /// When a name is no scope, or there is none.
    pub fn parse(names: &[String]) -> Result<Self, GrantsError> {
        if names.is_empty() {
            return Err(GrantsError::Empty);
        }
        if let Some(place) = names.iter().position(|name| !is_grant(name)) {
            return Err(GrantsError::Unknown(place + 1));
        }
        let mut names = names.to_vec();
        names.sort_unstable();
        names.dedup();
        Ok(Self(names))
    }

    /// Whether a key with these may do this.
    #[must_use]
    pub fn allow(&self, scope: Scope) -> bool {
        self.0.iter().any(|grant| {
            grant == "*" || grant == scope.as_str() || grant.strip_suffix(":*") == Some(scope.area())
        })
    }
}

fn is_grant(name: &str) -> bool {
    let area = name.strip_suffix(":*");
    name == "*" || Scope::ALL.iter().any(|scope| scope.as_str() == name || Some(scope.area()) == area)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(names: &[&str]) -> Result<Grants, GrantsError> {
        Grants::parse(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_grant_opens_its_scope_its_area_or_all() {
        let allowed = |names: &[&str]| -> Vec<_> {
            let grants = grants(names).unwrap();
            Scope::ALL.iter().filter(|scope| grants.allow(**scope)).map(|scope| scope.as_str()).collect()
        };
        assert_eq!(allowed(&["messages:send"]), ["messages:send"]);
        assert_eq!(allowed(&["messages:*", "messages:send"]), ["messages:read", "messages:send"]);
        assert_eq!(allowed(&["*"]).len(), Scope::ALL.len());
        assert!(Scope::ALL.iter().all(|scope| Grants::all().allow(*scope)));
    }

    #[test]
    fn what_is_no_scope_is_refused() {
        assert_eq!(grants(&[]), Err(GrantsError::Empty));
        for bad in ["", "**", ":*", "*:*", "messages", "messages:", "messages:fly", "mess:*", " *", "*:read"]
        {
            assert_eq!(grants(&["events:read", bad]), Err(GrantsError::Unknown(2)), "{bad:?}");
        }
        let twice = grants(&["messages:send", "events:read", "messages:send"]).unwrap();
        assert_eq!(serde_json::to_value(twice).unwrap(), serde_json::json!(["events:read", "messages:send"]));
    }

    #[test]
    fn names_lead_back_to_their_scope() {
        for scope in Scope::ALL {
            assert_eq!(Scope::find(scope.as_str()), Some(*scope));
            assert!(!scope.area().is_empty());
        }
    }
}
