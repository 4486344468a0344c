//! The settings of a node: environment variables, or the same names in a TOML file below them. No secret has a default.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use blazz_domain::NodeId;
use blazz_domain::media::MAX_FILE_BYTES;
use blazz_program::{Faults, Reader, Setting, Values};
use blazz_session_store::StorageSecret;
use blazz_telemetry::LogFormat;
use blazz_whatsapp::{EngineConfig, ProxyPolicy};
use blazz_wire::keys::NodeSecret;
use url::Url;

/// Sessions that a node may hold at most, whatever its operator says.
const MOST_SESSIONS: u64 = 100_000;
/// Sessions that may be starting at the same time at most.
const MOST_STARTS: u64 = 1_000;

/// Every setting.
pub const SETTINGS: &[Setting] = &[
    Setting::plain(
        "BLAZZ_NODE_ID",
        "the node's name: 1-63 lower-case letters, digits and inner dashes (required)",
    ),
    Setting::secret("BLAZZ_NODE_SECRET", "the node's secret, from `blazz secret node <id>` (required)"),
    Setting::secret("BLAZZ_NODE_SECRET_PREVIOUS", "the secret before that, while secrets are being changed"),
    Setting::plain("BLAZZ_API_URL", "where the API is, such as http://127.0.0.1:7000 (required)"),
    Setting::plain("BLAZZ_SESSION_ROOT", "the directory that holds the sessions (required)"),
    Setting::secret(
        "BLAZZ_STORAGE_KEY",
        "what the sessions in the session root are sealed with, from `blazz secret storage` (required)",
    ),
    Setting::secret("BLAZZ_STORAGE_KEY_PREVIOUS", "the key before that, while keys are being changed"),
    Setting::plain("BLAZZ_NODE_LISTEN", "where the node listens").or("127.0.0.1:7100"),
    Setting::plain(
        "BLAZZ_NODE_URL",
        "where the API reaches it; http:// and the address it listens on unless told",
    ),
    Setting::plain("BLAZZ_NODE_CAPACITY", "how many sessions it may run").or("500"),
    Setting::plain("BLAZZ_NODE_START_CONCURRENCY", "how many sessions may be starting at the same time")
        .or("16"),
    Setting::plain(
        "BLAZZ_NODE_MEDIA_CONCURRENCY",
        "how many files may be fetched at the same time, and as many sent",
    )
    .or("4"),
    Setting::plain("BLAZZ_MEDIA_MAX_BYTES", "the most bytes of a file").or("104857600"),
    Setting::plain("BLAZZ_WHATSAPP_ENDPOINT", "the WebSocket to connect to; live WhatsApp unless told"),
    Setting::plain("BLAZZ_PROXY_ALLOW_PRIVATE", "whether accounts' proxies may be at private addresses")
        .or("false"),
    Setting::plain("BLAZZ_READY_FILE", "a file to write {url,pid,node_id} to when the node listens"),
    Setting::plain("BLAZZ_LOG", "what is logged").or("info"),
    Setting::plain("BLAZZ_LOG_FORMAT", "text or json").or("text"),
];

/// A file is at most this large, whatever the operator says: WhatsApp takes none that is larger.
const MOST_MEDIA_BYTES: u64 = 2 << 30;
/// Files that may be on their way at the same time at most.
const MOST_MEDIA_TRANSFERS: u64 = 100;

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
    /// What the sessions there are sealed with.
    pub storage_key: StorageSecret,
    /// The key before that, while keys are being changed.
    pub storage_key_previous: Option<StorageSecret>,
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

