//! One flush of the disk for everybody who waits for it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::StoreError;

/// How far a log is on disk, and whether somebody is busy getting it further.
#[derive(Default)]
pub(crate) struct SyncPoint {
    progress: Mutex<Progress>,
    moved: Condvar,
}

#[derive(Default)]
struct Progress {
    reached: u64,
    flushing: bool,
}

impl SyncPoint {
    /// Returns when everything up to `sequence` is on disk. One caller flushes; whoever comes meanwhile waits, and the next flush
    /// covers all of them. `flush` says how far it got.
    pub(crate) fn reach(
        &self,
        sequence: u64,
        flush: impl Fn() -> Result<u64, StoreError>,
    ) -> Result<(), StoreError> {
        let mut progress = self.lock();
        while progress.reached < sequence {
            if progress.flushing {
                progress = self.moved.wait(progress).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            progress.flushing = true;
            drop(progress);
            let outcome = flush();
            progress = self.lock();
            progress.flushing = false;
            self.moved.notify_all();
            progress.reached = progress.reached.max(outcome?);
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Barrier, mpsc};

    use super::*;

    #[test]
    fn those_who_wait_share_one_flush() {
        let point = SyncPoint::default();
        let flushes = AtomicU64::new(0);
        let written = AtomicU64::new(1);
        let started = Barrier::new(2);
        let (go, gate) = mpsc::channel::<()>();
        let gate = Mutex::new(gate);
        let flush = || {
            let covered = written.load(Ordering::SeqCst);
            if flushes.fetch_add(1, Ordering::SeqCst) == 0 {
                started.wait();
                gate.lock().unwrap().recv().unwrap();
            }
            Ok(covered)
        };
        std::thread::scope(|scope| {
            scope.spawn(|| point.reach(1, flush).unwrap());
            started.wait();
            // The first flush is under way and does not cover these.
            written.store(9, Ordering::SeqCst);
            let waiting: Vec<_> = (2..=9)
                .map(|sequence| {
                    scope.spawn({
                        let (point, flush) = (&point, &flush);
                        move || point.reach(sequence, flush).unwrap()
                    })
                })
                .collect();
            go.send(()).unwrap();
            waiting.into_iter().for_each(|thread| thread.join().unwrap());
        });
        assert_eq!(flushes.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_failed_flush_fails_its_caller_and_frees_the_next() {
        let point = SyncPoint::default();
        assert!(matches!(point.reach(1, || Err(StoreError::Broken)), Err(StoreError::Broken)));
        assert!(point.reach(1, || Ok(1)).is_ok());
    }
}
