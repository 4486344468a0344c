//! The store of a session: small tables of sealed values in one append-only file.
//!
//! Memory holds where each value lies, not the values. What is changed together is one frame: after a crash all of it is there or nothing, and
//! nothing that came later is there without it. When more of the file is dead than alive it is written anew beside itself and renamed. One
//! process writes; there is no lock file, no shared memory and nothing beside the file.

mod entry;
mod frame;
mod index;
mod log;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use blazz_domain::AccountId;

pub use self::entry::Entry;
pub use self::frame::MAX_VALUE_BYTES;
use self::frame::{Change, Draft};
use self::index::{Index, Place};
use self::log::Log;
use crate::error::{AtPath as _, StoreError};
use crate::lock::SessionLock;
use crate::outbox::Durability;
use crate::seal::{Name, SealingKey};
use crate::sync::SyncPoint;

/// Below this a file is not written anew, however much of it is dead.
const SMALL: u64 = 64 << 10;
/// The largest file.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// The keys that stores of a workspace are sealed with.
#[derive(Debug, Clone)]
pub struct SealingKeys {
    /// What is written is sealed with this.
    pub current: Arc<SealingKey>,
    /// What may still be sealed with these is sealed anew when it is opened.
    pub older: Vec<Arc<SealingKey>>,
}

impl SealingKeys {
    fn of_generation(&self, generation: u32) -> Result<&Arc<SealingKey>, StoreError> {
        let mut all = std::iter::once(&self.current).chain(&self.older);
        all.find(|key| key.generation() == generation).ok_or(StoreError::UnknownKey { generation })
    }
}

/// Changes that are made together.
#[derive(Debug, Clone, Default)]
pub struct Changes(Vec<Wish>);

#[derive(Debug, Clone)]
enum Wish {
    Put { table: u8, entry: Entry },
    Delete { table: u8, key: Vec<u8> },
    Clear { table: u8 },
}

impl Changes {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives `key` a value.
    pub fn put(&mut self, table: u8, key: impl Into<Vec<u8>>, stamp: u32, value: impl Into<Vec<u8>>) {
        self.0.push(Wish::Put { table, entry: Entry { key: key.into(), stamp, value: value.into() } });
    }

    /// Takes away `key` with its value.
    pub fn delete(&mut self, table: u8, key: impl Into<Vec<u8>>) {
        self.0.push(Wish::Delete { table, key: key.into() });
    }

    /// Empties a table.
    pub fn clear(&mut self, table: u8) {
        self.0.push(Wish::Clear { table });
    }
}

/// How large a store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreSize {
    /// How many entries it has.
    pub entries: usize,
    /// Bytes on disk.
    pub disk_bytes: u64,
    /// Bytes of memory, about.
    pub memory_bytes: usize,
}

/// The open store of one session. Everything here blocks.
pub struct Store {
    account: AccountId,
    key: Arc<SealingKey>,
    state: Mutex<State>,
    synced: SyncPoint,
    // Keeps the session's directory ours while anybody can still write.
    _lock: Arc<SessionLock>,
}

struct State {
    log: Log,
    index: Index,
    /// How many frames were written since it was opened.
    written: u64,
    /// Writing it anew is tried again when it has grown to this.
    compact_at: u64,
    broken: bool,
}

impl Store {
    /// Opens the store in `path`, or a new one. A tail that a loss of power has torn is cut off; what was sealed with an older key is sealed
    /// anew.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when something is missing that was promised to be there, [`StoreError::UnknownKey`] when none of the keys fits.
    pub(crate) fn open(
        path: PathBuf,
        account: AccountId,
        keys: &SealingKeys,
        lock: Arc<SessionLock>,
    ) -> Result<Self, StoreError> {
        let (log, index) = Log::open(path, keys.current.generation())?;
        let key = Arc::clone(keys.of_generation(log.generation())?);
        let mut state = State { log, index, written: 0, compact_at: 0, broken: false };
        if key.generation() != keys.current.generation() {
            state.rewrite(account, &key, &keys.current)?;
        }
        let key = Arc::clone(&keys.current);
        Ok(Self { account, key, state: Mutex::new(state), synced: SyncPoint::default(), _lock: lock })
    }

