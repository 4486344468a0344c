//! The process's settings: environment variables, or the same names in a TOML file, which the environment overrides.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use blazz_bus::Quota;
use blazz_telemetry::LogFormat;
use blazz_wire::keys::FleetSecret;
use config::{Environment, File, FileFormat};
use ipnet::IpNet;

/// The shortest operator key that is taken: what cannot be guessed is not shorter.
const MIN_OPERATOR_KEY: usize = 20;

/// Everything that the process can be told.
#[derive(Clone)]
pub struct Config {
    /// Where to listen (`BLAZZ_API_LISTEN`); port 0 takes a free one.
    pub listen: SocketAddr,
    /// The database (`BLAZZ_DATABASE_URL`): `sqlite:/path/to/file` or `postgres://…`.
    pub database_url: String,
    /// How many database connections to hold at most (`BLAZZ_DATABASE_POOL`).
    pub database_pool: u32,
    /// Redis (`BLAZZ_REDIS_URL`); without it one process alone serves.
    pub redis_url: Option<String>,
    /// The operator's key (`BLAZZ_OPERATOR_KEY`).
    pub operator_key: String,
    /// The one before, while it is being replaced (`BLAZZ_OPERATOR_KEY_PREVIOUS`).
    pub operator_key_previous: Option<String>,
    /// The secret that the nodes' keys are derived from (`BLAZZ_FLEET_SECRET`).
    pub fleet_secret: FleetSecret,
    /// The one before, while it is being replaced (`BLAZZ_FLEET_SECRET_PREVIOUS`).
    pub fleet_secret_previous: Option<FleetSecret>,
    /// How long a message is worth sending (`BLAZZ_MESSAGE_TTL_SECONDS`).
    pub message_ttl: Duration,
    /// After how long without a heartbeat a node counts as lost (`BLAZZ_NODE_TTL_SECONDS`).
    pub node_ttl: Duration,
    /// How many requests a minute a workspace may make (`BLAZZ_REQUESTS_PER_MINUTE`); 0 for any number.
    pub requests_per_minute: u32,
    /// With how many keys a minute that open nothing one address may come (`BLAZZ_REFUSED_KEYS_PER_MINUTE`); 0 for any number.
    pub refused_keys_per_minute: u32,
    /// The proxies whose `X-Forwarded-For` is believed (`BLAZZ_TRUSTED_PROXIES`).
    pub trusted_proxies: Vec<IpNet>,
    /// How long an entry of the audit log is kept (`BLAZZ_AUDIT_DAYS`).
    pub audit_ttl: Duration,
    /// How many threads serve HTTP (`BLAZZ_API_WORKERS`); as many as the machine has cores unless told.
    pub workers: Option<usize>,
    /// What to log (`BLAZZ_LOG`).
    pub log: String,
    /// In which shape (`BLAZZ_LOG_FORMAT`).
    pub log_format: LogFormat,
    /// Where to write the address once the process serves (`BLAZZ_READY_FILE`).
    pub ready_file: Option<PathBuf>,
}

/// Why the settings cannot be used: one sentence each, which names the variable and never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigError(Vec<String>);

/// Every setting, by its name in the file.
const NAMES: &[&str] = &[
    "api_listen",
    "database_url",
    "database_pool",
    "redis_url",
    "operator_key",
    "operator_key_previous",
    "fleet_secret",
    "fleet_secret_previous",
    "message_ttl_seconds",
    "node_ttl_seconds",
    "requests_per_minute",
    "refused_keys_per_minute",
    "trusted_proxies",
    "audit_days",
    "api_workers",
    "log",
    "log_format",
    "ready_file",
];

