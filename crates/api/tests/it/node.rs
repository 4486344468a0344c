//! A session node without WhatsApp: the real signed hop, and sessions that do what the test says.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::http::KeepAlive;
use actix_web::web::{self, Data, Json, Query, ServiceConfig};
use actix_web::{App, HttpServer};
use anyhow::Context as _;
use blazz_domain::{
    AccountState, Clock as _, ErrorCode, Incarnation, Lease, NodeId, PairingCode, PhoneNumber, Profile,
    ProfileChange, QrCode, SendOutcome, SessionReport, StateNumber, StateReason, SystemClock,
};
use blazz_wire::ControlClient;
use blazz_wire::control_api::Register;
use blazz_wire::keys::FleetSecret;
use blazz_wire::node_api::{
    Deleted, NodeStatus, PictureChanged, ProfilePicture, QrQuery, RequestPairingCode, SendMessage,
    SessionStatus, StartSession,
};
use blazz_wire::server::{CallLease, Caller, InternalError, MemoryNonces, SignedJson, Verifier, node_scope};

/// What the QR code of a session that waits for a scan says.
pub(crate) const QR_TEXT: &str = "2@reference,noise,identity,secret";

/// The pairing code that the node gives.
pub(crate) const PAIRING_CODE: &str = "7K2MZ9QX";

/// What the node does, and what it was asked.
pub(crate) struct Script {
    /// The state that a start leads to.
    pub(crate) start: AccountState,
    /// What a send comes to.
    pub(crate) send: SendOutcome,
    /// How long a send takes.
    pub(crate) send_takes: Duration,
    /// How far its clock is ahead.
    pub(crate) clock_ahead: Duration,
    /// How long a code takes to appear.
    pub(crate) qr_takes: Duration,
    /// How a request for a pairing code is refused.
    pub(crate) pairing_refused: Option<(u16, ErrorCode)>,
    /// The ids that were sent, in order.
    pub(crate) sent: Vec<String>,
    /// The request ids of all calls, in order.
    pub(crate) request_ids: Vec<String>,
    incarnation: Incarnation,
    reports: u32,
}

#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) control: ControlClient,
    pub(crate) incarnation: Incarnation,
    shared: Data<Mutex<Script>>,
    server: actix_web::dev::ServerHandle,
}

