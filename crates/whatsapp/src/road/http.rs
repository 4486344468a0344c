//! HTTP for a session: media and pictures, over the session's road.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use blazz_domain::{Proxy, ProxyKind};
use reqwest::Method;
use url::{Host, Url};
use whatsapp_rust::http::{HttpClient, HttpRequest, HttpResponse};
use whatsapp_rust::transport::default_tls_connector;

use super::{Blocked, Road, tunnel};
use crate::config::is_sandbox;

/// How long a connection may take, and a whole exchange.
const CONNECT: Duration = Duration::from_secs(15);
const TOTAL: Duration = Duration::from_secs(120);
/// The most that is read of an answer.
const LARGEST_ANSWER: usize = 100 << 20;

/// The session's HTTP client. Clones are the same.
#[derive(Clone)]
pub(crate) struct SessionHttp(pub(crate) Road);

#[async_trait::async_trait]
impl HttpClient for SessionHttp {
    async fn execute(&self, request: HttpRequest) -> anyhow::Result<HttpResponse> {
        let url = checked(&request.url)?;
        let method: Method = request.method.parse().context("no such method")?;
        let mut call = self.client().await?.request(method, url);
        for (name, value) in &request.headers {
            call = call.header(name, value);
        }
        if let Some(body) = request.body {
            call = call.body(body);
        }
        // Not reqwest's own words: they name the proxy.
        let mut answer = call.send().await.map_err(|error| without_names(&error))?;
        let status_code = answer.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| without_names(&error))? {
            ensure!(body.len() + chunk.len() <= LARGEST_ANSWER, "the answer is too large");
            body.extend_from_slice(&chunk);
        }
        Ok(HttpResponse { status_code, body })
    }
}

impl SessionHttp {
    /// The bytes at a URL that WhatsApp has named, at most so many.
    pub(crate) async fn fetch(&self, url: &str, limit: usize) -> anyhow::Result<Vec<u8>> {
        let answer = self.execute(HttpRequest::get(url)).await?;
        ensure!((200..300).contains(&answer.status_code), "the answer is {}", answer.status_code);
        ensure!(answer.body.len() <= limit, "the answer is too large");
        Ok(answer.body)
    }

    /// A client for one exchange. A proxy is looked up, and its address checked, each time.
    async fn client(&self) -> anyhow::Result<reqwest::Client> {
        // Sets the process's crypto provider, where nobody has yet.
        drop(default_tls_connector());
        let Road(road) = &self.0;
        let builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(TOTAL);
        let Some(proxy) = &road.proxy else { return Ok(builder.build()?) };
        let addresses = tunnel::addresses(proxy, road.policy).await?;
        let address = addresses.first().copied().ok_or(Blocked::Unreachable)?;
        Ok(builder.proxy(reqwest::Proxy::all(proxy_url(proxy, address)?)?).build()?)
    }
}

/// The proxy at an address that was checked, as reqwest wants it; names behind it are resolved by the proxy.
fn proxy_url(proxy: &Proxy, address: std::net::SocketAddr) -> anyhow::Result<Url> {
    let scheme = match proxy.kind() {
        ProxyKind::Http => "http",
        ProxyKind::Socks5 => "socks5h",
    };
    let mut url = Url::parse(&format!("{scheme}://{address}"))?;
    if let Some((user, password)) = proxy.credentials() {
        let set = url.set_username(user).and_then(|()| url.set_password(Some(password)));
        ensure!(set.is_ok(), "the proxy's credentials cannot be written");
    }
    Ok(url)
}

/// WhatsApp's hosts speak https. The emulator's are on this machine and speak http, however they are written, and the sandbox build meets
/// nothing else.
fn checked(url: &str) -> anyhow::Result<Url> {
    let mut url: Url = url.parse().context("not a URL")?;
    if !is_sandbox() {
        ensure!(url.scheme() == "https", "only https is spoken");
        return Ok(url);
    }
    let is_loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        _ => false,
    };
    ensure!(is_loopback, "the sandbox build connects only to this machine");
    if url.scheme() != "http" && url.set_scheme("http").is_err() {
        bail!("not an http(s) URL");
    }
    Ok(url)
}

fn without_names(error: &reqwest::Error) -> anyhow::Error {
    let what = if error.is_connect() {
        "no connection"
    } else if error.is_timeout() {
        "no answer in time"
    } else {
        "the exchange broke off"
    };
    anyhow::anyhow!("{what}")
}
