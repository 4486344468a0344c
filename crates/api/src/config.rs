//! The process's settings: environment variables, or the same names in a TOML file, which the environment overrides.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use blazz_bus::Quota;
use blazz_domain::ClientVersion;
use blazz_domain::media::MAX_FILE_BYTES;
use blazz_domain::session_settings::{DEFAULT_DEVICE_NAME, MAX_DEVICE_NAME_CHARS, checked_device_name};
use blazz_program::{Fault, Faults, Reader, Setting, Values};
use blazz_services::client_version;
use blazz_telemetry::LogFormat;
use blazz_wire::keys::FleetSecret;
use ipnet::IpNet;
use url::Url;

/// The shortest operator key that is taken: what cannot be guessed is not shorter.
const MIN_OPERATOR_KEY: usize = 20;

/// Every setting.
pub const SETTINGS: &[Setting] = &[
    Setting::plain("BLAZZ_API_LISTEN", "where it listens; port 0 takes a free one").or("127.0.0.1:7000"),
    Setting::plain("BLAZZ_WORKER_LISTEN", "where `blazz-api worker` tells of its health and metrics")
        .or("127.0.0.1:7001"),
    Setting::plain("BLAZZ_API_WORKERS", "how many threads serve HTTP; one per core unless told"),
    Setting::url("BLAZZ_DATABASE_URL", "sqlite:/path/to/file or postgres://user@host/name (required)"),
    Setting::plain("BLAZZ_DATABASE_POOL", "how many database connections to hold at most").or("8"),
    Setting::url("BLAZZ_REDIS_URL", "redis://host:port; without it one process alone serves"),
    Setting::secret("BLAZZ_OPERATOR_KEY", "the operator's key, from `blazz secret operator` (required)"),
    Setting::secret("BLAZZ_OPERATOR_KEY_PREVIOUS", "the one before, while it is being replaced"),
    Setting::secret(
        "BLAZZ_FLEET_SECRET",
        "the root of the nodes' keys, from `blazz secret fleet` (required)",
    ),
    Setting::secret("BLAZZ_FLEET_SECRET_PREVIOUS", "the one before, while it is being replaced"),
    Setting::plain("BLAZZ_MEDIA_DIR", "the directory that holds the files of messages (required)"),
    Setting::plain("BLAZZ_MEDIA_MAX_BYTES", "the most bytes of a file").or("104857600"),
    Setting::plain("BLAZZ_MESSAGE_TTL_SECONDS", "how long a message is worth sending").or("86400"),
    Setting::plain("BLAZZ_NODE_TTL_SECONDS", "after how long without a heartbeat a node counts as lost")
        .or("10"),
    Setting::plain(
        "BLAZZ_DEVICE_NAME",
        "what phones show in their list of linked devices, unless the account says otherwise",
    )
    .or("Blazz"),
    Setting::plain(
        "BLAZZ_WHATSAPP_VERSION",
        "the version of WhatsApp Web to claim, as a.b.c; what WhatsApp's page names unless told",
    ),
    Setting::plain("BLAZZ_WHATSAPP_VERSION_URL", "the page that names it")
        .or("https://web.whatsapp.com/sw.js"),
    Setting::plain(
        "BLAZZ_REQUESTS_PER_MINUTE",
        "how many requests a minute a workspace may make; 0: any number",
    )
    .or("500"),
    Setting::plain(
        "BLAZZ_REFUSED_KEYS_PER_MINUTE",
        "with how many keys a minute that open nothing one address may come; 0: any number",
    )
    .or("60"),
    Setting::plain(
        "BLAZZ_TRUSTED_PROXIES",
        "the proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8",
    ),
    Setting::plain("BLAZZ_AUDIT_DAYS", "how many days an entry of the audit log is kept").or("365"),
    Setting::plain("BLAZZ_LOG", "what is logged").or("info"),
    Setting::plain("BLAZZ_LOG_FORMAT", "text or json").or("text"),
    Setting::plain("BLAZZ_READY_FILE", "a file to write {address,pid} to when it serves"),
];

