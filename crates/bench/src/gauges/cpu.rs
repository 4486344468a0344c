//! The CPU time of a process.
//!
//! The same sum as `utime + stime` in `/proc/{pid}/stat`, which the kernel rounds to its tick of 10 ms; its clock counts nanoseconds.

use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::time::ClockId;
use nix::unistd::Pid;

/// All threads of one process, those that have ended included.
#[derive(Clone, Copy)]
pub(crate) struct CpuClock(ClockId);

impl CpuClock {
    /// The clock of a running process.
    pub(crate) fn of(pid: Pid) -> Result<Self> {
        let clock = ClockId::pid_cpu_clock_id(pid);
        Ok(Self(clock.with_context(|| format!("process {pid} has no CPU clock"))?))
    }

    /// The clock of this process.
    pub(crate) fn own() -> Self {
        Self(ClockId::CLOCK_PROCESS_CPUTIME_ID)
    }

    /// What it has used so far.
    pub(crate) fn now(self) -> Result<Duration> {
        Ok(self.0.now().context("a process that is measured has ended")?.into())
    }
}

/// What a process and those that it has started have used so far, those that have ended and were waited for included.
pub(crate) fn cpu_of_children(parent: Pid) -> Result<Duration> {
    let mut sum = CpuClock::of(parent)?.now()?;
    let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"))
        .context("the kernel does not list children")?;
    for child in children.split_whitespace().filter_map(|pid| pid.parse().ok()) {
        // One that has just ended is not there to be asked.
        sum += CpuClock::of(Pid::from_raw(child)).and_then(CpuClock::now).unwrap_or_default();
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_counted() {
        let (own, by_pid) = (CpuClock::own(), CpuClock::of(Pid::this()).unwrap());
        let before = own.now().unwrap();
        std::hint::black_box((0..2_000_000_u64).map(std::hint::black_box).sum::<u64>());
        assert!(own.now().unwrap() > before);
        assert!(by_pid.now().unwrap() > before);
    }
}
