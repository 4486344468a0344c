//! The durable outbox of a session: an append-only log that is read from the front and deleted as it is acknowledged.
//!
//! Every opening mints a new outbox, whose sequence counts from 1; what earlier openings left is drained first. An outbox
//! is cut into segments, so that it stays small even when it never runs empty. The position that was acknowledged is not kept on
//! disk: after a crash at most one segment is read again, and the API knows what it has.

mod record;
mod segment;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use blazz_domain::{Epoch, OutboxId};
use tokio::sync::Notify;

pub use self::record::MAX_ENTRY_BYTES;
use self::segment::{Header, Segment};
use crate::error::{AtPath as _, StoreError};
use crate::lock::SessionLock;
use crate::sync::SyncPoint;

/// A segment that has grown to this is followed by another.
const SEGMENT_BYTES: u64 = 4 << 20;
/// A segment whose every record is acknowledged is deleted when it has grown to this, instead of being written on.
const DRAINED_SEGMENT_BYTES: u64 = 64 << 10;

/// What an append promises when it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The entry survives a loss of power. Appends at the same time share one flush of the disk.
    Synced,
    /// The entry survives the end of the process; [`Outboxes::sync`] does the rest.
    Written,
}

/// Entries of one outbox, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Which outbox.
    pub outbox_id: OutboxId,
    /// The grant under which its writer held the session.
    pub written_under: Epoch,
    /// The entries with their sequences, which have no gap.
    pub entries: Vec<(u64, Vec<u8>)>,
}

/// The outboxes of one open session: one being written, and those that earlier openings left.
pub struct Outboxes {
    state: Mutex<State>,
    /// Entries that are not acknowledged: to be read without the state, which is held while a disk works.
    pending: AtomicU64,
    synced: SyncPoint,
    grew: Notify,
    // Keeps the session's directory ours while anybody can still append.
    _lock: Arc<SessionLock>,
}

struct State {
    directory: PathBuf,
    header: Header,
    /// The order of the last segment.
    order: u64,
    /// The sequence of the last entry appended.
    last: u64,
    /// Oldest first; the last one may be open.
    segments: VecDeque<Segment>,
    broken: bool,
}

