//! Both servers, on free ports, with small handlers that write down who called.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use blazz_domain::{
    AccountId, AccountState, Clock, Epoch, ErrorCode, Incarnation, Lease, NodeId, QrCode, SendOutcome,
    SessionReport, StateNumber, WorkspaceId,
};
use blazz_wire::control_api::{
    EventBatch, EventsAcknowledged, Heartbeat, HeartbeatAnswer, Register, Registered,
};
use blazz_wire::keys::FleetSecret;
use blazz_wire::node_api::{Deleted, QrQuery, SendMessage, SessionList, SessionStatus, StartSession};
use blazz_wire::server::{
    CallLease, Caller, FleetKeys, InternalError, MemoryNonces, SignedJson, Verifier, control_scope,
    node_scope,
};
use blazz_wire::{ControlClient, NodeClient, http_client};
use url::Url;

use crate::clock::StillClock;
use crate::forge::{Draft, Key};

pub(crate) const NODE: &str = "node-1";
/// For what must come; nothing waits this long when all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What a handler saw.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    pub(crate) call: String,
    pub(crate) caller: Caller,
    pub(crate) lease: Option<Lease>,
    pub(crate) body: String,
}

type Log = Arc<Mutex<Vec<Seen>>>;

/// A node or an API that listens.
pub(crate) struct Served {
    pub(crate) url: Url,
    pub(crate) clock: Arc<StillClock>,
    pub(crate) fleet: FleetSecret,
    log: Log,
    handle: ServerHandle,
}

pub(crate) fn node_id() -> NodeId {
    NODE.parse().unwrap()
}

pub(crate) fn a_lease() -> Lease {
    Lease { workspace_id: WorkspaceId::new(), account_id: AccountId::new(), epoch: Epoch(3) }
}

pub(crate) fn a_message() -> SendMessage {
    SendMessage {
        to: "15550000002@s.whatsapp.net".parse().unwrap(),
        id: blazz_domain::ProviderMessageId::generate(),
        content: blazz_domain::MessageContent::Text { text: "grüße, \"quoted\"".to_owned() },
        about: None,
    }
}

pub(crate) fn a_registration() -> Register {
    Register {
        node_id: node_id(),
        url: "http://127.0.0.1:7100".to_owned(),
        root_id: uuid::Uuid::from_u128(7),
        capacity: 500,
        version: "0.1.0".to_owned(),
        started_at: blazz_domain::SystemClock.now(),
        sandbox: false,
    }
}

impl Served {
    /// A node that knows the keys of `generations`, current first.
    pub(crate) fn node_of(generations: &[FleetSecret]) -> Self {
        let clock = StillClock::at_now();
        let keys = generations.iter().map(|s| s.node_secret(&node_id()).keys(&node_id())).collect();
        // It started half a window ago, so that both its start and the window can be tested.
        let started_at = clock.now().minus(Duration::from_secs(30));
        let nonces = Arc::new(MemoryNonces::new(clock.clone()));
        let verifier = Verifier::for_node(node_id(), keys, clock.clone(), started_at, nonces);
        Self::listen(clock, generations[0].clone(), move |config| {
            config.service(node_scope(verifier.clone(), node_routes));
        })
    }

    pub(crate) fn node() -> Self {
        Self::node_of(&[FleetSecret::generate()])
    }

    /// An API that knows the fleet secrets of `generations`, current first.
    pub(crate) fn control_of(generations: &[FleetSecret]) -> Self {
        let clock = StillClock::at_now();
        let nonces = Arc::new(MemoryNonces::new(clock.clone()));
        let keys = Arc::new(FleetKeys(generations.to_vec()));
        // Like the node's, so that one test covers both.
        let started_at = clock.now().minus(Duration::from_secs(30));
        let verifier = Verifier::for_control(keys, clock.clone(), Some(started_at), nonces);
        Self::listen(clock, generations[0].clone(), move |config| {
            config.service(control_scope(verifier.clone(), control_routes));
        })
    }

    pub(crate) fn control() -> Self {
        Self::control_of(&[FleetSecret::generate()])
    }

