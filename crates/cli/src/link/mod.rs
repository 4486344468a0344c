//! `blazz session link`: links a number from a terminal, by QR code or by pairing code. `blazz up --live` does the same.

mod keyboard;
mod picture;
mod screen;
mod workspace;

use std::time::Duration;

use anyhow::{Context as _, bail};
use blazz_domain::{AccountId, AccountState, Clock as _, StateReason, SystemClock, Timestamp};
use clap::Args;
use serde::Deserialize;
use serde_json::json;
use tokio::time::sleep;
use url::Url;

pub(crate) use self::keyboard::Keyboard;
pub(crate) use self::screen::Screen;
pub(crate) use self::workspace::Workspace;
use crate::output;

/// The pause between two looks at the account.
const PAUSE: Duration = Duration::from_millis(400);

/// Said while the session's node cannot connect.
const AWAY: &str = "WhatsApp cannot be reached from the session node just now: look at its network, its name resolution and its log. \
                    It tries again by itself; Ctrl-C stops.";

/// Link a number: draw its QR code in this terminal, or show a pairing code, until a phone has taken it.
#[derive(Args, Debug)]
pub(crate) struct LinkArgs {
    /// The account whose number it is.
    account: AccountId,
    /// The number of the phone: shows a code to type there, instead of a QR code to scan.
    #[arg(long)]
    phone: Option<String>,
    /// The API's address.
    #[arg(long, env = "BLAZZ_API_URL", default_value = "http://127.0.0.1:7000")]
    api_url: Url,
    /// A key of the account's workspace.
    #[arg(long = "key", env = "BLAZZ_API_KEY", hide_env_values = true)]
    key: Option<String>,
    /// Print JSON, a line for each code and one for the end.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: LinkArgs) -> anyhow::Result<()> {
    let key = args.key.context("BLAZZ_API_KEY is not set; it is a key of the account's workspace")?;
    let workspace = Workspace::new(&args.api_url, &key)?;
    let mut screen = Screen::new(args.json);
    let mut keyboard = Keyboard::default();
    let phone = link(&workspace, args.account, args.phone.as_deref(), &mut screen, &mut keyboard).await?;
    if args.json {
        return output::compact(&json!({ "event": "linked", "phone": phone }));
    }
    output::line(&format!("linked as {phone}"))
}

/// How a round of codes ended.
enum Round {
    Linked(String),
    TimedOut,
}

/// Shows codes until a phone has taken one; gives the linked number. After each round that nobody used, waits for Enter.
///
/// # Errors
/// When the session cannot be linked, or nobody is there to press Enter.
pub(crate) async fn link(
    workspace: &Workspace,
    account: AccountId,
    phone: Option<&str>,
    screen: &mut Screen,
    keyboard: &mut Keyboard,
) -> anyhow::Result<String> {
    loop {
        let round = match phone {
            None => by_qr(workspace, account, screen).await?,
            Some(phone) => by_code(workspace, account, phone, screen).await?,
        };
        match round {
            Round::Linked(phone) => return Ok(phone),
            Round::TimedOut => {
                screen.say("No phone took a code in time. Press Enter for a new round, Ctrl-C to stop.");
                let pressed = keyboard.line().await;
                pressed.context("no phone took a code in time, and nobody is here to ask for new ones")?;
            }
        }
    }
}

/// What the API says of an account.
#[derive(Debug, Deserialize)]
struct Account {
    state: AccountState,
    state_reason: Option<StateReason>,
    phone: Option<String>,
}

#[derive(Deserialize)]
struct Qr {
    text: String,
    expires_at: Timestamp,
    round_ends_at: Timestamp,
}

#[derive(Deserialize)]
struct Code {
    code: String,
    expires_at: Timestamp,
}

async fn by_qr(workspace: &Workspace, account: AccountId, screen: &mut Screen) -> anyhow::Result<Round> {
    let path = format!("/v1/accounts/{account}");
    workspace.post(&format!("{path}/session/start"), json!({})).await?;
    let mut shown: Option<String> = None;
    loop {
        let now: Account = workspace.get(&path).await?;
        if let Some(ended) = ended(&now, screen)? {
            return Ok(ended);
        }
        // It may just have run out, or have been scanned: then the next look tells.
        if now.state == AccountState::Qr
            && let Some(qr) = workspace.find::<Qr>(&format!("{path}/session/qr?wait=2")).await?
            && shown.as_ref() != Some(&qr.text)
        {
            draw(&qr, screen)?;
            shown = Some(qr.text);
        }
        sleep(PAUSE).await;
    }
}

