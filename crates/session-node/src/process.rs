//! What both binaries do: read the settings, run, and end with a code that says why.

use std::process::ExitCode;

use blazz_program::{BAD_SETTINGS, Common, Program, Reader, SettingsFile, complain};
use blazz_telemetry::Shutdown;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::config::{Config, SETTINGS};
use crate::run::{RunError, run};

/// Another start of this node has taken over; starting again would throw it out.
const SUPERSEDED: u8 = 3;

/// Runs WhatsApp Web sessions for Blazz.
///
/// Registers with the API, which tells it what to run. A session lives in a directory below BLAZZ_SESSION_ROOT; what it receives waits there
/// until the API has it.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    settings: SettingsFile,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run sessions until told to stop. What happens when no command is given.
    Serve,
    #[command(flatten)]
    Common(Common),
}

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
    let cli = Cli::from_arg_matches(&command(name).get_matches()).unwrap_or_else(|error| error.exit());
    let file = cli.settings.path();
    let config = Config::load(file.as_deref());
    match (cli.command.unwrap_or(Command::Serve), config) {
        (Command::Common(common), config) => {
            let reader = Reader::new(SETTINGS, file.as_deref(), &blazz_program::environment());
            common.run(Program { command: command(name), settings: SETTINGS, reader, faults: config.err() })
        }
        (Command::Serve, Err(faults)) => complain(name, &faults, BAD_SETTINGS),
        (Command::Serve, Ok(config)) => serve(name, config),
    }
}

/// The command line of the binary with this name.
fn command(name: &'static str) -> clap::Command {
    let examples = format!(
        "Examples:
  {name}                          runs, with settings from the environment
  {name} --config /etc/node.toml  the same, with a file below the environment
  {name} config check             says everything that is wrong with the settings
  {name} config show              shows the settings, without secrets"
    );
    Cli::command().name(name).after_help(format!("{}\n\n{examples}", blazz_program::help(SETTINGS)))
}

fn serve(name: &str, config: Config) -> ExitCode {
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
