//! The `blazz-api` program.

use std::process::ExitCode;

use blazz_api::{Config, SETTINGS, openapi, run, run_worker};
use blazz_program::{BAD_SETTINGS, Common, Program, Reader, SettingsFile, complain, say};
use blazz_telemetry::Shutdown;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

const NAME: &str = "blazz-api";

const EXAMPLES: &str = "Examples:
  blazz-api                           serves, with settings from the environment
  blazz-api --config /etc/blazz.toml  the same, with a file below the environment
  blazz-api worker                    runs jobs only, beside others that serve
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
    /// Run jobs and background tasks until told to stop, and serve nobody.
    ///
    /// Beside processes that serve, over the same PostgreSQL and Redis; without these it refuses. They run jobs too: a worker adds hands, and
    /// takes the work over while they are replaced. Only health (/healthz, /readyz) and /metrics are served, at BLAZZ_WORKER_LISTEN.
    Worker,
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
            Ok(config) => live(&config, "blazz-api", run),
            Err(faults) => complain(NAME, &faults, BAD_SETTINGS),
        },
        Command::Worker => match config().and_then(|config| config.check_worker().map(|()| config)) {
            Ok(config) => live(&config, "blazz-worker", run_worker),
            Err(faults) => complain(NAME, &faults, BAD_SETTINGS),
        },
    }
}

fn command() -> clap::Command {
    Cli::command().after_help(format!("{}\n\n{EXAMPLES}", blazz_program::help(SETTINGS)))
}

fn live(
    config: &Config,
    service: &'static str,
    run: impl AsyncFnOnce(&Config, Shutdown) -> anyhow::Result<()>,
) -> ExitCode {
    let served = blazz_telemetry::init(service, config.log_format, &config.log).and_then(|()| {
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
