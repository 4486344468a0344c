//! Tells whoever started the process that it listens, and where.

use std::path::Path;

use anyhow::Context as _;
use blazz_domain::NodeId;
use serde_json::json;

/// Writes `{url,pid,node_id}` in one step: a reader sees all of it or nothing.
pub(crate) fn write(path: Option<&Path>, url: &str, node_id: &NodeId) -> anyhow::Result<()> {
    let Some(path) = path else { return Ok(()) };
    let draft = path.with_extension(format!("{}.draft", std::process::id()));
    let text = json!({ "url": url, "pid": std::process::id(), "node_id": node_id }).to_string();
    std::fs::write(&draft, text)
        .and_then(|()| std::fs::rename(&draft, path))
        .with_context(|| format!("write the ready file {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_says_where_the_node_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("node.json");
        write(Some(&path), "http://127.0.0.1:1", &"node-1".parse().unwrap()).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["url"], "http://127.0.0.1:1");
        assert_eq!(json["node_id"], "node-1");
        assert_eq!(json["pid"], std::process::id());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
        assert!(write(Some(&directory.path().join("no/such")), "", &"a".parse().unwrap()).is_err());
        assert!(write(None, "", &"a".parse().unwrap()).is_ok());
    }
}
