//! The secrets of one machine: made at the first start, kept in the directory, never defaulted.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use blazz_domain::WorkspaceId;
use blazz_wire::keys::FleetSecret;
use serde::{Deserialize, Serialize};

use super::home::write_private;
use crate::secret::{operator_key, storage_key};

/// What `secrets.json` holds.
#[derive(Serialize, Deserialize)]
pub(crate) struct Secrets {
    /// Opens the operator's routes.
    pub(crate) operator_key: String,
    /// The root of every node's keys, in hex.
    pub(crate) fleet_secret: String,
    /// What the sessions of every node here are sealed with, in hex.
    #[serde(default)]
    pub(crate) storage_key: String,
    /// The first workspace of each database and its key, once made.
    #[serde(default)]
    pub(crate) workspaces: BTreeMap<String, WorkspaceSecret>,
}

/// A workspace's key, as it was shown when made.
#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct WorkspaceSecret {
    /// The workspace.
    pub(crate) id: WorkspaceId,
    /// Its key.
    pub(crate) key: String,
}

impl Secrets {
    /// Reads the file, or makes fresh secrets and writes it.
    pub(crate) fn load_or_make(path: &Path) -> anyhow::Result<Self> {
        if path.exists() {
            let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            let mut kept: Self =
                serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display()))?;
            // A directory from before there was one.
            if kept.storage_key.is_empty() {
                kept.storage_key = storage_key();
                kept.save(path)?;
            }
            return Ok(kept);
        }
        let secrets = Self {
            operator_key: operator_key(),
            fleet_secret: FleetSecret::generate().to_hex(),
            storage_key: storage_key(),
            workspaces: BTreeMap::new(),
        };
        secrets.save(path)?;
        Ok(secrets)
    }

    /// Writes the file, mode 0600.
    pub(crate) fn save(&self, path: &Path) -> anyhow::Result<()> {
        write_private(path, &serde_json::to_string_pretty(self)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_made_once_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secrets.json");
        let made = Secrets::load_or_make(&path).unwrap();
        let read = Secrets::load_or_make(&path).unwrap();
        assert_eq!((made.operator_key, made.fleet_secret), (read.operator_key, read.fleet_secret));
        assert_eq!(made.storage_key, read.storage_key);
    }

    #[test]
    fn a_directory_from_before_storage_keys_gets_one_that_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secrets.json");
        fs::write(&path, r#"{"operator_key":"o","fleet_secret":"f"}"#).unwrap();
        let first = Secrets::load_or_make(&path).unwrap().storage_key;
        assert_eq!(first.len(), 64);
        assert_eq!(Secrets::load_or_make(&path).unwrap().storage_key, first);
    }
}