impl Outboxes {
    pub(crate) fn open(directory: PathBuf, epoch: Epoch, lock: Arc<SessionLock>) -> Result<Self, StoreError> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&directory).at(&directory)? {
            let entry = entry.at(&directory)?;
            if let Some(order) = entry.file_name().to_str().and_then(order_of) {
                names.push((order, entry.path()));
            }
        }
        names.sort();
        let order = names.last().map_or(0, |(order, _)| *order);
        let mut segments = VecDeque::new();
        for (_, path) in names {
            segments.extend(Segment::recover(path)?);
        }
        let header = Header { outbox_id: OutboxId::new(), written_under: epoch };
        let state = State { directory, header, order, last: 0, segments, broken: false };
        Ok(Self {
            pending: AtomicU64::new(state.pending()),
            state: Mutex::new(state),
            synced: SyncPoint::default(),
            grew: Notify::new(),
            _lock: lock,
        })
    }

    /// Appends an entry; returns its sequence.
    ///
    /// # Errors
    /// When it could not be written, or not made as durable as asked: then it counts as not appended, though it may come
    /// out of [`Outboxes::next_batch`].
    pub fn append(&self, entry: &[u8], durability: Durability) -> Result<u64, StoreError> {
        let sequence = self.write(entry)?;
        self.grew.notify_one();
        if durability == Durability::Synced {
            self.sync_to(sequence)?;
        }
        Ok(sequence)
    }

    /// Makes everything appended so far survive a loss of power.
    ///
    /// # Errors
    /// When the disk fails; the outbox takes nothing more then.
    pub fn sync(&self) -> Result<(), StoreError> {
        let last = self.state().last;
        self.sync_to(last)
    }

    /// The oldest entries that are not acknowledged: of one outbox, as many as fit, at least one if there is any. Where an entry was
    /// lost to damage a batch ends: within a batch there is no gap, between two there may be one.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn next_batch(&self, max_entries: usize, max_bytes: usize) -> Result<Option<Batch>, StoreError> {
        let mut state = self.state();
        loop {
            let Some(segment) = state.segments.iter().find(|segment| segment.pending > 0) else {
                return Ok(None);
            };
            let entries = segment.read(max_entries, max_bytes)?;
            if !entries.is_empty() {
                let Header { outbox_id, written_under } = segment.header;
                let entries = entries.into_iter().map(|entry| (entry.sequence, entry.bytes)).collect();
                return Ok(Some(Batch { outbox_id, written_under, entries }));
            }
            state.give_up_unreadable();
            self.count(&state);
        }
    }

    /// The API has every entry of this outbox up to `sequence`.
    ///
    /// # Errors
    /// When a file cannot be read or deleted.
    pub fn acknowledge(&self, outbox_id: OutboxId, sequence: u64) -> Result<(), StoreError> {
        let mut state = self.state();
        let acknowledged = state.acknowledge(outbox_id, sequence);
        self.count(&state);
        acknowledged
    }

    /// Waits until something was appended since the last time this returned. For one waiter.
    pub async fn changed(&self) {
        self.grew.notified().await;
    }

    /// Whether a write or a flush failed so that nothing more is taken: only a new opening helps.
    pub fn is_broken(&self) -> bool {
        self.state().broken
    }

    /// How many entries are not acknowledged. Never waits.
    pub fn pending(&self) -> u64 {
        self.pending.load(Ordering::SeqCst)
    }

    /// The outbox that this opening writes.
    pub fn outbox_id(&self) -> OutboxId {
        self.state().header.outbox_id
    }

    fn write(&self, entry: &[u8]) -> Result<u64, StoreError> {
        let mut state = self.state();
        let sequence = state.append(entry)?;
        self.count(&state);
        Ok(sequence)
    }

    fn count(&self, state: &State) {
        self.pending.store(state.pending(), Ordering::SeqCst);
    }

    fn sync_to(&self, sequence: u64) -> Result<(), StoreError> {
        self.synced.reach(sequence, || {
            let (open, last) = self.state().flushable()?;
            if let Some((file, path)) = open
                && let Err(error) = file.sync_data()
            {
                // What a failed flush left in the page cache nobody knows: the next one might succeed and mean nothing.
                self.state().broken = true;
                return Err(error).at(&path);
            }
            Ok(last)
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Outboxes {
    /// Deletes the segment being written when nobody needs it any more.
    fn drop(&mut self) {
        let state = self.state();
        for segment in state.segments.iter().filter(|segment| segment.pending == 0) {
            if let Err(error) = segment.remove() {
                tracing::warn!(%error, "an acknowledged outbox file could not be deleted");
            }
        }
    }
}

impl State {
    fn pending(&self) -> u64 {
        self.segments.iter().map(|segment| segment.pending).sum()
    }

    fn append(&mut self, entry: &[u8]) -> Result<u64, StoreError> {
        if self.broken {
            return Err(StoreError::Broken);
        }
        let sequence = self.last + 1;
        let record = record::encode(sequence, entry)?;
        let appended = self.open_segment()?.append(sequence, &record);
        match appended {
            Ok(()) => self.last = sequence,
            Err(ref error) => self.broken = matches!(error, StoreError::Broken),
        }
        appended.map(|()| sequence)
    }

    /// The segment to write into; a full one is closed, which puts it on disk, before the next one begins.
    fn open_segment(&mut self) -> Result<&mut Segment, StoreError> {
        let has_room = |segment: &Segment| segment.is_open() && segment.size() < SEGMENT_BYTES;
        if !self.segments.back().is_some_and(has_room) {
            let closed = self.segments.back_mut().map_or(Ok(()), Segment::close);
            self.broken = closed.is_err();
            closed?;
            // Counted first: should it fail, the next attempt takes another name.
            self.order += 1;
            let segment = Segment::create(&self.directory, self.order, self.header)?;
            self.segments.push_back(segment);
        }
        self.segments.back_mut().ok_or(StoreError::Broken)
    }

    /// The file that is not on disk yet, and the last sequence that a flush of it covers.
    #[expect(clippy::type_complexity, reason = "used once, right above")]
    fn flushable(&self) -> Result<(Option<(Arc<std::fs::File>, PathBuf)>, u64), StoreError> {
        if self.broken {
            return Err(StoreError::Broken);
        }
        let open =
            self.segments.back().and_then(|segment| Some((segment.file()?, segment.path().to_owned())));
        Ok((open, self.last))
    }

    fn acknowledge(&mut self, outbox_id: OutboxId, sequence: u64) -> Result<(), StoreError> {
        for segment in self.segments.iter_mut().filter(|segment| segment.header.outbox_id == outbox_id) {
            if segment.pending > 0 && segment.acknowledge(sequence)? == 0 {
                break;
            }
        }
        self.remove_drained()
    }

    /// Deletes segments that are all acknowledged; a small one that is being written stays.
    fn remove_drained(&mut self) -> Result<(), StoreError> {
        let is_done = |segment: &Segment| {
            segment.pending == 0 && (!segment.is_open() || segment.size() >= DRAINED_SEGMENT_BYTES)
        };
        for segment in self.segments.iter().filter(|segment| is_done(segment)) {
            segment.remove()?;
        }
        self.segments.retain(|segment| !is_done(segment));
        Ok(())
    }

    /// The first pending segment has nothing left that can be read: its disk lost what it once held.
    fn give_up_unreadable(&mut self) {
        if let Some(segment) = self.segments.iter_mut().find(|segment| segment.pending > 0) {
            tracing::error!(
                outbox.id = %segment.header.outbox_id, outbox.lost_entries = segment.pending,
                "entries of an outbox file can no longer be read"
            );
            segment.pending = 0;
        }
    }
}

/// The order in a segment's file name.
fn order_of(name: &str) -> Option<u64> {
    let (order, rest) = name.split_once('-')?;
    rest.strip_suffix(".log")?.parse::<OutboxId>().ok()?;
    u64::from_str_radix(order, 16).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn how_many_wait_is_told_while_the_disk_works() {
        let directory = tempfile::tempdir().unwrap();
        let lock = Arc::new(SessionLock::take(directory.path()).unwrap());
        let outboxes = Outboxes::open(directory.path().to_owned(), Epoch(1), lock).unwrap();
        let outboxes = Arc::new(outboxes);
        outboxes.append(b"one", Durability::Written).unwrap();
        let working = outboxes.state();
        let (tell, told) = mpsc::channel();
        let asked = Arc::clone(&outboxes);
        std::thread::spawn(move || tell.send(asked.pending()));
        assert_eq!(told.recv_timeout(Duration::from_secs(10)), Ok(1));
        drop(working);
        outboxes.acknowledge(outboxes.outbox_id(), 1).unwrap();
        assert_eq!(outboxes.pending(), 0);
    }
}
