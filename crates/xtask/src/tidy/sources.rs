//! Rules about source files: each says what it owns, none hides something unfinished.

use std::path::Path;

/// Texts that mean «not finished» or «switched off».
const UNFINISHED: &[&str] = &["TODO", "FIXME", "XXX", "#[ignore", "#[allow("];

pub(super) fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut findings = Vec::new();
    for path in super::files(&root.join("crates"), "rs")? {
        let shown = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        let text = std::fs::read_to_string(&path)?;
        if !text.starts_with("//!") {
            findings.push(format!("{shown}: begin with `//!` and say what the module owns"));
        }
        if shown.starts_with("crates/xtask/") {
            continue;
        }
        findings.extend(
            UNFINISHED
                .iter()
                .filter(|mark| text.contains(**mark))
                .map(|mark| format!("{shown}: contains {mark}")),
        );
    }
    Ok(findings)
}
