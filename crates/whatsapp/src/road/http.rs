//! HTTP for a session: files and pictures, over the session's road.
//!
//! WhatsApp names its hosts with `https`. In the sandbox build, and only there, that is mapped to plain HTTP, and only on a loopback address: there
//! the emulator listens.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use blazz_domain::{Proxy, ProxyKind};
use bytes::Bytes;
use futures_util::stream;
use reqwest::{Client, ClientBuilder, Method, Response};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;
use whatsapp_rust::http::{HttpClient, HttpRequest, HttpResponse};
use whatsapp_rust::transport::default_tls_connector;
use whatsapp_rust::wacore::net::{StreamingHttpResponse, UploadBody};

use super::{Blocked, Road, tunnel};
use crate::config::{is_loopback, is_sandbox};

const CONNECT: Duration = Duration::from_secs(10);
/// How long a host may be silent.
const SILENCE: Duration = Duration::from_secs(30);
/// How long a file may take.
const TOTAL: Duration = Duration::from_secs(600);
/// The most bytes of an answer that is not streamed.
const MAX_ANSWER_BYTES: usize = 16 << 20;
const PIECE_BYTES: usize = 64 << 10;

/// The session's HTTP client, for one connection; when that is cut, so is what it fetches. Clones are the same.
#[derive(Clone)]
pub(crate) struct SessionHttp {
    road: Road,
    cut: CancellationToken,
}

impl SessionHttp {
    pub(crate) fn new(road: Road, cut: CancellationToken) -> Self {
        Self { road, cut }
    }

    /// The bytes at a URL that WhatsApp has named, at most so many.
    pub(crate) async fn fetch(&self, url: &str, limit: usize) -> anyhow::Result<Vec<u8>> {
        let answer = self.execute(HttpRequest::get(url)).await?;
        ensure!((200..300).contains(&answer.status_code), "the answer is {}", answer.status_code);
        ensure!(answer.body.len() <= limit, "the answer is too large");
        Ok(answer.body)
    }

    async fn send(&self, request: HttpRequest, body: Option<reqwest::Body>) -> anyhow::Result<Response> {
        let method: Method = request.method.parse().context("the engine's method")?;
        let url = target(&request.url, is_sandbox())?;
        let mut call = self.client().await?.request(method, url);
        for (name, value) in request.headers {
            call = call.header(name, value);
        }
        if let Some(body) = body.or_else(|| request.body.map(Into::into)) {
            call = call.body(body);
        }
        let sent = self.cut.run_until_cancelled(call.send()).await.context("the connection is over")?;
        sent.map_err(|error| without_names(&error))
    }

    async fn small(&self, mut response: Response) -> anyhow::Result<HttpResponse> {
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| without_names(&error))? {
            ensure!(body.len() + piece.len() <= MAX_ANSWER_BYTES, "the host's answer is too large");
            body.extend_from_slice(&piece);
        }
        Ok(HttpResponse { status_code: response.status().as_u16(), body })
    }

    /// A client for one exchange. A proxy is looked up, and its address checked, each time.
    async fn client(&self) -> anyhow::Result<Client> {
        let Road(road) = &self.road;
        let Some(proxy) = &road.proxy else { return direct() };
        let addresses = tunnel::addresses(proxy, road.policy).await?;
        let address = addresses.first().copied().ok_or(Blocked::Unreachable)?;
        let proxy = reqwest::Proxy::all(proxy_url(proxy, address)?);
        builder().proxy(proxy?).build().context("cannot make an HTTP client")
    }
}

#[async_trait::async_trait]
impl HttpClient for SessionHttp {
    async fn execute(&self, request: HttpRequest) -> anyhow::Result<HttpResponse> {
        let response = self.send(request, None).await?;
        self.small(response).await
    }

    fn supports_streaming(&self) -> bool {
        true
    }

    fn execute_streaming(&self, request: HttpRequest) -> anyhow::Result<StreamingHttpResponse> {
        let handle = Handle::current();
        let response = handle.block_on(self.send(request, None))?;
        let status_code = response.status().as_u16();
        let body = Incoming { handle, cut: self.cut.clone(), response, piece: Bytes::new() };
        Ok(StreamingHttpResponse { status_code, body: Box::new(body) })
    }

    fn supports_upload_streaming(&self) -> bool {
        true
    }

