//! Attacks on a served route of the hop, for the tests of whoever serves one: somebody sits between the client and the server, keeps
//! what goes by, and changes it.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};

const PATIENCE: Duration = Duration::from_secs(20);
/// Fields that are made anew for every connection.
const OF_THE_CONNECTION: [&str; 4] = ["host", "content-length", "transfer-encoding", "connection"];

/// A request as it went by.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// What whoever sits in between does with the next requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Keeps them; they do not arrive.
    Hold,
    /// Passes them on, and changes one byte of each answer's body.
    ForgeAnswers,
}

/// Whoever sits between a client and a server.
pub(crate) struct Between {
    address: SocketAddr,
    state: Arc<State>,
    server: ServerHandle,
}

struct State {
    target: String,
    mode: Mutex<Mode>,
    last: Mutex<Option<Recorded>>,
}

impl Between {
    /// Sits down before the server at `target`, such as `http://127.0.0.1:7100`.
    pub(crate) fn before(target: &str) -> Self {
        let target = target.trim_end_matches('/').to_owned();
        let (mode, last) = (Mutex::new(Mode::Hold), Mutex::default());
        let state = Arc::new(State { target, mode, last });
        let data = web::Data::from(Arc::clone(&state));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let app = move || App::new().app_data(data.clone()).default_service(web::to(pass));
        let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).expect("it listens");
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { address, state, server: handle }
    }

    /// Where the client is to believe the server.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn turn_to(&self, mode: Mode) {
        *self.state.mode.lock().expect("the mode") = mode;
    }

    /// The last request that went by.
    pub(crate) fn take(&self) -> Recorded {
        self.state.last.lock().expect("the request").take().expect("a request went by")
    }

    /// Tries everything on a request that has not arrived: whatever was changed is refused, it itself arrives once, or as often
    /// as it is sent where it `may_repeat`.
    pub(crate) async fn attack(&self, request: &Recorded, may_repeat: bool) {
        let name = format!("{} {}", request.method, request.target);
        let changed = [
            ("unsigned", request.unsigned()),
            ("with another body", request.with_a_byte_changed()),
            ("at another path", request.at_another_path()),
            ("with another method", request.with_another_method()),
        ];
        for (what, shot) in changed {
            assert_eq!(self.fire(&shot).await, 401, "{name} {what}");
        }
        let first = self.fire(request).await;
        assert_ne!(first, 401, "{name} itself is believed");
        let again = self.fire(request).await;
        assert_eq!(again, if may_repeat { first } else { 401 }, "{name} played again");
    }

    /// Sends a request to the server; its status.
    pub(crate) async fn fire(&self, shot: &Recorded) -> u16 {
        let url = format!("{}{}", self.state.target, shot.target);
        let answer = send(shot, &url).await.expect("the server answers");
        answer.status().as_u16()
    }
}

impl Drop for Between {
    fn drop(&mut self) {
        // Sends the command at once; the answer is nobody's concern.
        drop(self.server.stop(false));
    }
}

impl Recorded {
    fn unsigned(&self) -> Self {
        let mut shot = self.clone();
        shot.headers.retain(|(name, _)| !name.starts_with("signature"));
        shot
    }

    fn with_a_byte_changed(&self) -> Self {
        let mut shot = self.clone();
        match shot.body.last_mut() {
            Some(byte) => *byte ^= 1,
            None => shot.body.push(b' '),
        }
        shot
    }

    fn at_another_path(&self) -> Self {
        let mut shot = self.clone();
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        shot.target = format!("{path}x?{query}");
        shot
    }

    fn with_another_method(&self) -> Self {
        let method = if self.method == "POST" { "PUT" } else { "POST" };
        Self { method: method.to_owned(), ..self.clone() }
    }
}

async fn pass(state: web::Data<State>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned()));
    let recorded = Recorded {
        method: request.method().to_string(),
        target: request.uri().to_string(),
        headers: headers.filter(|(name, _)| !OF_THE_CONNECTION.contains(&name.as_str())).collect(),
        body: body.to_vec(),
    };
    *state.last.lock().expect("the request") = Some(recorded.clone());
    let mode = *state.mode.lock().expect("the mode");
    match mode {
        Mode::Hold => HttpResponse::BadGateway().finish(),
        Mode::ForgeAnswers => forge(&state.target, &recorded).await,
    }
}

async fn forge(target: &str, recorded: &Recorded) -> HttpResponse {
    let answer = send(recorded, &format!("{target}{}", recorded.target)).await.expect("the server answers");
    let status = actix_web::http::StatusCode::from_u16(answer.status().as_u16()).expect("a status");
    let mut forged = HttpResponse::build(status);
    for (name, value) in answer.headers() {
        if !OF_THE_CONNECTION.contains(&name.as_str()) {
            forged.append_header((name.as_str(), value.as_bytes()));
        }
    }
    let mut body = answer.bytes().await.expect("the answer's body").to_vec();
    let middle = body.len() / 2;
    *body.get_mut(middle).expect("an answer has a body") ^= 1;
    forged.body(body)
}

async fn send(shot: &Recorded, url: &str) -> Result<reqwest::Response, reqwest::Error> {
    let http = blazz_wire::http_client(PATIENCE, PATIENCE)?;
    let mut request = http.request(shot.method.parse().expect("a method"), url).body(shot.body.clone());
    for (name, value) in &shot.headers {
        request = request.header(name, value);
    }
    request.send().await
}
