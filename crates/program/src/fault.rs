//! What is wrong with the settings.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One thing that is wrong. Never holds a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The variable; or the name in a file, where nothing has that name.
    pub setting: String,
    /// A sentence that names it.
    pub problem: String,
}

impl Fault {
    /// «`setting` `sentence`».
    #[must_use]
    pub fn new(setting: &str, sentence: &str) -> Self {
        Self { setting: setting.to_owned(), problem: format!("{setting} {sentence}") }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for Fault {}

/// Everything that is wrong: a line each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(|fault| fault.problem.as_str()).collect();
        f.write_str(&lines.join("\n"))
    }
}
