//! `blazz up`: the whole of Blazz on one machine, kept running.

mod addresses;
mod bootstrap;
mod child;
mod home;
mod leftovers;
mod live;
mod process_id;
mod programs;
mod ready;
mod say;
mod secrets;
mod signals;
mod stack;
mod up_file;

use std::path::PathBuf;

use clap::Args;

use self::home::Home;
use self::say::say;
use self::signals::Signals;
use self::stack::Stack;
use self::up_file::Up;
use crate::link::Keyboard;

/// Start everything on this machine: emulator, API and session nodes; keep it running until interrupted.
///
/// The sandbox is complete: the nodes talk to an emulator with scriptable phones and never to WhatsApp. What dies is started again. Ctrl-C
/// stops everything in order; a second one kills it. The next start finds secrets, workspaces and sessions as they were; the phones are the
/// emulator's, which forgets them.
///
/// With --live there is no emulator: one production node links a number of yours with WhatsApp itself.
#[derive(Args, Debug, Clone)]
pub(crate) struct UpArgs {
    /// Where secrets, the database, session directories, logs and `up.json` live; one `blazz up` at a time. `var`, and `var/live` with --live.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// How many session nodes to run: 2, and 1 with --live.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=16), conflicts_with = "live")]
    nodes: Option<u16>,
    /// Link a number of yours with WhatsApp itself: no emulator, one production node.
    #[arg(long)]
    live: bool,
    /// With --live: the number of the phone, for a code to type there instead of a QR code to scan.
    #[arg(long, requires = "live")]
    phone: Option<String>,
    /// With --live: do not ask whether the number may be linked.
    #[arg(long, requires = "live")]
    yes: bool,
    /// The API's port; the emulator takes the next two, the nodes those after. 0 picks free ports.
    #[arg(long, default_value_t = 7000)]
    port: u16,
    /// Where the programs are; by default beside this one.
    #[arg(long)]
    bin_dir: Option<PathBuf>,
    /// PostgreSQL instead of the SQLite file: `postgres://user@host/name`.
    #[arg(long)]
    database_url: Option<String>,
    /// Redis instead of the in-process bus: `redis://host:port`.
    #[arg(long)]
    redis_url: Option<String>,
}

impl UpArgs {
    fn dir(&self) -> PathBuf {
        self.dir.clone().unwrap_or_else(|| PathBuf::from(if self.live { "var/live" } else { "var" }))
    }

    fn node_count(&self) -> u16 {
        if self.live { 1 } else { self.nodes.unwrap_or(2) }
    }
}

/// Starts, supervises until asked to stop, stops.
pub(crate) async fn run(args: UpArgs) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let mut keyboard = Keyboard::default();
    if args.live && !args.yes && !live::is_wanted(&args.dir(), &mut keyboard, &mut signals).await {
        say("nothing was started");
        return Ok(());
    }
    let home = Home::take(&args.dir())?;
    home.claim(args.live)?;
    leftovers::end(&home).await;
    let mut stack = Stack::new(home, &args)?;
    let ended = tokio::select! {
        ended = run_all(&mut stack, &args, &mut keyboard) => ended,
        name = signals.next() => {
            say(&format!("stopping ({name}); once more to kill everything at once"));
            Ok(())
        }
    };
    let killed = tokio::select! {
        () = stack.stop() => false,
        _ = signals.next() => true,
    };
    if killed {
        stack.kill().await;
    }
    say("stopped");
    ended
}

/// Ends only when something cannot be started.
async fn run_all(stack: &mut Stack, args: &UpArgs, keyboard: &mut Keyboard) -> anyhow::Result<()> {
    let up = stack.start().await?;
    if !args.live {
        introduce(&up, stack.home());
        stack.supervise().await;
        return Ok(());
    }
    live::introduce(&up, stack.home());
    tokio::select! {
        () = stack.supervise() => {}
        () = live::link(&up, args.phone.as_deref(), keyboard) => {}
    }
    Ok(())
}

/// What a person needs to begin.
fn introduce(up: &Up, home: &Home) {
    let nodes: String = up.nodes.iter().map(|node| format!("\n  {:<14} {}", node.id, node.url)).collect();
    say(&format!(
        "
Blazz is up. Everything here is a sandbox: the phones are simulated.

  API            {api}
  emulator       {emulator}{nodes}
  workspace      {workspace}
  workspace key  {key}
  operator key   {operator}

  all of this    {file}
  logs           {logs}

Try:

  curl -s {api}/v1/accounts -H 'Authorization: Bearer {key}' --json '{{\"name\":\"Shop\"}}'

The README goes on from there. Ctrl-C stops everything.
",
        api = up.api_url,
        emulator = up.emulator_url.as_deref().unwrap_or("-"),
        workspace = up.workspace_id,
        key = up.workspace_key,
        operator = up.operator_key,
        file = home.up_file().display(),
        logs = home.logs().display(),
    ));
}