impl Config {
    /// Reads the environment, and `file` where there is one.
    ///
    /// # Errors
    /// When the file cannot be read, a secret is missing or a value makes no sense; all of it at once.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        Self::from(file, None)
    }

    /// Reads `variables` instead of the environment.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_variables(variables: HashMap<String, String>) -> Result<Self, ConfigError> {
        Self::from(None, Some(variables))
    }

    fn from(file: Option<&Path>, variables: Option<HashMap<String, String>>) -> Result<Self, ConfigError> {
        let mut builder = config::Config::builder();
        if let Some(path) = file {
            builder = builder.add_source(File::from(path).format(FileFormat::Toml));
        }
        let environment =
            Environment::with_prefix("BLAZZ").prefix_separator("_").ignore_empty(true).source(variables);
        let source =
            builder.add_source(environment).build().map_err(|error| ConfigError(vec![error.to_string()]))?;
        let mut reader = Reader { source, faults: Vec::new() };
        if let Some(path) = file {
            reader.refuse_unknown(path);
        }
        reader.read()
    }
}

/// Reads one setting after the other and collects what is wrong.
struct Reader {
    source: config::Config,
    faults: Vec<String>,
}

impl Reader {
    fn read(mut self) -> Result<Config, ConfigError> {
        let listen = self.parsed("api_listen", "an address such as 127.0.0.1:7000");
        let database_url =
            self.required("database_url", "the database, such as sqlite:/var/lib/blazz/blazz.db");
        let database_pool = self.number("database_pool", 8, 1, 1000);
        let operator_key = self.required("operator_key", "a secret that `blazz secret operator` makes");
        let operator_key = operator_key.and_then(|text| self.operator_key("operator_key", text));
        let previous = self.text("operator_key_previous");
        let operator_key_previous =
            previous.and_then(|text| self.operator_key("operator_key_previous", text));
        let fleet_secret = self.required("fleet_secret", "a secret that `blazz secret fleet` makes");
        let fleet_secret = fleet_secret.and_then(|text| self.secret("fleet_secret", &text));
        let previous = self.text("fleet_secret_previous");
        let fleet_secret_previous = previous.and_then(|text| self.secret("fleet_secret_previous", &text));
        let message_ttl = self.number("message_ttl_seconds", 86_400, 1, 30 * 86_400);
        let node_ttl = self.number("node_ttl_seconds", 10, 5, 60);
        let requests_per_minute = self.calls("requests_per_minute", 500);
        let refused_keys_per_minute = self.calls("refused_keys_per_minute", 60);
        let trusted_proxies = self.networks("trusted_proxies");
        let audit_days = self.number("audit_days", 365, 1, 36_500);
        let workers = self.text("api_workers").map(|_| self.number("api_workers", 1, 1, 256));
        let log_format = self.parsed("log_format", "`text` or `json`");
        let redis_url = self.text("redis_url");
        let log = self.text("log").unwrap_or_else(|| "info".to_owned());
        let ready_file = self.text("ready_file").map(PathBuf::from);
        let (Some(database_url), Some(operator_key), Some(fleet_secret), []) =
            (database_url, operator_key, fleet_secret, self.faults.as_slice())
        else {
            return Err(ConfigError(self.faults));
        };
        Ok(Config {
            listen: listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 7000))),
            database_url,
            database_pool: u32::try_from(database_pool).unwrap_or(u32::MAX),
            redis_url,
            operator_key,
            operator_key_previous,
            fleet_secret,
            fleet_secret_previous,
            message_ttl: Duration::from_secs(message_ttl),
            node_ttl: Duration::from_secs(node_ttl),
            requests_per_minute,
            refused_keys_per_minute,
            trusted_proxies,
            audit_ttl: Duration::from_secs(audit_days * 86_400),
            workers: workers.and_then(|count| usize::try_from(count).ok()),
            log,
            log_format: log_format.unwrap_or_default(),
            ready_file,
        })
    }

    fn text(&self, name: &str) -> Option<String> {
        self.source.get_string(name).ok()
    }

    fn required(&mut self, name: &str, meaning: &str) -> Option<String> {
        let text = self.text(name);
        if text.is_none() {
            self.fault(name, &format!("is not set; it has to be {meaning}"));
        }
        text
    }

    fn parsed<T: FromStr>(&mut self, name: &str, meaning: &str) -> Option<T> {
        let text = self.text(name)?;
        let value = text.parse().ok();
        if value.is_none() {
            self.fault(name, &format!("must be {meaning}"));
        }
        value
    }

    fn number(&mut self, name: &str, default: u64, min: u64, max: u64) -> u64 {
        let Some(text) = self.text(name) else { return default };
        match text.parse() {
            Ok(number) if (min..=max).contains(&number) => number,
            _ => {
                self.fault(name, &format!("must be a whole number from {min} to {max}"));
                default
            }
        }
    }

    fn calls(&mut self, name: &str, default: u32) -> u32 {
        let calls = self.number(name, default.into(), 0, Quota::MAX_CALLS.into());
        u32::try_from(calls).unwrap_or(default)
    }

    /// Addresses and networks, with commas between them.
    fn networks(&mut self, name: &str) -> Vec<IpNet> {
        let text = self.text(name).unwrap_or_default();
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let network = |part: &str| part.parse().ok().or_else(|| Some(part.parse::<IpAddr>().ok()?.into()));
        let networks: Option<Vec<_>> = parts.map(network).collect();
        networks.unwrap_or_else(|| {
            self.fault(name, "must be addresses or networks with commas between them, such as 10.0.0.0/8");
            Vec::new()
        })
    }

    fn operator_key(&mut self, name: &str, key: String) -> Option<String> {
        let good = key.len() >= MIN_OPERATOR_KEY && key.bytes().all(|byte| byte.is_ascii_graphic());
        if !good {
            self.fault(
                name,
                &format!("must be at least {MIN_OPERATOR_KEY} visible ASCII characters; `blazz secret operator` makes one"),
            );
        }
        good.then_some(key)
    }

    fn secret(&mut self, name: &str, text: &str) -> Option<FleetSecret> {
        let secret = FleetSecret::parse(text).ok();
        if secret.is_none() {
            self.fault(name, "must be at least 32 bytes in hex; `blazz secret fleet` makes one");
        }
        secret
    }

    fn refuse_unknown(&mut self, path: &Path) {
        let known = |name: &String| NAMES.contains(&name.as_str());
        let read = config::Config::builder().add_source(File::from(path).format(FileFormat::Toml)).build();
        let table = read
            .and_then(|file| file.try_deserialize::<HashMap<String, config::Value>>())
            .unwrap_or_default();
        let mut unknown: Vec<_> = table.into_keys().filter(|name| !known(name)).collect();
        unknown.sort();
        self.faults
            .extend(unknown.iter().map(|name| format!("{}: there is no setting `{name}`", path.display())));
    }

    fn fault(&mut self, name: &str, sentence: &str) {
        self.faults.push(format!("BLAZZ_{} {sentence}", name.to_uppercase()));
    }
}

