//! What everybody may know about a session without asking its actor.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use blazz_domain::{
    AccountState, Clock, Incarnation, Lease, QrCode, SessionReport, StateNumber, StateReason,
};
use blazz_session_store::Outboxes;
use blazz_wire::node_api::SessionStatus;
use tokio::sync::{Semaphore, watch};

use crate::changes::Changes;
use crate::engine::LiveSession;

/// Sends of one session under way at the same time; more wait.
const SENDS: usize = 64;

/// A session's state, its QR code and the way to send.
pub(crate) struct Published {
    status: watch::Sender<SessionStatus>,
    qr: watch::Sender<Option<QrCode>>,
    live: watch::Sender<Option<Arc<dyn LiveSession>>>,
    outboxes: Mutex<Weak<Outboxes>>,
    pub(crate) sends: Semaphore,
    changes: Arc<Changes>,
}

impl Published {
    /// A session at rest, of which nobody has been told yet.
    pub(super) fn new(lease: Lease, number: StateNumber, clock: &dyn Clock, changes: Arc<Changes>) -> Self {
        let report = SessionReport {
            state: AccountState::Stopped,
            reason: None,
            since: clock.now(),
            number,
            phone: None,
            lid: None,
        };
        Self {
            status: watch::Sender::new(SessionStatus { lease, report, settings: None }),
            qr: watch::Sender::new(None),
            live: watch::Sender::new(None),
            outboxes: Mutex::new(Weak::new()),
            sends: Semaphore::new(SENDS),
            changes,
        }
    }

    /// Where it stands, numbered for `incarnation`: a node that had to register again goes on counting in its new incarnation.
    pub(crate) fn status_under(&self, incarnation: Incarnation) -> SessionStatus {
        let mut status = self.status();
        let count = u32::try_from(status.report.number.0 & i64::from(u32::MAX)).unwrap_or(u32::MAX);
        status.report.number = StateNumber::new(incarnation, count);
        status
    }

    pub(crate) fn status(&self) -> SessionStatus {
        self.status.borrow().clone()
    }

    pub(crate) fn lease(&self) -> Lease {
        self.status.borrow().lease
    }

    pub(crate) fn state(&self) -> AccountState {
        self.status.borrow().report.state
    }

    pub(crate) fn statuses(&self) -> watch::Receiver<SessionStatus> {
        self.status.subscribe()
    }

    pub(crate) fn qr(&self) -> watch::Receiver<Option<QrCode>> {
        self.qr.subscribe()
    }

    /// The session itself, while it is open.
    pub(crate) fn live(&self) -> Option<Arc<dyn LiveSession>> {
        self.live.borrow().clone()
    }

    /// Entries that wait for the API.
    pub(crate) fn outbox_pending(&self) -> u64 {
        let outboxes = self.outboxes.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
        outboxes.map_or(0, |outboxes| outboxes.pending())
    }

    /// Passes on what the open session says; an older report than the one published is dropped.
    pub(super) fn forward(&self, report: SessionReport) {
        let account = self.lease().account_id;
        let is_news = self.status.send_if_modified(|status| {
            let is_news = report.number > status.report.number;
            if is_news {
                status.report = report;
            }
            is_news
        });
        if is_news {
            self.changes.mark(account);
        }
    }

    /// What the node itself has to say about the session. Who is linked stays known until a logout.
    pub(super) fn publish(
        &self,
        state: AccountState,
        reason: Option<StateReason>,
        number: StateNumber,
        clock: &dyn Clock,
    ) {
        let SessionReport { phone, lid, .. } = self.status().report;
        let (phone, lid) = if state == AccountState::LoggedOut { (None, None) } else { (phone, lid) };
        self.forward(SessionReport { state, reason, since: clock.now(), number, phone, lid });
    }

    /// The session goes on under another grant.
    pub(super) fn adopt(&self, lease: Lease) {
        self.status.send_modify(|status| status.lease = lease);
    }

    /// The session has the settings of this revision, and the API ought to hear that.
    pub(super) fn has_settings(&self, revision: i64) {
        self.status.send_modify(|status| status.settings = Some(revision));
        self.remind();
    }

    pub(super) fn show(&self, qr: Option<QrCode>) {
        self.qr.send_replace(qr);
    }

    pub(super) fn open(&self, session: Arc<dyn LiveSession>) {
        self.live.send_replace(Some(session));
    }

    pub(super) fn close(&self) {
        self.live.send_replace(None);
        self.qr.send_replace(None);
    }

    pub(super) fn pumps(&self, outboxes: &Arc<Outboxes>) {
        *self.outboxes.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(outboxes);
    }

    /// The API ought to hear the state again, but not at once.
    pub(crate) fn remind(&self) {
        self.changes.mark_quietly(self.lease().account_id);
    }

    pub(super) fn forget(&self) {
        self.changes.forget(self.lease().account_id);
    }
}

#[cfg(test)]
mod tests {
    use blazz_domain::{AccountId, Epoch, SystemClock, WorkspaceId};
    use blazz_whatsapp::StateNumbers;

    use super::*;

    #[test]
    fn only_later_reports_count_and_a_new_incarnation_goes_on_counting() {
        let lease = Lease { workspace_id: WorkspaceId::new(), account_id: AccountId::new(), epoch: Epoch(1) };
        let numbers = StateNumbers::new(Incarnation(3), 1);
        let changes = Arc::new(Changes::default());
        let published = Published::new(lease, numbers.next(), &SystemClock, Arc::clone(&changes));
        assert!(changes.noted(1).is_empty());

        let (older, newer) = (numbers.next(), numbers.next());
        published.publish(AccountState::Starting, None, newer, &SystemClock);
        published.publish(AccountState::Failed, None, older, &SystemClock);
        assert_eq!(published.state(), AccountState::Starting);
        assert_eq!(changes.noted(2).len(), 1);

        let again = published.status_under(Incarnation(4)).report.number;
        assert_eq!(again, StateNumber::new(Incarnation(4), 3));
        assert!(again > newer);
    }
}