    fn listen(
        clock: Arc<StillClock>,
        fleet: FleetSecret,
        configure: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
    ) -> Self {
        let log = Log::default();
        let seen = web::Data::new(log.clone());
        let server = HttpServer::new(move || App::new().app_data(seen.clone()).configure(configure.clone()))
            .workers(1)
            .disable_signals()
            .bind(("127.0.0.1", 0))
            .unwrap();
        let url = Url::parse(&format!("http://{}", server.addrs()[0])).unwrap();
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { url, clock, fleet, log, handle }
    }

    pub(crate) fn node_client(&self) -> NodeClient {
        self.node_client_at(self.url.clone(), &self.fleet)
    }

    pub(crate) fn node_client_at(&self, url: Url, fleet: &FleetSecret) -> NodeClient {
        let keys = fleet.node_secret(&node_id()).keys(&node_id());
        let http = http_client(PATIENCE, PATIENCE).unwrap();
        NodeClient::new(http, node_id(), url, keys, self.clock.clone())
    }

    pub(crate) fn control_client(&self) -> ControlClient {
        self.control_client_with(&self.fleet)
    }

    pub(crate) fn control_client_with(&self, fleet: &FleetSecret) -> ControlClient {
        let keys = fleet.node_secret(&node_id()).keys(&node_id());
        let http = http_client(PATIENCE, PATIENCE).unwrap();
        ControlClient::new(http, node_id(), self.url.clone(), keys, self.clock.clone())
    }

    pub(crate) fn key(&self, direction: &str) -> Key {
        Key::derive(&self.fleet.to_hex(), NODE, direction)
    }

    /// A proper request of the API to this node: send a message.
    pub(crate) fn draft_to_node(&self, lease: &Lease) -> Draft {
        Draft {
            method: "POST",
            path: format!("/internal/v1/sessions/{}/messages", lease.account_id),
            query: None,
            body: serde_json::to_vec(&a_message()).unwrap(),
            from: "api".to_owned(),
            to: NODE.to_owned(),
            lease: Some(lease.to_string()),
            created: self.clock.seconds(),
            nonce: Some(uuid::Uuid::new_v4().simple().to_string()),
            tag: "blazz",
            key: self.key("api-to-node"),
            covered: None,
            more_params: "",
        }
    }

    /// A proper request of the node to this API: register.
    pub(crate) fn draft_to_control(&self) -> Draft {
        Draft {
            path: "/internal/v1/register".to_owned(),
            body: serde_json::to_vec(&a_registration()).unwrap(),
            from: NODE.to_owned(),
            to: "api".to_owned(),
            lease: None,
            key: self.key("node-to-api"),
            ..self.draft_to_node(&a_lease())
        }
    }

    /// What the handlers saw since this was asked last.
    pub(crate) fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Sends the command at once; the answer is nobody's concern.
        drop(self.handle.stop(false));
    }
}

