//! A session node of the test's own: a real server behind the real signatures, which answers as the test says.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::http::KeepAlive;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{App, HttpResponse, HttpServer};
use blazz_domain::{
    AccountId, AccountState, Clock as _, ErrorCode, Incarnation, Lease, NodeId, PairingCode, QrCode,
    SendOutcome, SessionReport, SessionSettings, StateNumber, SystemClock,
};
use blazz_services::{Services, fleet};
use blazz_test_support::eventually;
use blazz_wire::control_api::{Heartbeat, Register, Registered, SessionChange};
use blazz_wire::keys::FleetSecret;
use blazz_wire::node_api::{
    Assignment, Deleted, ReadMessages, RequestPairingCode, SendMessage, SessionStatus, StartSession, Told,
};
use blazz_wire::problem::Problem;
use blazz_wire::server::{
    CallLease, Caller, MemoryNonces, SignedJson, Verifier, node_scope, problem_response,
};
use tokio::sync::Notify;

/// What the node does with the next message.
#[derive(Clone)]
pub(crate) enum Reply {
    Outcome(SendOutcome),
    Problem(Problem),
    /// Answers nothing until the test lets it, then acknowledges.
    Hold(Arc<Notify>),
    /// Answers nothing until the test lets it, then this.
    HoldThen(Arc<Notify>, SendOutcome),
}

#[derive(Default)]
struct Script {
    replies: VecDeque<Reply>,
    sends: Vec<(Lease, SendMessage, String)>,
    reads: Vec<ReadMessages>,
    commands: Vec<(String, Lease)>,
    qr: Option<QrCode>,
    phone: Option<String>,
    settings: HashMap<AccountId, SessionSettings>,
    /// Deletions are never answered.
    hangs: bool,
}

/// The node, and what the test sees of it.
#[derive(Clone)]
pub(crate) struct TestNode {
    pub(crate) id: NodeId,
    pub(crate) url: String,
    script: Arc<Mutex<Script>>,
    count: Arc<AtomicU32>,
    beats: Arc<AtomicU32>,
    incarnation: Arc<Mutex<Incarnation>>,
    handle: actix_web::dev::ServerHandle,
}

pub(crate) fn acknowledged() -> Reply {
    Reply::Outcome(SendOutcome::Acknowledged { at: SystemClock.now() })
}

impl TestNode {
    /// Listens on a free port.
    pub(crate) fn listen(name: &str, secret: &FleetSecret) -> anyhow::Result<Self> {
        let id: NodeId = name.parse()?;
        let keys = secret.node_secret(&id).keys(&id);
        let clock = Arc::new(SystemClock);
        let started_at = clock.now();
        let nonces = Arc::new(MemoryNonces::new(clock.clone()));
        let verifier = Verifier::for_node(id.clone(), vec![keys], clock, started_at, nonces);
        let script = Arc::new(Mutex::new(Script::default()));
        let count = Arc::new(AtomicU32::new(0));
        let incarnation = Arc::new(Mutex::new(Incarnation(0)));
        let state = Data::new(Shared {
            script: Arc::clone(&script),
            count: Arc::clone(&count),
            incarnation: Arc::clone(&incarnation),
        });
        let server = HttpServer::new(move || {
            App::new().app_data(state.clone()).service(node_scope(verifier.clone(), routes))
        })
        .workers(1)
        // A connection that outlives its request would be served for a moment after the end.
        .keep_alive(KeepAlive::Disabled)
        .disable_signals()
        .bind(("127.0.0.1", 0))?;
        let url = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        let beats = Arc::new(AtomicU32::new(0));
        Ok(Self { id, url, script, count, beats, incarnation, handle })
    }

    /// Registers a new start of the node.
    pub(crate) async fn register(&self, services: &Services, capacity: u32) -> anyhow::Result<Registered> {
        let registered = fleet::register(services, &self.id, self.registration(capacity)).await?;
        *self.incarnation.lock().unwrap() = registered.incarnation;
        self.count.store(0, Ordering::SeqCst);
        self.beats.store(0, Ordering::SeqCst);
        Ok(registered)
    }

