//! What can go wrong with a session's directory.

use std::io;
use std::path::{Path, PathBuf};

use blazz_domain::Epoch;

/// Why a session's directory or outbox could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The account was linked, but what it was linked with is not here.
    #[error("the session was linked, but its directory is not in this root")]
    Missing,
    /// Somebody else holds the session under a later grant.
    #[error("the directory has epoch {}, which is later than {}", newest.0, asked.0)]
    StaleEpoch {
        /// The epoch in the lease.
        asked: Epoch,
        /// The latest epoch on disk.
        newest: Epoch,
    },
    /// Another process, or another part of this one, has the session open.
    #[error("the session is open elsewhere")]
    Busy,
    /// The entry is larger than an outbox takes.
    #[error("an outbox entry has at most {max} bytes, not {size}", max = crate::MAX_ENTRY_BYTES)]
    EntryTooLarge {
        /// Its size in bytes.
        size: usize,
    },
    /// An earlier write could not be made durable: nothing more may be promised until the session is opened again.
    #[error("nothing more is written after a failed write")]
    Broken,
    /// More than is ever stored.
    #[error("a session's store has no room for this much")]
    TooLarge,
    /// What was promised to be on disk is not there any more.
    #[error("{} is damaged at byte {at}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// From where on it makes no sense.
        at: u64,
    },
    /// A file that this version does not write.
    #[error("{} is in no format that this version knows", .0.display())]
    UnknownFormat(PathBuf),
    /// The file is sealed with a key that is not at hand.
    #[error("there is no key of generation {generation}")]
    UnknownKey {
        /// Which one it takes.
        generation: u32,
    },
    /// The workspace's keys are sealed with a storage key that is not at hand.
    #[error("the workspace's keys are sealed with another storage key")]
    UnknownStorageKey,
    /// A value was sealed with another key or for another place, or was changed.
    #[error("a sealed value does not open")]
    Unsealable,
    /// The root's id file holds something else.
    #[error("{} does not hold a root id", .0.display())]
    BadRootId(PathBuf),
    /// The file system said no.
    #[error("{}", path.display())]
    Io {
        /// Which file or directory.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// Names the path in an I/O error.
pub(crate) trait AtPath<T> {
    fn at(self, path: &Path) -> Result<T, StoreError>;
}

impl<T> AtPath<T> for io::Result<T> {
    fn at(self, path: &Path) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Io { path: path.to_owned(), source })
    }
}
