//! The right to run one session, and the numbers that order what its owners say.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{AccountId, WorkspaceId};

/// How often a session has been granted to an owner; only grows. The first grant is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Epoch(pub i64);

/// One start of a node: a number that grows with every registration in the fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Incarnation(pub i64);

/// Orders the reports about one account's state: the higher incarnation wins, within one the higher count.
///
/// Kept as one 64-bit number, the incarnation above 32 bits of count, so that SQL compares it as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StateNumber(pub i64);

impl StateNumber {
    /// The number of the `count`th change that `incarnation` reports.
    #[must_use]
    pub fn new(incarnation: Incarnation, count: u32) -> Self {
        Self((incarnation.0 << 32) | i64::from(count))
    }
}

/// A session and the epoch under which its caller believes it to run.
///
/// Written `{workspace};{account};{epoch}` in the `blazz-lease` header of the signed hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Lease {
    /// Whose session it is.
    pub workspace_id: WorkspaceId,
    /// The account the session belongs to.
    pub account_id: AccountId,
    /// The grant it runs under.
    pub epoch: Epoch,
}

/// The text is not a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a lease is written workspace;account;epoch")]
pub struct InvalidLease;

impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};{};{}", self.workspace_id, self.account_id, self.epoch.0)
    }
}

impl FromStr for Lease {
    type Err = InvalidLease;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split(';');
        let (Some(workspace), Some(account), Some(epoch), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidLease);
        };
        Ok(Self {
            workspace_id: workspace.parse().map_err(|_| InvalidLease)?,
            account_id: account.parse().map_err(|_| InvalidLease)?,
            epoch: Epoch(epoch.parse().map_err(|_| InvalidLease)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_survives_its_text() {
        let lease = Lease { workspace_id: WorkspaceId::new(), account_id: AccountId::new(), epoch: Epoch(7) };
        assert_eq!(lease.to_string().parse::<Lease>().unwrap(), lease);
        for bad in ["", "a;b;c", &format!("{lease};1"), "1"] {
            assert_eq!(bad.parse::<Lease>(), Err(InvalidLease));
        }
    }

    #[test]
    fn a_later_incarnation_outranks_any_count() {
        let old = StateNumber::new(Incarnation(4), u32::MAX);
        assert!(StateNumber::new(Incarnation(5), 0) > old);
        assert!(old > StateNumber::new(Incarnation(4), 9));
    }
}