    /// The value of `key`.
    ///
    /// # Errors
    /// When it cannot be read or opened.
    pub fn get(&self, table: u8, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.entry(&self.key.name(self.account, table, key))?.map(|entry| entry.value))
    }

    /// Whether there is a value. Reads nothing.
    #[must_use]
    pub fn contains(&self, table: u8, key: &[u8]) -> bool {
        self.state().index.get(&self.key.name(self.account, table, key)).is_some()
    }

    /// Every entry of a table, in no order that means anything.
    ///
    /// # Errors
    /// When one cannot be read or opened.
    pub fn entries(&self, table: u8) -> Result<Vec<Entry>, StoreError> {
        let (places, file, path) = {
            let state = self.state();
            let places: Vec<_> = state.index.table(table).collect();
            (places, state.log.file(), state.log.path().to_owned())
        };
        places.iter().map(|(name, place)| self.read(&file, &path, name, place)).collect()
    }

    /// The highest stamp of a table. Reads nothing.
    #[must_use]
    pub fn highest_stamp(&self, table: u8) -> Option<u32> {
        self.state().index.table(table).map(|(_, place)| place.stamp).max()
    }

    /// Makes changes, all or none.
    ///
    /// # Errors
    /// When they could not be written, or not made as durable as asked; the store takes nothing more if nobody can say how much of them is
    /// on disk.
    pub fn apply(&self, changes: Changes, durability: Durability) -> Result<(), StoreError> {
        // Sealed before anybody has to wait for it.
        let sealed = changes.0.into_iter().map(|wish| self.seal(wish)).collect::<Result<Vec<_>, _>>()?;
        let written = self.state().append(sealed)?;
        self.settle(written, durability)
    }

    /// Replaces a value by what `change` makes of it; nobody else changes it meanwhile. `None` leaves it as it is.
    ///
    /// # Errors
    /// As [`Store::get`] and [`Store::apply`].
    pub fn update(
        &self,
        table: u8,
        key: &[u8],
        durability: Durability,
        change: impl FnOnce(Option<Vec<u8>>) -> Option<(u32, Vec<u8>)>,
    ) -> Result<(), StoreError> {
        let name = self.key.name(self.account, table, key);
        let mut state = self.state();
        let old = match state.index.get(&name) {
            Some(place) => Some(self.read(&state.log.file(), state.log.path(), &name, &place)?.value),
            None => None,
        };
        let Some((stamp, value)) = change(old) else { return Ok(()) };
        let wish = Wish::Put { table, entry: Entry { key: key.to_vec(), stamp, value } };
        let written = state.append(vec![self.seal(wish)?])?;
        drop(state);
        self.settle(written, durability)
    }

    /// Takes away a value and gives it to whoever was first to ask.
    ///
    /// # Errors
    /// As [`Store::get`] and [`Store::apply`].
    pub fn take(&self, table: u8, key: &[u8], durability: Durability) -> Result<Option<Vec<u8>>, StoreError> {
        let name = self.key.name(self.account, table, key);
        let mut state = self.state();
        let Some(place) = state.index.get(&name) else { return Ok(None) };
        let value = self.read(&state.log.file(), state.log.path(), &name, &place)?.value;
        let written = state.append(vec![Sealed::Delete(name)])?;
        drop(state);
        self.settle(written, durability)?;
        Ok(Some(value))
    }

    /// Takes away the entries of a table whose stamp is below `before`, but for those with none (0). Says how many.
    ///
    /// # Errors
    /// As [`Store::apply`].
    pub fn delete_older(&self, table: u8, before: u32) -> Result<usize, StoreError> {
        let mut state = self.state();
        let old = state.index.table(table).filter(|(_, place)| place.stamp != 0 && place.stamp < before);
        let deletions: Vec<Sealed> = old.map(|(name, _)| Sealed::Delete(name)).collect();
        let count = deletions.len();
        state.append(deletions)?;
        Ok(count)
    }

    /// Makes everything written so far survive a loss of power.
    ///
    /// # Errors
    /// When the disk fails; the store takes nothing more then.
    pub fn sync(&self) -> Result<(), StoreError> {
        let written = self.state().written;
        self.settle(written, Durability::Synced)
    }

    /// How large it is.
    #[must_use]
    pub fn size(&self) -> StoreSize {
        let state = self.state();
        StoreSize {
            entries: state.index.len(),
            disk_bytes: state.log.end(),
            memory_bytes: state.index.memory_bytes(),
        }
    }

    fn entry(&self, name: &Name) -> Result<Option<Entry>, StoreError> {
        let (place, file, path) = {
            let state = self.state();
            let Some(place) = state.index.get(name) else { return Ok(None) };
            (place, state.log.file(), state.log.path().to_owned())
        };
        self.read(&file, &path, name, &place).map(Some)
    }

    fn read(&self, file: &File, path: &Path, name: &Name, place: &Place) -> Result<Entry, StoreError> {
        Entry::read(file, path, (self.account, &self.key), name, place)
    }

    fn seal(&self, wish: Wish) -> Result<Sealed, StoreError> {
        let name = |table, key: &[u8]| self.key.name(self.account, table, key);
        Ok(match wish {
            Wish::Put { table, entry } => {
                let name = name(table, &entry.key);
                Sealed::Put { name, stamp: entry.stamp, sealed: entry.seal(self.account, &self.key, &name)? }
            }
            Wish::Delete { table, key } => Sealed::Delete(name(table, &key)),
            Wish::Clear { table } => Sealed::Clear(table),
        })
    }

    fn settle(&self, written: u64, durability: Durability) -> Result<(), StoreError> {
        match durability {
            Durability::Written => Ok(()),
            Durability::Synced => self.synced.reach(written, || self.flush()),
        }
    }

    /// Puts the file on disk; says how many frames that covers.
    fn flush(&self) -> Result<u64, StoreError> {
        let (file, path, written, end) = {
            let state = self.state();
            state.usable()?;
            (state.log.file(), state.log.path().to_owned(), state.written, state.log.end())
        };
        let done = file.sync_data().at(&path);
        let mut state = self.state();
        match done {
            Ok(()) => state.log.reached_disk(&file, end),
            // What the kernel could not write it may have forgotten: a second flush that succeeds would prove nothing.
            Err(error) => {
                state.broken = true;
                return Err(error);
            }
        }
        Ok(written)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A change that is ready to be written.
enum Sealed {
    Put { name: Name, stamp: u32, sealed: Vec<u8> },
    Delete(Name),
    Clear(u8),
}

impl Sealed {
    fn change(&self) -> Change<'_> {
        match self {
            Self::Put { name, stamp, sealed } => Change::Put { name: *name, stamp: *stamp, sealed },
            Self::Delete(name) => Change::Delete { name: *name },
            Self::Clear(table) => Change::Clear { table: *table },
        }
    }
}

