//! One file of an outbox: a header, then records. Written once, read from the front, deleted when all of it is acknowledged.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use blazz_domain::{Epoch, OutboxId};
use uuid::Uuid;

use super::record;
use crate::durable;
use crate::error::{AtPath as _, StoreError};

const MAGIC: [u8; 6] = *b"BZobox";
const VERSION: u16 = 1;
/// Magic, version, outbox id, epoch.
const HEADER: usize = 6 + 2 + 16 + 8;
/// No file that we wrote is larger.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// Which outbox a file belongs to, and who wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) outbox_id: OutboxId,
    pub(super) written_under: Epoch,
}

/// One file of an outbox.
pub(super) struct Segment {
    path: PathBuf,
    pub(super) header: Header,
    /// The file, while it is the one being written.
    writing: Option<Arc<File>>,
    /// Where the next record goes.
    end: u64,
    /// Where the first record that is not acknowledged may begin.
    unacknowledged_at: u64,
    /// Records that are not acknowledged.
    pub(super) pending: u64,
    /// The highest sequence in it.
    last: u64,
}

/// A record read from a segment.
pub(super) struct Entry {
    pub(super) sequence: u64,
    pub(super) bytes: Vec<u8>,
    end: u64,
}

impl Entry {
    fn precedes(&self, record: &record::Record<'_>) -> bool {
        self.sequence.checked_add(1) == Some(record.sequence)
    }
}

impl Segment {
    /// A new file; its entry in the directory is on disk on return.
    pub(super) fn create(directory: &Path, order: u64, header: Header) -> Result<Self, StoreError> {
        let path = directory.join(format!("{order:016x}-{}.log", header.outbox_id));
        let mut file = durable::create_file(&path)?;
        file.write_all(&header.encode()).at(&path)?;
        durable::sync_directory(directory)?;
        let end = u64::try_from(HEADER).unwrap_or_default();
        let writing = Some(Arc::new(file));
        Ok(Self { path, header, writing, end, unacknowledged_at: end, pending: 0, last: 0 })
    }

    /// Reads what an earlier owner left. A torn tail is cut off; a file without a whole record is removed (`None`).
    pub(super) fn recover(path: PathBuf) -> Result<Option<Self>, StoreError> {
        let file = OpenOptions::new().read(true).write(true).open(&path).at(&path)?;
        let size = file.metadata().at(&path)?.len();
        let bytes = read(&file, 0, size.min(MAX_FILE_BYTES)).at(&path)?;
        let Some(header) = Header::parse(&bytes) else {
            return Self::discard(&path, &bytes);
        };
        let mut segment = Self {
            path,
            header,
            writing: None,
            end: 0,
            unacknowledged_at: u64::try_from(HEADER).unwrap_or_default(),
            pending: 0,
            last: 0,
        };
        let mut at = HEADER;
        let mut damaged = 0_usize;
        while let Some(record) = record::next(&bytes, at) {
            damaged += record.end - at - record::HEAD - record.entry.len();
            at = record.end;
            segment.pending += 1;
            segment.last = segment.last.max(record.sequence);
        }
        segment.end = u64::try_from(at).unwrap_or(size);
        if damaged > 0 {
            tracing::error!(
                outbox.id = %header.outbox_id, outbox.damaged_bytes = damaged,
                "an outbox file is damaged in the middle; what follows is kept"
            );
        }
        if segment.end < size {
            tracing::warn!(
                outbox.id = %header.outbox_id, outbox.torn_bytes = size - segment.end,
                "cutting the torn tail of an outbox file"
            );
            file.set_len(segment.end).and_then(|()| file.sync_all()).at(&segment.path)?;
        }
        if segment.pending == 0 {
            segment.remove()?;
            return Ok(None);
        }
        Ok(Some(segment))
    }

    /// A file without a header of ours: empty ones are left over from a crash; others are kept for a person to look at.
    fn discard(path: &Path, bytes: &[u8]) -> Result<Option<Self>, StoreError> {
        if bytes.len() < HEADER {
            durable::remove_file(path)?;
        } else {
            tracing::error!("an outbox file has an unknown header; it is left alone");
        }
        Ok(None)
    }