/// Everything that the process can be told.
#[derive(Clone)]
pub struct Config {
    /// Where to listen (`BLAZZ_API_LISTEN`); port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where a worker tells of its health and metrics (`BLAZZ_WORKER_LISTEN`); port 0 takes a free one.
    pub worker_listen: SocketAddr,
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
    /// The directory that holds the files of tenants (`BLAZZ_MEDIA_DIR`).
    pub media_dir: PathBuf,
    /// The most bytes of a file (`BLAZZ_MEDIA_MAX_BYTES`).
    pub media_max_bytes: u64,
    /// How long a message is worth sending (`BLAZZ_MESSAGE_TTL_SECONDS`).
    pub message_ttl: Duration,
    /// After how long without a heartbeat a node counts as lost (`BLAZZ_NODE_TTL_SECONDS`).
    pub node_ttl: Duration,
    /// What phones show in their list of linked devices, unless the account says otherwise (`BLAZZ_DEVICE_NAME`).
    pub device_name: String,
    /// The version of WhatsApp Web to claim instead of the one that WhatsApp's page names (`BLAZZ_WHATSAPP_VERSION`).
    pub whatsapp_version: Option<ClientVersion>,
    /// The page that names it (`BLAZZ_WHATSAPP_VERSION_URL`).
    pub whatsapp_version_url: String,
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

impl Config {
    /// Reads the environment, and `file` where there is one.
    ///
    /// # Errors
    /// When the file cannot be read, a secret is missing or a value makes no sense; all of it at once.
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

    /// Whether a worker can share the database and the bus with others, which it is useless without.
    ///
    /// # Errors
    /// When they are those of a process alone.
    pub fn check_worker(&self) -> Result<(), Faults> {
        let mut faults = Vec::new();
        if self.database_url.starts_with("sqlite:") {
            let sentence =
                "is a SQLite file, which one process alone can serve from: a worker needs PostgreSQL";
            faults.push(Fault::new("BLAZZ_DATABASE_URL", sentence));
        }
        if self.redis_url.is_none() {
            let sentence = "is not set; a worker hears of what is to be done through Redis";
            faults.push(Fault::new("BLAZZ_REDIS_URL", sentence));
        }
        if faults.is_empty() { Ok(()) } else { Err(Faults(faults)) }
    }

