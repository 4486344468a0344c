//! The emulator as a process.

use std::ffi::OsString;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use blazz_emulator::{Emulator, EmulatorConfig, SETTINGS};
use blazz_program::{BAD_SETTINGS, Common, Program, Reader, complain};
use clap::{CommandFactory as _, FromArgMatches as _, Parser};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

const NAME: &str = "blazz-emulator";

const EXAMPLES: &str = "Examples:
  blazz-emulator                                    listens on ports 9101 and 9102 of this machine
  blazz-emulator --listen 127.0.0.1:0 --admin 127.0.0.1:0 --ready-file ready.json
                                                    takes free ports, and writes down which
  curl http://127.0.0.1:9102/phones -d '{\"phone\":\"15550000001\",\"name\":\"Anna\"}'
                                                    turns a phone on";

/// The server side of WhatsApp Web with scripted phones, on loopback only.
///
/// State is in memory: a restarted emulator has no phones, and companions of the old one get 401.
#[derive(Parser)]
#[command(name = NAME, version)]
struct Arguments {
    /// Where WhatsApp clients connect (port 0: any free port).
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Where the admin API listens (port 0: any free port).
    #[arg(long)]
    admin: Option<SocketAddr>,
    /// The WebSocket URL to announce, when clients reach it under another one.
    #[arg(long)]
    public_url: Option<String>,
    /// Append the name of everything that was not really answered to this file.
    #[arg(long)]
    unanswered_file: Option<OsString>,
    /// Write `{ws_url, admin_url, root_key, pid}` to this file (mode 0600) when both listeners are ready.
    #[arg(long)]
    ready_file: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Common>,
}

fn main() -> ExitCode {
    let command =
        || Arguments::command().after_help(format!("{}\n\n{EXAMPLES}", blazz_program::help(SETTINGS)));
    let mut arguments =
        Arguments::from_arg_matches(&command().get_matches()).unwrap_or_else(|error| error.exit());
    let reader = || Reader::new(SETTINGS, None, &blazz_program::environment());
    let settings = EmulatorConfig::read(reader());
    if let Some(common) = arguments.command.take() {
        let faults = settings.err();
        return common.run(Program { command: command(), settings: SETTINGS, reader: reader(), faults });
    }
    match settings {
        Err(faults) => complain(NAME, &faults, BAD_SETTINGS),
        Ok(settings) => match run(arguments, settings) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => complain(NAME, &format!("{error:#}"), 1),
        },
    }
}

#[tokio::main]
async fn run(arguments: Arguments, settings: EmulatorConfig) -> Result<()> {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,actix_server=warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();

    // Taken before the listeners are announced: a stop that comes early is not lost.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let emulator = Emulator::start(EmulatorConfig {
        listen: arguments.listen.unwrap_or(settings.listen),
        admin: arguments.admin.unwrap_or(settings.admin),
        public_url: arguments.public_url.filter(|url| !url.is_empty()).or(settings.public_url),
        unanswered_log: arguments.unanswered_file.map(PathBuf::from).or(settings.unanswered_log),
        ..EmulatorConfig::default()
    })
    .await?;
    if let Some(path) = &arguments.ready_file {
        write_ready_file(path, &emulator)?;
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    emulator.stop().await;
    Ok(())
}

/// Written aside and renamed, so that a reader never sees half of it.
fn write_ready_file(path: &Path, emulator: &Emulator) -> Result<()> {
    let ready = serde_json::json!({
        "ws_url": emulator.ws_url(),
        "admin_url": emulator.admin_url(),
        "root_key": emulator.root_key(),
        "pid": std::process::id(),
    });
    let aside = path.with_extension("partial");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&aside)
        .with_context(|| format!("write {}", aside.display()))?;
    file.write_all(ready.to_string().as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&aside, path).with_context(|| format!("write {}", path.display()))
}
