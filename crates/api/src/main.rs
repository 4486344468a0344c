//! The `blazz-api` program.

use std::process::ExitCode;

use blazz_api::{Config, SETTINGS, openapi, run};
use blazz_program::{BAD_SETTINGS, Common, Program, Reader, SettingsFile, complain, say};
use blazz_telemetry::Shutdown;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

const NAME: &str = "blazz-api";

const EXAMPLES: &str = "Examples:
  blazz-api                           serves, with settings from the environment
  blazz-api --config /etc/blazz.toml  the same, with a file below the environment
  blazz-api config check              says everything that is wrong with the settings
  blazz-api config show               shows the settings, without secrets
  blazz-api openapi > openapi.json    writes the OpenAPI document";

/// The API of Blazz: REST for tenants and operators, the signed control API for session nodes.
///
/// Needs a database that `blazz migrate` has brought up to date.
#[derive(Parser)]
#[command(name = NAME, version)]
struct Cli {
    #[command(flatten)]
    settings: SettingsFile,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until told to stop. What happens when no command is given.
    Serve,
    /// Print the OpenAPI document.
    Openapi,
    #[command(flatten)]
    Common(Common),
}

fn main() -> ExitCode {
    let cli = Cli::from_arg_matches(&command().get_matches()).unwrap_or_else(|error| error.exit());
    let file = cli.settings.path();
    let config = || Config::load(file.as_deref());
    match cli.command.unwrap_or(Command::Serve) {
        Command::Openapi => print_document(),
        Command::Common(common) => {
            let reader = Reader::new(SETTINGS, file.as_deref(), &blazz_program::environment());
            common.run(Program { command: command(), settings: SETTINGS, reader, faults: config().err() })
        }
        Command::Serve => match config() {
            Ok(config) => serve(&config),
            Err(faults) => complain(NAME, &faults, BAD_SETTINGS),
        },
    }
}

fn command() -> clap::Command {
    Cli::command().after_help(format!("{}\n\n{EXAMPLES}", blazz_program::help(SETTINGS)))
}

fn serve(config: &Config) -> ExitCode {
    let served = blazz_telemetry::init("blazz-api", config.log_format, &config.log).and_then(|()| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            let shutdown = Shutdown::new();
            shutdown.on_signals()?;
            run(config, shutdown).await
        })
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(NAME, &format!("{error:#}"), 1),
    }
}

fn print_document() -> ExitCode {
    match openapi().to_pretty_json() {
        Ok(document) => say(&document),
        Err(error) => complain(NAME, &error, 1),
    }
}
