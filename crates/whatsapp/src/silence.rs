//! The session's own look at whether its connection is alive.

/// How many looks in a row may find that nothing came.
const SILENT_PROBES: u32 = 2;

/// Notices when nothing comes any more.
#[derive(Default)]
pub(crate) struct Silence {
    last_data_ms: u64,
    probes: u32,
}

impl Silence {
    /// A look at the connection: whether it has been silent for too long.
    pub(crate) fn lasts(&mut self, last_data_ms: u64) -> bool {
        if last_data_ms == self.last_data_ms {
            self.probes += 1;
        } else {
            *self = Self { last_data_ms, probes: 0 };
        }
        self.probes >= SILENT_PROBES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_noticed_after_two_looks_without_data() {
        let mut silence = Silence::default();
        assert!(!silence.lasts(5) && !silence.lasts(9) && !silence.lasts(9));
        assert!(silence.lasts(9));
        let mut never = Silence::default();
        assert!(!never.lasts(0));
        assert!(never.lasts(0));
    }
}