impl Node {
    /// Starts a node and registers it with the API.
    pub(crate) async fn start(name: &str, api: SocketAddr, fleet: &FleetSecret) -> anyhow::Result<Self> {
        let id: NodeId = name.parse()?;
        let keys = fleet.node_secret(&id).keys(&id);
        let clock = Arc::new(SystemClock);
        let shared = Data::new(Mutex::new(Script {
            start: AccountState::Connected,
            send: SendOutcome::Acknowledged { at: SystemClock.now() },
            send_takes: Duration::ZERO,
            clock_ahead: Duration::ZERO,
            qr_takes: Duration::ZERO,
            pairing_refused: None,
            sent: Vec::new(),
            request_ids: Vec::new(),
            incarnation: Incarnation(0),
            reports: 0,
        }));
        let verifier = Verifier::for_node(
            id.clone(),
            vec![keys.clone()],
            clock.clone(),
            SystemClock.now(),
            Arc::new(MemoryNonces::new(clock.clone())),
        );
        let data = shared.clone();
        let server = HttpServer::new(move || {
            App::new().app_data(data.clone()).service(node_scope(verifier.clone(), routes))
        });
        // A connection that outlives its request would be served for a moment after the end.
        let server = server.keep_alive(KeepAlive::Disabled);
        let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0))?;
        let address = *server.addrs().first().context("bound")?;
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);

        let http = blazz_wire::http_client(Duration::from_secs(2), Duration::from_secs(20))?;
        let api_url = format!("http://{api}").parse()?;
        let control = ControlClient::new(http, id.clone(), api_url, keys, clock);
        let register = Register {
            node_id: id.clone(),
            url: format!("http://{address}"),
            root_id: uuid::Uuid::now_v7(),
            capacity: 10,
            version: "0.0.0".to_owned(),
            started_at: SystemClock.now(),
            sandbox: true,
        };
        let registered = control.register(&register).await?;
        let node = Self { id, control, incarnation: registered.incarnation, shared, server: handle };
        node.script(|script| script.incarnation = registered.incarnation);
        Ok(node)
    }

    /// Looks at the script, or changes it.
    pub(crate) fn script<T>(&self, with: impl FnOnce(&mut Script) -> T) -> T {
        with(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Goes away without a word.
    pub(crate) async fn vanish(&self) {
        self.server.stop(false).await;
    }
}

fn routes(routes: &mut ServiceConfig) {
    routes
        .route("/node", web::get().to(status))
        .service(
            web::resource("/sessions/{account_id}")
                .route(web::put().to(start))
                .route(web::delete().to(delete)),
        )
        .route("/sessions/{account_id}/stop", web::post().to(stop))
        .route("/sessions/{account_id}/restart", web::post().to(restart))
        .route("/sessions/{account_id}/logout", web::post().to(logout))
        .route("/sessions/{account_id}/qr", web::get().to(qr))
        .route("/sessions/{account_id}/pairing-code", web::post().to(pairing_code))
        .route("/sessions/{account_id}/profile", web::get().to(profile))
        .route("/sessions/{account_id}/profile", web::put().to(change_profile))
        .service(
            web::resource("/sessions/{account_id}/profile/picture")
                .route(web::get().to(picture))
                .route(web::put().to(put_picture))
                .route(web::delete().to(delete_picture)),
        )
        .route("/sessions/{account_id}/messages", web::post().to(send));
}

type Shared = Data<Mutex<Script>>;

async fn status(script: Shared) -> anyhow::Result<Json<NodeStatus>, InternalError> {
    let ahead = script.lock().unwrap_or_else(PoisonError::into_inner).clock_ahead;
    let node_id =
        "node-1".parse().map_err(|_| InternalError(blazz_wire::Problem::new(500, ErrorCode::Internal)))?;
    Ok(Json(NodeStatus {
        node_id,
        version: "0.0.0".to_owned(),
        sandbox: true,
        now: SystemClock.now().plus(ahead),
    }))
}

fn report(script: &Shared, caller: &Caller, lease: Lease, state: AccountState) -> Json<SessionStatus> {
    let mut script = script.lock().unwrap_or_else(PoisonError::into_inner);
    script.reports += 1;
    script.request_ids.push(caller.request_id.as_str().to_owned());
    let linked = !matches!(state, AccountState::Qr | AccountState::LoggedOut);
    let report = SessionReport {
        state,
        reason: Some(StateReason::Requested),
        since: SystemClock.now(),
        number: StateNumber::new(script.incarnation, script.reports),
        phone: if linked { PhoneNumber::from_e164("+15550000001").ok() } else { None },
        lid: None,
    };
    Json(SessionStatus { lease, report, settings: None })
}

async fn start(
    script: Shared,
    caller: Caller,
    CallLease(lease): CallLease,
    SignedJson(_): SignedJson<StartSession>,
) -> Json<SessionStatus> {
    let state = script.lock().unwrap_or_else(PoisonError::into_inner).start;
    report(&script, &caller, lease, state)
}

async fn restart(script: Shared, caller: Caller, CallLease(lease): CallLease) -> Json<SessionStatus> {
    let state = script.lock().unwrap_or_else(PoisonError::into_inner).start;
    report(&script, &caller, lease, state)
}

async fn stop(script: Shared, caller: Caller, CallLease(lease): CallLease) -> Json<SessionStatus> {
    report(&script, &caller, lease, AccountState::Stopped)
}

async fn logout(script: Shared, caller: Caller, CallLease(lease): CallLease) -> Json<SessionStatus> {
    report(&script, &caller, lease, AccountState::LoggedOut)
}

async fn delete(CallLease(lease): CallLease) -> Json<Deleted> {
    Json(Deleted { workspace_id: lease.workspace_id, account_id: lease.account_id, at: SystemClock.now() })
}

async fn qr(
    script: Shared,
    caller: Caller,
    _: CallLease,
    _: Query<QrQuery>,
) -> Result<Json<QrCode>, InternalError> {
    let (state, takes) = {
        let mut script = script.lock().unwrap_or_else(PoisonError::into_inner);
        script.request_ids.push(caller.request_id.as_str().to_owned());
        (script.start, script.qr_takes)
    };
    if state != AccountState::Qr {
        return Err(InternalError::new(
            409,
            ErrorCode::QrNotAvailable,
            "the session does not wait for a scan",
        ));
    }
    tokio::time::sleep(takes).await;
    let now = SystemClock.now();
    let (expires_at, round_ends_at) = (now.plus(Duration::from_secs(20)), now.plus(Duration::from_secs(120)));
    Ok(Json(QrCode { text: QR_TEXT.to_owned(), expires_at, round_ends_at }))
}

async fn pairing_code(
    script: Shared,
    caller: Caller,
    _: CallLease,
    SignedJson(_): SignedJson<RequestPairingCode>,
) -> Result<Json<PairingCode>, InternalError> {
    let mut script = script.lock().unwrap_or_else(PoisonError::into_inner);
    script.request_ids.push(caller.request_id.as_str().to_owned());
    if let Some((status, code)) = script.pairing_refused {
        return Err(InternalError::new(status, code, "not now"));
    }
    let expires_at = SystemClock.now().plus(Duration::from_secs(180));
    Ok(Json(PairingCode { code: PAIRING_CODE.to_owned(), expires_at }))
}

fn asked(script: &Shared, caller: &Caller) {
    let mut script = script.lock().unwrap_or_else(PoisonError::into_inner);
    script.request_ids.push(caller.request_id.as_str().to_owned());
}

async fn profile(script: Shared, caller: Caller, _: CallLease) -> Json<Profile> {
    asked(&script, &caller);
    Json(Profile { name: Some("Acme".to_owned()), about: None })
}

async fn change_profile(
    script: Shared,
    caller: Caller,
    _: CallLease,
    SignedJson(change): SignedJson<ProfileChange>,
) -> Json<Profile> {
    asked(&script, &caller);
    Json(Profile { name: change.name, about: change.about })
}

async fn picture(script: Shared, caller: Caller, _: CallLease) -> Json<ProfilePicture> {
    asked(&script, &caller);
    Json(ProfilePicture { jpeg: "/9j/4A==".to_owned() })
}

async fn put_picture(
    script: Shared,
    caller: Caller,
    _: CallLease,
    SignedJson(picture): SignedJson<ProfilePicture>,
) -> Result<Json<PictureChanged>, InternalError> {
    asked(&script, &caller);
    if picture.jpeg != "/9j/4A==" {
        return Err(InternalError::new(409, ErrorCode::ProfileRefused, "WhatsApp refused it with 406"));
    }
    Ok(Json(PictureChanged {}))
}

async fn delete_picture(script: Shared, caller: Caller, _: CallLease) -> Json<PictureChanged> {
    asked(&script, &caller);
    Json(PictureChanged {})
}

async fn send(
    script: Shared,
    caller: Caller,
    _: CallLease,
    SignedJson(message): SignedJson<SendMessage>,
) -> Json<SendOutcome> {
    let (outcome, takes) = {
        let mut script = script.lock().unwrap_or_else(PoisonError::into_inner);
        script.sent.push(message.id.0);
        script.request_ids.push(caller.request_id.as_str().to_owned());
        (script.send.clone(), script.send_takes)
    };
    tokio::time::sleep(takes).await;
    Json(outcome)
}
