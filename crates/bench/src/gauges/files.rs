//! What lies below a directory, and what a process holds open.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use nix::unistd::Pid;

/// The unit of a file's blocks (stat(2)).
const BLOCK: f64 = 512.0;

/// Files below a directory.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Files {
    /// How many there are; directories are not counted.
    pub(crate) count: usize,
    /// What they and their directories take of the disk, in KiB.
    pub(crate) kib: f64,
}

impl Files {
    /// Counts; what goes away meanwhile is left out.
    pub(crate) fn below(directory: &Path) -> Result<Self> {
        let mut files = Self::default();
        let mut open = vec![directory.to_owned()];
        while let Some(directory) = open.pop() {
            for entry in std::fs::read_dir(&directory).into_iter().flatten().flatten() {
                let Ok(about) = entry.metadata() else { continue };
                let blocks = u32::try_from(about.blocks()).unwrap_or(u32::MAX);
                files.kib += f64::from(blocks) * BLOCK / 1024.0;
                if about.is_dir() {
                    open.push(entry.path());
                } else {
                    files.count += 1;
                }
            }
        }
        Ok(files)
    }
}

/// How many descriptors a process has open.
pub(crate) fn descriptors(pid: Pid) -> Result<usize> {
    let path = format!("/proc/{pid}/fd");
    Ok(std::fs::read_dir(&path).with_context(|| format!("cannot list {path}"))?.count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_descriptors_are_counted() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("a")).unwrap();
        std::fs::write(directory.path().join("a/b"), vec![7; 10_000]).unwrap();
        let files = Files::below(directory.path()).unwrap();
        assert_eq!(files.count, 1);
        assert!(files.kib >= 8.0 || cfg!(not(target_os = "linux")), "{}", files.kib);
        assert!(descriptors(Pid::this()).unwrap() >= 3);
    }
}
