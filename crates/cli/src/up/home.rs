//! The directory of one `blazz up`: what lies where, for its owner alone, and for one `blazz up` at a time.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

const LOCK: &str = "up.lock";
/// The mark of a directory whose sessions are WhatsApp's own.
const LIVE: &str = "live";

/// The directory, held until dropped.
#[derive(Debug)]
pub(crate) struct Home {
    dir: PathBuf,
    _lock: File,
}

impl Home {
    /// Creates the directory where it is missing, and takes it for this process alone.
    pub(crate) fn take(dir: &Path) -> anyhow::Result<Self> {
        private_dir(dir)?;
        let dir = dir.canonicalize().with_context(|| format!("cannot open {}", dir.display()))?;
        close_to_others(&dir)?;
        let lock = lock(&dir)?;
        Ok(Self { dir, _lock: lock })
    }

    /// Keeps sandboxes and numbers apart: a directory that was begun as one is never the other.
    pub(crate) fn claim(&self, is_live: bool) -> anyhow::Result<()> {
        let mark = self.dir.join(LIVE);
        match (is_live, mark.exists(), self.secrets_file().exists()) {
            (false, true, _) => bail!(
                "{} holds a number that is linked with WhatsApp; start it with --live, or choose another --dir",
                self.dir.display()
            ),
            (true, false, true) => {
                bail!("{} is a sandbox, and stays one; choose another --dir for --live", self.dir.display())
            }
            (true, false, false) => write_private(&mark, ""),
            _ => Ok(()),
        }
    }

    /// Where the settings of each program are kept, for `blazz doctor` and `blazz config`.
    pub(crate) fn settings_file(&self, name: &str) -> anyhow::Result<PathBuf> {
        private_dir(&self.dir.join("settings"))?;
        Ok(self.dir.join("settings").join(format!("{name}.env")))
    }

    /// Takes away the settings of programs that ran before.
    pub(crate) fn forget_settings(&self) {
        // Mostly for the first time there is none.
        let _ = fs::remove_dir_all(self.dir.join("settings"));
    }

    /// Where `up.json` is written.
    pub(crate) fn up_file(&self) -> PathBuf {
        self.dir.join("up.json")
    }

    /// Where the processes that run are noted.
    pub(crate) fn children_file(&self) -> PathBuf {
        self.dir.join("children.json")
    }

    /// Where the secrets are kept.
    pub(crate) fn secrets_file(&self) -> PathBuf {
        self.dir.join("secrets.json")
    }

    /// The SQLite database, unless another is asked for.
    pub(crate) fn database_url(&self) -> String {
        format!("sqlite:{}", self.dir.join("blazz.db").display())
    }

    /// The folder of the tenants' files.
    pub(crate) fn media(&self) -> PathBuf {
        self.dir.join("media")
    }

    /// The folder of the log files.
    pub(crate) fn logs(&self) -> PathBuf {
        self.dir.join("logs")
    }

    /// The session root of a node.
    pub(crate) fn session_root(&self, node: &str) -> anyhow::Result<PathBuf> {
        let path = self.dir.join("sessions").join(node);
        private_dir(&path)?;
        Ok(path)
    }

    /// Where a program's log is.
    pub(crate) fn log_file(&self, name: &str) -> anyhow::Result<PathBuf> {
        private_dir(&self.logs())?;
        Ok(self.logs().join(format!("{name}.log")))
    }
}

fn private_dir(path: &Path) -> anyhow::Result<()> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.with_context(|| format!("cannot create {}", path.display()))
}

/// Databases and sessions lie in the directory. One that holds something else is not ours to close: `--dir /tmp` must not lock out others.
fn close_to_others(dir: &Path) -> anyhow::Result<()> {
    let mode = fs::metadata(dir)?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let is_empty = fs::read_dir(dir)?.next().is_none();
    if !is_empty && !dir.join(LOCK).exists() {
        bail!("{} is open to others and holds other things; choose another --dir", dir.display());
    }
    let closed = fs::set_permissions(dir, Permissions::from_mode(0o700));
    closed.with_context(|| format!("cannot close {} to others", dir.display()))
}

fn lock(dir: &Path) -> anyhow::Result<File> {
    let path = dir.join(LOCK);
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = file.with_context(|| format!("cannot create {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!("another `blazz up` runs in {}; stop it or choose another --dir", dir.display())
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}

/// Replaces a file that only its owner may read, whole or not at all.
pub(crate) fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = path.parent().context("a file has a folder")?;
    let mut file = tempfile::NamedTempFile::new_in(folder)
        .with_context(|| format!("cannot write in {}", folder.display()))?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn private_files_are_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        write_private(&path, "one").unwrap();
        write_private(&path, "two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn a_directory_of_ours_is_closed_to_others_and_a_strangers_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let ours = dir.path().join("var");
        fs::create_dir(&ours).unwrap();
        fs::set_permissions(&ours, Permissions::from_mode(0o755)).unwrap();
        drop(Home::take(&ours).unwrap());
        assert_eq!(mode(&ours), 0o700);
        fs::set_permissions(&ours, Permissions::from_mode(0o750)).unwrap();
        drop(Home::take(&ours).unwrap());
        assert_eq!(mode(&ours), 0o700);

        let theirs = dir.path().join("theirs");
        fs::create_dir(&theirs).unwrap();
        fs::write(theirs.join("letter"), "").unwrap();
        fs::set_permissions(&theirs, Permissions::from_mode(0o755)).unwrap();
        let error = Home::take(&theirs).unwrap_err().to_string();
        assert!(error.contains("holds other things"), "{error}");
        assert_eq!(mode(&theirs), 0o755);
    }

    #[test]
    fn a_sandbox_never_becomes_the_home_of_a_number_nor_the_other_way_round() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::take(dir.path()).unwrap();
        home.claim(false).unwrap();
        write_private(&home.secrets_file(), "{}").unwrap();
        home.claim(false).unwrap();
        assert!(home.claim(true).unwrap_err().to_string().contains("is a sandbox"));

        let dir = tempfile::tempdir().unwrap();
        let home = Home::take(dir.path()).unwrap();
        home.claim(true).unwrap();
        write_private(&home.secrets_file(), "{}").unwrap();
        home.claim(true).unwrap();
        assert!(home.claim(false).unwrap_err().to_string().contains("--live"));
    }

    #[test]
    fn a_directory_is_taken_once() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::take(dir.path()).unwrap();
        let error = Home::take(dir.path()).unwrap_err().to_string();
        assert!(error.contains("another `blazz up` runs in"), "{error}");
        drop(home);
        Home::take(dir.path()).unwrap();
    }
}
