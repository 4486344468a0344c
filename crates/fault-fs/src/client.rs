//! One mount of a server.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fuser::{BackgroundSession, Config, MountOption};
use nix::mount::{MntFlags, umount2};
use tempfile::TempDir;

use crate::cache::{Cache, Listing};
use crate::fault::{Fault, FaultHandle, Faults};
use crate::filesystem::Mounted;
use crate::server::{Shared, lock};

/// Calls that are worked on at once; a call that hangs keeps one busy.
const THREADS: usize = 8;

/// A process that is killed while one of its own calls waits for its own answer never ends, unless somebody unmounts by force.
const WATCH: &str = r#"
while grep -q "^State:.[^Z]" "/proc/$1/status" 2>/dev/null; do sleep 1; done
umount -f "$2" 2>/dev/null
umount -l "$2" 2>/dev/null || fusermount3 -u -q -z -- "$2" 2>/dev/null
"#;

/// What a client believes of locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Locks {
    /// They hold within this mount, and no other mount knows of them.
    #[default]
    Local,
    /// Whoever asks for one has it.
    Lie,
}

/// How a client behaves.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClientOptions {
    /// How long it believes what it once heard of names and attributes.
    pub remembers: Duration,
    /// What its locks are worth.
    pub locks: Locks,
}

pub(crate) struct ClientState {
    pub(crate) server: Arc<Shared>,
    pub(crate) id: u64,
    pub(crate) options: ClientOptions,
    pub(crate) faults: Arc<Faults>,
    pub(crate) cache: Mutex<Cache>,
    /// Open directories, each with what was in it when it was opened.
    pub(crate) open: Mutex<HashMap<u64, Listing>>,
}

/// A mounted client; dropping it unmounts.
pub struct Client {
    state: Arc<ClientState>,
    session: Option<BackgroundSession>,
    watch: Child,
    mountpoint: TempDir,
}

impl Client {
    pub(crate) fn mount(server: Arc<Shared>, id: u64, options: ClientOptions) -> std::io::Result<Self> {
        let mountpoint = TempDir::with_prefix("fault-fs-")?;
        let state = Arc::new(ClientState {
            server,
            id,
            options,
            faults: Arc::default(),
            cache: Mutex::new(Cache::new(options.remembers)),
            open: Mutex::default(),
        });
        let mut config = Config::default();
        config.mount_options =
            vec![MountOption::FSName("fault-fs".to_owned()), MountOption::NoDev, MountOption::NoSuid];
        config.n_threads = Some(THREADS);
        let session = fuser::spawn_mount(Mounted(Arc::clone(&state)), mountpoint.path(), &config)?;
        let watch = watch(mountpoint.path())?;
        Ok(Self { state, session: Some(session), watch, mountpoint })
    }

    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.mountpoint.path()
    }

    /// Switches a fault on.
    #[must_use]
    pub fn fault(&self, fault: Fault) -> FaultHandle {
        self.state.faults.add(fault)
    }

    /// Switches all faults off.
    pub fn heal(&self) {
        self.state.faults.lift_all();
    }

    /// How many calls there were that a fault could have hit.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.state.faults.calls()
    }

    /// Forgets everything it remembers of the server, as a restart does.
    pub fn forget(&self) {
        *lock(&self.state.cache) = Cache::new(self.state.options.remembers);
    }
}

/// Starts what unmounts by force when this process has died.
fn watch(mountpoint: &Path) -> std::io::Result<Child> {
    let mut command = Command::new("sh");
    command.args(["-c", WATCH, "watch"]).arg(std::process::id().to_string()).arg(mountpoint);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}

impl Drop for Client {
    fn drop(&mut self) {
        self.heal();
        let _ended = self.watch.kill().and_then(|()| self.watch.wait());
        // Also when somebody still has a file open: the rest ends with them.
        if umount2(self.mountpoint.path(), MntFlags::MNT_DETACH).is_err() {
            let mut helper = Command::new("fusermount3");
            let _unmounted = helper.args(["-u", "-q", "-z", "--"]).arg(self.mountpoint.path()).status();
        }
        drop(self.session.take());
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({})", self.path().display())
    }
}
