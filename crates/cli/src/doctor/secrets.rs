//! Secrets: there, strong, each used once, and readable by nobody else.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use blazz_domain::NodeId;
use blazz_wire::keys::FleetSecret;

use super::{Finding, Patient};
use crate::settings::{Subject, Which};

const STRENGTH: &str = "secrets.strength";
const DISTINCT: &str = "secrets.distinct";
const FILES: &str = "secrets.files";
const FLEET: &str = "secrets.fleet";

/// The one that nodes share, when they share a session root.
const STORAGE_KEY: &str = "BLAZZ_STORAGE_KEY";

/// The settings that are secret.
const SECRETS: &[(Which, &str)] = &[
    (Which::Api, "BLAZZ_OPERATOR_KEY"),
    (Which::Api, "BLAZZ_OPERATOR_KEY_PREVIOUS"),
    (Which::Api, "BLAZZ_FLEET_SECRET"),
    (Which::Api, "BLAZZ_FLEET_SECRET_PREVIOUS"),
    (Which::SessionNode, "BLAZZ_NODE_SECRET"),
    (Which::SessionNode, "BLAZZ_NODE_SECRET_PREVIOUS"),
    (Which::SessionNode, STORAGE_KEY),
    (Which::SessionNode, "BLAZZ_STORAGE_KEY_PREVIOUS"),
];
/// What is shorter can be guessed, in characters.
const SHORTEST: usize = 32;
/// What is made of fewer different characters was made by hand.
const FEWEST_CHARACTERS: usize = 8;

/// Looks at the secrets of every program here. Whether they are there is said with the settings.
pub(super) fn check(patient: &Patient) -> Vec<Finding> {
    let secrets = all(patient);
    let mut findings: Vec<Finding> =
        secrets.iter().filter_map(|(owner, name, text)| weak(owner, name, text)).collect();
    if findings.is_empty() && !secrets.is_empty() {
        findings.push(Finding::ok(STRENGTH, "here", format!("{} secrets, all long enough", secrets.len())));
    }
    findings.extend(distinct(&secrets));
    findings.extend(fleet(patient));
    findings.extend(files(patient));
    findings
}

/// Owner, name and text of each secret that is set.
fn all(patient: &Patient) -> Vec<(String, &'static str, String)> {
    let of = |subject: &Subject| {
        let own = SECRETS.iter().filter(|(which, _)| *which == subject.which);
        let texts = own.filter_map(|(_, name)| Some((subject.name.clone(), *name, subject.text(name)?)));
        texts.collect::<Vec<_>>()
    };
    patient.subjects.iter().flat_map(of).collect()
}

fn weak(owner: &str, name: &str, text: &str) -> Option<Finding> {
    let characters = text.chars().collect::<BTreeSet<_>>().len();
    if text.len() >= SHORTEST && characters >= FEWEST_CHARACTERS {
        return None;
    }
    Some(Finding::warning(
        STRENGTH,
        owner,
        format!("{name} looks made by hand: it is short, or the same few characters over and over"),
        "make secrets with `blazz secret`; docs/operations/packages.md says how one is replaced",
    ))
}

