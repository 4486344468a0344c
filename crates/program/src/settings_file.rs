//! The file that settings may come from, as every program takes it on its command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

/// `--config FILE`, or `BLAZZ_CONFIG`.
#[derive(Args, Debug)]
pub struct SettingsFile {
    /// A TOML file with the same settings, without their prefix and in lower case. The environment overrides it.
    #[arg(long, global = true, env = "BLAZZ_CONFIG", value_name = "FILE")]
    config: Option<OsString>,
}

impl SettingsFile {
    /// The file, where there is one. An empty variable counts as none, which a path would refuse.
    #[must_use]
    pub fn path(self) -> Option<PathBuf> {
        self.config.filter(|file| !file.is_empty()).map(PathBuf::from)
    }
}
