//! The file of a store: a header, then frames.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::frame::{self, Change, Draft};
use super::index::{Index, Place};
use crate::durable;
use crate::error::{AtPath as _, StoreError};
use crate::seal::Name;

const MAGIC: [u8; 6] = *b"BZstor";
const VERSION: u16 = 1;
/// Magic, version, generation of the key.
const HEADER: usize = 6 + 2 + 4;
/// A file that is written anew gets frames of about this size.
const REWRITTEN_FRAME_BYTES: usize = 256 << 10;

/// An open file.
pub(super) struct Log {
    path: PathBuf,
    file: Arc<File>,
    generation: u32,
    /// Where the next frame goes.
    end: u64,
    /// How much of it is known to be on disk.
    durable: u64,
}

impl Log {
    /// Opens a file with what is in it, or makes a new one for keys of this generation.
    pub(super) fn open(path: PathBuf, generation: u32) -> Result<(Self, Index), StoreError> {
        durable::remove_file(&draft_path(&path))?;
        match OpenOptions::new().read(true).append(true).open(&path) {
            Ok(file) => Self::recover(path, file),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let index = Index::default();
                let mut writer = Rewrite::begin(&path, generation)?;
                writer.flush()?;
                Ok((writer.finish()?, index))
            }
            Err(error) => Err(error).at(&path),
        }
    }

    fn recover(path: PathBuf, mut file: File) -> Result<(Self, Index), StoreError> {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).at(&path)?;
        let generation = parse_header(&bytes).ok_or_else(|| StoreError::UnknownFormat(path.clone()))?;
        let mut index = Index::default();
        let mut at = HEADER;
        while let Some(frame) = bytes.get(at..).and_then(frame::parse) {
            let changes = frame.changes().ok_or_else(|| StoreError::UnknownFormat(path.clone()))?;
            for (change, place) in changes {
                index.take(&change, position(at), place);
            }
            at += frame.size;
        }
        let (end, size) = (position(at), position(bytes.len()));
        if end < size {
            // A later frame that knew these bytes to be on disk: they were not torn off, they were changed.
            if later_frames(&bytes, at).any(|durable| durable > end) {
                return Err(StoreError::Damaged { path, at: end });
            }
            tracing::warn!(path = %path.display(), torn_bytes = size - end, "cutting the torn tail of a session's store");
            file.set_len(end).and_then(|()| file.sync_all()).at(&path)?;
        }
        Ok((Self { path, file: Arc::new(file), generation, end, durable: 0 }, index))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    pub(super) fn generation(&self) -> u32 {
        self.generation
    }

    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Appends a frame; says where it begins. After a failure the file is as it was, or the error is [`StoreError::Broken`].
    pub(super) fn append(&mut self, draft: Draft) -> Result<u64, StoreError> {
        let bytes = draft.finish(self.durable)?;
        let mut file: &File = &self.file;
        if let Err(error) = file.write_all(&bytes) {
            file.set_len(self.end).map_err(|_| StoreError::Broken)?;
            return Err(error).at(&self.path);
        }
        let begin = self.end;
        self.end += position(bytes.len());
        Ok(begin)
    }

    /// A flush of this file has covered it up to `end`.
    pub(super) fn reached_disk(&mut self, file: &Arc<File>, end: u64) {
        if Arc::ptr_eq(&self.file, file) {
            self.durable = self.durable.max(end);
        }
    }

    /// Writes the entries of `index` into a new file, each as `change` gives it, and takes that in place of the old one in one step.
    pub(super) fn rewrite(
        &mut self,
        generation: u32,
        index: &Index,
        mut change: impl FnMut(Name, u32, Vec<u8>) -> Result<(Name, Vec<u8>), StoreError>,
    ) -> Result<Index, StoreError> {
        let mut writer = Rewrite::begin(&self.path, generation)?;
        let mut rewritten = Index::default();
        for (name, place) in index.iter() {
            let sealed = read_place(&self.file, &self.path, &place)?;
            let (name, sealed) = change(name, place.stamp, sealed)?;
            writer.put(&mut rewritten, &Change::Put { name, stamp: place.stamp, sealed: &sealed })?;
        }
        writer.flush()?;
        *self = writer.finish()?;
        Ok(rewritten)
    }
}

/// Reads what lies in a place.
pub(super) fn read_place(file: &File, path: &Path, place: &Place) -> Result<Vec<u8>, StoreError> {
    let mut bytes = vec![0; usize::try_from(place.length).map_err(|_| StoreError::TooLarge)?];
    file.read_exact_at(&mut bytes, place.at.into()).at(path)?;
    Ok(bytes)
}

/// A file that is being written beside the one it will replace.
struct Rewrite {
    path: PathBuf,
    file: File,
    generation: u32,
    draft: Draft,
    end: u64,
}

impl Rewrite {
    fn begin(path: &Path, generation: u32) -> Result<Self, StoreError> {
        let draft = draft_path(path);
        durable::remove_file(&draft)?;
        let mut options = OpenOptions::new();
        let mut file =
            options.read(true).append(true).create_new(true).mode(0o600).open(&draft).at(&draft)?;
        file.write_all(&header(generation)).at(&draft)?;
        Ok(Self { path: path.to_owned(), file, generation, draft: Draft::new(), end: position(HEADER) })
    }

    fn put(&mut self, index: &mut Index, change: &Change<'_>) -> Result<(), StoreError> {
        let place = self.draft.add(change)?;
        index.take(change, self.end, place);
        if self.draft.len() >= REWRITTEN_FRAME_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let draft = std::mem::replace(&mut self.draft, Draft::new());
        if !draft.is_empty() {
            let bytes = draft.finish(0)?;
            self.file.write_all(&bytes).at(&self.path)?;
            self.end += position(bytes.len());
        }
        Ok(())
    }

    /// Takes the place of the old file. Both contents are whole at every moment. After [`StoreError::Broken`] nobody knows which of the two
    /// has the name: what is written into the old one may be lost.
    fn finish(self) -> Result<Log, StoreError> {
        let draft = draft_path(&self.path);
        self.file.sync_all().at(&draft)?;
        let renamed = fs::rename(&draft, &self.path).at(&self.path);
        let parent = self.path.parent();
        renamed.and_then(|()| parent.map_or(Ok(()), durable::sync_directory)).map_err(|error| {
            tracing::error!(error = format!("{error:?}"), path = %self.path.display(), "a session's store may have been replaced or not");
            StoreError::Broken
        })?;
        let Self { path, file, generation, end, .. } = self;
        Ok(Log { path, file: Arc::new(file), generation, end, durable: end })
    }
}

fn draft_path(path: &Path) -> PathBuf {
    path.with_extension("draft")
}

fn header(generation: u32) -> Vec<u8> {
    [MAGIC.as_slice(), &VERSION.to_le_bytes(), &generation.to_le_bytes()].concat()
}

fn parse_header(bytes: &[u8]) -> Option<u32> {
    let rest = bytes.strip_prefix(&MAGIC)?;
    let (version, rest) = rest.split_first_chunk::<2>()?;
    let (generation, _) = rest.split_first_chunk::<4>()?;
    (u16::from_le_bytes(*version) == VERSION).then(|| u32::from_le_bytes(*generation))
}

/// What the whole frames behind `from` knew to be on disk.
fn later_frames(bytes: &[u8], from: usize) -> impl Iterator<Item = u64> + '_ {
    let mut at = from;
    std::iter::from_fn(move || {
        let (begin, frame) = frame::find(bytes, at)?;
        at = begin + frame.size;
        Some(frame.durable)
    })
}

/// A length or an offset in a file.
fn position(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
