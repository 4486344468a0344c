//! Messages on their way out: one send per id at a time, and none of what the server has acknowledged.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use blazz_domain::{Clock, SendOutcome, Timestamp};
use tokio::sync::{oneshot, watch};
use whatsapp_rust::types::events::ServerAck;

/// How many acknowledged ids are remembered.
const REMEMBERED: usize = 2048;

/// What to do about a send.
pub(crate) enum Begin {
    /// Nothing: the server has it since then.
    Acknowledged(Timestamp),
    /// The same is being sent: wait for that.
    Join(watch::Receiver<Option<SendOutcome>>),
    /// Send it, and tell everybody who joined.
    Lead(watch::Sender<Option<SendOutcome>>),
}

/// The sends of one session, across its connections.
#[derive(Default)]
pub(crate) struct Sends {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    acknowledged: HashMap<String, Timestamp>,
    /// The remembered ids, oldest first.
    order: VecDeque<String>,
    in_flight: HashMap<String, watch::Receiver<Option<SendOutcome>>>,
    awaiting: HashMap<String, oneshot::Sender<SendOutcome>>,
}

impl Sends {
    pub(crate) fn begin(&self, id: &str) -> Begin {
        let mut state = self.state();
        if let Some(at) = state.acknowledged.get(id) {
            return Begin::Acknowledged(*at);
        }
        if let Some(joined) = state.in_flight.get(id) {
            return Begin::Join(joined.clone());
        }
        let leader = watch::Sender::new(None);
        state.in_flight.insert(id.to_owned(), leader.subscribe());
        Begin::Lead(leader)
    }

    /// The leader is done.
    pub(crate) fn finish(&self, id: &str, leader: &watch::Sender<Option<SendOutcome>>, outcome: SendOutcome) {
        let mut state = self.state();
        state.in_flight.remove(id);
        state.awaiting.remove(id);
        leader.send_replace(Some(outcome));
    }

    /// What the server says of this id.
    pub(crate) fn await_ack(&self, id: &str) -> oneshot::Receiver<SendOutcome> {
        let (tell, told) = oneshot::channel();
        self.state().awaiting.insert(id.to_owned(), tell);
        told
    }

    /// The server has answered a stanza. An acknowledgement counts also when nobody waits for it any more.
    pub(crate) fn settle(&self, ack: &ServerAck, clock: &dyn Clock) {
        if ack.class.as_deref().is_some_and(|class| class != "message") {
            return;
        }
        let mut state = self.state();
        let outcome = match ack.error.as_deref() {
            None => {
                let told = ack.timestamp.and_then(|at| Timestamp::from_unix_seconds(at.timestamp()));
                let at = told.unwrap_or_else(|| clock.now());
                state.remember(&ack.id, at);
                SendOutcome::Acknowledged { at }
            }
            Some(code) => refusal(code),
        };
        if let Some(waiting) = state.awaiting.remove(&ack.id) {
            // Whoever has stopped waiting has answered already.
            let _ = waiting.send(outcome);
        }
    }

    /// The connection is gone: no acknowledgement will come over it.
    pub(crate) fn connection_lost(&self) {
        self.state().awaiting.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remember(&mut self, id: &str, at: Timestamp) {
        if self.acknowledged.insert(id.to_owned(), at).is_some() {
            return;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.acknowledged.remove(&oldest);
        }
    }
}

/// The server's error codes are those of HTTP: what it could not do now it may do later.
fn refusal(code: &str) -> SendOutcome {
    match code.parse() {
        Ok(429 | 500..600) => SendOutcome::Unacknowledged,
        Ok(code) => SendOutcome::Refused { code },
        Err(_) => SendOutcome::Refused { code: 0 },
    }
}

#[cfg(test)]
mod tests {
    use blazz_domain::SystemClock;

    use super::*;

    fn ack(id: &str, error: Option<&str>) -> ServerAck {
        ServerAck::builder()
            .id(id.to_owned())
            .class("message".to_owned())
            .maybe_error(error.map(str::to_owned))
            .build()
    }

    #[test]
    fn an_acknowledged_id_is_never_sent_again_and_one_in_flight_is_joined() {
        let sends = Sends::default();
        let Begin::Lead(leader) = sends.begin("A") else { panic!("the first one leads") };
        assert!(matches!(sends.begin("A"), Begin::Join(_)));
        let mut told = sends.await_ack("A");
        sends.settle(&ack("A", None), &SystemClock);
        let outcome = told.try_recv().unwrap();
        sends.finish("A", &leader, outcome);
        assert!(matches!(sends.begin("A"), Begin::Acknowledged(_)));
    }

    #[test]
    fn a_late_ack_counts_and_a_refusal_may_be_tried_again() {
        let sends = Sends::default();
        sends.settle(&ack("LATE", None), &SystemClock);
        assert!(matches!(sends.begin("LATE"), Begin::Acknowledged(_)));
        let mut told = sends.await_ack("NO");
        sends.settle(&ack("NO", Some("479")), &SystemClock);
        assert_eq!(told.try_recv().unwrap(), SendOutcome::Refused { code: 479 });
        assert!(matches!(sends.begin("NO"), Begin::Lead(_)));
        assert_eq!(refusal("503"), SendOutcome::Unacknowledged);
    }

    #[test]
    fn the_memory_is_bounded() {
        let sends = Sends::default();
        for count in 0..REMEMBERED + 10 {
            sends.settle(&ack(&format!("ID{count}"), None), &SystemClock);
        }
        assert_eq!(sends.state().acknowledged.len(), REMEMBERED);
        assert!(matches!(sends.begin("ID0"), Begin::Lead(_)));
        assert!(matches!(sends.begin(&format!("ID{REMEMBERED}")), Begin::Acknowledged(_)));
    }

    #[test]
    fn a_lost_connection_ends_the_waiting() {
        let sends = Sends::default();
        let mut told = sends.await_ack("A");
        sends.connection_lost();
        assert!(told.try_recv().is_err());
    }
}