fn distinct(secrets: &[(String, &'static str, String)]) -> Vec<Finding> {
    let mut users: BTreeMap<&str, Vec<(&str, String)>> = BTreeMap::new();
    for (owner, name, text) in secrets {
        users.entry(text).or_default().push((*name, format!("{name} of {owner}")));
    }
    let is_shared =
        |users: &[(&str, String)]| users.len() > 1 && users.iter().any(|(name, _)| *name != STORAGE_KEY);
    let shared: Vec<Vec<String>> = users
        .into_values()
        .filter(|users| is_shared(users))
        .map(|users| users.into_iter().map(|(_, text)| text).collect())
        .collect();
    if shared.is_empty() && !secrets.is_empty() {
        return vec![Finding::ok(DISTINCT, "here", "no two secrets are the same")];
    }
    let finding = |users: Vec<String>| {
        Finding::error(
            DISTINCT,
            "here",
            format!("the same secret is used twice: {}", users.join(", ")),
            "give each its own: `blazz secret fleet`, `blazz secret operator`, `blazz secret node <id>`",
        )
    };
    shared.into_iter().map(finding).collect()
}

/// Whether each node's secret comes from the fleet's, where both are known here.
fn fleet(patient: &Patient) -> Vec<Finding> {
    let fleets: Vec<FleetSecret> = patient
        .of(Which::Api)
        .flat_map(|api| [api.text("BLAZZ_FLEET_SECRET"), api.text("BLAZZ_FLEET_SECRET_PREVIOUS")])
        .filter_map(|text| FleetSecret::parse(&text?).ok())
        .collect();
    if fleets.is_empty() {
        return vec![];
    }
    let finding = |node: &Subject| {
        let (id, secret) = (node.name.parse::<NodeId>().ok()?, node.text("BLAZZ_NODE_SECRET")?);
        let is_ours =
            fleets.iter().any(|fleet| fleet.node_secret(&id).to_hex().eq_ignore_ascii_case(&secret));
        Some(if is_ours {
            Finding::ok(FLEET, &node.name, "the node's secret comes from the fleet's")
        } else {
            Finding::error(
                FLEET,
                &node.name,
                "the node's secret does not come from the API's fleet secret: they will not believe each other",
                format!("set BLAZZ_NODE_SECRET to what `blazz secret node {id}` prints"),
            )
        })
    };
    patient.of(Which::SessionNode).filter_map(finding).collect()
}

/// Files with secrets, which no stranger may read.
fn files(patient: &Patient) -> Vec<Finding> {
    let holds_secret = |subject: &Subject| SECRETS.iter().any(|(_, name)| subject.values.contains_key(*name));
    let mut files = BTreeMap::new();
    for subject in &patient.subjects {
        let own = subject.files.iter().filter(|_| holds_secret(subject)).cloned();
        files.extend(own.chain(subject.secret_files()).map(|file| (file, subject.name.clone())));
        files.extend(
            subject.files.iter().flat_map(|file| kept_beside(file)).map(|file| (file, "up".to_owned())),
        );
    }
    let finding = |(file, owner): (std::path::PathBuf, String)| permissions(&owner, &file);
    files.into_iter().filter_map(finding).collect()
}

/// What a `blazz up` keeps beside its programs' settings.
fn kept_beside(settings: &Path) -> Vec<std::path::PathBuf> {
    let home = settings.parent().filter(|folder| folder.ends_with("settings")).and_then(Path::parent);
    let files = home.into_iter().flat_map(|home| ["secrets.json", "up.json"].map(|name| home.join(name)));
    files.filter(|file| file.exists()).collect()
}

fn permissions(owner: &str, file: &Path) -> Option<Finding> {
    // One that cannot be read at all is said with the settings.
    let mode = std::fs::metadata(file).ok()?.permissions().mode() & 0o777;
    let shown = file.display();
    if mode & 0o007 != 0 {
        return Some(Finding::error(
            FILES,
            owner,
            format!("{shown} holds a secret and is open to everybody on this machine (mode {mode:03o})"),
            format!("`chmod 640 {shown}`, then replace the secret: somebody may have read it"),
        ));
    }
    if mode & 0o020 != 0 {
        let advice = format!("`chmod 640 {shown}`");
        let text = format!("{shown} holds a secret and may be written by its group (mode {mode:03o})");
        return Some(Finding::warning(FILES, owner, text, advice));
    }
    Some(Finding::ok(FILES, owner, format!("{shown} is closed to others (mode {mode:03o})")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    fn secret(owner: &str, name: &'static str, text: &str) -> (String, &'static str, String) {
        (owner.to_owned(), name, text.to_owned())
    }

    #[test]
    fn a_secret_that_is_used_twice_or_made_by_hand_is_found_and_never_shown() {
        let good = hex::encode(blazz_domain::random::bytes::<32>());
        assert!(weak("api", "X", &good).is_none());
        for text in ["hunter2", &"ab".repeat(32)] {
            assert!(!weak("api", "X", text).unwrap().text.contains(text));
        }
        let twice = [secret("api", "A", &good), secret("node-1", "B", &good)];
        let found = distinct(&twice);
        assert_eq!(found[0].level, Level::Error);
        assert!(found[0].text.contains("A of api, B of node-1") && !found[0].text.contains(&good));
        assert_eq!(distinct(&twice[..1])[0].level, Level::Ok);
    }

    #[test]
    fn a_file_that_anybody_can_read_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (mode, level) in
            [(0o600, Level::Ok), (0o640, Level::Ok), (0o660, Level::Warning), (0o644, Level::Error)]
        {
            std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(permissions("api", file.path()).unwrap().level, level, "{mode:o}");
        }
    }
}
