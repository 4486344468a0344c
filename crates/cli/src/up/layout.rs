//! Where `blazz up` keeps things, and which ports it uses.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use nix::fcntl::{Flock, FlockArg};

use super::UpArgs;

/// The directory of one `blazz up`, and its addresses.
#[derive(Debug)]
pub(crate) struct Layout {
    dir: PathBuf,
    bin_dir: PathBuf,
    /// Where the API listens.
    pub(crate) api: SocketAddr,
    /// Where the emulator speaks WhatsApp's protocol.
    pub(crate) emulator: SocketAddr,
    /// Where the emulator's phones are scripted.
    pub(crate) emulator_admin: SocketAddr,
    /// Where the nodes listen, in order.
    pub(crate) nodes: Vec<SocketAddr>,
}

impl Layout {
    /// Creates the directory and settles the addresses, each of which must be free.
    pub(crate) fn prepare(args: &UpArgs) -> anyhow::Result<Self> {
        private_dir(&args.dir)?;
        let dir = args.dir.canonicalize().with_context(|| format!("cannot open {}", args.dir.display()))?;
        let bin_dir = match &args.bin_dir {
            Some(bin_dir) => bin_dir.clone(),
            None => std::env::current_exe()?.parent().context("this program has no folder")?.to_owned(),
        };
        let count = 3 + args.nodes;
        let mut ports = free_ports(args.port, count)?.into_iter();
        let mut next = || ports.next().context("too few ports");
        let (api, emulator, emulator_admin) = (next()?, next()?, next()?);
        let nodes = (0..args.nodes).map(|_| next()).collect::<anyhow::Result<_>>()?;
        Ok(Self { dir, bin_dir, api, emulator, emulator_admin, nodes })
    }

    /// Holds the directory for this process alone, until dropped.
    pub(crate) fn lock(&self) -> anyhow::Result<Flock<File>> {
        let path = self.dir.join("up.lock");
        let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| {
            anyhow::anyhow!(
                "another `blazz up` runs in {}; stop it or choose another --dir",
                self.dir.display()
            )
        })
    }

    /// The program of this name.
    pub(crate) fn program(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.bin_dir.join(name);
        if !path.is_file() {
            bail!("{} is not there; build it first (scripts/up does)", path.display());
        }
        Ok(path)
    }

    /// Where `up.json` is written.
    pub(crate) fn up_file(&self) -> PathBuf {
        self.dir.join("up.json")
    }

    /// Where the secrets are kept.
    pub(crate) fn secrets_file(&self) -> PathBuf {
        self.dir.join("secrets.json")
    }

    /// The SQLite database, unless another is asked for.
    pub(crate) fn database_url(&self) -> String {
        format!("sqlite:{}", self.dir.join("blazz.db").display())
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

    /// Opens a program's log file for appending.
    pub(crate) fn log(&self, name: &str) -> anyhow::Result<File> {
        private_dir(&self.logs())?;
        let path = self.logs().join(format!("{name}.log"));
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
        file.with_context(|| format!("cannot write {}", path.display()))
    }
}

fn private_dir(path: &Path) -> anyhow::Result<()> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.with_context(|| format!("cannot create {}", path.display()))
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

/// `count` loopback addresses from `first` on, all free just now; any free ones when `first` is 0.
fn free_ports(first: u16, count: u16) -> anyhow::Result<Vec<SocketAddr>> {
    let mut held = Vec::new();
    for offset in 0..count {
        let port =
            if first == 0 { 0 } else { first.checked_add(offset).context("the ports run past 65535")? };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .with_context(|| format!("port {port} is in use; choose others with --port"))?;
        held.push(listener);
    }
    held.iter().map(|listener| Ok(listener.local_addr()?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ports_differ_and_a_taken_one_is_named() {
        let ports = free_ports(0, 5).unwrap();
        assert_eq!(ports.iter().collect::<std::collections::HashSet<_>>().len(), 5);
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        assert!(free_ports(port, 1).unwrap_err().to_string().contains(&port.to_string()));
    }

    #[test]
    fn private_files_are_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        write_private(&path, "one").unwrap();
        write_private(&path, "two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
