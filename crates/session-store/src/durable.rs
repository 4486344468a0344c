//! Directories and files that only their owner can read, and that survive a loss of power once created.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use crate::error::{AtPath as _, StoreError};

/// Creates a directory unless it is there; its entry in the parent is on disk on return.
pub(crate) fn create_directory(path: &Path) -> Result<(), StoreError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => path.parent().map_or(Ok(()), sync_directory),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error).at(path),
    }
}

/// Puts the entries of a directory on disk.
pub(crate) fn sync_directory(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|directory| directory.sync_all()).at(path)
}

/// A new file; fails when it is there.
pub(crate) fn create_file(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new().read(true).append(true).create_new(true).mode(0o600).open(path).at(path)
}

/// Writes a small new file whole: its content and its entry are on disk on return.
pub(crate) fn write_new(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let mut file = create_file(path)?;
    file.write_all(content).and_then(|()| file.sync_all()).at(path)?;
    path.parent().map_or(Ok(()), sync_directory)
}

/// Removes a file; one that is not there is fine.
pub(crate) fn remove_file(path: &Path) -> Result<(), StoreError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).at(path),
        _ => Ok(()),
    }
}