    fn execute_upload(
        &self,
        request: HttpRequest,
        source: UploadBody,
        length: u64,
    ) -> anyhow::Result<HttpResponse> {
        let (pieces, body) = outgoing();
        let request = request.with_header("Content-Length", length.to_string());
        let handle = Handle::current();
        std::thread::scope(|scope| {
            // Reads while the other thread sends; it ends when nobody takes the pieces any more.
            scope.spawn(move || feed(source, &pieces));
            handle.block_on(async {
                let response = self.send(request, Some(body)).await?;
                self.small(response).await
            })
        })
    }
}

type Piece = io::Result<Bytes>;

/// A body that is fed from another thread.
fn outgoing() -> (mpsc::Sender<Piece>, reqwest::Body) {
    let (pieces, received) = mpsc::channel::<Piece>(4);
    let stream = stream::unfold(received, async |mut received| Some((received.recv().await?, received)));
    (pieces, reqwest::Body::wrap_stream(stream))
}

fn feed(mut source: UploadBody, pieces: &mpsc::Sender<Piece>) {
    loop {
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        let limit = u64::try_from(PIECE_BYTES).unwrap_or(u64::MAX);
        let piece = match source.by_ref().take(limit).read_to_end(&mut piece) {
            Ok(0) => return,
            Ok(_) => Ok(piece.into()),
            Err(error) => Err(error),
        };
        let failed = piece.is_err();
        if pieces.blocking_send(piece).is_err() || failed {
            return;
        }
    }
}

/// A body that arrives, for a thread that may wait.
struct Incoming {
    handle: Handle,
    cut: CancellationToken,
    response: Response,
    piece: Bytes,
}

impl Read for Incoming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            let next = self.handle.block_on(self.cut.run_until_cancelled(self.response.chunk()));
            match next.ok_or_else(|| io::Error::other("the connection is over"))? {
                Ok(Some(piece)) => self.piece = piece,
                Ok(None) => return Ok(0),
                Err(error) => return Err(io::Error::other(without_names(&error))),
            }
        }
        let taken = self.piece.split_to(self.piece.len().min(buffer.len()));
        for (place, byte) in buffer.iter_mut().zip(taken.iter()) {
            *place = *byte;
        }
        Ok(taken.len())
    }
}

fn builder() -> ClientBuilder {
    // Sets the process's crypto provider, where nobody has yet.
    drop(default_tls_connector());
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .timeout(TOTAL)
}

/// Without a proxy there is one for the process: a client of its own for each session would cost each of them memory.
fn direct() -> anyhow::Result<Client> {
    static CLIENT: OnceLock<Client> = OnceLock::new();
    if let Some(client) = CLIENT.get() {
        return Ok(client.clone());
    }
    let made = builder().build().context("cannot make an HTTP client")?;
    Ok(CLIENT.get_or_init(|| made).clone())
}

/// The proxy at an address that was checked, as reqwest wants it; names behind it are resolved by the proxy.
fn proxy_url(proxy: &Proxy, address: SocketAddr) -> anyhow::Result<Url> {
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

/// Not reqwest's own words: they name the proxy, and a URL may hold a token.
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

/// Where a request goes.
fn target(url: &str, sandbox: bool) -> anyhow::Result<Url> {
    let mut url: Url = url.parse().context("a media host's URL")?;
    ensure!(url.scheme() == "https", "media hosts are spoken to over https");
    ensure!(url.username().is_empty() && url.password().is_none(), "a media host's URL names a user");
    if sandbox {
        ensure!(is_loopback(&url), "the sandbox build fetches files only from a loopback address");
        ensure!(url.set_scheme("http").is_ok(), "cannot be plain HTTP");
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_real_build_speaks_https_and_nothing_else() {
        let real = |url: &str| target(url, false).map(String::from).ok();
        let url = "https://mmg.whatsapp.net/v/t62/1.enc?auth=x";
        assert_eq!(real(url).as_deref(), Some(url));
        for bad in
            ["http://mmg.whatsapp.net/v", "ftp://x/", "nonsense", "https://mmg.whatsapp.net@evil.example/v"]
        {
            assert_eq!(real(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_sandbox_build_meets_nothing_but_loopback() {
        let sandbox = |url: &str| target(url, true).map(String::from).ok();
        assert_eq!(sandbox("https://127.0.0.1:9102/v/a").as_deref(), Some("http://127.0.0.1:9102/v/a"));
        for bad in
            ["https://mmg.whatsapp.net/v", "https://10.0.0.1/", "https://localhost/", "http://127.0.0.1/"]
        {
            assert_eq!(sandbox(bad), None, "{bad}");
        }
    }
}