    pub(crate) fn registration(&self, capacity: u32) -> Register {
        Register {
            node_id: self.id.clone(),
            url: self.url.clone(),
            root_id: uuid::Uuid::now_v7(),
            capacity,
            version: "0.1.0".to_owned(),
            started_at: SystemClock.now(),
            sandbox: false,
        }
    }

    pub(crate) fn incarnation(&self) -> Incarnation {
        *self.incarnation.lock().unwrap()
    }

    pub(crate) fn beat(&self, changes: Vec<SessionChange>) -> Heartbeat {
        Heartbeat {
            incarnation: self.incarnation(),
            number: u64::from(self.beats.fetch_add(1, Ordering::SeqCst)) + 1,
            changes,
            removed: Vec::new(),
            outdated: None,
            sessions: 0,
            memory_bytes: 1,
        }
    }

    /// A heartbeat without news; what the API wants removed.
    pub(crate) async fn heartbeat(&self, services: &Services) -> Vec<Lease> {
        fleet::heartbeat(services, &self.id, self.beat(vec![])).await.unwrap().remove
    }

    /// The next report of a session of this node.
    pub(crate) fn change(&self, lease: Lease, state: AccountState) -> SessionChange {
        SessionChange { lease, report: self.shared().report(state), settings: self.shared().settings(lease) }
    }

    pub(crate) fn shared(&self) -> Shared {
        Shared {
            script: Arc::clone(&self.script),
            count: Arc::clone(&self.count),
            incarnation: Arc::clone(&self.incarnation),
        }
    }

    /// What the node does with the messages to come, in order; then it acknowledges.
    pub(crate) fn will(&self, replies: impl IntoIterator<Item = Reply>) {
        self.script.lock().unwrap().replies.extend(replies);
    }

    pub(crate) fn shows(&self, code: Option<QrCode>) {
        self.script.lock().unwrap().qr = code;
    }

    /// The settings that the node was last told for a session.
    pub(crate) fn settings_of(&self, account: AccountId) -> Option<SessionSettings> {
        self.script.lock().unwrap().settings.get(&account).cloned()
    }

    /// The node takes what a heartbeat's answer tells it of sessions.
    pub(crate) fn takes(&self, assignments: &[Assignment]) {
        let told = assignments.iter().map(|told| (told.lease.account_id, told.settings.clone()));
        self.script.lock().unwrap().settings.extend(told);
    }

    /// From now on deletions hang, as at a node that was stopped.
    pub(crate) fn hangs(&self) {
        self.script.lock().unwrap().hangs = true;
    }

    pub(crate) fn links(&self, phone: &str) {
        self.script.lock().unwrap().phone = Some(phone.to_owned());
    }

    /// Every message that reached the node.
    pub(crate) fn sends(&self) -> Vec<(Lease, SendMessage, String)> {
        self.script.lock().unwrap().sends.clone()
    }

    /// What the node was told that somebody read.
    pub(crate) fn reads(&self) -> Vec<ReadMessages> {
        self.script.lock().unwrap().reads.clone()
    }

    /// Every other command that reached the node.
    pub(crate) fn commands(&self) -> Vec<String> {
        self.script.lock().unwrap().commands.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Ends the server; its port answers no more.
    pub(crate) async fn die(&self) {
        self.handle.stop(false).await;
        let address = self.url.trim_start_matches("http://");
        let refused = async || tokio::net::TcpStream::connect(address).await.is_err().then_some(());
        eventually(Duration::from_secs(20), refused).await.unwrap();
    }
}

#[derive(Clone)]
pub(crate) struct Shared {
    script: Arc<Mutex<Script>>,
    count: Arc<AtomicU32>,
    incarnation: Arc<Mutex<Incarnation>>,
}

impl Shared {
    fn report(&self, state: AccountState) -> SessionReport {
        let count = self.count.fetch_add(1, Ordering::SeqCst) + 1;
        let phone = self.script.lock().unwrap().phone.clone();
        SessionReport {
            state,
            reason: None,
            since: SystemClock.now(),
            number: StateNumber::new(*self.incarnation.lock().unwrap(), count),
            phone: phone.filter(|_| state == AccountState::Connected).map(|phone| phone.parse().unwrap()),
            lid: None,
        }
    }

    fn settings(&self, lease: Lease) -> Option<i64> {
        let script = self.script.lock().unwrap();
        script.settings.get(&lease.account_id).map(|settings| settings.revision)
    }

