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

/// The engine logs a redelivered duplicate five times, twice as an error; a duplicate is nothing to wake somebody for.
const QUIET: &[&str] = &["whatsapp_rust=warn", "wacore=warn", "wacore_libsignal=off"];

/// Sends this process's log lines to standard error, for ever. `filter` is a list such as `info,blazz_services=debug`; the engine is
/// quieter than that unless the filter names it.
///
/// # Errors
/// When the filter cannot be read, or logging is set up already.
pub fn init(service: &'static str, format: LogFormat, filter: &str) -> anyhow::Result<()> {
    let mut parsed =
        EnvFilter::try_new(filter).with_context(|| format!("cannot read the log filter {filter:?}"))?;
    for directive in QUIET {
        let target = directive.split('=').next().unwrap_or(directive);
        if !filter.contains(target) {
            parsed = parsed.add_directive(directive.parse().context("a built-in log filter")?);
        }
    }
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
    use super::*;

    #[test]
    fn formats_have_names() {
        for format in [LogFormat::Text, LogFormat::Json] {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        assert_eq!("xml".parse::<LogFormat>(), Err(UnknownLogFormat));
    }

    #[test]
    fn a_bad_filter_is_named_in_the_error() {
        let error = init("test", LogFormat::Text, "a=b=c").unwrap_err();
        assert!(error.to_string().contains("a=b=c"), "{error}");
    }
}
