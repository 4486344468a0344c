//! When the API last acknowledged a heartbeat, and whether the node counts as alive.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The node's standing with the API.
#[derive(Debug, Default)]
pub(crate) struct Pulse(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    acknowledged: Option<Instant>,
    ttl: Duration,
    number: u64,
    turned: Option<Instant>,
}

impl Pulse {
    /// The loop that registers and reports has come round once more, whatever the API says.
    pub(crate) fn turned(&self) {
        self.state().turned = Some(Instant::now());
    }

    /// Whether that loop has come round within this time.
    pub(crate) fn turned_within(&self, time: Duration) -> bool {
        self.state().turned.is_some_and(|turn| turn.elapsed() <= time)
    }

    /// The number of the next heartbeat; each is used once, answered or not.
    pub(crate) fn next_number(&self) -> u64 {
        let mut state = self.state();
        state.turned = Some(Instant::now());
        state.number += 1;
        state.number
    }

    /// The API takes the node for lost after `ttl` without a heartbeat.
    pub(crate) fn registered(&self, sent: Instant, ttl: Duration) {
        let mut state = self.state();
        state.acknowledged = Some(sent);
        state.ttl = ttl;
    }

    /// A heartbeat was acknowledged that had been sent then.
    pub(crate) fn beat(&self, sent: Instant) {
        self.state().acknowledged = Some(sent);
    }

    /// Time since the last acknowledged heartbeat was sent; `None` before the registration.
    pub(crate) fn age(&self) -> Option<Duration> {
        Some(self.state().acknowledged?.elapsed())
    }

    /// Whether the API knows the node as alive.
    pub(crate) fn is_alive(&self) -> bool {
        let State { acknowledged, ttl, .. } = *self.state();
        acknowledged.is_some_and(|sent| sent.elapsed() < ttl)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_from_one() {
        let pulse = Pulse::default();
        assert_eq!([pulse.next_number(), pulse.next_number()], [1, 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_stands_still_is_noticed() {
        let (pulse, limit) = (Pulse::default(), Duration::from_secs(30));
        assert!(!pulse.turned_within(limit));
        pulse.turned();
        tokio::time::advance(limit).await;
        assert!(pulse.turned_within(limit));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!pulse.turned_within(limit));
        pulse.next_number();
        assert!(pulse.turned_within(limit), "a heartbeat is a turn, answered or not");
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_is_alive_from_its_registration_until_its_time_is_over() {
        let pulse = Pulse::default();
        assert!(!pulse.is_alive() && pulse.age().is_none());
        pulse.registered(Instant::now(), Duration::from_secs(10));
        tokio::time::advance(Duration::from_secs(9)).await;
        assert!(pulse.is_alive());
        let sent = Instant::now();
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!pulse.is_alive());
        pulse.beat(sent);
        assert!(pulse.is_alive());
        assert_eq!(pulse.age(), Some(Duration::from_secs(1)));
    }
}
