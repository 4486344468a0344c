//! What a test finds around it: programs, databases, ports.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use blazz_domain::AccountId;
use nix::unistd::Pid;

/// Where the data lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    /// A file, and the bus in process.
    Sqlite,
    /// A database of the test's own, and Redis.
    Postgres,
}

/// Both.
pub(crate) const BACKENDS: [Backend; 2] = [Backend::Sqlite, Backend::Postgres];

impl Backend {
    /// The arguments of `blazz up` for a fresh one.
    pub(crate) fn arguments(self) -> Vec<String> {
        match self {
            Self::Sqlite => Vec::new(),
            Self::Postgres => {
                let (database, redis) = (fresh_postgres(), required("BLAZZ_TEST_REDIS_URL"));
                ["--database-url", &database, "--redis-url", &redis].map(str::to_owned).to_vec()
            }
        }
    }
}

/// A program of this build.
pub(crate) fn program(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_blazz")).with_file_name(name);
    assert!(path.is_file(), "{} is not built; run scripts/test", path.display());
    path
}

/// A variable that `scripts/test` sets.
pub(crate) fn required(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; run the tests with scripts/test"))
}

/// An empty database on the test server.
pub(crate) fn fresh_postgres() -> String {
    let base = required("BLAZZ_TEST_POSTGRES_URL");
    let name = format!("up_{}", AccountId::new().0.simple());
    let made = Command::new("psql")
        .args([&format!("{base}/postgres"), "-qc", &format!("CREATE DATABASE {name}")])
        .status();
    assert!(made.unwrap().success(), "cannot create a database");
    format!("{base}/{name}")
}

/// The first of `count` ports in a row that are free. They lie below those that the kernel gives to outgoing connections, so that nobody
/// takes one while its program is being started again.
pub(crate) fn free_ports(count: u16) -> u16 {
    let room = (32_000 - 10_000) / count;
    let begin = u16::try_from(std::process::id() % u32::from(room)).unwrap();
    let mut candidates = (0..room).map(|n| 10_000 + (begin + n) % room * count);
    let is_free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    candidates.find(|first| (*first..*first + count).all(is_free)).unwrap()
}

/// The environment of a running process.
pub(crate) fn environment(pid: Pid) -> Vec<(String, String)> {
    let text = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
    let text = String::from_utf8(text).unwrap();
    let pairs = text.split('\0').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Whether a process is there and has not ended.
pub(crate) fn runs(pid: Pid) -> bool {
    std::fs::read_link(format!("/proc/{pid}/exe")).is_ok()
}
