//! The `blazz-api` program.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use blazz_api::{Config, openapi, run};
use blazz_telemetry::Shutdown;
use clap::{Parser, Subcommand};

/// The API of Blazz: REST for tenants and operators, the signed control API for session nodes.
///
/// Settings come from environment variables named BLAZZ_…; see .env.example.
#[derive(Parser)]
#[command(name = "blazz-api", version)]
struct Cli {
    /// A TOML file with the same settings, without their prefix and in lower case. The environment overrides it.
    #[arg(long, global = true, env = "BLAZZ_CONFIG", value_name = "FILE")]
    config: Option<OsString>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until told to stop. What happens when no command is given.
    Serve,
    /// Print the OpenAPI document.
    Openapi,
    /// Look at the settings.
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Say whether the process could start with these settings.
    Check,
}

/// The settings cannot be used.
const BAD_SETTINGS: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // An empty variable counts as none, which a path would refuse.
    let file = cli.config.filter(|file| !file.is_empty()).map(PathBuf::from);
    match cli.command.unwrap_or(Command::Serve) {
        Command::Openapi => print_document(),
        Command::Config(ConfigCommand::Check) => match Config::load(file.as_deref()) {
            Ok(_) => say("the settings are good"),
            Err(error) => complain(&error, BAD_SETTINGS),
        },
        Command::Serve => match Config::load(file.as_deref()) {
            Ok(config) => serve(&config),
            Err(error) => complain(&error, BAD_SETTINGS),
        },
    }
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
        Err(error) => complain(&format!("{error:#}"), 1),
    }
}

fn print_document() -> ExitCode {
    match openapi().to_pretty_json() {
        Ok(document) => say(&document),
        Err(error) => complain(&error, 1),
    }
}

fn say(text: &str) -> ExitCode {
    let written = writeln!(std::io::stdout(), "{text}");
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn complain(what: &dyn std::fmt::Display, code: u8) -> ExitCode {
    // There is nobody left to tell when this fails.
    let _ = writeln!(std::io::stderr(), "blazz-api: {what}");
    ExitCode::from(code)
}
