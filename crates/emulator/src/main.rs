//! The emulator as a process.

use std::ffi::OsString;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use blazz_emulator::{Emulator, EmulatorConfig};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// The server side of WhatsApp Web with scripted phones, on loopback only.
///
/// State is in memory: a restarted emulator has no phones, and companions of the old one get 401.
#[derive(Parser)]
#[command(name = "blazz-emulator", version)]
struct Arguments {
    /// Where WhatsApp clients connect (port 0: any free port).
    #[arg(long, env = "BLAZZ_EMULATOR_LISTEN", default_value = "127.0.0.1:9101")]
    listen: SocketAddr,
    /// Where the admin API listens (port 0: any free port).
    #[arg(long, env = "BLAZZ_EMULATOR_ADMIN", default_value = "127.0.0.1:9102")]
    admin: SocketAddr,
    /// The WebSocket URL to announce, when clients reach it under another one.
    #[arg(long, env = "BLAZZ_EMULATOR_PUBLIC_URL")]
    public_url: Option<String>,
    /// Append the name of everything that was not really answered to this file.
    #[arg(long, env = "BLAZZ_EMULATOR_UNANSWERED_FILE")]
    unanswered_file: Option<OsString>,
    /// Write `{ws_url, admin_url, root_key, pid}` to this file (mode 0600) when both listeners are ready.
    #[arg(long)]
    ready_file: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,actix_server=warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();

    // Taken before the listeners are announced: a stop that comes early is not lost.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let emulator = Emulator::start(EmulatorConfig {
        listen: arguments.listen,
        admin: arguments.admin,
        public_url: arguments.public_url.filter(|url| !url.is_empty()),
        unanswered_log: arguments.unanswered_file.filter(|path| !path.is_empty()).map(PathBuf::from),
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
