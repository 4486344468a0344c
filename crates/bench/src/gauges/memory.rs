//! The memory of a process.

use anyhow::{Context as _, Result};
use nix::unistd::Pid;

/// In KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Everything that is in memory, the program's own file included.
    pub(crate) resident: u32,
    /// What the process itself has written: heap, stacks.
    pub(crate) anonymous: u32,
}

impl Memory {
    /// Of a running process.
    pub(crate) fn of(pid: Pid) -> Result<Self> {
        let path = format!("/proc/{pid}/smaps_rollup");
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        Self::parse(&text).with_context(|| format!("{path} has another shape"))
    }

    fn parse(rollup: &str) -> Option<Self> {
        let field = |name: &str| {
            let line = rollup.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().strip_suffix("kB")?.trim().parse().ok()
        };
        Some(Self { resident: field("Rss:")?, anonymous: field("Anonymous:")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rollup_is_read() {
        let text = "55-7f ---p 0 00:00 0 [rollup]\nRss:   2048 kB\nPss: 1 kB\nAnonymous:        512 kB\n";
        assert_eq!(Memory::parse(text), Some(Memory { resident: 2048, anonymous: 512 }));
        assert_eq!(Memory::parse("Rss: 2048 kB"), None);
        assert!(Memory::of(Pid::this()).unwrap().anonymous > 0);
    }
}
