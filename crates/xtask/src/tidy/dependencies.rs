//! Who may look at whom: the floors of `docs/ARCHITECTURE.md`, and the crates that only one of ours may know.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, Package};

/// The floor of each crate; imports only look down.
const FLOORS: &[(&str, u8)] = &[
    ("blazz-domain", 0),
    ("blazz-wire", 1),
    ("blazz-database", 1),
    ("blazz-bus", 1),
    ("blazz-session-store", 1),
    ("blazz-media", 1),
    ("blazz-telemetry", 1),
    ("blazz-program", 1),
    ("blazz-whatsapp", 2),
    ("blazz-jobs", 2),
    ("blazz-services", 3),
    ("blazz-api", 4),
    ("blazz-session-node", 4),
    ("blazz-emulator", 4),
    ("blazz-cli", 4),
];

/// Crates that are tools of development: free to look anywhere, linked by nobody.
const TOOLS: &[&str] = &["blazz-bench", "blazz-chaos", "blazz-fault-fs", "blazz-test-support", "xtask"];

/// The foreign crate, and the only ones of ours that may depend on it.
const ONLY: &[(&str, &[&str])] = &[
    ("diesel", &["blazz-database"]),
    ("diesel-async", &["blazz-database"]),
    ("redis", &["blazz-bus"]),
    ("chacha20poly1305", &["blazz-session-store"]),
    ("object_store", &["blazz-media"]),
    ("actix-web", &["blazz-api", "blazz-session-node", "blazz-emulator", "blazz-wire"]),
    ("whatsapp-rust", &["blazz-whatsapp", "blazz-emulator"]),
];

/// Programs whose whole dependency graph is free of the engine (docs/licensing.md).
const ENGINE_FREE: &[&str] = &["blazz-api", "blazz-cli"];

/// Whether a crate belongs to the engine's family.
fn is_engine(name: &str) -> bool {
    name.starts_with("whatsapp-rust") || name.starts_with("wacore") || name == "waproto"
}

pub(super) fn check(metadata: &Metadata) -> Vec<String> {
    let ours: Vec<&Package> = metadata.workspace_packages();
    let mut findings = Vec::new();
    for package in &ours {
        findings.extend(looks_up(package));
        findings.extend(knows_too_much(package));
        findings.extend(takes_default_lints(package));
    }
    for program in ENGINE_FREE {
        if let Some(engine) = reachable(metadata, program).into_iter().find(|name| is_engine(name)) {
            findings.push(format!(
                "{program} reaches the engine ({engine}); only blazz-session-node and blazz-emulator may"
            ));
        }
    }
    findings
}

fn floor(name: &str) -> Option<u8> {
    FLOORS.iter().find(|(crate_name, _)| *crate_name == name).map(|(_, floor)| *floor)
}

fn looks_up(package: &Package) -> Vec<String> {
    let name = package.name.as_str();
    if TOOLS.contains(&name) {
        return Vec::new();
    }
    let Some(own) = floor(name) else {
        return vec![format!(
            "{name} has no floor; give it one in xtask's table and in docs/ARCHITECTURE.md"
        )];
    };
    let normal = package.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal);
    normal
        .filter_map(|d| match floor(&d.name) {
            Some(theirs) if theirs >= own => {
                Some(format!("{name} (floor {own}) may not depend on {} (floor {theirs})", d.name))
            }
            None if TOOLS.contains(&d.name.as_str()) => {
                Some(format!("{name} may depend on {} in tests only", d.name))
            }
            _ => None,
        })
        .collect()
}

fn knows_too_much(package: &Package) -> Vec<String> {
    let normal = package.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal);
    normal
        .filter_map(|d| {
            let (_, allowed) = ONLY.iter().find(|(foreign, _)| *foreign == d.name)?;
            let name = package.name.as_str();
            (!allowed.contains(&name) && !TOOLS.contains(&name))
                .then(|| format!("{name} may not depend on {}", d.name))
        })
        .collect()
}

fn takes_default_lints(package: &Package) -> Option<String> {
    let manifest = std::fs::read_to_string(&package.manifest_path).unwrap_or_default();
    (!manifest.contains("[lints]\nworkspace = true"))
        .then(|| format!("{}: add `[lints] workspace = true`", package.manifest_path))
}

/// The names of everything that a program links.
fn reachable(metadata: &Metadata, program: &str) -> BTreeSet<String> {
    let names: BTreeMap<_, _> = metadata.packages.iter().map(|p| (&p.id, p.name.to_string())).collect();
    let Some(resolve) = &metadata.resolve else { return BTreeSet::new() };
    let nodes: BTreeMap<_, _> = resolve.nodes.iter().map(|n| (&n.id, n)).collect();
    let mut open: Vec<_> = names.iter().filter(|(_, name)| *name == program).map(|(id, _)| *id).collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        let Some(node) = nodes.get(id) else { continue };
        let linked =
            node.deps.iter().filter(|d| d.dep_kinds.iter().any(|k| k.kind != DependencyKind::Development));
        open.extend(linked.map(|d| &d.pkg));
    }
    seen.into_iter().filter_map(|id| names.get(id).cloned()).collect()
}
