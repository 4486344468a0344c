//! The server: one tree of files for all its clients.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;

use crate::client::{Client, ClientOptions};
use crate::tree::{Cut, Tree};

/// Keeps files in memory for whoever mounts it.
#[derive(Clone)]
pub struct Server(pub(crate) Arc<Shared>);

type Observer = Box<dyn FnMut(Moment) + Send>;

pub(crate) struct Shared {
    tree: Mutex<Tree>,
    /// Bytes that can still be written.
    room: Mutex<Option<usize>>,
    observer: Mutex<Option<Observer>>,
    /// The next number of a node. Never used again, not even after a loss of power: kernels remember them.
    next: AtomicU64,
    clients: AtomicU64,
}

/// All files of a server at one moment.
#[derive(Debug, Clone)]
pub struct State(Tree);

impl State {
    /// What a loss of power leaves of it.
    #[must_use]
    pub fn after(&self, cut: Cut) -> Self {
        Self(self.0.after(cut))
    }
}

/// What there is right after a call that changed something.
#[derive(Debug, Clone)]
pub struct Moment {
    /// The call.
    pub call: String,
    /// Everything there is.
    pub state: State,
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

impl Server {
    /// One without files.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            tree: Mutex::new(Tree::new()),
            room: Mutex::new(None),
            observer: Mutex::new(None),
            next: AtomicU64::new(2),
            clients: AtomicU64::new(1),
        }))
    }

    /// Mounts it once more, as another machine.
    ///
    /// # Errors
    /// When the kernel refuses: it takes `/dev/fuse`, and `fusermount3` for all but root.
    pub fn mount(&self, options: ClientOptions) -> std::io::Result<Client> {
        let id = self.0.clients.fetch_add(1, Ordering::SeqCst);
        Client::mount(Arc::clone(&self.0), id, options)
    }

    /// All its files.
    #[must_use]
    pub fn state(&self) -> State {
        State(self.0.tree().clone())
    }

    /// Puts all its files back to how they once were.
    pub fn set_state(&self, state: State) {
        *self.0.tree() = state.0;
    }

    /// Loses power.
    pub fn power_cut(&self, cut: Cut) {
        self.set_state(self.state().after(cut));
    }

    /// Tells `observer` of every call that changes something, before its caller hears that it is done; `None` tells nobody.
    pub fn observe(&self, observer: Option<Box<dyn FnMut(Moment) + Send>>) {
        *lock(&self.0.observer) = observer;
    }

    /// Has room for so many more bytes, or for all there may be.
    pub fn set_room(&self, bytes: Option<usize>) {
        *lock(&self.0.room) = bytes;
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Server")
    }
}

impl Shared {
    pub(crate) fn tree(&self) -> MutexGuard<'_, Tree> {
        lock(&self.tree)
    }

    pub(crate) fn next_number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::SeqCst)
    }

    /// How many of `bytes` there is room for; they are taken.
    pub(crate) fn take_room(&self, bytes: usize) -> Result<usize, Errno> {
        let mut room = lock(&self.room);
        let Some(left) = room.as_mut() else { return Ok(bytes) };
        let taken = bytes.min(*left);
        *left -= taken;
        if taken == 0 { Err(Errno::ENOSPC) } else { Ok(taken) }
    }

    pub(crate) fn has_room(&self) -> Result<(), Errno> {
        if *lock(&self.room) == Some(0) { Err(Errno::ENOSPC) } else { Ok(()) }
    }

    pub(crate) fn changed(&self, call: &str) {
        if let Some(observer) = lock(&self.observer).as_mut() {
            observer(Moment { call: call.to_owned(), state: State(self.tree().clone()) });
        }
    }
}

/// Locks what no panic leaves half done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
