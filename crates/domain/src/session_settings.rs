//! What an account's tenant chooses for its session, as far as the node has to know.

use serde::{Deserialize, Serialize};

use crate::proxy::Proxy;

/// What phones show in their list of linked devices, unless somebody chooses.
pub const DEFAULT_DEVICE_NAME: &str = "Blazz";
/// The most characters of that name.
pub const MAX_DEVICE_NAME_CHARS: usize = 50;

/// How one session is to appear and to connect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionSettings {
    /// Counts the changes; of two the higher one holds.
    #[serde(default)]
    pub revision: i64,
    /// What the phone shows in its list of linked devices. It learns that when it is linked.
    #[serde(default = "default_device_name")]
    pub device_name: String,
    /// The proxy through which alone the session may connect; `None`: directly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self { revision: 0, device_name: default_device_name(), proxy: None }
    }
}

/// What phones show in their list of linked devices, unless somebody chooses.
#[must_use]
pub fn default_device_name() -> String {
    DEFAULT_DEVICE_NAME.to_owned()
}

/// A name for the list of linked devices, without blanks around it; `None` when it is empty, too long or cannot be shown.
#[must_use]
pub fn checked_device_name(name: &str) -> Option<String> {
    let name = name.trim();
    let fits = (1..=MAX_DEVICE_NAME_CHARS).contains(&name.chars().count());
    (fits && !name.chars().any(char::is_control)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_name_can_be_shown() {
        assert_eq!(checked_device_name(" Front desk ").as_deref(), Some("Front desk"));
        assert!(checked_device_name(&"ä".repeat(MAX_DEVICE_NAME_CHARS)).is_some());
        for bad in ["", "  ", "a\nb", &"a".repeat(MAX_DEVICE_NAME_CHARS + 1)] {
            assert_eq!(checked_device_name(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn what_an_older_api_leaves_out_has_a_default() {
        assert_eq!(serde_json::from_str::<SessionSettings>("{}").unwrap(), SessionSettings::default());
    }
}
