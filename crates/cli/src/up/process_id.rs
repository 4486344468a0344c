//! Processes that this command did not start: are they there, are they who they were?

use std::path::Path;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

/// A process that cannot be mistaken for a later one of the same number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessId {
    pid: i32,
    /// In the kernel's ticks since it came up.
    started: u64,
}

impl ProcessId {
    /// Who has this number just now, if anybody.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let pid = i32::try_from(pid).ok()?;
        Some(Self { pid, started: started(pid)? })
    }

    /// Whether it still runs, and is one of these programs.
    pub(crate) fn is_one_of(&self, programs: &[&str]) -> bool {
        started(self.pid) == Some(self.started)
            && program(self.pid).is_some_and(|name| programs.contains(&name.as_str()))
    }

    /// Sends it a signal. It may have ended in between; then there is nobody to tell.
    pub(crate) fn signal(&self, signal: Signal) -> Result<(), Errno> {
        kill(Pid::from_raw(self.pid), signal)
    }
}

/// The 22nd field of its `stat`. The second one, its name in brackets, may hold spaces and brackets.
fn started(pid: i32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(19)?.parse().ok()
}

/// The name of its program file. `None` for one that has ended and only waits for its parent to notice.
fn program(pid: i32) -> Option<String> {
    let path = std::fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let name = Path::new(&path).file_name()?.to_str()?.to_owned();
    // What the kernel appends when the file was replaced by a later build.
    Some(name.strip_suffix(" (deleted)").map_or(name.clone(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_start_and_its_program() {
        let myself = ProcessId::of(std::process::id()).unwrap();
        let program = std::env::current_exe().unwrap();
        let program = program.file_name().unwrap().to_str().unwrap();
        assert!(myself.is_one_of(&[program]));
        assert!(!myself.is_one_of(&["another"]));
        let earlier = ProcessId { started: myself.started - 1, ..myself };
        assert!(!earlier.is_one_of(&[program]), "the number was given to another process");
    }

    #[test]
    fn nobody_has_a_number_that_is_not_given() {
        assert_eq!(ProcessId::of(u32::MAX), None);
        assert_eq!(ProcessId::of(4_194_305), None, "above the kernel's highest");
    }
}
