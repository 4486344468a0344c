//! A road to the API on which messages meet trouble: a limit, an outage, and an answer that is lost.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How often a message meets trouble before it gets through.
pub(crate) const TROUBLES: usize = 3;

/// An attempt to send a message.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    /// When it came.
    pub(crate) at: Instant,
    /// Its idempotency key.
    pub(crate) key: Option<String>,
}

type Attempts = Arc<Mutex<Vec<Attempt>>>;

/// Passes requests on, one to a connection; closed when dropped.
pub(crate) struct TroubledRoad {
    /// Where it begins.
    pub(crate) url: String,
    attempts: Attempts,
    task: JoinHandle<()>,
}

impl TroubledRoad {
    /// Opens one that leads to `http://host:port`.
    pub(crate) async fn to(api_url: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let api = api_url.strip_prefix("http://").unwrap().to_owned();
        let attempts = Attempts::default();
        let task = tokio::spawn(serve(listener, api, attempts.clone()));
        Self { url, attempts, task }
    }

    /// The attempts to send so far.
    pub(crate) fn attempts(&self) -> Vec<Attempt> {
        self.attempts.lock().unwrap().clone()
    }
}

impl Drop for TroubledRoad {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, api: String, attempts: Attempts) {
    while let Ok((client, _)) = listener.accept().await {
        let (api, attempts) = (api.clone(), attempts.clone());
        tokio::spawn(async move { pass_on(client, &api, &attempts).await });
    }
}

async fn pass_on(mut client: TcpStream, api: &str, attempts: &Attempts) -> io::Result<()> {
    let (head, body) = read_request(&mut client).await?;
    let number = head.starts_with("POST /v1/messages ").then(|| note(&head, attempts));
    let answer = match number {
        Some(0) => refusal("429 Too Many Requests\r\nRetry-After: 1"),
        Some(1) => refusal("503 Service Unavailable"),
        _ => ask(api, &head, &body).await?,
    };
    // The work is done, and nobody hears of it.
    if number != Some(2) {
        client.write_all(&answer).await?;
    }
    client.shutdown().await
}

/// Notes an attempt; gives how many came before it.
fn note(head: &str, attempts: &Attempts) -> usize {
    let mut attempts = attempts.lock().unwrap();
    attempts.push(Attempt { at: Instant::now(), key: header(head, "idempotency-key") });
    attempts.len() - 1
}

fn refusal(status: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}").into_bytes()
}

async fn read_request(client: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut read = Vec::new();
    let end = loop {
        if let Some(end) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end;
        }
        if client.read_buf(&mut read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let head = String::from_utf8_lossy(&read[..end]).into_owned();
    let mut body = read.split_off(end + 4);
    let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
    while body.len() < length && client.read_buf(&mut body).await? > 0 {}
    Ok((head, body))
}

fn header(head: &str, name: &str) -> Option<String> {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.into_iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim().to_owned())
}

async fn ask(api: &str, head: &str, body: &[u8]) -> io::Result<Vec<u8>> {
    let kept = head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    let head: String = kept.flat_map(|line| [line, "\r\n"]).collect();
    let mut server = TcpStream::connect(api).await?;
    server.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).await?;
    server.write_all(body).await?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).await?;
    Ok(answer)
}
