//! The settings of a node, from environment variables. No secret has a default.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use blazz_domain::NodeId;
use blazz_telemetry::LogFormat;
use blazz_whatsapp::EngineConfig;
use blazz_wire::keys::NodeSecret;
use url::Url;

/// Sessions that a node may hold at most, whatever its operator says.
const MOST_SESSIONS: u32 = 100_000;

/// A file is at most this large, whatever the operator says: WhatsApp takes none that is larger.
const MOST_MEDIA_BYTES: u64 = 2 << 30;
/// [`blazz_domain::media::MAX_FILE_BYTES`].
const DEFAULT_MEDIA_LIMIT: &str = "104857600";

/// Everything that a node is told before it starts.
#[derive(Debug)]
pub struct Config {
    /// The node's name.
    pub node_id: NodeId,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where the API reaches it; `http://` and the address it listens on if absent.
    pub url: Option<Url>,
    /// The secret that it shares with the API.
    pub secret: NodeSecret,
    /// The secret before that, while secrets are being changed.
    pub secret_previous: Option<NodeSecret>,
    /// Where the API is.
    pub api_url: Url,
    /// Where the sessions' directories are.
    pub session_root: PathBuf,
    /// How many sessions it may run.
    pub capacity: u32,
    /// How many sessions may be starting at the same time.
    pub start_concurrency: usize,
    /// How many files may be fetched from WhatsApp at the same time, and as many put there.
    pub media_concurrency: usize,
    /// The most bytes of a file.
    pub media_limit: u64,
    /// How sessions reach WhatsApp.
    pub engine: EngineConfig,
    /// What is logged.
    pub log: String,
    /// In which shape.
    pub log_format: LogFormat,
    /// A file to write when the node listens.
    pub ready_file: Option<PathBuf>,
}

/// What is wrong with a setting, in a sentence that names its variable. Never holds a secret's value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

/// The variables, with what they mean, for `--help`.
pub const VARIABLES: &str = "\
Environment:
  BLAZZ_NODE_ID                 the node's name: 1-63 lower-case letters, digits and inner dashes (required)
  BLAZZ_NODE_SECRET             the node's secret, from `blazz secret node <id>` (required)
  BLAZZ_NODE_SECRET_PREVIOUS    the secret before that, while secrets are being changed
  BLAZZ_API_URL                 where the API is, such as http://127.0.0.1:7000 (required)
  BLAZZ_SESSION_ROOT            the directory that holds the sessions (required)
  BLAZZ_NODE_LISTEN             where the node listens [127.0.0.1:7100]
  BLAZZ_NODE_URL                where the API reaches it [http:// and the address it listens on]
  BLAZZ_NODE_CAPACITY           how many sessions it may run [500]
  BLAZZ_NODE_START_CONCURRENCY  how many sessions may be starting at the same time [16]
  BLAZZ_NODE_MEDIA_CONCURRENCY  how many files may be fetched at the same time, and as many sent [4]
  BLAZZ_MEDIA_MAX_BYTES         the most bytes of a file [104857600]
  BLAZZ_WHATSAPP_ENDPOINT       the WebSocket to connect to [live WhatsApp]
  BLAZZ_WHATSAPP_VERSION        the version of WhatsApp Web to claim, as a.b.c
  BLAZZ_DEVICE_NAME             what phones show in their list of linked devices [Blazz]
  BLAZZ_READY_FILE              a file to write {url,pid,node_id} to when the node listens
  BLAZZ_LOG                     what is logged [info]
  BLAZZ_LOG_FORMAT              text or json [text]";

impl Config {
    /// Reads the settings from this process's environment.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads the settings from `variable`. An empty value counts as absent.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let settings = Settings(variable);
        let config = Self {
            node_id: settings.required("BLAZZ_NODE_ID", "a node id")?,
            listen: settings.or("BLAZZ_NODE_LISTEN", "an address and port", "127.0.0.1:7100")?,
            url: settings.optional("BLAZZ_NODE_URL", "an http(s) URL")?,
            secret: settings.secret("BLAZZ_NODE_SECRET")?.ok_or_else(|| {
                missing("BLAZZ_NODE_SECRET", "; `blazz secret node <id>` prints it and it has no default")
            })?,
            secret_previous: settings.secret("BLAZZ_NODE_SECRET_PREVIOUS")?,
            api_url: settings.required("BLAZZ_API_URL", "an http(s) URL")?,
            session_root: settings.required("BLAZZ_SESSION_ROOT", "a directory")?,
            capacity: settings.or("BLAZZ_NODE_CAPACITY", "a number", "500")?,
            start_concurrency: settings.or("BLAZZ_NODE_START_CONCURRENCY", "a number", "16")?,
            media_concurrency: settings.or("BLAZZ_NODE_MEDIA_CONCURRENCY", "a number", "4")?,
            media_limit: settings.or("BLAZZ_MEDIA_MAX_BYTES", "a number", DEFAULT_MEDIA_LIMIT)?,
            engine: engine(&settings)?,
            log: settings.or("BLAZZ_LOG", "a log filter", "info")?,
            log_format: settings.or("BLAZZ_LOG_FORMAT", "text or json", "text")?,
            ready_file: settings.optional("BLAZZ_READY_FILE", "a file")?,
        };
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        if !(1..=MOST_SESSIONS).contains(&self.capacity) {
            return Err(ConfigError(format!("BLAZZ_NODE_CAPACITY must be 1 to {MOST_SESSIONS}")));
        }
        if !(1..=1_000).contains(&self.start_concurrency) {
            return Err(ConfigError("BLAZZ_NODE_START_CONCURRENCY must be 1 to 1000".to_owned()));
        }
        if !(1..=100).contains(&self.media_concurrency) {
            return Err(ConfigError("BLAZZ_NODE_MEDIA_CONCURRENCY must be 1 to 100".to_owned()));
        }
        if !(1..=MOST_MEDIA_BYTES).contains(&self.media_limit) {
            return Err(ConfigError(format!("BLAZZ_MEDIA_MAX_BYTES must be 1 to {MOST_MEDIA_BYTES}")));
        }
        let urls = [("BLAZZ_API_URL", Some(&self.api_url)), ("BLAZZ_NODE_URL", self.url.as_ref())];
        for (name, url) in urls {
            if url.is_some_and(|url| !matches!(url.scheme(), "http" | "https")) {
                return Err(ConfigError(format!("{name} must be an http(s) URL")));
            }
        }
        self.engine.check().map_err(|error| ConfigError(format!("BLAZZ_WHATSAPP_ENDPOINT: {error}")))
    }
}