    fn read(mut reader: Reader) -> Result<Self, Faults> {
        let listen = reader.parsed("BLAZZ_API_LISTEN", "an address such as 127.0.0.1:7000");
        let worker_listen = reader.parsed("BLAZZ_WORKER_LISTEN", "an address such as 127.0.0.1:7001");
        let database_url = reader
            .required("BLAZZ_DATABASE_URL", "the database, such as sqlite:/var/lib/blazz/blazz.db")
            .and_then(|url| database_url(&mut reader, url));
        let database_pool = reader.number("BLAZZ_DATABASE_POOL", 8, 1, 1000);
        let operator_key =
            reader.required("BLAZZ_OPERATOR_KEY", "a secret that `blazz secret operator` makes");
        let operator_key =
            operator_key.and_then(|key| operator_key_of(&mut reader, "BLAZZ_OPERATOR_KEY", key));
        let operator_key_previous = reader
            .text("BLAZZ_OPERATOR_KEY_PREVIOUS")
            .and_then(|key| operator_key_of(&mut reader, "BLAZZ_OPERATOR_KEY_PREVIOUS", key));
        let fleet_secret = reader.required("BLAZZ_FLEET_SECRET", "a secret that `blazz secret fleet` makes");
        let fleet_secret = fleet_secret.and_then(|text| secret_of(&mut reader, "BLAZZ_FLEET_SECRET", &text));
        let fleet_secret_previous = reader
            .text("BLAZZ_FLEET_SECRET_PREVIOUS")
            .and_then(|text| secret_of(&mut reader, "BLAZZ_FLEET_SECRET_PREVIOUS", &text));
        let media_dir = reader
            .required("BLAZZ_MEDIA_DIR", "the directory that holds files, such as /var/lib/blazz/media");
        let media_max_bytes = reader.number("BLAZZ_MEDIA_MAX_BYTES", MAX_FILE_BYTES, 1, 2 << 30);
        let message_ttl = reader.number("BLAZZ_MESSAGE_TTL_SECONDS", 86_400, 1, 30 * 86_400);
        let node_ttl = reader.number("BLAZZ_NODE_TTL_SECONDS", 10, 5, 60);
        let requests_per_minute = calls(&mut reader, "BLAZZ_REQUESTS_PER_MINUTE", 500);
        let refused_keys_per_minute = calls(&mut reader, "BLAZZ_REFUSED_KEYS_PER_MINUTE", 60);
        let trusted_proxies = networks(&mut reader, "BLAZZ_TRUSTED_PROXIES");
        let audit_days = reader.number("BLAZZ_AUDIT_DAYS", 365, 1, 36_500);
        let workers = reader.text("BLAZZ_API_WORKERS").map(|_| reader.number("BLAZZ_API_WORKERS", 1, 1, 256));
        let device_name = device_name(&mut reader);
        let whatsapp_version = reader.parsed("BLAZZ_WHATSAPP_VERSION", "a version such as 2.3000.1042742319");
        let whatsapp_version_url = version_page(&mut reader);
        let log_format = reader.parsed("BLAZZ_LOG_FORMAT", "`text` or `json`");
        let redis_url = reader.text("BLAZZ_REDIS_URL").and_then(|url| redis_url(&mut reader, url));
        let log = reader.text("BLAZZ_LOG").unwrap_or_else(|| "info".to_owned());
        let ready_file = reader.text("BLAZZ_READY_FILE").map(PathBuf::from);
        let (Some(database_url), Some(operator_key), Some(fleet_secret), Some(media_dir), true) =
            (database_url, operator_key, fleet_secret, media_dir, reader.is_good())
        else {
            return Err(reader.faults());
        };
        Ok(Self {
            listen: listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 7000))),
            worker_listen: worker_listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 7001))),
            database_url,
            database_pool: u32::try_from(database_pool).unwrap_or(u32::MAX),
            redis_url,
            operator_key,
            operator_key_previous,
            fleet_secret,
            fleet_secret_previous,
            media_dir: PathBuf::from(media_dir),
            media_max_bytes,
            message_ttl: Duration::from_secs(message_ttl),
            node_ttl: Duration::from_secs(node_ttl),
            requests_per_minute,
            refused_keys_per_minute,
            trusted_proxies,
            audit_ttl: Duration::from_secs(audit_days * 86_400),
            device_name,
            whatsapp_version,
            whatsapp_version_url,
            workers: workers.and_then(|count| usize::try_from(count).ok()),
            log,
            log_format: log_format.unwrap_or_default(),
            ready_file,
        })
    }
}

fn database_url(reader: &mut Reader, url: String) -> Option<String> {
    let good = ["sqlite:", "postgres://", "postgresql://"]
        .iter()
        .any(|scheme| url.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()));
    if !good {
        reader.fault("BLAZZ_DATABASE_URL", "must be sqlite:/path/to/file or postgres://user@host/name");
    }
    good.then_some(url)
}

fn redis_url(reader: &mut Reader, url: String) -> Option<String> {
    let good = ["redis://", "rediss://", "redis+unix:", "unix:"].iter().any(|scheme| url.starts_with(scheme));
    if !good {
        reader.fault("BLAZZ_REDIS_URL", "must be a URL such as redis://127.0.0.1:6379");
    }
    good.then_some(url)
}

fn operator_key_of(reader: &mut Reader, name: &str, key: String) -> Option<String> {
    let good = key.len() >= MIN_OPERATOR_KEY && key.bytes().all(|byte| byte.is_ascii_graphic());
    if !good {
        reader.fault(
            name,
            &format!("must be at least {MIN_OPERATOR_KEY} visible ASCII characters; `blazz secret operator` makes one"),
        );
    }
    good.then_some(key)
}

fn secret_of(reader: &mut Reader, name: &str, text: &str) -> Option<FleetSecret> {
    let secret = FleetSecret::parse(text).ok();
    if secret.is_none() {
        reader.fault(name, "must be at least 32 bytes in hex; `blazz secret fleet` makes one");
    }
    secret
}

fn calls(reader: &mut Reader, name: &str, default: u32) -> u32 {
    let calls = reader.number(name, default.into(), 0, Quota::MAX_CALLS.into());
    u32::try_from(calls).unwrap_or(default)
}

