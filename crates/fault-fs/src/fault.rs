//! What goes wrong at a client, switched on and off while it is mounted.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;

use crate::server::lock;

/// A call of the kernel that can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// Finds a name.
    Lookup,
    /// Asks for size, kind and rights.
    Attributes,
    /// Sets size or rights.
    SetAttributes,
    /// Makes a directory.
    MakeDirectory,
    /// Makes a file and opens it.
    Create,
    /// Gives a file another name.
    Link,
    /// Deletes a file.
    Unlink,
    /// Deletes a directory.
    RemoveDirectory,
    /// Renames.
    Rename,
    /// Opens a file.
    Open,
    /// Reads.
    Read,
    /// Writes.
    Write,
    /// Puts a file on disk.
    Sync,
    /// Opens a directory, which reads all its names.
    List,
    /// Puts the names of a directory on disk.
    SyncDirectory,
    /// Takes or gives back a lock.
    Lock,
}

/// How it goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing is done, and this is the answer.
    Fail(Errno),
    /// It is done, and this is the answer nevertheless.
    FailAfter(Errno),
    /// It waits until the fault is lifted, and is done then.
    Hang,
    /// Half of a write is done; the rest, and the answer, when the fault is lifted.
    HoldHalf,
    /// It takes so much longer.
    Delay(Duration),
}

/// Which calls go wrong, and how.
#[derive(Debug, Clone)]
pub struct Fault {
    effect: Effect,
    calls: Vec<Call>,
    path: String,
    spared: u64,
    times: Option<u64>,
}

impl Fault {
    /// Every call goes wrong in this way, unless more is said.
    #[must_use]
    pub fn new(effect: Effect) -> Self {
        Self { effect, calls: Vec::new(), path: String::new(), spared: 0, times: None }
    }

    /// Only these calls.
    #[must_use]
    pub fn on(mut self, calls: &[Call]) -> Self {
        self.calls = calls.to_vec();
        self
    }

    /// Only where the path from the top contains this.
    #[must_use]
    pub fn at(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Only from the `n`th call on, counted from 1.
    #[must_use]
    pub fn nth(mut self, n: u64) -> Self {
        self.spared = n.saturating_sub(1);
        self
    }

    /// Only once.
    #[must_use]
    pub fn once(mut self) -> Self {
        self.times = Some(1);
        self
    }

    fn is_about(&self, call: Call, path: &str) -> bool {
        (self.calls.is_empty() || self.calls.contains(&call)) && path.contains(&self.path)
    }
}

/// A fault that is on until it is lifted.
pub struct FaultHandle {
    id: u64,
    faults: Arc<Faults>,
}

impl FaultHandle {
    /// Switches it off; whoever it held goes on.
    pub fn lift(&self) {
        self.faults.lift(self.id);
    }

    /// The calls that it hit.
    #[must_use]
    pub fn hits(&self) -> Vec<String> {
        lock(&self.faults.state)
            .hits
            .iter()
            .filter(|(id, _)| *id == self.id)
            .map(|(_, hit)| hit.clone())
            .collect()
    }

    /// Waits until it has hit a call; says whether it has.
    #[must_use]
    pub fn wait_for_hit(&self, deadline: Duration) -> bool {
        let end = Instant::now() + deadline;
        let mut state = lock(&self.faults.state);
        while !state.hits.iter().any(|(id, _)| *id == self.id) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.faults.moved.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl fmt::Debug for FaultHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultHandle({})", self.id)
    }
}

/// What is to be done with a call that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Do,
    /// Do half and wait until this fault is lifted.
    Half(u64),
    /// Do it and answer this.
    DoAndFail(Errno),
}

/// The faults of one client.
#[derive(Default)]
pub(crate) struct Faults {
    state: Mutex<Switches>,
    moved: Condvar,
}

#[derive(Default)]
struct Switches {
    on: Vec<(u64, Fault)>,
    next: u64,
    hits: Vec<(u64, String)>,
    calls: u64,
}

impl Faults {
    pub(crate) fn add(self: &Arc<Self>, fault: Fault) -> FaultHandle {
        let mut state = lock(&self.state);
        state.next += 1;
        let id = state.next;
        state.on.push((id, fault));
        FaultHandle { id, faults: Arc::clone(self) }
    }

    pub(crate) fn lift(&self, id: u64) {
        lock(&self.state).on.retain(|(on, _)| *on != id);
        self.moved.notify_all();
    }

    pub(crate) fn lift_all(&self) {
        lock(&self.state).on.clear();
        self.moved.notify_all();
    }

    /// How many calls there were.
    pub(crate) fn calls(&self) -> u64 {
        lock(&self.state).calls
    }

    /// What is to be done with a call, once it may go on.
    pub(crate) fn judge(&self, call: Call, path: &str) -> Result<Verdict, Errno> {
        let Some((id, effect)) = self.hit(call, path) else { return Ok(Verdict::Do) };
        match effect {
            Effect::Fail(errno) => Err(errno),
            Effect::FailAfter(errno) => Ok(Verdict::DoAndFail(errno)),
            Effect::HoldHalf => Ok(Verdict::Half(id)),
            Effect::Hang => {
                self.wait(id);
                Ok(Verdict::Do)
            }
            Effect::Delay(time) => {
                std::thread::sleep(time);
                Ok(Verdict::Do)
            }
        }
    }

    /// Waits until a fault is lifted.
    pub(crate) fn wait(&self, id: u64) {
        let mut state = lock(&self.state);
        while state.on.iter().any(|(on, _)| *on == id) {
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn hit(&self, call: Call, path: &str) -> Option<(u64, Effect)> {
        let mut state = lock(&self.state);
        state.calls += 1;
        for (id, fault) in state.on.iter_mut().filter(|(_, fault)| fault.is_about(call, path)) {
            if fault.spared > 0 {
                fault.spared -= 1;
            } else if fault.times != Some(0) {
                fault.times = fault.times.map(|times| times - 1);
                let hit = (*id, fault.effect);
                state.hits.push((hit.0, format!("{call:?} {path}")));
                self.moved.notify_all();
                return Some(hit);
            }
        }
        None
    }
}
