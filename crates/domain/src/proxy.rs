//! The proxy through which an account's session reaches WhatsApp.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::{Host, Url};
use utoipa::ToSchema;

/// The longest proxy URL that is taken, in bytes.
pub const MAX_PROXY_BYTES: usize = 500;
/// The longest user name or password, in bytes: what SOCKS5 (RFC 1929) has room for.
const MAX_CREDENTIAL: usize = 255;

/// What a proxy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyKind {
    /// HTTP `CONNECT` (RFC 9110, section 9.3.6).
    Http,
    /// SOCKS5 (RFC 1928); names are resolved by the proxy.
    Socks5,
}

/// A proxy with what it takes to use it. Written out, it holds the password: `Debug` hides it, and tenants see [`ProxyView`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Proxy {
    text: String,
    kind: ProxyKind,
    host: String,
    port: u16,
    credentials: Option<(String, String)>,
}

/// A proxy as its tenant sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProxyView {
    /// Where it is, without user name and password.
    #[schema(examples("socks5://proxy.example:1080"))]
    pub url: String,
    /// The user name, where one was given.
    pub username: Option<String>,
    /// Whether a password is stored.
    pub has_password: bool,
}

/// Why a text is not a proxy. Never holds the text: there may be a password in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a proxy is http://host:port or socks5://host:port, with user:password@ before the host where it wants them"
)]
pub struct InvalidProxy;

impl Proxy {
    /// What it speaks.
    #[must_use]
    pub const fn kind(&self) -> ProxyKind {
        self.kind
    }

    /// Its name or address; an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// User name and password, where it wants them.
    #[must_use]
    pub fn credentials(&self) -> Option<(&str, &str)> {
        self.credentials.as_ref().map(|(user, password)| (user.as_str(), password.as_str()))
    }

    /// The whole URL, password and all: for the database and the signed hop only.
    #[must_use]
    pub fn secret_text(&self) -> &str {
        &self.text
    }

    /// What its tenant sees.
    #[must_use]
    pub fn view(&self) -> ProxyView {
        let scheme = self.kind.scheme();
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let (username, password) = self.credentials.clone().unzip();
        ProxyView {
            url: format!("{scheme}://{host}:{}", self.port),
            username,
            has_password: password.is_some_and(|password| !password.is_empty()),
        }
    }
}

impl ProxyKind {
    const fn scheme(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Socks5 => "socks5",
        }
    }
}

impl FromStr for Proxy {
    type Err = InvalidProxy;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > MAX_PROXY_BYTES || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(InvalidProxy);
        }
        let (scheme, rest) = text.split_once("://").ok_or(InvalidProxy)?;
        let kind = match scheme {
            "http" => ProxyKind::Http,
            "socks5" => ProxyKind::Socks5,
            _ => return Err(InvalidProxy),
        };
        // A scheme whose hosts are read strictly, and whose own port no proxy has: a port that is not written is noticed.
        let url = Url::parse(&format!("ftp://{rest}")).map_err(|_| InvalidProxy)?;
        let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        let (Some(host), Some(port @ 1..), true) = (url.host(), url.port(), is_bare) else {
            return Err(InvalidProxy);
        };
        let host = match host {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        Ok(Self { text: text.to_owned(), kind, host, port, credentials: credentials(&url)? })
    }
}

fn credentials(url: &Url) -> Result<Option<(String, String)>, InvalidProxy> {
    let user = decoded(url.username()).ok_or(InvalidProxy)?;
    let password = decoded(url.password().unwrap_or_default()).ok_or(InvalidProxy)?;
    let fits = |part: &String| part.len() <= MAX_CREDENTIAL && !part.chars().any(char::is_control);
    match (user.is_empty(), password.is_empty()) {
        (true, true) => Ok(None),
        // HTTP's Basic scheme ends the user name at the first colon.
        (false, _) if fits(&user) && fits(&password) && !user.contains(':') => Ok(Some((user, password))),
        _ => Err(InvalidProxy),
    }
}

/// Undoes percent-encoding; `None` for what is no UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let (high, low) = (digit()?, digit()?);
        bytes.push((high << 4) | low);
    }
    String::from_utf8(bytes).ok()
}

impl TryFrom<String> for Proxy {
    type Error = InvalidProxy;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Proxy> for String {
    fn from(proxy: Proxy) -> Self {
        proxy.text
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({})", self.kind.scheme())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Proxy {
        text.parse().unwrap()
    }

    #[test]
    fn a_proxy_is_read_with_and_without_credentials() {
        let plain = parsed("http://proxy.example:3128");
        assert_eq!((plain.kind(), plain.host(), plain.port()), (ProxyKind::Http, "proxy.example", 3128));
        assert_eq!(plain.credentials(), None);
        let whole = parsed("socks5://us%65r:p%40ss%3a%2f@[2001:db8::1]:1080/");
        assert_eq!((whole.kind(), whole.host(), whole.port()), (ProxyKind::Socks5, "2001:db8::1", 1080));
        assert_eq!(whole.credentials(), Some(("user", "p@ss:/")));
        assert_eq!(serde_json::from_value::<Proxy>(serde_json::to_value(&whole).unwrap()).unwrap(), whole);
    }

    #[test]
    fn nobody_sees_the_password() {
        let proxy = parsed("socks5://anna:hunter2@proxy.example:1080");
        let view = proxy.view();
        assert_eq!(view.url, "socks5://proxy.example:1080");
        assert_eq!((view.username.as_deref(), view.has_password), (Some("anna"), true));
        let shown = format!("{proxy:?} {view:?} {}", serde_json::to_string(&view).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(!format!("{proxy:?}").contains("proxy.example"));
    }

    #[test]
    fn what_is_no_proxy_is_refused() {
        for bad in [
            "",
            "proxy.example:3128",
            "https://proxy.example:3128",
            "ftp://proxy.example:3128",
            "http://proxy.example",
            "http://proxy.example:0",
            "http://:3128",
            "http://proxy.example:3128/path",
            "http://proxy.example:3128?x",
            "http://:secret@proxy.example:3128",
            "http://a%3ab:c@proxy.example:3128",
            "http://a%0d%0ab:c@proxy.example:3128",
            "http://a%ffb:c@proxy.example:3128",
            "http://proxy example:3128",
            "socks5://proxy.example:99999",
        ] {
            assert!(bad.parse::<Proxy>().is_err(), "{bad}");
        }
        let long = format!("http://{}@proxy.example:3128", "a".repeat(MAX_PROXY_BYTES));
        assert!(long.parse::<Proxy>().is_err());
        let long = format!("http://{}:b@proxy.example:3128", "a".repeat(MAX_CREDENTIAL + 1));
        assert!(long.parse::<Proxy>().is_err());
    }
}