/// Addresses and networks, with commas between them.
fn networks(reader: &mut Reader, name: &str) -> Vec<IpNet> {
    let text = reader.text(name).unwrap_or_default();
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let network = |part: &str| part.parse().ok().or_else(|| Some(part.parse::<IpAddr>().ok()?.into()));
    let networks: Option<Vec<_>> = parts.map(network).collect();
    networks.unwrap_or_else(|| {
        reader.fault(name, "must be addresses or networks with commas between them, such as 10.0.0.0/8");
        Vec::new()
    })
}

fn device_name(reader: &mut Reader) -> String {
    let Some(text) = reader.text("BLAZZ_DEVICE_NAME") else { return DEFAULT_DEVICE_NAME.to_owned() };
    checked_device_name(&text).unwrap_or_else(|| {
        let sentence = format!("must be 1 to {MAX_DEVICE_NAME_CHARS} characters that can be shown");
        reader.fault("BLAZZ_DEVICE_NAME", &sentence);
        text
    })
}

fn version_page(reader: &mut Reader) -> String {
    let name = "BLAZZ_WHATSAPP_VERSION_URL";
    let Some(text) = reader.text(name) else { return client_version::PAGE.to_owned() };
    if !Url::parse(&text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
        reader.fault(name, "must be an http(s) URL");
    }
    text
}