impl Config {
    /// Reads this process's environment, and `file` where there is one.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn load(file: Option<&Path>) -> Result<Self, Faults> {
        Self::read(Reader::new(SETTINGS, file, &blazz_program::environment()))
    }

    /// Reads `variables` instead of the environment.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_variables(variables: &Values) -> Result<Self, Faults> {
        Self::read(Reader::new(SETTINGS, None, variables))
    }

    fn read(mut reader: Reader) -> Result<Self, Faults> {
        let node_id =
            reader.required_parsed("BLAZZ_NODE_ID", "a node id: lower-case letters, digits and inner dashes");
        let listen = reader.parsed("BLAZZ_NODE_LISTEN", "an address such as 127.0.0.1:7100");
        let url = http_url(&mut reader, "BLAZZ_NODE_URL");
        let secret = reader.required("BLAZZ_NODE_SECRET", "a secret that `blazz secret node <id>` makes");
        let secret = secret.and_then(|text| secret_of(&mut reader, "BLAZZ_NODE_SECRET", &text));
        let secret_previous = reader
            .text("BLAZZ_NODE_SECRET_PREVIOUS")
            .and_then(|text| secret_of(&mut reader, "BLAZZ_NODE_SECRET_PREVIOUS", &text));
        let api_url = reader.required("BLAZZ_API_URL", "where the API is, such as http://127.0.0.1:7000");
        let api_url = api_url.and_then(|_| http_url(&mut reader, "BLAZZ_API_URL"));
        let session_root = reader.required_parsed("BLAZZ_SESSION_ROOT", "a directory");
        let storage_key = reader.required("BLAZZ_STORAGE_KEY", "a secret that `blazz secret storage` makes");
        let storage_key =
            storage_key.and_then(|text| storage_key_of(&mut reader, "BLAZZ_STORAGE_KEY", &text));
        let storage_key_previous = reader
            .text("BLAZZ_STORAGE_KEY_PREVIOUS")
            .and_then(|text| storage_key_of(&mut reader, "BLAZZ_STORAGE_KEY_PREVIOUS", &text));
        let capacity = reader.number("BLAZZ_NODE_CAPACITY", 500, 1, MOST_SESSIONS);
        let start_concurrency = reader.number("BLAZZ_NODE_START_CONCURRENCY", 16, 1, MOST_STARTS);
        let media_concurrency = reader.number("BLAZZ_NODE_MEDIA_CONCURRENCY", 4, 1, MOST_MEDIA_TRANSFERS);
        let media_limit = reader.number("BLAZZ_MEDIA_MAX_BYTES", MAX_FILE_BYTES, 1, MOST_MEDIA_BYTES);
        let engine = engine(&mut reader);
        let log = reader.text("BLAZZ_LOG").unwrap_or_else(|| "info".to_owned());
        let log_format = reader.parsed("BLAZZ_LOG_FORMAT", "`text` or `json`");
        let ready_file = reader.text("BLAZZ_READY_FILE").map(PathBuf::from);
        let (Some(node_id), Some(secret), Some(api_url), Some(session_root), Some(storage_key), true) =
            (node_id, secret, api_url, session_root, storage_key, reader.is_good())
        else {
            return Err(reader.faults());
        };
        Ok(Self {
            node_id,
            listen: listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 7100))),
            url,
            secret,
            secret_previous,
            api_url,
            session_root,
            storage_key,
            storage_key_previous,
            capacity: u32::try_from(capacity).unwrap_or(u32::MAX),
            start_concurrency: usize::try_from(start_concurrency).unwrap_or(usize::MAX),
            media_concurrency: usize::try_from(media_concurrency).unwrap_or(usize::MAX),
            media_limit,
            engine,
            log,
            log_format: log_format.unwrap_or_default(),
            ready_file,
        })
    }
}

fn engine(reader: &mut Reader) -> EngineConfig {
    let mut engine = EngineConfig::default();
    let known = reader.text("BLAZZ_WHATSAPP_ENDPOINT");
    engine.endpoint = reader.parsed("BLAZZ_WHATSAPP_ENDPOINT", "a ws:// or wss:// URL");
    if known.is_none() || engine.endpoint.is_some() {
        reader.checked(
            "BLAZZ_WHATSAPP_ENDPOINT",
            engine.check().map_err(|error| format!("must be another: {error}")),
        );
    }
    if reader.parsed("BLAZZ_PROXY_ALLOW_PRIVATE", "true or false").unwrap_or(false) {
        engine.proxies = ProxyPolicy::AllowPrivate;
    }
    engine
}

