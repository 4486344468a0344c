//! The table of a program's settings.

/// What may be shown of a setting's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// All of it.
    Plain,
    /// All but the password of a URL. May come from a file of its own.
    Url,
    /// Nothing. May come from a file of its own.
    Secret,
}

impl Kind {
    /// Whether `NAME_FILE` may point to a file with the value.
    #[must_use]
    pub const fn may_be_in_a_file(self) -> bool {
        !matches!(self, Self::Plain)
    }
}

/// A setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its variable.
    pub name: &'static str,
    /// What it means, for `--help`: begins in lower case, without a full stop.
    pub meaning: &'static str,
    /// What counts when it is not set.
    pub default: Option<&'static str>,
    /// What may be shown of it.
    pub kind: Kind,
}

impl Setting {
    /// One whose value may be shown.
    #[must_use]
    pub const fn plain(name: &'static str, meaning: &'static str) -> Self {
        Self { name, meaning, default: None, kind: Kind::Plain }
    }

    /// A URL that may hold a password.
    #[must_use]
    pub const fn url(name: &'static str, meaning: &'static str) -> Self {
        Self { name, meaning, default: None, kind: Kind::Url }
    }

    /// A secret.
    #[must_use]
    pub const fn secret(name: &'static str, meaning: &'static str) -> Self {
        Self { name, meaning, default: None, kind: Kind::Secret }
    }

    /// The same with a default.
    #[must_use]
    pub const fn or(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }
}

/// The settings as a list for `--help`.
#[must_use]
pub fn help(settings: &[Setting]) -> String {
    let width = settings.iter().map(|setting| setting.name.len()).max().unwrap_or(0);
    let line = |setting: &Setting| {
        let default = setting.default.map(|default| format!(" [{default}]")).unwrap_or_default();
        format!("\n  {:<width$}  {}{default}", setting.name, setting.meaning)
    };
    let lines: String = settings.iter().map(line).collect();
    let may_be_files = settings.iter().any(|setting| setting.kind.may_be_in_a_file());
    let files = if may_be_files {
        "\n\nA secret, or a URL with a password, may lie in a file instead: NAME_FILE then says where."
    } else {
        ""
    };
    format!("Settings (environment variables):{lines}{files}")
}
