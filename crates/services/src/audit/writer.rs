//! One task writes the entries, many in one transaction: a busy API pays for one sync to disk where it would pay for hundreds.
//!
//! Whoever must not answer before its entry is on disk waits for it. What nobody waits for is written within [`LINGER`]; a process that is
//! killed loses that much.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use blazz_database::audit_entries::{self, AuditEntryRow};
use blazz_database::{DatabaseError, Pool};
use blazz_domain::Clock;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::flood::Flood;
use super::record::NewEntry;

/// How long an entry waits for others at most.
const LINGER: Duration = Duration::from_millis(200);
/// How many rows one transaction adds at most.
const AT_ONCE: usize = 256;
/// How many entries may wait while the database is away. What comes on top is lost, and counted.
const BACKLOG: usize = 10_000;
/// How long a call waits until its entry is on disk.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pause before what could not be written is tried again.
const PAUSE: Duration = Duration::from_millis(500);
/// How long the end of the process waits for a database that is away.
const LAST_PATIENCE: Duration = Duration::from_secs(5);

/// Takes entries. Cheap to clone.
#[derive(Clone)]
pub struct Audit {
    clock: Arc<dyn Clock>,
    notes: mpsc::Sender<Note>,
    end: Arc<watch::Sender<bool>>,
    loss: Arc<Loss>,
    writer: Arc<Mutex<Option<JoinHandle<()>>>>,
}

struct Note {
    row: AuditEntryRow,
    /// Told once the row is on disk.
    written: Option<oneshot::Sender<()>>,
}

/// Entries that were not written.
#[derive(Default)]
struct Loss {
    entries: AtomicU64,
    is_told: AtomicBool,
}

impl Audit {
    /// Starts the writer on the caller's runtime.
    #[must_use]
    pub fn start(pool: Pool, clock: Arc<dyn Clock>) -> Self {
        let (notes, receiver) = mpsc::channel(BACKLOG);
        let (end, ending) = watch::channel(false);
        let loss = Arc::new(Loss::default());
        let writer = Writer {
            pool,
            clock: Arc::clone(&clock),
            notes: receiver,
            ending,
            loss: Arc::clone(&loss),
            flood: Flood::default(),
            rows: Vec::new(),
            waiting: Vec::new(),
            due_at: None,
        };
        let writer = Arc::new(Mutex::new(Some(tokio::spawn(writer.run()))));
        Self { clock, notes, end: Arc::new(end), loss, writer }
    }

    /// Writes an entry soon.
    pub fn record(&self, entry: NewEntry) {
        self.take(entry, None);
    }

    /// Writes an entry and comes back when it is on disk. While the database is away: after some seconds, and the entry is tried further.
    pub async fn record_durably(&self, entry: NewEntry) {
        let (written, is_written) = oneshot::channel();
        self.take(entry, Some(written));
        if !matches!(timeout(PATIENCE, is_written).await, Ok(Ok(()))) {
            tracing::error!("an act was answered before its audit entry was written");
        }
    }

    /// How many entries of this process were lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.loss.entries.load(Ordering::Relaxed)
    }

    /// Writes what is left and ends. Nothing is recorded any more.
    pub async fn finish(&self) {
        self.end.send_replace(true);
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer
            && let Err(error) = writer.await
        {
            tracing::error!(%error, "the audit log's writer failed");
        }
    }

    fn take(&self, entry: NewEntry, written: Option<oneshot::Sender<()>>) {
        let note = Note { row: entry.row(self.clock.now()), written };
        match self.notes.try_send(note) {
            Ok(()) => self.loss.is_told.store(false, Ordering::Relaxed),
            Err(_) => self.loss.add(1),
        }
    }
}

impl Loss {
    fn add(&self, entries: usize) {
        self.entries.fetch_add(u64::try_from(entries).unwrap_or(u64::MAX), Ordering::Relaxed);
        // Once per outage.
        if !self.is_told.swap(true, Ordering::Relaxed) {
            tracing::error!("audit entries are lost: they cannot be written, and too many wait");
        }
    }
}