fn note(log: &Log, request: &HttpRequest, caller: Caller, lease: Option<CallLease>, body: &[u8]) {
    log.lock().unwrap().push(Seen {
        call: format!("{} {}", request.method(), request.uri()),
        caller,
        lease: lease.map(|l| l.0),
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
}

fn status_of(lease: Lease) -> SessionStatus {
    let report = SessionReport {
        state: AccountState::Connected,
        reason: None,
        since: "2026-01-02T03:04:05Z".parse().unwrap(),
        number: StateNumber::new(Incarnation(1), 2),
        phone: None,
        lid: None,
    };
    SessionStatus { lease, report, settings: None }
}

fn node_routes(config: &mut web::ServiceConfig) {
    config
        .route("/sessions", web::get().to(list))
        .service(
            web::resource("/sessions/{account_id}")
                .route(web::put().to(start))
                .route(web::get().to(status))
                .route(web::delete().to(delete)),
        )
        .route("/sessions/{account_id}/qr", web::get().to(qr))
        .route("/sessions/{account_id}/messages", web::post().to(send))
        .route("/sessions/{account_id}/{action}", web::post().to(status))
        .route("/needs-lease", web::post().to(status))
        .route("/fails", web::get().to(fail));
}

async fn list(log: web::Data<Log>, request: HttpRequest, caller: Caller) -> HttpResponse {
    note(&log, &request, caller, None, b"");
    HttpResponse::Ok().json(SessionList { sessions: vec![status_of(a_lease())] })
}

async fn start(
    log: web::Data<Log>,
    request: HttpRequest,
    caller: Caller,
    lease: CallLease,
    start: SignedJson<StartSession>,
) -> HttpResponse {
    note(&log, &request, caller, Some(lease), start.0.linked.to_string().as_bytes());
    HttpResponse::Ok().json(status_of(lease.0))
}

async fn status(
    log: web::Data<Log>,
    request: HttpRequest,
    caller: Caller,
    lease: CallLease,
    body: web::Bytes,
) -> HttpResponse {
    note(&log, &request, caller, Some(lease), &body);
    HttpResponse::Ok().json(status_of(lease.0))
}

async fn delete(
    log: web::Data<Log>,
    request: HttpRequest,
    caller: Caller,
    lease: CallLease,
) -> Result<HttpResponse, InternalError> {
    note(&log, &request, caller, Some(lease), b"");
    let CallLease(Lease { workspace_id, account_id, epoch }) = lease;
    if epoch != Epoch(3) {
        return Err(InternalError::new(409, ErrorCode::StaleLease, "the lease is not the current one"));
    }
    let at = "2026-01-02T03:04:05Z".parse().unwrap();
    Ok(HttpResponse::Ok().json(Deleted { workspace_id, account_id, at }))
}

async fn qr(
    log: web::Data<Log>,
    request: HttpRequest,
    caller: Caller,
    lease: CallLease,
    query: web::Query<QrQuery>,
) -> HttpResponse {
    note(&log, &request, caller, Some(lease), query.wait_ms.to_string().as_bytes());
    let expires_at = "2026-01-02T03:04:05Z".parse().unwrap();
    HttpResponse::Ok().json(QrCode { text: "2@abc".to_owned(), expires_at, round_ends_at: expires_at })
}

async fn send(
    log: web::Data<Log>,
    request: HttpRequest,
    caller: Caller,
    lease: CallLease,
    message: SignedJson<SendMessage>,
) -> HttpResponse {
    note(&log, &request, caller, Some(lease), &serde_json::to_vec(&message.0).unwrap());
    HttpResponse::Ok().json(SendOutcome::NotConnected)
}

async fn fail() -> Result<HttpResponse, actix_web::Error> {
    Err(actix_web::error::ErrorInternalServerError("the database password is hunter2"))
}

fn control_routes(config: &mut web::ServiceConfig) {
    config
        .route("/register", web::post().to(register))
        .route("/heartbeat", web::post().to(heartbeat))
        .route("/events", web::post().to(events));
}

async fn register(
    log: web::Data<Log>,
    request: HttpRequest,
    caller: Caller,
    register: SignedJson<Register>,
) -> HttpResponse {
    note(&log, &request, caller, None, register.0.version.as_bytes());
    HttpResponse::Ok().json(Registered {
        incarnation: Incarnation(9),
        sessions: vec![],
        heartbeat_ms: 2000,
        ttl_ms: 10_000,
        client_version: None,
    })
}

async fn heartbeat(
    log: web::Data<Log>,
    request: HttpRequest,
    caller: Caller,
    heartbeat: SignedJson<Heartbeat>,
) -> HttpResponse {
    note(&log, &request, caller, None, b"");
    let number = heartbeat.0.number;
    HttpResponse::Ok().json(HeartbeatAnswer {
        number,
        start: vec![],
        stop: vec![],
        remove: vec![],
        report_all: false,
        client_version: None,
    })
}

async fn events(
    log: web::Data<Log>,
    request: HttpRequest,
    caller: Caller,
    lease: CallLease,
    batch: SignedJson<EventBatch>,
) -> HttpResponse {
    let first = batch.0.entries.first().map(|e| e.event.get().to_owned()).unwrap_or_default();
    note(&log, &request, caller, Some(lease), first.as_bytes());
    let sequence = batch.0.entries.last().map_or(0, |e| e.sequence);
    HttpResponse::Ok().json(EventsAcknowledged { sequence })
}