fn engine(settings: &Settings<impl Fn(&str) -> Option<String>>) -> Result<EngineConfig, ConfigError> {
    let mut engine = EngineConfig {
        endpoint: settings.optional("BLAZZ_WHATSAPP_ENDPOINT", "a ws:// or wss:// URL")?,
        device_name: settings.or("BLAZZ_DEVICE_NAME", "a name", "Blazz")?,
        ..EngineConfig::default()
    };
    if let Some(Version(version)) =
        settings.optional("BLAZZ_WHATSAPP_VERSION", "a version such as 2.3000.1")?
    {
        engine.version = version;
    }
    Ok(engine)
}

/// `a.b.c`.
struct Version((u32, u32, u32));

impl FromStr for Version {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('.').map(str::parse);
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Ok(a)), Some(Ok(b)), Some(Ok(c)), None) => Ok(Self((a, b, c))),
            _ => Err(()),
        }
    }
}

struct Settings<F>(F);

impl<F: Fn(&str) -> Option<String>> Settings<F> {
    fn text(&self, name: &str) -> Option<String> {
        (self.0)(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn optional<T: FromStr>(&self, name: &str, what: &str) -> Result<Option<T>, ConfigError> {
        self.text(name).map(|text| parse(name, what, &text)).transpose()
    }

    fn required<T: FromStr>(&self, name: &str, what: &str) -> Result<T, ConfigError> {
        self.optional(name, what)?.ok_or_else(|| missing(name, &format!(" to {what}")))
    }

    fn or<T: FromStr>(&self, name: &str, what: &str, default: &str) -> Result<T, ConfigError> {
        parse(name, what, &self.text(name).unwrap_or_else(|| default.to_owned()))
    }

    /// The message never shows the value.
    fn secret(&self, name: &str) -> Result<Option<NodeSecret>, ConfigError> {
        let parsed = self.text(name).map(|text| NodeSecret::parse(&text)).transpose();
        parsed.map_err(|error| ConfigError(format!("{name} is not a node secret: {error}")))
    }
}

fn parse<T: FromStr>(name: &str, what: &str, text: &str) -> Result<T, ConfigError> {
    text.parse().map_err(|_| ConfigError(format!("{name} must be {what}, not {text:?}")))
}

fn missing(name: &str, more: &str) -> ConfigError {
    ConfigError(format!("{name} is not set: set it{more}"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn complete() -> HashMap<&'static str, String> {
        HashMap::from([
            ("BLAZZ_NODE_ID", "node-1".to_owned()),
            ("BLAZZ_NODE_SECRET", "5a".repeat(32)),
            ("BLAZZ_API_URL", "http://127.0.0.1:7000".to_owned()),
            ("BLAZZ_SESSION_ROOT", "/var/lib/blazz".to_owned()),
            ("BLAZZ_WHATSAPP_ENDPOINT", "ws://127.0.0.1:9/ws/chat".to_owned()),
        ])
    }

    fn read(variables: &HashMap<&'static str, String>) -> Result<Config, ConfigError> {
        Config::read(|name| variables.get(name).cloned())
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let config = read(&complete()).unwrap();
        assert_eq!(config.listen, "127.0.0.1:7100".parse().unwrap());
        assert_eq!((config.capacity, config.start_concurrency), (500, 16));
        assert_eq!((config.media_concurrency, config.media_limit), (4, blazz_domain::media::MAX_FILE_BYTES));
        assert_eq!((config.log.as_str(), config.log_format), ("info", LogFormat::Text));
        assert_eq!(config.engine.device_name, "Blazz");
        assert_eq!(config.engine.version, EngineConfig::default().version);
        assert!(config.url.is_none() && config.secret_previous.is_none() && config.ready_file.is_none());
    }

    #[test]
    fn a_missing_setting_is_named() {
        for name in ["BLAZZ_NODE_ID", "BLAZZ_NODE_SECRET", "BLAZZ_API_URL", "BLAZZ_SESSION_ROOT"] {
            for value in [None, Some(" ".to_owned())] {
                let mut variables = complete();
                variables.remove(name);
                variables.extend(value.map(|value| (name, value)));
                let sentence = read(&variables).unwrap_err().to_string();
                assert!(sentence.starts_with(&format!("{name} is not set")), "{sentence}");
            }
        }
    }

    #[test]
    fn a_bad_setting_is_named_and_a_secret_never_shown() {
        let bad = [
            ("BLAZZ_NODE_ID", "Node 1"),
            ("BLAZZ_NODE_SECRET", "hunter2"),
            ("BLAZZ_NODE_SECRET_PREVIOUS", "hunter2"),
            ("BLAZZ_API_URL", "ftp://127.0.0.1"),
            ("BLAZZ_NODE_URL", "nowhere"),
            ("BLAZZ_NODE_LISTEN", "7100"),
            ("BLAZZ_NODE_CAPACITY", "0"),
            ("BLAZZ_NODE_START_CONCURRENCY", "-1"),
            ("BLAZZ_NODE_MEDIA_CONCURRENCY", "0"),
            ("BLAZZ_MEDIA_MAX_BYTES", "0"),
            ("BLAZZ_WHATSAPP_ENDPOINT", "http://127.0.0.1"),
            ("BLAZZ_WHATSAPP_VERSION", "2.3000"),
            ("BLAZZ_LOG_FORMAT", "xml"),
        ];
        for (name, value) in bad {
            let mut variables = complete();
            variables.insert(name, value.to_owned());
            let sentence = read(&variables).unwrap_err().to_string();
            assert!(sentence.starts_with(name), "{sentence}");
            assert!(!sentence.contains("hunter2"), "{sentence}");
        }
    }

    #[test]
    fn the_sandbox_build_wants_the_emulator() {
        let mut variables = complete();
        variables.remove("BLAZZ_WHATSAPP_ENDPOINT");
        assert_eq!(read(&variables).is_err(), blazz_whatsapp::is_sandbox());
        variables.insert("BLAZZ_WHATSAPP_ENDPOINT", "ws://10.0.0.1/".to_owned());
        assert_eq!(read(&variables).is_err(), blazz_whatsapp::is_sandbox());
    }

    #[test]
    fn a_version_has_three_parts() {
        let mut variables = complete();
        variables.insert("BLAZZ_WHATSAPP_VERSION", "2.3000.17".to_owned());
        assert_eq!(read(&variables).unwrap().engine.version, (2, 3000, 17));
    }

    #[test]
    fn help_names_every_variable() {
        let asked = std::cell::RefCell::new(Vec::new());
        let variables = complete();
        let read = Config::read(|name| {
            asked.borrow_mut().push(name.to_owned());
            variables.get(name).cloned()
        });
        assert!(read.is_ok());
        for name in asked.into_inner() {
            assert!(VARIABLES.contains(&format!("  {name} ")), "{name}");
        }
    }
}
