//! `blazz doctor` and `blazz config`: what an operator is told when something is wrong.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::stack::{BACKENDS, Backend, Stack, eventually, program};

/// Runs `blazz` in a folder with nothing else in its environment; whether it succeeded, and both outputs.
fn blazz(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> (bool, String, String) {
    let mut command = Command::new(program("blazz"));
    command.args(args).current_dir(folder).env_clear().envs(variables.iter().copied());
    let out = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (out.status.success(), text(out.stdout), text(out.stderr))
}

/// The findings of a doctor in a folder, by check and subject.
fn findings(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> (bool, BTreeMap<String, Value>) {
    let args = [&["doctor", "--json"], args].concat();
    let (ok, said, error) = blazz(folder, &args, variables);
    let said: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}{error}"));
    let found = said["findings"].as_array().unwrap().iter();
    let key = |finding: &Value| format!("{}/{}", finding["check"], finding["subject"]).replace('"', "");
    (ok, found.map(|finding| (key(finding), finding.clone())).collect())
}

fn level<'a>(found: &'a BTreeMap<String, Value>, key: &str) -> &'a str {
    found.get(key).unwrap_or_else(|| panic!("no {key} in {found:#?}"))["level"].as_str().unwrap()
}

/// Errors, which is what matters on a machine whose disk may be full.
fn errors(found: &BTreeMap<String, Value>) -> Vec<&Value> {
    found.values().filter(|finding| finding["level"] == "error").collect()
}