fn http_url(reader: &mut Reader, name: &str) -> Option<Url> {
    let url: Url = reader.parsed(name, "an http(s) URL")?;
    let good = matches!(url.scheme(), "http" | "https");
    if !good {
        reader.fault(name, "must be an http(s) URL");
    }
    good.then_some(url)
}

fn storage_key_of(reader: &mut Reader, name: &str, text: &str) -> Option<StorageSecret> {
    let key = StorageSecret::parse(text).ok_or("must be 64 hex digits; `blazz secret storage` makes one");
    reader.checked(name, key)
}

fn secret_of(reader: &mut Reader, name: &str, text: &str) -> Option<NodeSecret> {
    let secret = NodeSecret::parse(text).map_err(|error| format!("is not a node secret: {error}"));
    reader.checked(name, secret)
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
            ("BLAZZ_STORAGE_KEY", "5b".repeat(32)),
            ("BLAZZ_WHATSAPP_ENDPOINT", "ws://127.0.0.1:9/ws/chat".to_owned()),
        ])
    }

    fn read(variables: &HashMap<&'static str, String>) -> Result<Config, Faults> {
        Config::from_variables(
            &variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        )
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let config = read(&complete()).unwrap();
        assert_eq!(config.listen, "127.0.0.1:7100".parse().unwrap());
        assert_eq!((config.capacity, config.start_concurrency), (500, 16));
        assert_eq!((config.media_concurrency, config.media_limit), (4, blazz_domain::media::MAX_FILE_BYTES));
        assert_eq!((config.log.as_str(), config.log_format), ("info", LogFormat::Text));
        assert_eq!(config.engine.proxies, ProxyPolicy::PublicOnly);
        assert!(config.url.is_none() && config.secret_previous.is_none() && config.ready_file.is_none());
    }

    #[test]
    fn a_missing_setting_is_named() {
        for name in
            ["BLAZZ_NODE_ID", "BLAZZ_NODE_SECRET", "BLAZZ_API_URL", "BLAZZ_SESSION_ROOT", "BLAZZ_STORAGE_KEY"]
        {
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
            ("BLAZZ_STORAGE_KEY", "hunter2"),
            ("BLAZZ_STORAGE_KEY_PREVIOUS", "hunter2"),
            ("BLAZZ_API_URL", "ftp://127.0.0.1"),
            ("BLAZZ_NODE_URL", "nowhere"),
            ("BLAZZ_NODE_LISTEN", "7100"),
            ("BLAZZ_NODE_CAPACITY", "0"),
            ("BLAZZ_NODE_START_CONCURRENCY", "-1"),
            ("BLAZZ_NODE_MEDIA_CONCURRENCY", "0"),
            ("BLAZZ_MEDIA_MAX_BYTES", "0"),
            ("BLAZZ_WHATSAPP_ENDPOINT", "http://127.0.0.1"),
            ("BLAZZ_PROXY_ALLOW_PRIVATE", "yes"),
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
    fn everything_that_is_wrong_is_said_at_once() {
        let mut variables = complete();
        variables.remove("BLAZZ_NODE_ID");
        variables.insert("BLAZZ_NODE_LISTEN", "7100".to_owned());
        variables.insert("BLAZZ_NODE_CAPACITY", "0".to_owned());
        let said = read(&variables).unwrap_err().to_string();
        let named: Vec<_> = said.lines().filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(named, ["BLAZZ_NODE_ID", "BLAZZ_NODE_LISTEN", "BLAZZ_NODE_CAPACITY"], "{said}");
    }

    #[test]
    fn a_setting_that_is_read_is_in_the_table() {
        let source = include_str!("config.rs");
        let (source, _) = source.split_once("#[cfg(test)]").unwrap();
        for rest in source.split("\"BLAZZ_").skip(1) {
            let name = format!("BLAZZ_{}", rest.split('"').next().unwrap());
            assert!(SETTINGS.iter().any(|setting| setting.name == name), "{name}");
        }
    }
}
