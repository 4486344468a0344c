//! Where the settings are: in files that were named, in the environment, in the directory of a `blazz up`, in `/etc/blazz`.

use std::path::{Path, PathBuf};

use blazz_program::Values;
use clap::Args;

use super::{Subject, Which, env_file};

/// Where packages keep the settings of the API, and of each node.
const PACKAGED: &str = "/etc/blazz";

/// Where to look for settings.
#[derive(Args, Debug, Clone)]
pub(crate) struct Where {
    /// A file of settings: NAME=value lines, or TOML. May be repeated. Without any: the environment, else the directory of a `blazz up`,
    /// else /etc/blazz.
    #[arg(long = "config", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The directory of a `blazz up`.
    #[arg(long)]
    pub(crate) dir: Option<PathBuf>,
}

/// The programs with settings here; none when there are no settings at all.
///
/// # Errors
/// When a file cannot be read.
pub(crate) fn find(place: &Where) -> anyhow::Result<Vec<Subject>> {
    if !place.files.is_empty() {
        return from_files(&place.files);
    }
    if let Some(dir) = &place.dir {
        let files = kept(dir);
        anyhow::ensure!(!files.is_empty(), "{} is not the directory of a `blazz up`", dir.display());
        return from_files(&files);
    }
    let environment = environment()?;
    if !environment.is_empty() {
        return Ok(environment);
    }
    let kept = kept(Path::new("var"));
    if kept.is_empty() { from_files(&packaged(Path::new(PACKAGED))) } else { from_files(&kept) }
}

/// The programs whose settings are in this process's environment, and in the file that it names.
fn environment() -> anyhow::Result<Vec<Subject>> {
    let mut values = blazz_program::environment();
    let mut files = Vec::new();
    if let Some(path) = values.get("BLAZZ_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from) {
        let below = blazz_program::toml_values(&path)?;
        files.push(path);
        for (name, value) in below {
            values.entry(name).or_insert(value);
        }
    }
    let subjects = Which::of(&values).into_iter();
    Ok(subjects
        .map(|which| Subject::new(which, "environment".into(), values.clone(), files.clone()))
        .collect())
}

fn from_files(files: &[PathBuf]) -> anyhow::Result<Vec<Subject>> {
    let mut subjects = Vec::new();
    for path in files {
        subjects.extend(from_file(path, None)?);
    }
    Ok(subjects)
}

/// The programs whose settings a file holds; the API's, when it holds nothing that says whose.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn from_file(path: &Path, which: Option<Which>) -> anyhow::Result<Vec<Subject>> {
    let values = read(path)?;
    let mut programs = which.map_or_else(|| Which::of(&values), |which| vec![which]);
    if programs.is_empty() {
        programs.push(Which::Api);
    }
    let subject =
        |which| Subject::new(which, path.display().to_string(), values.clone(), vec![path.to_owned()]);
    Ok(programs.into_iter().map(subject).collect())
}

fn read(path: &Path) -> anyhow::Result<Values> {
    if path.extension().is_some_and(|extension| extension == "toml") {
        return Ok(blazz_program::toml_values(path)?);
    }
    env_file::read(path)
}

/// What a `blazz up` has kept of its programs' settings.
fn kept(dir: &Path) -> Vec<PathBuf> {
    env_files(&dir.join("settings"))
}

/// The settings of packages: the API's, then each node's.
fn packaged(etc: &Path) -> Vec<PathBuf> {
    let api = Some(etc.join("api.env")).filter(|path| path.is_file());
    api.into_iter().chain(env_files(&etc.join("nodes"))).collect()
}

fn env_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let mut files: Vec<_> = paths.filter(|path| path.extension().is_some_and(|e| e == "env")).collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_keep_the_api_and_each_node() {
        let etc = tempfile::tempdir().unwrap();
        std::fs::create_dir(etc.path().join("nodes")).unwrap();
        for name in ["api.env", "nodes/node-2.env", "nodes/node-1.env", "nodes/README"] {
            std::fs::write(etc.path().join(name), "BLAZZ_LOG=info\n").unwrap();
        }
        let found = packaged(etc.path());
        let names: Vec<_> = found.iter().map(|path| path.strip_prefix(etc.path()).unwrap()).collect();
        assert_eq!(names, ["api.env", "nodes/node-1.env", "nodes/node-2.env"].map(Path::new));
    }

    #[test]
    fn a_file_says_whose_settings_it_holds() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node.env");
        std::fs::write(&path, "BLAZZ_NODE_ID=node-7\nBLAZZ_API_URL=http://127.0.0.1:1\n").unwrap();
        let found = from_file(&path, None).unwrap();
        assert_eq!((found.len(), found[0].name.as_str(), found[0].which), (1, "node-7", Which::SessionNode));
        let toml = dir.path().join("api.toml");
        std::fs::write(&toml, "database_url = \"sqlite:/x.db\"\ndatabase_pool = 3\n").unwrap();
        let found = from_file(&toml, None).unwrap();
        assert_eq!(
            (found[0].which, found[0].text("BLAZZ_DATABASE_POOL")),
            (Which::Api, Some("3".to_owned()))
        );
    }
}
