//! Log lines on standard error, as text for people or as JSON for machines.

use std::fmt;
use std::str::FromStr;

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The shape of a log line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One readable line.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The name is neither `text` nor `json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a log format is `text` or `json`")]
pub struct UnknownLogFormat;

impl FromStr for LogFormat {
    type Err = UnknownLogFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(UnknownLogFormat),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

/// Under which names the engine logs: its crates, and targets that it makes up. It writes phone numbers into its lines at every
/// level, and five lines about each redelivered duplicate. A name stands for every target that begins with it.
///
/// Source: every `target:` in whatsapp-rust and wacore 0.7.0.
const ENGINE: &[&str] = &[
    "whatsapp_rust",
    "wacore",
    "waproto",
    "AppState",
    "Blocking",
    "Bot",
    "Chatstate",
    "Client",
    "MessageQueue",
    "Mex",
    "PresenceHandler",
    "TcToken",
    "UnifiedSession",
    "blocklist",
    "usync",
];

/// What `text` lets through. The engine says nothing unless `text` names it.
fn filter(text: &str) -> anyhow::Result<EnvFilter> {
    let mut filter =
        EnvFilter::try_new(text).with_context(|| format!("cannot read the log filter {text:?}"))?;
    let named: Vec<_> = text.split(',').filter_map(|directive| directive.split(['=', '[']).next()).collect();
    for target in ENGINE.iter().filter(|target| !named.iter().any(|name| name.trim() == **target)) {
        filter = filter.add_directive(format!("{target}=off").parse().context("a built-in log filter")?);
    }
    Ok(filter)
}

/// Sends this process's log lines to standard error, for ever. `filter` is a list such as `info,blazz_services=debug`; the engine is
/// silent unless the filter names it, for it logs phone numbers.
///
/// # Errors
/// When the filter cannot be read, or logging is set up already.
pub fn init(service: &'static str, format: LogFormat, filter: &str) -> anyhow::Result<()> {
    let parsed = self::filter(filter)?;
    let registry = tracing_subscriber::registry().with(parsed);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    match format {
        LogFormat::Text => registry.with(layer).try_init(),
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).try_init(),
    }
    .context("logging is set up already")?;
    tracing::info!(service, "logging as {format}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn formats_have_names() {
        for format in [LogFormat::Text, LogFormat::Json] {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        assert_eq!("xml".parse::<LogFormat>(), Err(UnknownLogFormat));
    }

    /// What a filter lets through of one line at `warn` by each of these targets.
    macro_rules! heard {
        ($text:expr, $($target:literal),*) => {{
            let lines = Lines::default();
            let writer = lines.clone();
            let layer = tracing_subscriber::fmt::layer().with_writer(move || writer.clone());
            let subscriber = tracing_subscriber::registry().with(filter($text).unwrap()).with(layer);
            tracing::subscriber::with_default(subscriber, || {
                $(tracing::warn!(target: $target, "from {}", $target);)*
            });
            let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
            text.lines().filter_map(|line| Some(line.split_once("from ")?.1.to_owned())).collect::<Vec<_>>()
        }};
    }

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_engine_is_silent_unless_it_is_named() {
        for loud in ["info", "trace", "blazz_whatsapp=debug,warn"] {
            let heard = heard!(
                loud,
                "whatsapp_rust::message",
                "whatsapp_rust_sqlite_storage",
                "wacore::store",
                "wacore_libsignal::protocol",
                "Client/AppState",
                "Client/PairCode",
                "Bot/PairCode",
                "ChatstateHandler",
                "usync",
                "blazz_whatsapp::session"
            );
            assert_eq!(heard, ["blazz_whatsapp::session"], "{loud}");
        }
        let heard =
            heard!("info,Client=warn,wacore_libsignal=warn", "Client/Recv", "wacore_libsignal", "wacore");
        assert_eq!(heard, ["Client/Recv", "wacore_libsignal"]);
    }

    #[test]
    fn a_bad_filter_is_named_in_the_error() {
        let error = init("test", LogFormat::Text, "a=b=c").unwrap_err();
        assert!(error.to_string().contains("a=b=c"), "{error}");
    }
}
