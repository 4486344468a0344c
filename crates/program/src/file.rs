//! Settings from files: one TOML file for many, or a file for one secret.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::Path;

use config::{Config, File, FileFormat};

use crate::{Fault, Setting};

/// The longest secret, in bytes.
const MAX_SECRET: u64 = 64 * 1024;

/// Reads a TOML file with settings of any program; gives them by variable.
///
/// # Errors
/// What is wrong with it first.
pub fn toml_values(path: &Path) -> Result<HashMap<String, String>, Fault> {
    let (values, faults) = toml_with(path, |_| true);
    faults.into_iter().next().map_or(Ok(values), Err)
}

/// Reads a TOML file: the settings' names without their prefix and in lower case. Gives them by variable, and what is wrong.
pub(crate) fn toml(path: &Path, settings: &[Setting]) -> (HashMap<String, String>, Vec<Fault>) {
    toml_with(path, |variable| is_known(variable, settings))
}

fn toml_with(path: &Path, is_known: impl Fn(&str) -> bool) -> (HashMap<String, String>, Vec<Fault>) {
    let shown = path.display().to_string();
    let read = Config::builder().add_source(File::from(path).format(FileFormat::Toml)).build();
    // The parser's words may quote the line that it did not understand.
    let table = read.and_then(|file| file.try_deserialize::<HashMap<String, config::Value>>());
    let Ok(table) = table else {
        return (HashMap::new(), vec![Fault::new(&shown, "cannot be read, or is not TOML")]);
    };
    let (mut values, mut faults) = (HashMap::new(), Vec::new());
    for (name, value) in table {
        let variable = format!("BLAZZ_{}", name.to_uppercase());
        if !is_known(&variable) {
            faults.push(Fault { problem: format!("{shown}: there is no setting `{name}`"), setting: name });
        } else if let Ok(text) = value.into_string() {
            values.insert(variable, text);
        } else {
            faults.push(Fault {
                problem: format!("{shown}: `{name}` must be a text or a number"),
                setting: name,
            });
        }
    }
    faults.sort_by(|a, b| a.problem.cmp(&b.problem));
    (values, faults)
}

fn is_known(variable: &str, settings: &[Setting]) -> bool {
    settings.iter().any(|setting| {
        setting.name == variable
            || setting.kind.may_be_in_a_file() && variable.strip_suffix("_FILE") == Some(setting.name)
    })
}

/// What a secret's file holds, without the line's end.
///
/// # Errors
/// A sentence that goes behind the name of the variable that points to it.
pub fn secret(path: &str) -> Result<String, String> {
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(MAX_SECRET).read_to_string(&mut text));
    match read {
        Err(error) => Err(format!("names a file that cannot be read ({})", error.kind())),
        Ok(_) if text.trim().is_empty() => Err("names an empty file".to_owned()),
        Ok(_) => Ok(text.trim().to_owned()),
    }
}
