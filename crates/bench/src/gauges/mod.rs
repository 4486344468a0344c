//! What processes and the disk use up, read from the kernel.

mod cpu;
mod disk;
mod files;
mod memory;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use nix::unistd::Pid;

pub(crate) use cpu::{CpuClock, cpu_of_children};
pub(crate) use disk::{Disk, fsync};
pub(crate) use files::{Files, descriptors};
pub(crate) use memory::Memory;

/// How long after a piece of work what it has set off may go on: events, receipts, reports.
const AFTERMATH: Duration = Duration::from_millis(100);

/// The CPU clocks of the processes that share a piece of work, and the disk they write to.
pub(crate) struct Gauges {
    clocks: Vec<(&'static str, CpuClock)>,
    disk: Disk,
}

/// What pieces of work have used up together.
#[derive(Default, Clone)]
pub(crate) struct Spent {
    cpu: BTreeMap<&'static str, Duration>,
    /// How often the disk was made to write what it held in its cache.
    pub(crate) flushes: usize,
}

impl Gauges {
    /// Gauges of these processes.
    pub(crate) fn of(processes: &[(&'static str, Pid)], disk: &Disk) -> Result<Self> {
        let clocks = processes.iter().map(|(name, pid)| Ok((*name, CpuClock::of(*pid)?)));
        Ok(Self { clocks: clocks.collect::<Result<_>>()?, disk: disk.clone() })
    }

    /// Adds to `spent` what `work` uses up, with what it sets off.
    pub(crate) async fn over<T>(
        &self,
        spent: &mut Spent,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let before = self.read()?;
        let done = work.await?;
        tokio::time::sleep(AFTERMATH).await;
        let after = self.read()?;
        for ((name, before), (_, after)) in before.0.iter().zip(&after.0) {
            *spent.cpu.entry(name).or_default() += after.saturating_sub(*before);
        }
        spent.flushes += after.1.saturating_sub(before.1);
        Ok(done)
    }

    fn read(&self) -> Result<(Vec<(&'static str, Duration)>, usize)> {
        let clocks = self.clocks.iter().map(|(name, clock)| Ok((*name, clock.now()?)));
        Ok((clocks.collect::<Result<_>>()?, self.disk.flushes()?))
    }
}

impl Spent {
    /// The CPU time of these processes together.
    pub(crate) fn cpu(&self, names: &[&str]) -> Duration {
        names.iter().filter_map(|name| self.cpu.get(name)).sum()
    }
}
