//! Where a session stands, told under rising numbers.

use std::sync::Arc;

use blazz_domain::{AccountState, Clock, Jid, PhoneNumber, SessionReport, StateReason};
use tokio::sync::watch;

use crate::numbers::StateNumbers;

/// The session's state as everybody else sees it.
pub(crate) struct Reports {
    current: watch::Sender<SessionReport>,
    numbers: StateNumbers,
    clock: Arc<dyn Clock>,
}

impl Reports {
    pub(crate) fn new(numbers: StateNumbers, clock: Arc<dyn Clock>) -> Self {
        let first = SessionReport {
            state: AccountState::Starting,
            reason: None,
            since: clock.now(),
            number: numbers.next(),
            phone: None,
            lid: None,
        };
        Self { current: watch::Sender::new(first), numbers, clock }
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<SessionReport> {
        self.current.subscribe()
    }

    pub(crate) fn state(&self) -> AccountState {
        self.current.borrow().state
    }

    /// Moves to a state; saying the same again changes nothing.
    pub(crate) fn set(&self, state: AccountState, reason: Option<StateReason>) {
        self.current.send_if_modified(|report| {
            if (report.state, report.reason) == (state, reason) {
                return false;
            }
            tracing::info!(
                session.state = state.as_str(),
                session.reason = reason.map(StateReason::as_str),
                "the session moved from {} to {}",
                report.state.as_str(),
                state.as_str()
            );
            report.state = state;
            report.reason = reason;
            report.since = self.clock.now();
            report.number = self.numbers.next();
            true
        });
    }

    /// Says which number the session is linked to; `None` when to none.
    pub(crate) fn identify(&self, phone: Option<PhoneNumber>, lid: Option<Jid>) {
        self.current.send_if_modified(|report| {
            if report.phone == phone && report.lid == lid {
                return false;
            }
            report.phone = phone;
            report.lid = lid;
            report.number = self.numbers.next();
            true
        });
    }
}

#[cfg(test)]
mod tests {
    use blazz_domain::{Incarnation, SystemClock};

    use super::*;

    #[test]
    fn every_change_has_a_higher_number_and_the_same_again_is_no_change() {
        let reports = Reports::new(StateNumbers::new(Incarnation(1), 0), Arc::new(SystemClock));
        let mut watched = reports.subscribe();
        let mut last = watched.borrow_and_update().number;
        reports.set(AccountState::Starting, None);
        assert!(!watched.has_changed().unwrap());
        reports.set(AccountState::Connecting, None);
        reports.identify("+15550000001".parse().ok(), None);
        reports.set(AccountState::Disconnected, Some(StateReason::ConnectionLost));
        let report = watched.borrow_and_update().clone();
        assert!(report.number > last && report.phone.is_some());
        last = report.number;
        reports.set(AccountState::Disconnected, Some(StateReason::LoginRefused));
        assert!(watched.borrow_and_update().number > last);
    }
}
