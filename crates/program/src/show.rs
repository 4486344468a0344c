//! Settings as they count, for people and for programs; secrets stay hidden.

use serde::Serialize;

use crate::{Kind, Reader, Setting};

/// A setting as it counts.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Shown {
    /// Its variable.
    name: &'static str,
    /// Its value as far as it may be shown; `null` when there is none.
    value: Option<String>,
    /// `set`, `file` (of its own), `default` or `unset`.
    source: &'static str,
    /// Whether its value stays hidden.
    is_secret: bool,
}

/// Every setting.
pub(crate) fn all(settings: &[Setting], reader: &Reader) -> Vec<Shown> {
    settings.iter().map(|setting| one(setting, reader)).collect()
}

fn one(setting: &Setting, reader: &Reader) -> Shown {
    let (values, is_secret) = (reader.values(), setting.kind == Kind::Secret);
    let shown = |value: Option<String>, source| Shown { name: setting.name, value, source, is_secret };
    if let Some(value) = values.get(setting.name) {
        return shown(Some(masked(setting.kind, value)), "set");
    }
    let file = values.get(&format!("{}_FILE", setting.name)).filter(|_| setting.kind.may_be_in_a_file());
    match (file, setting.default) {
        (Some(path), _) => shown(Some(path.clone()), "file"),
        (None, Some(default)) => shown(Some(default.to_owned()), "default"),
        (None, None) => shown(None, "unset"),
    }
}

/// What may be shown of a value.
fn masked(kind: Kind, value: &str) -> String {
    match kind {
        Kind::Plain => value.to_owned(),
        Kind::Secret => "(hidden)".to_owned(),
        Kind::Url => without_password(value),
    }
}

/// A URL with dots where its user's password stands. What cannot be told apart is hidden as a whole.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    if url.contains("password=") {
        return format!("{scheme}://(hidden)");
    }
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        // An address as the user's name would look like a password that holds a slash.
        None if path.contains('@') => format!("{scheme}://(hidden)"),
        None => url.to_owned(),
        Some((user, host)) => {
            let user = user.split_once(':').map_or_else(|| user.to_owned(), |(name, _)| format!("{name}:…"));
            format!("{scheme}://{user}@{host}{path}")
        }
    }
}

/// The settings as lines.
pub(crate) fn text(shown: &[Shown]) -> String {
    let line = |setting: &Shown| match (&setting.value, setting.source) {
        (None, _) => format!("{} is not set", setting.name),
        (Some(path), "file") => format!("{} is in {path}", setting.name),
        (Some(value), "default") => format!("{}={value}  (default)", setting.name),
        (Some(value), _) => format!("{}={value}", setting.name),
    };
    shown.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: &[Setting] = &[
        Setting::plain("BLAZZ_TEST_A", "a").or("1"),
        Setting::plain("BLAZZ_TEST_B", "b"),
        Setting::url("BLAZZ_TEST_U", "u"),
        Setting::secret("BLAZZ_TEST_S", "s"),
        Setting::secret("BLAZZ_TEST_T", "t"),
    ];

    #[test]
    fn secrets_and_passwords_stay_hidden() {
        let given = [
            ("BLAZZ_TEST_U", "postgres://blazz:hunter2@db/blazz"),
            ("BLAZZ_TEST_S", "hunter2"),
            ("BLAZZ_TEST_T_FILE", "/etc/t"),
        ];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let shown = all(SETTINGS, &Reader::new(SETTINGS, None, &given));
        assert_eq!(
            text(&shown),
            "BLAZZ_TEST_A=1  (default)\nBLAZZ_TEST_B is not set\nBLAZZ_TEST_U=postgres://blazz:…@db/blazz\nBLAZZ_TEST_S=(hidden)\n\
             BLAZZ_TEST_T is in /etc/t"
        );
        assert!(!serde_json::to_string(&shown).unwrap().contains("hunter2"));
    }

    #[test]
    fn a_password_is_hidden_wherever_it_stands() {
        for url in [
            "postgres://blazz:hunter2@db:5432/blazz?x=1",
            "postgres://db/blazz?user=blazz&password=hunter2",
            "postgres://blazz:hun/ter2@db/blazz",
            "redis://:hunter2@127.0.0.1:6379",
            "redis://:hun@ter2@127.0.0.1",
        ] {
            let shown = without_password(url);
            assert!(!shown.contains("ter2"), "{shown}");
        }
        for url in ["sqlite:/var/lib/x.db", "postgres://blazz@db/blazz", "redis://127.0.0.1:6379/1"] {
            assert_eq!(without_password(url), url);
        }
    }
}
