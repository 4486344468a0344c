//! What a check has found, and what to do about it.

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    /// As it should be.
    Ok,
    /// It works, and somebody should look at it.
    Warning,
    /// It does not work, or will not for long.
    Error,
}

impl Level {
    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What a check has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// The check's stable name.
    pub(crate) check: &'static str,
    /// What was looked at: a program, a node, `redis`.
    pub(crate) subject: String,
    /// How bad it is.
    pub(crate) level: Level,
    /// What was found, in a sentence without a secret.
    pub(crate) text: String,
    /// What to do; absent when all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) advice: Option<String>,
}

impl Finding {
    /// All is well.
    pub(crate) fn ok(check: &'static str, subject: &str, text: impl Into<String>) -> Self {
        Self { check, subject: subject.to_owned(), level: Level::Ok, text: text.into(), advice: None }
    }

    /// Somebody should look at it.
    pub(crate) fn warning(
        check: &'static str,
        subject: &str,
        text: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { level: Level::Warning, advice: Some(advice.into()), ..Self::ok(check, subject, text) }
    }

    /// It does not work.
    pub(crate) fn error(
        check: &'static str,
        subject: &str,
        text: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { level: Level::Error, advice: Some(advice.into()), ..Self::ok(check, subject, text) }
    }
}