async fn by_code(
    workspace: &Workspace,
    account: AccountId,
    phone: &str,
    screen: &mut Screen,
) -> anyhow::Result<Round> {
    let path = format!("/v1/accounts/{account}");
    workspace.post(&format!("{path}/session/start"), json!({})).await?;
    // A code is asked for over the open connection; until there is one, it is said why not.
    loop {
        let now: Account = workspace.get(&path).await?;
        if let Some(ended) = ended(&now, screen)? {
            return Ok(ended);
        }
        if now.state == AccountState::Qr {
            break;
        }
        sleep(PAUSE).await;
    }
    screen.note("asking WhatsApp for a code");
    let code = workspace.post(&format!("{path}/session/pairing-code"), json!({ "phone": phone })).await?;
    let code: Code = serde_json::from_value(code)?;
    show(&code, screen)?;
    loop {
        let now: Account = workspace.get(&path).await?;
        if let Some(ended) = ended(&now, screen)? {
            return Ok(ended);
        }
        if code.expires_at <= SystemClock.now() && now.state == AccountState::Qr {
            return Ok(Round::TimedOut);
        }
        sleep(PAUSE).await;
    }
}

/// Whether the round is over in this state; says what keeps it from going on.
fn ended(account: &Account, screen: &mut Screen) -> anyhow::Result<Option<Round>> {
    match account.state {
        AccountState::Connected => return Ok(Some(linked(account))),
        AccountState::QrTimeout => return Ok(Some(Round::TimedOut)),
        AccountState::Failed | AccountState::LoggedOut | AccountState::Stopped => {
            bail!("the session cannot be linked: {}", why(account));
        }
        AccountState::Starting | AccountState::Disconnected
            if account.state_reason == Some(StateReason::ConnectionLost) =>
        {
            screen.note(AWAY);
        }
        AccountState::Connecting => screen.note("a phone has taken the code; logging in"),
        AccountState::New | AccountState::Starting | AccountState::Disconnected | AccountState::Qr => {}
    }
    Ok(None)
}

fn linked(account: &Account) -> Round {
    Round::Linked(account.phone.clone().unwrap_or_else(|| "an unknown number".to_owned()))
}

fn why(account: &Account) -> String {
    let advice = match account.state_reason {
        Some(StateReason::ClientOutdated) => {
            "WhatsApp wants a newer client: set BLAZZ_WHATSAPP_VERSION on the node"
        }
        Some(StateReason::Banned) => "WhatsApp has banned the number",
        Some(StateReason::LoginRefused) => "WhatsApp refuses the login",
        Some(StateReason::StorageFailed) => {
            "its directory cannot be used: `blazz doctor` on the node's machine says more"
        }
        Some(StateReason::DeviceRemoved) => "the phone has removed the device again",
        Some(StateReason::Requested) => "somebody has stopped it",
        _ => "see the log of its node",
    };
    format!("it is {}; {advice}", account.state.as_str())
}

fn draw(qr: &Qr, screen: &mut Screen) -> anyhow::Result<()> {
    if screen.wants_json() {
        let event = json!({ "event": "qr", "text": qr.text, "expires_at": qr.expires_at,
            "round_ends_at": qr.round_ends_at });
        return output::compact(&event);
    }
    let picture = picture::draw(&qr.text, screen.is_terminal())?;
    let seconds = seconds_until(qr.expires_at);
    let round = seconds_until(qr.round_ends_at);
    screen.draw(&format!(
        "{picture}\nOn the phone: WhatsApp, Linked devices, Link a device, and scan this.\nThis code counts for {seconds} s, then comes another; the round ends in {round} s."
    ));
    Ok(())
}

fn show(code: &Code, screen: &mut Screen) -> anyhow::Result<()> {
    if screen.wants_json() {
        let event = json!({ "event": "pairing_code", "code": code.code, "expires_at": code.expires_at });
        return output::compact(&event);
    }
    let seconds = seconds_until(code.expires_at);
    let (first, second) = code.code.split_at_checked(4).unwrap_or((&code.code, ""));
    screen.say(&format!(
        "\n    {first}-{second}\n\nOn the phone: WhatsApp, Linked devices, Link a device, Link with phone number instead.\nThis code counts for {seconds} s."
    ));
    Ok(())
}

fn seconds_until(at: Timestamp) -> u64 {
    at.since(SystemClock.now()).as_secs()
}
