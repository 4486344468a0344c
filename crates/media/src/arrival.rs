//! A file that is arriving, piece by piece.

use std::path::PathBuf;

use sha2::{Digest as _, Sha256};
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;

use crate::error::MediaError;
use crate::sniff::{HEAD_BYTES, Sniffed, sniff};

/// A file that is being written. Dropped before its end, it leaves nothing.
pub struct Arrival {
    file: File,
    place: Place,
    digest: Sha256,
    head: Vec<u8>,
    size: u64,
    limit: u64,
}

/// A file that has arrived whole and is on disk; kept only once [`crate::MediaStore::keep`] has it. Dropped, it leaves nothing.
#[derive(Debug)]
pub struct Arrived {
    pub(crate) place: Place,
    /// Its length in bytes.
    pub size: u64,
    /// The SHA-256 of its bytes, in hex.
    pub sha256: String,
    /// What its first bytes say it is.
    pub sniffed: Sniffed,
}

/// Where it lies until it is kept.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    /// The file's name in its folder, which is also its name in the store.
    pub(crate) name: String,
    pub(crate) is_moved: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.is_moved {
            // What cannot be removed now is swept later.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Arrival {
    pub(crate) async fn begin(path: PathBuf, name: String, limit: u64) -> Result<Self, MediaError> {
        let mut options = File::options();
        options.write(true).create_new(true).mode(0o600);
        let file = options.open(&path).await?;
        let place = Place { path, name, is_moved: false };
        Ok(Self { file, place, digest: Sha256::new(), head: Vec::new(), size: 0, limit })
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// [`MediaError::TooLarge`] when the file grows beyond its limit, and when the disk fails.
    pub async fn write(&mut self, piece: &[u8]) -> Result<(), MediaError> {
        let size = self.size.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if size > self.limit {
            return Err(MediaError::TooLarge { limit: self.limit });
        }
        self.file.write_all(piece).await?;
        self.digest.update(piece);
        let room = HEAD_BYTES.saturating_sub(self.head.len()).min(piece.len());
        self.head.extend_from_slice(piece.get(..room).unwrap_or_default());
        self.size = size;
        Ok(())
    }

    /// The file is complete: puts it on disk.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn finish(mut self) -> Result<Arrived, MediaError> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        Ok(Arrived {
            place: self.place,
            size: self.size,
            sha256: hex::encode(self.digest.finalize()),
            sniffed: sniff(&self.head),
        })
    }
}