impl State {
    fn usable(&self) -> Result<(), StoreError> {
        if self.broken { Err(StoreError::Broken) } else { Ok(()) }
    }

    /// Writes changes as one frame; says how many frames there are now.
    fn append(&mut self, changes: Vec<Sealed>) -> Result<u64, StoreError> {
        self.usable()?;
        let mut draft = Draft::new();
        let mut places = Vec::with_capacity(changes.len());
        for change in &changes {
            places.push(draft.add(&change.change())?);
        }
        if draft.is_empty() {
            return Ok(self.written);
        }
        if self.log.end() + u64::try_from(draft.len()).unwrap_or(u64::MAX) > MAX_FILE_BYTES {
            return Err(StoreError::TooLarge);
        }
        let begin = match self.log.append(draft) {
            Ok(begin) => begin,
            Err(error) => {
                self.broken = matches!(error, StoreError::Broken);
                return Err(error);
            }
        };
        self.written += 1;
        for (change, place) in changes.iter().zip(places) {
            self.index.take(&change.change(), begin, place);
        }
        self.compact();
        Ok(self.written)
    }

    /// Writes the file anew when most of it is dead. When that fails the old one does as well, while it still has its name.
    fn compact(&mut self) {
        let end = self.log.end();
        if end < SMALL || end < self.compact_at || end < 2 * self.index.disk_bytes() {
            return;
        }
        match self.log.rewrite(self.log.generation(), &self.index, |name, _, sealed| Ok((name, sealed))) {
            Ok(index) => {
                self.index = index;
                self.compact_at = 0;
            }
            Err(StoreError::Broken) => self.broken = true,
            Err(error) => {
                tracing::warn!(%error, "a session's store cannot be written anew and stays as it is");
                self.compact_at = end + SMALL;
            }
        }
    }

    /// Seals everything with another key.
    fn rewrite(&mut self, account: AccountId, old: &SealingKey, new: &SealingKey) -> Result<(), StoreError> {
        let path = self.log.path().to_owned();
        let reseal = |name: Name, stamp, sealed: Vec<u8>| {
            let entry = Entry::open(account, old, &name, stamp, &sealed)?;
            let name = new.name(account, name.table, &entry.key);
            Ok((name, entry.seal(account, new, &name)?))
        };
        self.index = self.log.rewrite(new.generation(), &self.index, reseal)?;
        tracing::info!(path = %path.display(), generation = new.generation(), "a session's store is sealed with another key");
        Ok(())
    }
}

#[cfg(test)]
mod tests;
