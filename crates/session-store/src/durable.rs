//! Directories and files that only their owner can read, and that survive a loss of power once created.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use uuid::Uuid;

use crate::error::{AtPath as _, StoreError};

/// Creates a directory unless it is there; its entry in the parent is on disk on return. Also when it was there: whoever created it may
/// have died before that.
pub(crate) fn create_directory(path: &Path) -> Result<(), StoreError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error).at(path),
        _ => path.parent().map_or(Ok(()), sync_directory),
    }
}

/// Creates a directory with those above it, as far as they are not there. Their entries are on disk on return.
pub(crate) fn create_directories(path: &Path) -> Result<(), StoreError> {
    std::fs::create_dir_all(path.parent().unwrap_or(path)).at(path)?;
    create_directory(path)?;
    for above in path.ancestors().skip(2).filter(|above| !above.as_os_str().is_empty()) {
        match File::open(above).and_then(|directory| directory.sync_all()) {
            // What we may not touch is not ours to put on disk.
            Err(error)
                if !matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) =>
            {
                return Err(error).at(above);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether something has this name. An error is none of the two answers.
pub(crate) fn is_there(path: &Path) -> Result<bool, StoreError> {
    path.try_exists().at(path)
}

/// Makes a network's client ask its server for what is in a directory, instead of remembering it: whoever changes a directory is told
/// whether others did. One that is not there is fine.
pub(crate) fn look_again(directory: &Path) -> Result<(), StoreError> {
    let probe = directory.join(format!(".look-{}", Uuid::now_v7()));
    match create_file(&probe) {
        Ok(_) => remove_file(&probe),
        Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
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
    unless_gone(std::fs::remove_file(path)).at(path)
}

/// Removes a directory with everything in it; one that is not there is fine.
pub(crate) fn remove_tree(path: &Path) -> Result<(), StoreError> {
    unless_gone(std::fs::remove_dir_all(path)).at(path)
}

fn unless_gone(removed: std::io::Result<()>) -> std::io::Result<()> {
    removed.or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}
