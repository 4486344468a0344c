//! Every migration exists for both databases, up and down.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context as _;

pub(super) fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let folder = root.join("migrations");
    let (postgres, sqlite) = (names(&folder.join("postgres"))?, names(&folder.join("sqlite"))?);
    let mut findings: Vec<String> = postgres
        .symmetric_difference(&sqlite)
        .map(|name| format!("migration {name} exists for one database only"))
        .collect();
    for (database, names) in [("postgres", postgres), ("sqlite", sqlite)] {
        for name in names {
            let missing = ["up.sql", "down.sql"]
                .into_iter()
                .filter(|file| !folder.join(database).join(&name).join(file).is_file());
            findings.extend(missing.map(|file| format!("migrations/{database}/{name} has no {file}")));
        }
    }
    Ok(findings)
}

fn names(folder: &Path) -> anyhow::Result<BTreeSet<String>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}
