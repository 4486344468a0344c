//! One program with its settings.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use blazz_program::Values;
use url::Url;

use super::Which;

/// One program with its settings.
#[derive(Clone)]
pub(crate) struct Subject {
    /// What it is called here: `api`, `node-1`.
    pub(crate) name: String,
    /// Which program it is.
    pub(crate) which: Which,
    /// Where the settings were found, for people.
    pub(crate) origin: String,
    /// The settings.
    pub(crate) values: Values,
    /// The files that the settings came from.
    pub(crate) files: Vec<PathBuf>,
}

// The values hold secrets.
impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subject")
            .field("name", &self.name)
            .field("which", &self.which)
            .finish_non_exhaustive()
    }
}

impl Subject {
    /// The settings of a program, named after its node where it is one.
    pub(crate) fn new(which: Which, origin: String, values: Values, files: Vec<PathBuf>) -> Self {
        let node = values.get("BLAZZ_NODE_ID").filter(|id| which == Which::SessionNode && !id.is_empty());
        let name = node.cloned().unwrap_or_else(|| which.name().to_owned());
        Self { name, which, origin, values, files }
    }

    /// A setting, also one that lies in a file of its own. `None` when it is not set or cannot be read.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let here = self.values.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
        if let Some(here) = here {
            return Some(here.to_owned());
        }
        blazz_program::secret(self.values.get(&format!("{name}_FILE"))?).ok()
    }

    /// The files in which secrets lie: those that settings point to.
    pub(crate) fn secret_files(&self) -> Vec<PathBuf> {
        let pointing = |name: &str| name.ends_with("_FILE") && name != "BLAZZ_READY_FILE";
        let mut files: Vec<_> =
            self.values.iter().filter(|(name, _)| pointing(name)).map(|(_, path)| path.into()).collect();
        files.sort();
        files
    }

    /// Where it listens, by its settings; `None` when that is not an address.
    pub(crate) fn listen(&self) -> Option<SocketAddr> {
        let (name, default) = match self.which {
            Which::Api => ("BLAZZ_API_LISTEN", "127.0.0.1:7000"),
            Which::SessionNode => ("BLAZZ_NODE_LISTEN", "127.0.0.1:7100"),
            Which::Emulator => ("BLAZZ_EMULATOR_ADMIN", "127.0.0.1:9102"),
        };
        self.text(name).unwrap_or_else(|| default.to_owned()).parse().ok()
    }

    /// Where this machine reaches it.
    pub(crate) fn local_url(&self) -> Option<Url> {
        let mut address = self.listen()?;
        if address.ip().is_unspecified() {
            address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
        }
        format!("http://{address}").parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(pairs: &[(&str, &str)]) -> Subject {
        let values = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Subject::new(Which::Api, "here".to_owned(), values, vec![])
    }

    #[test]
    fn an_address_for_everybody_is_reached_on_loopback() {
        let of = |listen| subject(&[("BLAZZ_API_LISTEN", listen)]).local_url().map(|url| url.to_string());
        assert_eq!(of("0.0.0.0:7000").unwrap(), "http://127.0.0.1:7000/");
        assert_eq!(of("10.1.2.3:80").unwrap(), "http://10.1.2.3/");
        assert_eq!(of("nowhere"), None);
        assert_eq!(subject(&[]).local_url().unwrap().to_string(), "http://127.0.0.1:7000/");
    }

    #[test]
    fn nothing_shows_a_secret() {
        assert!(!format!("{:?}", subject(&[("BLAZZ_OPERATOR_KEY", "hunter2")])).contains("hunter2"));
    }
}