    fn command(&self, name: &str, lease: Lease, state: AccountState) -> HttpResponse {
        self.script.lock().unwrap().commands.push((name.to_owned(), lease));
        HttpResponse::Ok().json(SessionStatus {
            lease,
            report: self.report(state),
            settings: self.settings(lease),
        })
    }
}

fn routes(config: &mut ServiceConfig) {
    config
        .route("/sessions/{id}", web::put().to(start))
        .route("/sessions/{id}", web::delete().to(delete))
        .route("/sessions/{id}/stop", web::post().to(stop))
        .route("/sessions/{id}/restart", web::post().to(restart))
        .route("/sessions/{id}/logout", web::post().to(logout))
        .route("/sessions/{id}/qr", web::get().to(qr))
        .route("/sessions/{id}/pairing-code", web::post().to(pairing_code))
        .route("/sessions/{id}/messages", web::post().to(send))
        .route("/sessions/{id}/read", web::post().to(read));
}

async fn start(shared: Data<Shared>, lease: CallLease, body: SignedJson<StartSession>) -> HttpResponse {
    let name = if body.0.linked { "start linked" } else { "start" };
    shared.script.lock().unwrap().settings.insert(lease.0.account_id, body.0.settings);
    shared.command(name, lease.0, AccountState::Starting)
}

async fn stop(shared: Data<Shared>, lease: CallLease) -> HttpResponse {
    shared.command("stop", lease.0, AccountState::Stopped)
}

async fn restart(shared: Data<Shared>, lease: CallLease) -> HttpResponse {
    shared.command("restart", lease.0, AccountState::Connecting)
}

async fn logout(shared: Data<Shared>, lease: CallLease) -> HttpResponse {
    shared.command("logout", lease.0, AccountState::LoggedOut)
}

async fn delete(shared: Data<Shared>, lease: CallLease) -> HttpResponse {
    shared.script.lock().unwrap().commands.push(("delete".to_owned(), lease.0));
    let hangs = shared.script.lock().unwrap().hangs;
    if hangs {
        std::future::pending::<()>().await;
    }
    let CallLease(Lease { workspace_id, account_id, .. }) = lease;
    HttpResponse::Ok().json(Deleted { workspace_id, account_id, at: SystemClock.now() })
}

async fn qr(shared: Data<Shared>, _lease: CallLease) -> HttpResponse {
    match shared.script.lock().unwrap().qr.clone() {
        Some(code) => HttpResponse::Ok().json(code),
        None => problem_response(&Problem::new(409, ErrorCode::QrNotAvailable)),
    }
}

async fn pairing_code(
    shared: Data<Shared>,
    lease: CallLease,
    body: SignedJson<RequestPairingCode>,
) -> HttpResponse {
    let name = format!("pair {}", body.0.phone.digits());
    shared.script.lock().unwrap().commands.push((name, lease.0));
    HttpResponse::Ok().json(PairingCode { code: "7K2MZ9QX".into(), expires_at: SystemClock.now() })
}

async fn read(shared: Data<Shared>, _lease: CallLease, body: SignedJson<ReadMessages>) -> HttpResponse {
    shared.script.lock().unwrap().reads.push(body.0);
    HttpResponse::Ok().json(Told {})
}

async fn send(
    shared: Data<Shared>,
    lease: CallLease,
    caller: Caller,
    body: SignedJson<SendMessage>,
) -> HttpResponse {
    let reply = {
        let mut script = shared.script.lock().unwrap();
        script.sends.push((lease.0, body.0, caller.request_id.to_string()));
        script.replies.pop_front().unwrap_or_else(acknowledged)
    };
    match reply {
        Reply::Outcome(outcome) => HttpResponse::Ok().json(outcome),
        Reply::Problem(problem) => problem_response(&problem),
        Reply::Hold(gate) => {
            let _ = tokio::time::timeout(Duration::from_secs(30), gate.notified()).await;
            HttpResponse::Ok().json(SendOutcome::Acknowledged { at: SystemClock.now() })
        }
        Reply::HoldThen(gate, outcome) => {
            let _ = tokio::time::timeout(Duration::from_secs(30), gate.notified()).await;
            HttpResponse::Ok().json(outcome)
        }
    }
}
