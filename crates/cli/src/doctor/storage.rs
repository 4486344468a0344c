//! The directories: can they be written to, durably, and is there room?

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;

use super::Finding;
use crate::settings::{Subject, Which};

const WRITABLE: &str = "storage.writable";
const SPACE: &str = "storage.space";

/// A gibibyte.
pub(crate) const GIB: u64 = 1 << 30;

/// What counts as little room.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// A warning below this much of the disk, in percent.
    pub(crate) warn_percent: u8,
    /// A warning below this, in bytes.
    pub(crate) warn_bytes: u64,
    /// An error below this, in bytes.
    pub(crate) error_bytes: u64,
}

/// Settings that name a directory which a program writes to.
const DIRECTORIES: &[(Which, &str)] =
    &[(Which::SessionNode, "BLAZZ_SESSION_ROOT"), (Which::Api, "BLAZZ_MEDIA_DIR")];

/// Looks at every directory that a program writes to. A file system that hangs holds up nothing but this.
pub(super) async fn check(subject: &Subject, room: Room) -> Vec<Finding> {
    let (name, folders) = (subject.name.clone(), folders(subject));
    let look = move || folders.iter().flat_map(|folder| look(&name, folder, room)).collect();
    tokio::task::spawn_blocking(look).await.unwrap_or_default()
}

fn folders(subject: &Subject) -> Vec<PathBuf> {
    let own = DIRECTORIES.iter().filter(|(which, _)| *which == subject.which);
    let mut folders: Vec<PathBuf> =
        own.filter_map(|(_, setting)| subject.text(setting)).map(PathBuf::from).collect();
    let url = subject.text("BLAZZ_DATABASE_URL").filter(|_| subject.which == Which::Api);
    let file = url.as_deref().and_then(|url| url.strip_prefix("sqlite:"));
    folders.extend(file.and_then(|file| Path::new(file).parent()).map(Path::to_owned));
    folders
}

fn look(name: &str, folder: &Path, room: Room) -> Vec<Finding> {
    let shown = folder.display();
    if !folder.is_dir() {
        return vec![Finding::warning(
            WRITABLE,
            name,
            format!("{shown} is not there, or may not be seen by this user"),
            "a node makes its own at the first start; else make it, and give it to the program's user",
        )];
    }
    let written = match probe(folder) {
        Ok(()) => Finding::ok(WRITABLE, name, format!("{shown} takes files, synced and renamed")),
        Err(error) => Finding::error(
            WRITABLE,
            name,
            format!("{shown} cannot be written to by this user: {error}"),
            "give the directory to the user that the program runs as, and run this as the same user",
        ),
    };
    vec![written, space(name, folder, room)]
}

/// Writes, syncs, renames and deletes a file.
fn probe(folder: &Path) -> std::io::Result<()> {
    let stem = format!(".blazz-doctor-{}", std::process::id());
    let (draft, done) = (folder.join(format!("{stem}.tmp")), folder.join(stem));
    let result = write(&draft, &done, folder);
    // Whatever went wrong, nothing of it stays.
    for file in [&draft, &done] {
        let _ = fs::remove_file(file);
    }
    result
}

fn write(draft: &Path, done: &Path, folder: &Path) -> std::io::Result<()> {
    let mut file = File::create(draft)?;
    file.write_all(b"probe")?;
    file.sync_all()?;
    fs::rename(draft, done)?;
    File::open(folder)?.sync_all()?;
    fs::remove_file(done)
}

fn space(name: &str, folder: &Path, room: Room) -> Finding {
    let Ok(disk) = statvfs(folder) else {
        return Finding::warning(
            SPACE,
            name,
            format!("{}: no answer", folder.display()),
            "look at the mount",
        );
    };
    let block = disk.fragment_size();
    judge(name, folder, disk.blocks_available() * block, disk.blocks() * block, room)
}

fn judge(name: &str, folder: &Path, free: u64, total: u64, room: Room) -> Finding {
    let percent = (u128::from(free) * 100).checked_div(u128::from(total)).unwrap_or(0);
    let text =
        format!("{}: {}.{} GiB free ({percent} %)", folder.display(), free / GIB, free % GIB * 10 / GIB);
    let advice = "make room: a session that cannot write what it receives stops";
    if free < room.error_bytes {
        return Finding::error(SPACE, name, text, advice);
    }
    if percent < u128::from(room.warn_percent) || free < room.warn_bytes {
        return Finding::warning(SPACE, name, text, advice);
    }
    Finding::ok(SPACE, name, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    const ROOM: Room = Room { warn_percent: 20, warn_bytes: 5 * GIB, error_bytes: GIB };

    #[test]
    fn little_room_is_noticed_before_there_is_none() {
        let level = |free, total| judge("x", Path::new("/x"), free, total, ROOM).level;
        assert_eq!(level(50 * GIB, 100 * GIB), Level::Ok);
        assert_eq!(level(19 * GIB, 100 * GIB), Level::Warning);
        assert_eq!(level(4 * GIB, 8 * GIB), Level::Warning);
        assert_eq!(level(GIB - 1, 2 * GIB), Level::Error);
        assert_eq!(level(0, 0), Level::Error);
    }

    #[test]
    fn a_probe_leaves_nothing_and_fails_where_nothing_can_be_written() {
        let dir = tempfile::tempdir().unwrap();
        probe(dir.path()).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        assert!(probe(Path::new("/proc/self")).is_err());
        let found = look("x", Path::new("/proc/self"), ROOM);
        assert_eq!((found[0].check, found[0].level), (WRITABLE, Level::Error));
    }
}