/// A disk of the test's machine may be nearly full.
const ANY_ROOM: [&str; 6] = ["--warn-free-percent", "0", "--warn-free-gib", "0", "--error-free-gib", "0"];

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_stack_is_found_in_its_folder_and_has_nothing_wrong() {
    for backend in BACKENDS {
        let stack = Stack::start(backend).await;
        let folder = stack.var().parent().unwrap().to_owned();
        let (ok, found) = findings(&folder, &ANY_ROOM, &[]);
        assert!(ok && errors(&found).is_empty(), "{found:#?}");
        for key in [
            "settings/api",
            "settings/node-1",
            "settings/emulator",
            "database.reachable/api",
            "database.migrations/api",
            "redis.reachable/api",
            "storage.writable/node-2",
            "storage.space/node-1",
            "port/api",
            "port/node-1",
            "secrets.strength/here",
            "secrets.distinct/here",
            "secrets.fleet/node-1",
            "secrets.files/api",
            "api.reachable/api",
            "api.ready/api",
            "nodes.heartbeat/node-1",
            "nodes.reachable/node-2",
            "clock.node/node-1",
            "versions/api",
            "versions/node-2",
            "clock.api/here",
        ] {
            assert_eq!(level(&found, key), "ok", "{key}: {}", found[key]);
        }
        if backend == Backend::Postgres {
            assert_eq!(
                (level(&found, "clock.database/here"), level(&found, "clock.redis/here")),
                ("ok", "ok")
            );
        }
        let secrets = [stack.text("operator_key"), stack.text("workspace_key")];
        let (_, said, _) = blazz(&folder, &["doctor"], &[]);
        assert!(said.contains("ok       api.ready") && said.contains("0 errors"), "{said}");
        assert!(!secrets.iter().any(|secret| said.contains(secret)), "a secret is shown");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_broken_is_named_with_what_to_do() {
    let stack = Stack::start(Backend::Sqlite).await;
    let folder = stack.var().parent().unwrap().to_owned();
    // A node that stands still: the API no longer hears it, and no longer reaches it.
    stack.signal("node-1", Signal::SIGSTOP);
    eventually("the node counts as lost", async || {
        let (ok, found) = findings(&folder, &ANY_ROOM, &[]);
        (level(&found, "nodes.heartbeat/node-1") == "error").then(|| {
            assert!(!ok, "an error ends it with a status");
            assert_eq!(level(&found, "nodes.reachable/node-1"), "error");
            assert_eq!(level(&found, "nodes.reachable/node-2"), "ok");
            assert!(found["nodes.reachable/node-1"]["advice"].as_str().unwrap().contains("BLAZZ_NODE_URL"));
        })
    })
    .await;

    // A node's secret that belongs to another fleet, in a file that everybody may read, with a misspelt name beside it.
    let settings = stack.var().join("settings/node-2.env");
    let text = std::fs::read_to_string(&settings).unwrap();
    let foreign = blazz_wire::keys::FleetSecret::generate().to_hex();
    let changed: String = text
        .lines()
        .map(|line| {
            if line.starts_with("BLAZZ_NODE_SECRET=") {
                format!("BLAZZ_NODE_SECRET={foreign}")
            } else {
                line.into()
            }
        })
        .chain(["BLAZZ_NODE_CAPASITY=7".to_owned()])
        .fold(String::new(), |all, line| all + &line + "\n");
    std::fs::write(&settings, changed).unwrap();
    std::fs::set_permissions(&settings, Permissions::from_mode(0o644)).unwrap();
    let (_, found) = findings(&folder, &ANY_ROOM, &[]);
    assert_eq!(level(&found, "secrets.fleet/node-2"), "error");
    assert_eq!(level(&found, "secrets.files/node-2"), "error");
    assert_eq!(level(&found, "settings.unknown/here"), "warning");
    assert!(!format!("{found:?}").contains(&foreign), "a secret is shown");

    // No room at all, by a limit that no disk meets.
    let (_, found) = findings(&folder, &["--error-free-gib", "1000000000"], &[]);
    assert_eq!(level(&found, "storage.space/node-1"), "error");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_that_does_not_run_is_a_finding_and_no_wait() {
    let mut stack = Stack::start(Backend::Sqlite).await;
    let folder = stack.var().parent().unwrap().to_owned();
    stack.end(Signal::SIGTERM).await;
    let (ok, found) = findings(&folder, &ANY_ROOM, &[]);
    assert!(!ok);
    assert_eq!((level(&found, "api.reachable/api"), level(&found, "nodes.list/api")), ("error", "error"));
    assert_eq!((level(&found, "port/api"), level(&found, "database.migrations/api")), ("ok", "ok"));

    // Something else sits where the API would listen, and answers nothing.
    let api = stack.var().join("settings/api.env");
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let text = std::fs::read_to_string(&api).unwrap();
    let listen = format!("BLAZZ_API_LISTEN={}", silent.local_addr().unwrap());
    let changed: String = text
        .lines()
        .map(|line| if line.starts_with("BLAZZ_API_LISTEN=") { &listen } else { line })
        .fold(String::new(), |all, line| all + line + "\n");
    std::fs::write(&api, changed).unwrap();
    let begun = Instant::now();
    let (_, found) = findings(&folder, &ANY_ROOM, &[]);
    assert!(begun.elapsed() < Duration::from_secs(15), "it waits: {:?}", begun.elapsed());
    assert_eq!(level(&found, "port/api"), "error");
    assert!(found["port/api"]["text"].as_str().unwrap().contains("another program"), "{found:#?}");
}

#[test]
fn services_that_are_away_and_tables_that_are_missing_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let api = dir.path().join("api.env");
    let secret = |name: &str| {
        let (_, said, _) = blazz(dir.path(), &["secret", name], &[]);
        said.trim().to_owned()
    };
    let write = |database: &str, redis: &str| {
        let text = format!(
            "BLAZZ_API_LISTEN=127.0.0.1:0\nBLAZZ_DATABASE_URL={database}\nBLAZZ_REDIS_URL={redis}\n\
             BLAZZ_OPERATOR_KEY={}\nBLAZZ_FLEET_SECRET={}\nBLAZZ_MEDIA_DIR={}\n",
            secret("operator"),
            secret("fleet"),
            dir.path().join("media").display()
        );
        std::fs::write(&api, text).unwrap();
        std::fs::set_permissions(&api, Permissions::from_mode(0o600)).unwrap();
    };
    let file = dir.path().join("blazz.db");
    let sqlite = format!("sqlite:{}", file.display());
    let look = || findings(dir.path(), &["--config", api.to_str().unwrap()], &[]).1;

    write(&sqlite, "redis://127.0.0.1:1");
    let found = look();
    assert_eq!(
        (level(&found, "database.reachable/api"), level(&found, "redis.reachable/api")),
        ("error", "error")
    );
    assert!(!file.exists(), "looking makes no database");
    assert_eq!(level(&found, "settings/api"), "ok");

    std::fs::write(&file, "").unwrap();
    let found = look();
    assert_eq!(level(&found, "database.migrations/api"), "error");
    assert_eq!(found["database.migrations/api"]["advice"], "run `blazz migrate`");
    let (ok, _, error) = blazz(dir.path(), &["migrate", "--config", api.to_str().unwrap()], &[]);
    assert!(ok, "{error}");
    assert_eq!(level(&look(), "database.migrations/api"), "ok");

    write("postgres://blazz:hunter2@127.0.0.1:1/none", "redis://:hunter2@127.0.0.1:1");
    let found = look();
    assert_eq!(level(&found, "database.reachable/api"), "error");
    assert!(!format!("{found:?}").contains("hunter2"), "{found:#?}");
}

#[test]
fn where_there_are_no_settings_that_is_what_is_said() {
    let dir = tempfile::tempdir().unwrap();
    for args in [&["--dir", "."][..], &["--config", "none.env"], &["--config", "none.toml"]] {
        let (ok, found) = findings(dir.path(), args, &[]);
        assert!(!ok && level(&found, "settings/here") == "error", "{found:#?}");
    }
    if !Path::new("/etc/blazz").exists() {
        let (ok, found) = findings(dir.path(), &[], &[]);
        assert!(!ok, "{found:#?}");
        assert!(found["settings/here"]["text"].as_str().unwrap().contains("no settings are found"));
    }
}

#[test]
fn config_check_says_everything_at_once_and_no_value() {
    let dir = tempfile::tempdir().unwrap();
    let node = dir.path().join("node.env");
    std::fs::write(
        &node,
        "BLAZZ_NODE_ID=Node 1\nBLAZZ_NODE_SECRET=hunter2\nBLAZZ_NODE_LISTEN=7100\nBLAZZ_NODE_URI=x\n",
    )
    .unwrap();
    let (ok, said, error) = blazz(dir.path(), &["config", "check", node.to_str().unwrap(), "--json"], &[]);
    assert!(!ok, "{said}{error}");
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (&said["is_good"], &said["unknown"][0]),
        (&Value::Bool(false), &Value::from("BLAZZ_NODE_URI"))
    );
    let faults = said["programs"][0]["faults"].as_array().unwrap();
    let named: Vec<_> = faults.iter().map(|fault| fault["setting"].as_str().unwrap()).collect();
    for name in
        ["BLAZZ_NODE_ID", "BLAZZ_NODE_SECRET", "BLAZZ_NODE_LISTEN", "BLAZZ_API_URL", "BLAZZ_SESSION_ROOT"]
    {
        assert!(named.contains(&name), "{name} in {named:?}");
    }
    assert!(!said.to_string().contains("hunter2") && !error.contains("hunter2"), "{said}");

    // The environment, for a program that is named; then a file that is good.
    let (ok, said, error) = blazz(dir.path(), &["config", "check", "--program", "emulator"], &[]);
    assert!(ok && said.contains("emulator (environment): the settings are good"), "{said}{error}");
    let (ok, said, _) = blazz(
        dir.path(),
        &["config", "check", "--program", "emulator"],
        &[("BLAZZ_EMULATOR_LISTEN", "0.0.0.0:1"), ("BLAZZ_EMULATOR_ADMIN", "hunter2")],
    );
    assert!(!ok && said.contains("BLAZZ_EMULATOR_LISTEN must be an address on loopback"), "{said}");
    assert!(said.contains("BLAZZ_EMULATOR_ADMIN must be") && !said.contains("hunter2"), "{said}");
}

#[test]
fn config_show_hides_secrets() {
    let dir = tempfile::tempdir().unwrap();
    let variables = [
        ("BLAZZ_DATABASE_URL", "postgres://blazz:hunter2@db/blazz"),
        ("BLAZZ_OPERATOR_KEY", "hunter2-hunter2-hunter2"),
        ("BLAZZ_FLEET_SECRET_FILE", "/etc/blazz/secrets/fleet_secret"),
    ];
    let (ok, said, error) = blazz(dir.path(), &["config", "show"], &variables);
    assert!(ok, "{error}");
    assert!(said.contains("BLAZZ_DATABASE_URL=postgres://blazz:…@db/blazz"), "{said}");
    assert!(said.contains("BLAZZ_API_LISTEN=127.0.0.1:7000  (default)"), "{said}");
    assert!(said.contains("BLAZZ_OPERATOR_KEY=(hidden)") && !said.contains("hunter2"), "{said}");
    let (_, said, _) = blazz(dir.path(), &["config", "show", "--json"], &variables);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["programs"][0]["program"], "api", "{said}");
    assert!(!said.to_string().contains("hunter2"), "{said}");
}
