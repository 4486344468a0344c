//! The settings of the programs that an operator runs here, found where the programs find them.

mod discovery;
mod env_file;
pub(crate) mod program;
mod subject;

pub(crate) use discovery::{Where, find, from_file};
pub(crate) use program::Which;
pub(crate) use subject::Subject;

use std::collections::BTreeSet;

use blazz_program::Values;

/// The variables that are set and that no program knows: most likely mistyped.
pub(crate) fn unknown(values: &Values) -> Vec<String> {
    let known = documented();
    let is_known = |name: &str| {
        known.contains(name) || name.strip_suffix("_FILE").is_some_and(|secret| known.contains(secret))
    };
    let mut unknown: Vec<String> = values.keys().filter(|name| !is_known(name)).cloned().collect();
    unknown.sort();
    unknown
}

/// Every setting of every program.
fn documented() -> BTreeSet<&'static str> {
    let example = include_str!("../../../../.env.example");
    example.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name.trim()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_variable_is_noticed_and_a_secrets_file_is_not() {
        let values = ["BLAZZ_API_LISTEN", "BLAZZ_FLEET_SECRET_FILE", "BLAZZ_TEST_LISTEM"];
        let values = values.map(|name| (name.to_owned(), String::new())).into();
        assert_eq!(unknown(&values), ["BLAZZ_TEST_LISTEM"]);
    }
}
