//! The numbers that order a session's reports.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use blazz_domain::{Incarnation, StateNumber};

/// Hands out rising state numbers. Clones count on together, so that a session restarted in the same process never
/// reports under a number that it has used before.
#[derive(Debug, Clone)]
pub struct StateNumbers {
    incarnation: Incarnation,
    next: Arc<AtomicU32>,
}

impl StateNumbers {
    /// Numbers of this start of the node, beginning with `first`.
    #[must_use]
    pub fn new(incarnation: Incarnation, first: u32) -> Self {
        Self { incarnation, next: Arc::new(AtomicU32::new(first)) }
    }

    /// The next number.
    #[must_use]
    pub fn next(&self) -> StateNumber {
        StateNumber::new(self.incarnation, self.next.fetch_add(1, Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_count_on_together() {
        let numbers = StateNumbers::new(Incarnation(7), 3);
        let again = numbers.clone();
        assert_eq!(numbers.next(), StateNumber::new(Incarnation(7), 3));
        assert!(again.next() < numbers.next());
        assert!(StateNumbers::new(Incarnation(8), 0).next() > numbers.next());
    }
}