// Urls may hold passwords.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("listen", &self.listen)
            .field("database_pool", &self.database_pool)
            .field("media_dir", &self.media_dir)
            .field("media_max_bytes", &self.media_max_bytes)
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

    fn variables(extra: &[(&str, &str)]) -> Values {
        let secret = "ab".repeat(32);
        let needed = [
            ("BLAZZ_DATABASE_URL", "sqlite:/tmp/x.db"),
            ("BLAZZ_OPERATOR_KEY", "blzop_0123456789abcdef"),
            ("BLAZZ_FLEET_SECRET", secret.as_str()),
            ("BLAZZ_MEDIA_DIR", "/tmp/x-media"),
        ];
        needed.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn refusal(variables: Values) -> String {
        Config::from_variables(&variables).unwrap_err().to_string()
    }

    #[test]
    fn secrets_have_no_defaults_and_their_absence_names_the_variable() {
        for name in ["BLAZZ_DATABASE_URL", "BLAZZ_OPERATOR_KEY", "BLAZZ_FLEET_SECRET", "BLAZZ_MEDIA_DIR"] {
            let mut without = variables(&[]);
            without.remove(name);
            assert!(refusal(without).starts_with(&format!("{name} is not set; ")), "{name}");
            assert!(refusal(variables(&[(name, "")])).starts_with(&format!("{name} is not set; ")), "{name}");
        }
        assert_eq!(refusal(Values::new()).lines().count(), 4);
    }

    #[test]
    fn bad_values_are_named_and_never_shown() {
        for (name, value) in [
            ("BLAZZ_API_LISTEN", "nowhere"),
            ("BLAZZ_WORKER_LISTEN", "nowhere"),
            ("BLAZZ_DATABASE_POOL", "0"),
            ("BLAZZ_FLEET_SECRET", "hunter2"),
            ("BLAZZ_FLEET_SECRET_PREVIOUS", "hunter2"),
            ("BLAZZ_OPERATOR_KEY", "hunter2"),
            ("BLAZZ_MESSAGE_TTL_SECONDS", "soon"),
            ("BLAZZ_NODE_TTL_SECONDS", "600"),
            ("BLAZZ_DEVICE_NAME", "a\nb"),
            ("BLAZZ_WHATSAPP_VERSION", "2.3000"),
            ("BLAZZ_WHATSAPP_VERSION_URL", "ftp://x"),
            ("BLAZZ_REQUESTS_PER_MINUTE", "-1"),
            ("BLAZZ_REFUSED_KEYS_PER_MINUTE", "some"),
            ("BLAZZ_TRUSTED_PROXIES", "10.0.0.0/8, proxy.example"),
            ("BLAZZ_AUDIT_DAYS", "0"),
            ("BLAZZ_API_WORKERS", "many"),
            ("BLAZZ_LOG_FORMAT", "xml"),
            ("BLAZZ_DATABASE_URL", "hunter2"),
            ("BLAZZ_REDIS_URL", "127.0.0.1:6379"),
        ] {
            let sentence = refusal(variables(&[(name, value)]));
            assert!(sentence.starts_with(&format!("{name} must be ")), "{sentence}");
            assert!(!sentence.contains("hunter2"), "{sentence}");
        }
    }

    #[test]
    fn a_worker_shares_database_and_bus_with_others() {
        let (postgres, redis) = (("BLAZZ_DATABASE_URL", "postgres://db/x"), ("BLAZZ_REDIS_URL", "redis://r"));
        for (given, named) in [
            (vec![], vec!["BLAZZ_DATABASE_URL", "BLAZZ_REDIS_URL"]),
            (vec![postgres], vec!["BLAZZ_REDIS_URL"]),
            (vec![redis], vec!["BLAZZ_DATABASE_URL"]),
            (vec![postgres, redis], vec![]),
        ] {
            let checked = Config::from_variables(&variables(&given)).unwrap().check_worker();
            let faults = checked.err().map(|faults| faults.0).unwrap_or_default();
            let said: Vec<_> = faults.iter().map(|fault| fault.setting.as_str()).collect();
            assert_eq!(said, named);
        }
    }

    #[test]
    fn the_defaults_stand_where_nothing_is_said() {
        let config = Config::from_variables(&variables(&[])).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:7000");
        assert_eq!((config.database_pool, config.workers), (8, None));
        assert_eq!((config.device_name.as_str(), config.whatsapp_version), ("Blazz", None));
        assert_eq!(config.whatsapp_version_url, "https://web.whatsapp.com/sw.js");
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
        let config = Config::from_variables(&variables(&given)).unwrap();
        assert_eq!(config.requests_per_minute, 0);
        let shown: Vec<_> = config.trusted_proxies.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["10.0.0.0/8", "192.0.2.7/32", "fd00::/8"]);
    }

    #[test]
    fn a_file_is_read_below_the_environment() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("blazz.toml");
        std::fs::write(&path, "api_listen = \"127.0.0.1:1\"\nnode_ttl_seconds = 7\nlog = \"debug\"\n")
            .unwrap();
        let given = variables(&[("BLAZZ_LOG", "warn")]);
        let config = Config::read(Reader::new(SETTINGS, Some(&path), &given)).unwrap();
        assert_eq!((config.listen.port(), config.node_ttl.as_secs(), config.log.as_str()), (1, 7, "warn"));
        std::fs::write(&path, "api_lisen = \"127.0.0.1:1\"\n").unwrap();
        let error = Config::read(Reader::new(SETTINGS, Some(&path), &given)).unwrap_err().to_string();
        assert!(error.contains("no setting `api_lisen`"), "{error}");
        let none = directory.path().join("none.toml");
        assert!(Config::read(Reader::new(SETTINGS, Some(&none), &given)).is_err());
    }

    #[test]
    fn secrets_may_lie_in_files() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("fleet");
        std::fs::write(&path, format!("{}\n", "cd".repeat(32))).unwrap();
        let mut given = variables(&[("BLAZZ_FLEET_SECRET_FILE", path.to_str().unwrap())]);
        given.remove("BLAZZ_FLEET_SECRET");
        assert_eq!(Config::from_variables(&given).unwrap().fleet_secret.to_hex(), "cd".repeat(32));
    }

    #[test]
    fn the_example_file_and_the_table_name_the_same_settings() {
        let example = include_str!("../../../.env.example");
        for setting in SETTINGS {
            assert!(example.contains(&format!("\n{}=", setting.name)), "{}", setting.name);
        }
        // Whatever is read is in the table: one that is not would never be found.
        let source = include_str!("config.rs");
        let (source, _) = source.split_once("#[cfg(test)]").unwrap();
        for (_, rest) in source.split("(\"BLAZZ_").skip(1).map(|part| ((), part)) {
            let name = format!("BLAZZ_{}", rest.split('"').next().unwrap());
            assert!(SETTINGS.iter().any(|setting| setting.name == name), "{name}");
        }
    }
}
