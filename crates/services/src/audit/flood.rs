//! Refused calls cost their sender nothing, so they must not be able to fill the disk: of those that come in a flood, the first have entries of
//! their own, the others are counted and have one entry a minute.

use std::collections::HashMap;
use std::time::Duration;

use blazz_database::audit_entries::AuditEntryRow;
use blazz_domain::{ApiKeyId, ErrorCode, Timestamp};

/// What is counted together is written after this time.
const WINDOW: Duration = Duration::from_secs(60);
/// How many refused calls of one address have entries of their own, a minute.
const EACH: u32 = 10;
/// How many of all addresses together.
const ALL: u32 = 200;
/// How many sums are kept beside one another; whatever fits none of them is in one more, without address and key.
const SUMS: usize = 100;

/// Refusals that cost nothing: the call came no further than the gate.
const CHEAP: [ErrorCode; 4] =
    [ErrorCode::Unauthorized, ErrorCode::KeyExpired, ErrorCode::KeyRevoked, ErrorCode::RateLimited];

/// The refusals of the last minute.
#[derive(Debug, Default)]
pub(super) struct Flood {
    began: Option<Timestamp>,
    /// Entries of their own, by address.
    own: HashMap<Option<String>, u32>,
    all: u32,
    sums: HashMap<Sum, AuditEntryRow>,
    rest: Option<AuditEntryRow>,
}

/// What is counted together.
type Sum = (Option<String>, Option<ApiKeyId>, Option<String>);

impl Flood {
    /// The entry, if it is to be written by itself; what is not is counted.
    pub(super) fn admit(&mut self, row: AuditEntryRow) -> Option<AuditEntryRow> {
        if !is_cheap(&row) {
            return Some(row);
        }
        self.began.get_or_insert(row.occurred_at);
        let known = self.own.get(&row.address).copied().unwrap_or(0);
        if known < EACH && self.all < ALL {
            self.own.insert(row.address.clone(), known + 1);
            self.all += 1;
            return Some(row);
        }
        self.count(row);
        None
    }

    /// The sums, once their time is over.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<AuditEntryRow> {
        let is_over = self.began.is_some_and(|began| now.since(began) >= WINDOW);
        if is_over { self.end() } else { Vec::new() }
    }

    /// The sums, whatever the time.
    pub(super) fn end(&mut self) -> Vec<AuditEntryRow> {
        let ended = std::mem::take(self);
        ended.sums.into_values().chain(ended.rest).collect()
    }

    /// Whether anything is being counted.
    pub(super) const fn lasts(&self) -> bool {
        self.began.is_some()
    }

    fn count(&mut self, row: AuditEntryRow) {
        let sum = (row.address.clone(), row.key_id, row.code.clone());
        if let Some(known) = self.sums.get_mut(&sum) {
            *known = AuditEntryRow { calls: known.calls.saturating_add(1), ..row };
        } else if self.sums.len() < SUMS {
            self.sums.insert(sum, row);
        } else {
            let calls = self.rest.as_ref().map_or(0, |rest| rest.calls);
            self.rest = Some(of_nobody(row, calls.saturating_add(1)));
        }
    }
}

fn is_cheap(row: &AuditEntryRow) -> bool {
    row.code.as_deref().is_some_and(|code| CHEAP.iter().any(|cheap| cheap.as_str() == code))
}

fn of_nobody(row: AuditEntryRow, calls: u32) -> AuditEntryRow {
    AuditEntryRow {
        workspace_id: None,
        actor: blazz_domain::Actor::Unknown,
        key_id: None,
        key_name: None,
        address: None,
        object_type: None,
        object_id: None,
        calls,
        ..row
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use blazz_domain::{Actor, Clock as _, SystemClock};

    use super::super::NewEntry;
    use super::*;

    fn refused(address: u32, code: ErrorCode) -> AuditEntryRow {
        let entry = NewEntry {
            actor: Actor::Unknown,
            workspace_id: None,
            key_id: None,
            key_name: None,
            address: Some(IpAddr::V4(Ipv4Addr::from_bits(address))),
            request_id: "r".to_owned(),
            action: "sendMessage".to_owned(),
            object: None,
            status: Some(401),
            code: Some(code),
        };
        entry.row(SystemClock.now())
    }

    #[test]
    fn the_first_have_their_own_entries_and_the_others_one_a_minute() {
        let mut flood = Flood::default();
        let own = (0..1000).filter_map(|_| flood.admit(refused(1, ErrorCode::Unauthorized))).count();
        assert_eq!(own, 10);
        assert!(flood.admit(refused(2, ErrorCode::KeyRevoked)).is_some(), "another address");
        let now = SystemClock.now();
        assert!(flood.due(now).is_empty());
        let sums = flood.due(now.plus(WINDOW));
        assert_eq!((sums.len(), sums[0].calls), (1, 990));
        assert!(!flood.lasts() && flood.admit(refused(1, ErrorCode::Unauthorized)).is_some(), "a new minute");
    }

    #[test]
    fn however_many_addresses_join_in_a_minute_has_a_few_hundred_entries() {
        let mut flood = Flood::default();
        let own = (0..50_000).filter_map(|n| flood.admit(refused(n, ErrorCode::RateLimited))).count();
        let sums = flood.end();
        assert_eq!((own, sums.len()), (200, 101));
        let counted: u32 = sums.iter().map(|row| row.calls).sum();
        assert_eq!(counted, 50_000 - 200);
        let rest: Vec<_> = sums.iter().filter(|row| row.address.is_none()).collect();
        assert_eq!((rest.len(), rest[0].calls), (1, 50_000 - 200 - 100));
    }

    #[test]
    fn what_came_through_the_gate_is_never_counted_together() {
        let mut flood = Flood::default();
        let own = (0..1000).filter_map(|_| flood.admit(refused(1, ErrorCode::MissingScope))).count();
        assert_eq!((own, flood.lasts()), (1000, false));
    }
}
