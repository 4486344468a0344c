//! Reading settings one after the other, and collecting what is wrong.

use std::collections::HashMap;
use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;

use crate::{Fault, Faults, Setting, file};

/// Values by variable.
pub type Values = HashMap<String, String>;

/// This process's environment, as far as it concerns Blazz.
#[must_use]
pub fn environment() -> Values {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("BLAZZ_"))
        .collect()
}

/// Reads settings; every method that finds something wrong notes it and gives nothing.
#[derive(Debug)]
pub struct Reader {
    settings: &'static [Setting],
    values: Values,
    faults: Vec<Fault>,
}

impl Reader {
    /// Reads `variables`, and `file` for those that they do not give. An empty value counts as none.
    #[must_use]
    pub fn new(settings: &'static [Setting], file: Option<&Path>, variables: &Values) -> Self {
        let (mut values, faults) = file.map(|path| file::toml(path, settings)).unwrap_or_default();
        let trimmed = variables.iter().map(|(name, value)| (name.clone(), value.trim().to_owned()));
        let given: Values = trimmed.filter(|(_, value)| !value.is_empty()).collect();
        // What the environment says of a secret replaces what the file says of it, in either form.
        values.retain(|name, _| !given.contains_key(&other_form(name)));
        values.extend(given);
        Self { settings, values, faults }
    }

    /// The text of a setting, from its file if that is where it lies.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let here = self.values.get(name).cloned();
        let setting = self.settings.iter().find(|setting| setting.name == name)?;
        let file_name = format!("{name}_FILE");
        let path = self.values.get(&file_name).filter(|_| setting.kind.may_be_in_a_file());
        let Some(path) = path else { return here };
        if here.is_some() {
            self.fault(name, &format!("is set, and so is {file_name}; set one of them"));
            return None;
        }
        match file::secret(path) {
            Ok(text) => Some(text),
            Err(sentence) => {
                self.fault(&file_name, &sentence);
                None
            }
        }
    }

    /// A text that has to be there; `meaning` says what it has to be.
    pub fn required(&mut self, name: &str, meaning: &str) -> Option<String> {
        let known = self.faults.len();
        let text = self.text(name);
        if text.is_none() && self.faults.len() == known {
            self.fault(name, &format!("is not set; it has to be {meaning}"));
        }
        text
    }

    /// Anything that is written as text.
    pub fn parsed<T: FromStr>(&mut self, name: &str, meaning: &str) -> Option<T> {
        let text = self.text(name)?;
        let value = text.parse().ok();
        if value.is_none() {
            self.fault(name, &format!("must be {meaning}"));
        }
        value
    }

    /// The same for what has to be there.
    pub fn required_parsed<T: FromStr>(&mut self, name: &str, meaning: &str) -> Option<T> {
        self.required(name, meaning)?;
        self.parsed(name, meaning)
    }

    /// A whole number from `min` to `max`.
    pub fn number(&mut self, name: &str, default: u64, min: u64, max: u64) -> u64 {
        let Some(text) = self.text(name) else { return default };
        match text.parse() {
            Ok(number) if (min..=max).contains(&number) => number,
            _ => {
                self.fault(name, &format!("must be a whole number from {min} to {max}"));
                default
            }
        }
    }

    /// Notes what `checked` found wrong, which says nothing of the value.
    pub fn checked<T, E: Display>(&mut self, name: &str, checked: Result<T, E>) -> Option<T> {
        match checked {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(name, &error.to_string());
                None
            }
        }
    }

    /// Notes that something is wrong: a sentence that goes behind the name.
    pub fn fault(&mut self, name: &str, sentence: &str) {
        self.faults.push(Fault::new(name, sentence));
    }

    /// Everything that is wrong.
    #[must_use]
    pub fn faults(self) -> Faults {
        Faults(self.faults)
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.faults.is_empty()
    }

    /// The values as they were given, for a command that shows them.
    pub(crate) const fn values(&self) -> &Values {
        &self.values
    }
}

