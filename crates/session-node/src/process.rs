//! What both binaries do: read the settings, run, and end with a code that says why.

use std::io::Write as _;
use std::process::ExitCode;

use blazz_telemetry::Shutdown;
use clap::Command;

use crate::config::{Config, VARIABLES};
use crate::run::{RunError, run};

/// The settings are wrong; starting again does not help.
const BAD_SETTINGS: u8 = 2;
/// Another start of this node has taken over; starting again would throw it out.
const SUPERSEDED: u8 = 3;

/// The whole process: `name` is the binary's, `is_sandbox` what it means to be.
#[must_use]
pub fn main(name: &'static str, is_sandbox: bool) -> ExitCode {
    if is_sandbox != blazz_whatsapp::is_sandbox() {
        // A build of the whole workspace with every feature would make a production binary that checks no certificate.
        return complain(
            name,
            &"built with the wrong features: `sandbox` belongs to the sandbox binary alone",
            BAD_SETTINGS,
        );
    }
    // Ends the process by itself at --help, --version and unknown arguments.
    Command::new(name)
        .version(env!("CARGO_PKG_VERSION"))
        .about("Runs WhatsApp Web sessions for Blazz")
        .after_help(VARIABLES)
        .get_matches();
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(error) => return complain(name, &error, BAD_SETTINGS),
    };
    if let Err(error) = blazz_telemetry::init("session-node", config.log_format, &config.log) {
        return complain(name, &format!("BLAZZ_LOG: {error:#}"), BAD_SETTINGS);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(name, &error, 1),
    };
    let result = runtime.block_on(run_on_signals(config));
    // A session that hangs must not hold the process.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(RunError::Superseded) => ExitCode::from(SUPERSEDED),
        Err(RunError::Failed(error)) => complain(name, &format!("{error:#}"), 1),
    }
}

async fn run_on_signals(config: Config) -> Result<(), RunError> {
    let shutdown = Shutdown::new();
    shutdown.on_signals().map_err(anyhow::Error::from)?;
    run(config, shutdown).await
}

/// Says on standard error why the process ends: logging may not be there yet.
fn complain(name: &str, why: &dyn std::fmt::Display, code: u8) -> ExitCode {
    drop(writeln!(std::io::stderr(), "{name}: {why}"));
    ExitCode::from(code)
}
