//! Who does things that the audit log tells of.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// Whoever runs this installation.
    Operator,
    /// A workspace, with one of its keys.
    WorkspaceKey,
    /// Nobody who is known: no key, or one that is nobody's.
    Unknown,
}

impl Actor {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Operator, Self::WorkspaceKey, Self::Unknown];

    /// Its stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::WorkspaceKey => "workspace_key",
            Self::Unknown => "unknown",
        }
    }
}

impl FromStr for Actor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|actor| actor.as_str() == text).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_and_match_their_json() {
        for actor in Actor::ALL {
            assert_eq!(actor.as_str().parse(), Ok(actor));
            assert_eq!(serde_json::to_value(actor).unwrap(), actor.as_str());
        }
    }
}
