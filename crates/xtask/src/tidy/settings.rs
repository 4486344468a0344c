//! `.env.example` names every setting that the code reads, and no other.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context as _;

/// Settings of the test script, which no process reads.
const TEST_PREFIX: &str = "BLAZZ_TEST_";

pub(super) fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let example = std::fs::read_to_string(root.join(".env.example")).context("cannot read .env.example")?;
    let documented = settings(&example);
    let mut read = BTreeSet::new();
    for path in super::files(&root.join("crates"), "rs")? {
        if path.components().any(|part| part.as_os_str() == "src") {
            read.extend(settings(&std::fs::read_to_string(&path)?));
        }
    }
    // What points to a file with a secret is explained for all secrets at once.
    let is_file_form = |name: &&String, known: &BTreeSet<String>| {
        name.strip_suffix("_FILE").is_some_and(|secret| known.contains(secret))
    };
    let missing = read
        .difference(&documented)
        .filter(|name| !is_file_form(name, &documented))
        .map(|name| format!(".env.example does not explain {name}"));
    let unknown = documented
        .difference(&read)
        .filter(|name| !is_file_form(name, &read))
        .map(|name| format!(".env.example explains {name}, which nothing reads"));
    Ok(missing.chain(unknown).collect())
}

/// Every `BLAZZ_…` name in a text.
fn settings(text: &str) -> BTreeSet<String> {
    text.match_indices("BLAZZ_")
        .map(|(at, _)| text.get(at..).unwrap_or_default())
        .map(|rest| {
            rest.chars()
                .take_while(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || *c == '_')
                .collect::<String>()
        })
        .filter(|name| name.len() > "BLAZZ_".len() && !name.ends_with('_') && !name.starts_with(TEST_PREFIX))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_wherever_they_stand() {
        let found = settings("\"BLAZZ_API_LISTEN\" BLAZZ_LOG=info # BLAZZ_TEST_X `BLAZZ_` prefix");
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["BLAZZ_API_LISTEN", "BLAZZ_LOG"]);
    }
}
