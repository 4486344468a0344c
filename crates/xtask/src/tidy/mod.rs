//! The rules, one file each. A finding is a sentence that names the file and what to do.

mod dependencies;
mod migrations;
mod settings;
mod sources;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use cargo_metadata::MetadataCommand;

/// Everything that is wrong with this checkout.
pub(crate) fn run() -> anyhow::Result<Vec<String>> {
    let metadata = MetadataCommand::new().exec().context("cannot ask cargo about the workspace")?;
    let root = metadata.workspace_root.as_std_path();
    let mut findings = dependencies::check(&metadata);
    findings.extend(sources::check(root)?);
    findings.extend(migrations::check(root)?);
    findings.extend(settings::check(root)?);
    Ok(findings)
}

/// Every file below `folder` with this extension, sorted.
fn files(folder: &Path, extension: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let entries =
            std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
