//! The disk below a directory: how often it is made to write, and how long that takes.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nix::sys::stat::{major, minor};

/// The place of the flush requests in `/sys/dev/block/…/stat` (kernel: Documentation/block/stat.rst).
const FLUSHES: usize = 15;
/// What SQLite writes at the least.
const PAGE: [u8; 4096] = [7; 4096];

/// A disk; one that keeps no counts (a memory file system) shows zero flushes.
#[derive(Debug, Clone)]
pub(crate) struct Disk(PathBuf);

impl Disk {
    /// The disk that a directory lies on.
    pub(crate) fn below(directory: &Path) -> Result<Self> {
        let device = std::fs::metadata(directory)
            .with_context(|| format!("cannot open {}", directory.display()))?
            .dev();
        Ok(Self(format!("/sys/dev/block/{}:{}/stat", major(device), minor(device)).into()))
    }

    /// How often anybody on this machine has made it write out its cache.
    pub(crate) fn flushes(&self) -> Result<usize> {
        if !self.0.exists() {
            return Ok(0);
        }
        let text = std::fs::read_to_string(&self.0)?;
        Ok(text.split_whitespace().nth(FLUSHES).map_or(Ok(0), str::parse)?)
    }
}

/// How long it takes to append a page to a file in `directory` and have it on disk, `count` times.
pub(crate) fn fsync(directory: &Path, count: usize) -> Result<Vec<Duration>> {
    let mut file = OpenOptions::new().create(true).append(true).open(directory.join("fsync"))?;
    let mut once = || {
        let begun = Instant::now();
        file.write_all(&PAGE)?;
        file.sync_data()?;
        Ok(begun.elapsed())
    };
    (0..count).map(|_| once()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flushes_are_counted_or_zero() {
        let directory = tempfile::tempdir().unwrap();
        let disk = Disk::below(directory.path()).unwrap();
        let before = disk.flushes().unwrap();
        assert_eq!(fsync(directory.path(), 3).unwrap().len(), 3);
        assert!(disk.flushes().unwrap() >= before);
        assert_eq!(Disk(PathBuf::from("/nowhere")).flushes().unwrap(), 0);
    }
}