    /// Appends a record. After a failure the file is as it was, or the error is [`StoreError::Broken`].
    pub(super) fn append(&mut self, sequence: u64, record: &[u8]) -> Result<(), StoreError> {
        let mut file: &File = self.writing.as_ref().ok_or(StoreError::Broken)?;
        if let Err(error) = file.write_all(record) {
            file.set_len(self.end).map_err(|_| StoreError::Broken)?;
            return Err(error).at(&self.path);
        }
        self.end += u64::try_from(record.len()).unwrap_or_default();
        self.pending += 1;
        self.last = sequence;
        Ok(())
    }

    /// The file to put on disk.
    pub(super) fn file(&self) -> Option<Arc<File>> {
        self.writing.clone()
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How large it is.
    pub(super) fn size(&self) -> u64 {
        self.end
    }

    /// Whether it is still being written.
    pub(super) fn is_open(&self) -> bool {
        self.writing.is_some()
    }

    /// Nothing more will be written into it: puts it on disk.
    pub(super) fn close(&mut self) -> Result<(), StoreError> {
        match self.writing.take() {
            Some(file) => file.sync_data().at(&self.path),
            None => Ok(()),
        }
    }

    /// The oldest records that are not acknowledged: as many as fit, but at least one. They have sequences without a gap; what
    /// follows a damaged record comes the next time.
    pub(super) fn read(&self, max_entries: usize, max_bytes: usize) -> Result<Vec<Entry>, StoreError> {
        let rest = self.end.saturating_sub(self.unacknowledged_at);
        let window = u64::try_from(max_bytes.max(record::HEAD + record::MAX_ENTRY_BYTES)).unwrap_or(rest);
        let entries = self.read_window(window.min(rest), max_entries, max_bytes)?;
        // Nothing whole in the window: there is damage that is longer than it.
        if entries.is_empty() && window < rest {
            return self.read_window(rest, max_entries, max_bytes);
        }
        Ok(entries)
    }

    fn read_window(
        &self,
        window: u64,
        max_entries: usize,
        max_bytes: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let bytes = match &self.writing {
            Some(file) => read(file, self.unacknowledged_at, window),
            None => File::open(&self.path).and_then(|file| read(&file, self.unacknowledged_at, window)),
        }
        .at(&self.path)?;
        let mut entries = Vec::new();
        let mut at = 0;
        let mut taken = 0_usize;
        while entries.len() < max_entries.max(1) {
            let Some(record) = record::next(&bytes, at) else { break };
            taken += record.entry.len();
            if entries.last().is_some_and(|last: &Entry| taken > max_bytes || !last.precedes(&record)) {
                break;
            }
            at = record.end;
            entries.push(Entry {
                sequence: record.sequence,
                bytes: record.entry.to_vec(),
                end: self.unacknowledged_at + u64::try_from(record.end).unwrap_or_default(),
            });
        }
        Ok(entries)
    }

    /// Takes everything up to `sequence` as acknowledged; returns how many records that were.
    pub(super) fn acknowledge(&mut self, sequence: u64) -> Result<u64, StoreError> {
        if sequence >= self.last {
            self.unacknowledged_at = self.end;
            return Ok(std::mem::take(&mut self.pending));
        }
        let mut count = 0;
        loop {
            let entries = self.read(1024, record::MAX_ENTRY_BYTES)?;
            let Some(reached) = entries.iter().take_while(|entry| entry.sequence <= sequence).last() else {
                return Ok(count);
            };
            let taken = entries.iter().take_while(|entry| entry.sequence <= sequence).count();
            self.unacknowledged_at = reached.end;
            let taken = u64::try_from(taken).unwrap_or_default();
            self.pending = self.pending.saturating_sub(taken);
            count += taken;
        }
    }

    /// Deletes the file.
    pub(super) fn remove(&self) -> Result<(), StoreError> {
        durable::remove_file(&self.path)
    }
}

impl Header {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(self.outbox_id.0.as_bytes());
        bytes.extend_from_slice(&self.written_under.0.to_le_bytes());
        bytes
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(&MAGIC)?;
        let (version, rest) = rest.split_first_chunk::<2>()?;
        let (id, rest) = rest.split_first_chunk::<16>()?;
        let (epoch, _) = rest.split_first_chunk::<8>()?;
        (u16::from_le_bytes(*version) == VERSION).then(|| Self {
            outbox_id: OutboxId(Uuid::from_bytes(*id)),
            written_under: Epoch(i64::from_le_bytes(*epoch)),
        })
    }
}

fn read(file: &File, offset: u64, length: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(bytes)
}
