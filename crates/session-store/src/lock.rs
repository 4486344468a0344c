//! The right of one process to have a session open. The kernel frees it when the process ends, however it ends.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use crate::error::{AtPath as _, StoreError};

/// A held lock; dropping it frees it.
pub(crate) struct SessionLock {
    _file: Flock<File>,
}

impl SessionLock {
    /// Takes the lock of a session's directory at once or not at all.
    pub(crate) fn take(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join("lock");
        let file =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path).at(&path)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(file) => Ok(Self { _file: file }),
            Err((_, Errno::EWOULDBLOCK)) => Err(StoreError::Busy),
            Err((_, errno)) => Err(errno.into()).at(&path),
        }
    }
}