/// `NAME_FILE` for `NAME`, and the other way round.
fn other_form(name: &str) -> String {
    name.strip_suffix("_FILE").map_or_else(|| format!("{name}_FILE"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: &[Setting] = &[
        Setting::plain("BLAZZ_TEST_LISTEN", "where").or("127.0.0.1:1"),
        Setting::secret("BLAZZ_TEST_KEY", "the key"),
        Setting::plain("BLAZZ_TEST_COUNT", "how many"),
    ];

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn said(reader: Reader) -> String {
        reader.faults().to_string()
    }

    #[test]
    fn everything_is_said_at_once_and_no_value() {
        let given = values(&[("BLAZZ_TEST_LISTEN", "hunter2"), ("BLAZZ_TEST_COUNT", "hunter3")]);
        let mut reader = Reader::new(SETTINGS, None, &given);
        assert_eq!(reader.parsed::<std::net::SocketAddr>("BLAZZ_TEST_LISTEN", "an address"), None);
        assert_eq!(reader.required("BLAZZ_TEST_KEY", "a key"), None);
        assert_eq!(reader.number("BLAZZ_TEST_COUNT", 7, 1, 9), 7);
        let said = said(reader);
        assert_eq!(
            said,
            "BLAZZ_TEST_LISTEN must be an address\nBLAZZ_TEST_KEY is not set; it has to be a key\n\
             BLAZZ_TEST_COUNT must be a whole number from 1 to 9"
        );
    }

    #[test]
    fn a_secret_may_lie_in_a_file_and_nothing_else_may() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, "hunter2\n").unwrap();
        let path = path.to_str().unwrap();
        let mut reader = Reader::new(SETTINGS, None, &values(&[("BLAZZ_TEST_KEY_FILE", path)]));
        assert_eq!(reader.required("BLAZZ_TEST_KEY", "a key").as_deref(), Some("hunter2"));
        let both = values(&[("BLAZZ_TEST_KEY_FILE", path), ("BLAZZ_TEST_KEY", "hunter2")]);
        let mut reader = Reader::new(SETTINGS, None, &both);
        assert_eq!(reader.required("BLAZZ_TEST_KEY", "a key"), None);
        assert_eq!(said(reader), "BLAZZ_TEST_KEY is set, and so is BLAZZ_TEST_KEY_FILE; set one of them");
        let mut reader = Reader::new(SETTINGS, None, &values(&[("BLAZZ_TEST_COUNT_FILE", path)]));
        assert_eq!(reader.number("BLAZZ_TEST_COUNT", 7, 1, 9), 7);
        for (file, sentence) in [("/nowhere/key", "cannot be read"), ("/dev/null", "empty")] {
            let mut reader = Reader::new(SETTINGS, None, &values(&[("BLAZZ_TEST_KEY_FILE", file)]));
            assert_eq!(reader.required("BLAZZ_TEST_KEY", "a key"), None);
            let said = said(reader);
            assert!(said.starts_with("BLAZZ_TEST_KEY_FILE names") && said.contains(sentence), "{said}");
        }
    }

    #[test]
    fn a_file_is_read_below_the_environment_and_knows_no_strangers() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("blazz.toml");
        std::fs::write(&path, "test_count = 5\ntest_key = \"from the file\"\nkye = 1\n[count_of]\nx = 1\n")
            .unwrap();
        let key = dir.path().join("key");
        std::fs::write(&key, "from its own file").unwrap();
        let mut reader =
            Reader::new(SETTINGS, Some(&path), &values(&[("BLAZZ_TEST_KEY_FILE", key.to_str().unwrap())]));
        assert_eq!(reader.number("BLAZZ_TEST_COUNT", 7, 1, 9), 5);
        assert_eq!(reader.text("BLAZZ_TEST_KEY").as_deref(), Some("from its own file"));
        let said = said(reader);
        assert!(said.contains("no setting `kye`") && said.contains("no setting `count_of`"), "{said}");
        std::fs::write(&path, "test_key = hunter2").unwrap();
        let reader = Reader::new(SETTINGS, Some(&path), &Values::new());
        let said = reader.faults().to_string();
        assert!(said.contains("is not TOML") && !said.contains("hunter2"), "{said}");
    }
}