struct Writer {
    pool: Pool,
    clock: Arc<dyn Clock>,
    notes: mpsc::Receiver<Note>,
    ending: watch::Receiver<bool>,
    loss: Arc<Loss>,
    flood: Flood,
    rows: Vec<AuditEntryRow>,
    waiting: Vec<oneshot::Sender<()>>,
    /// When the oldest of `rows` has waited for long enough.
    due_at: Option<Instant>,
}

impl Writer {
    async fn run(mut self) {
        let mut taken = Vec::with_capacity(AT_ONCE);
        loop {
            let wait = self.wait();
            tokio::select! {
                count = self.notes.recv_many(&mut taken, AT_ONCE) => if count == 0 { break },
                () = sleep(wait) => {}
                _ = self.ending.wait_for(|ends| *ends) => break,
            }
            for note in taken.drain(..) {
                self.take(note);
            }
            let sums = self.flood.due(self.clock.now());
            self.add(sums);
            if self.is_due() {
                self.write().await;
            }
        }
        self.notes.close();
        while let Some(note) = self.notes.recv().await {
            self.take(note);
        }
        let sums = self.flood.end();
        self.add(sums);
        self.write().await;
    }

    fn take(&mut self, Note { row, written }: Note) {
        self.waiting.extend(written);
        let row = self.flood.admit(row);
        self.add(row);
    }

    fn add(&mut self, rows: impl IntoIterator<Item = AuditEntryRow>) {
        self.rows.extend(rows);
        if !self.rows.is_empty() {
            self.due_at.get_or_insert_with(|| Instant::now() + LINGER);
        }
    }

    /// How long nothing has to be done.
    fn wait(&self) -> Duration {
        // Sums come due by the clock of day.
        let longest = if self.flood.lasts() { Duration::from_secs(1) } else { Duration::from_secs(3600) };
        self.due_at.map_or(longest, |at| at.saturating_duration_since(Instant::now()).min(longest))
    }

    fn is_due(&self) -> bool {
        let has_lingered = self.due_at.is_some_and(|at| at <= Instant::now());
        has_lingered || !self.waiting.is_empty() || self.rows.len() >= AT_ONCE
    }

    /// Writes the rows, however often that has to be tried; gives up only at the end of the process.
    async fn write(&mut self) {
        let (mut failing, mut last_try) = (false, None);
        while !self.rows.is_empty() {
            let count = self.rows.len().min(AT_ONCE);
            let error = match self.insert(self.rows.get(..count).unwrap_or_default()).await {
                Ok(()) => {
                    self.rows.drain(..count);
                    continue;
                }
                Err(error) => error,
            };
            if !matches!(error, DatabaseError::Unavailable(_)) {
                self.write_singly(count).await;
                continue;
            }
            if !failing {
                failing = true;
                tracing::error!(%error, "audit entries cannot be written; they are tried again");
            }
            if *self.ending.borrow() {
                let last_try = *last_try.get_or_insert_with(|| Instant::now() + LAST_PATIENCE);
                if Instant::now() >= last_try {
                    self.loss.add(self.rows.len());
                    self.rows.clear();
                    break;
                }
                sleep(PAUSE / 5).await;
            } else {
                let _ = timeout(PAUSE, self.ending.wait_for(|ends| *ends)).await;
            }
        }
        self.due_at = None;
        for written in self.waiting.drain(..) {
            // It may wait no more.
            let _ = written.send(());
        }
    }

    /// One row that the database does not take must not keep the others out.
    async fn write_singly(&mut self, count: usize) {
        for row in self.rows.drain(..count).collect::<Vec<_>>() {
            if let Err(error) = self.insert(std::slice::from_ref(&row)).await {
                tracing::error!(%error, request_id = row.request_id, "an audit entry cannot be written");
                self.loss.add(1);
            }
        }
    }

    async fn insert(&self, rows: &[AuditEntryRow]) -> Result<(), DatabaseError> {
        let mut conn = self.pool.get().await?;
        audit_entries::insert(&mut conn, rows).await
    }
}