// Urls may hold passwords.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("listen", &self.listen)
            .field("database_pool", &self.database_pool)
            .field("message_ttl", &self.message_ttl)
            .field("node_ttl", &self.node_ttl)
            .field("workers", &self.workers)
            .field("log", &self.log)
            .field("log_format", &self.log_format)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(extra: &[(&str, &str)]) -> HashMap<String, String> {
        let secret = "ab".repeat(32);
        let needed = [
            ("BLAZZ_DATABASE_URL", "sqlite:/tmp/x.db"),
            ("BLAZZ_OPERATOR_KEY", "blzop_0123456789abcdef"),
            ("BLAZZ_FLEET_SECRET", secret.as_str()),
        ];
        needed.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn refusal(variables: HashMap<String, String>) -> String {
        Config::from_variables(variables).unwrap_err().to_string()
    }

    #[test]
    fn secrets_have_no_defaults_and_their_absence_names_the_variable() {
        for name in ["BLAZZ_DATABASE_URL", "BLAZZ_OPERATOR_KEY", "BLAZZ_FLEET_SECRET"] {
            let mut without = variables(&[]);
            without.remove(name);
            assert!(refusal(without).starts_with(&format!("{name} is not set; ")), "{name}");
            assert!(refusal(variables(&[(name, "")])).starts_with(&format!("{name} is not set; ")), "{name}");
        }
        assert_eq!(refusal(HashMap::new()).lines().count(), 3);
    }

    #[test]
    fn bad_values_are_named_and_never_shown() {
        for (name, value) in [
            ("BLAZZ_API_LISTEN", "nowhere"),
            ("BLAZZ_DATABASE_POOL", "0"),
            ("BLAZZ_FLEET_SECRET", "hunter2"),
            ("BLAZZ_FLEET_SECRET_PREVIOUS", "hunter2"),
            ("BLAZZ_OPERATOR_KEY", "hunter2"),
            ("BLAZZ_MESSAGE_TTL_SECONDS", "soon"),
            ("BLAZZ_NODE_TTL_SECONDS", "600"),
            ("BLAZZ_REQUESTS_PER_MINUTE", "-1"),
            ("BLAZZ_REFUSED_KEYS_PER_MINUTE", "some"),
            ("BLAZZ_TRUSTED_PROXIES", "10.0.0.0/8, proxy.example"),
            ("BLAZZ_AUDIT_DAYS", "0"),
            ("BLAZZ_API_WORKERS", "many"),
            ("BLAZZ_LOG_FORMAT", "xml"),
        ] {
            let sentence = refusal(variables(&[(name, value)]));
            assert!(sentence.starts_with(&format!("{name} must be ")), "{sentence}");
            assert!(!sentence.contains("hunter2"), "{sentence}");
        }
    }

    #[test]
    fn the_defaults_stand_where_nothing_is_said() {
        let config = Config::from_variables(variables(&[])).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:7000");
        assert_eq!((config.database_pool, config.workers), (8, None));
        assert_eq!(config.message_ttl, Duration::from_secs(86_400));
        assert_eq!((config.requests_per_minute, config.refused_keys_per_minute), (500, 60));
        assert_eq!(config.audit_ttl, Duration::from_secs(365 * 86_400));
        assert!(config.trusted_proxies.is_empty());
        assert!(config.redis_url.is_none() && config.ready_file.is_none());
        let shown = format!("{config:?}");
        assert!(!shown.contains("blzop") && !shown.contains("sqlite"), "{shown}");
    }

    #[test]
    fn limits_can_be_off_and_proxies_are_addresses_or_networks() {
        let given =
            [("BLAZZ_REQUESTS_PER_MINUTE", "0"), ("BLAZZ_TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.7,fd00::/8")];
        let config = Config::from_variables(variables(&given)).unwrap();
        assert_eq!(config.requests_per_minute, 0);
        let shown: Vec<_> = config.trusted_proxies.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["10.0.0.0/8", "192.0.2.7/32", "fd00::/8"]);
    }

    #[test]
    fn a_file_is_read_below_the_environment_and_knows_no_strangers() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("blazz.toml");
        std::fs::write(&path, "api_listen = \"127.0.0.1:1\"\nnode_ttl_seconds = 7\nlog = \"debug\"\n")
            .unwrap();
        let config = Config::from(Some(&path), Some(variables(&[("BLAZZ_LOG", "warn")]))).unwrap();
        assert_eq!((config.listen.port(), config.node_ttl.as_secs(), config.log.as_str()), (1, 7, "warn"));
        std::fs::write(&path, "api_lisen = \"127.0.0.1:1\"\n").unwrap();
        let error = Config::from(Some(&path), Some(variables(&[]))).unwrap_err().to_string();
        assert!(error.contains("no setting `api_lisen`"), "{error}");
        assert!(Config::from(Some(&directory.path().join("none.toml")), Some(variables(&[]))).is_err());
    }

    #[test]
    fn the_example_file_names_every_setting() {
        let example = include_str!("../../../.env.example");
        for name in NAMES {
            let variable = format!("BLAZZ_{}", name.to_uppercase());
            assert!(example.contains(&variable), "{variable} is missing in .env.example");
        }
    }
}
