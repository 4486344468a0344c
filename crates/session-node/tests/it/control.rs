//! The API's side of the hop, scripted: it registers nodes, takes heartbeats and events, and remembers everything.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use blazz_domain::{
    AccountId, AccountState, ClientVersion, ErrorCode, Incarnation, Lease, MediaId, OutboxId, SessionReport,
    SystemClock,
};
use blazz_wire::control_api::{
    EventBatch, EventsAcknowledged, Heartbeat, HeartbeatAnswer, MediaSlot, OfferMedia, Register, Registered,
    SessionChange,
};
use blazz_wire::keys::FleetSecret;
use blazz_wire::node_api::Assignment;
use blazz_wire::problem::Problem;
use blazz_wire::server::{
    CallLease, FleetKeys, MemoryNonces, SignedFile, SignedJson, Verifier, control_scope, file_response,
    problem_response, sha256_of_hex,
};

use crate::until::until;

/// An entry as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    pub(crate) lease: Lease,
    pub(crate) event: serde_json::Value,
}

/// What the server does next, and what it has seen.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) assignments: Vec<Assignment>,
    pub(crate) start: Vec<Assignment>,
    pub(crate) stop: Vec<Lease>,
    /// Told with every heartbeat, until the node says that it is done.
    pub(crate) remove: Vec<Lease>,
    pub(crate) report_all: bool,
    /// The version of WhatsApp Web to claim.
    pub(crate) client_version: Option<ClientVersion>,
    /// What heartbeats of an incarnation up to this are refused with.
    pub(crate) refuse: Option<(Incarnation, ErrorCode)>,
    /// What events are refused with.
    pub(crate) events_refused: Option<(u16, ErrorCode)>,
    /// Batches of this incarnation are refused as superseded, once there is a later one.
    pub(crate) supersede_batches_of: Option<Incarnation>,
    /// How many batches wait for that.
    pub(crate) held: usize,
    pub(crate) registrations: Vec<Register>,
    pub(crate) heartbeats: Vec<Heartbeat>,
    pub(crate) reports: HashMap<AccountId, Vec<SessionReport>>,
    /// Every entry once, in the order of its first arrival.
    pub(crate) taken: Vec<Taken>,
    pub(crate) batches: usize,
    /// How many entries came again: a batch whose answer was lost is sent once more.
    pub(crate) repeats: usize,
    /// Entries that came again as something else.
    pub(crate) contradictions: Vec<(OutboxId, u64)>,
    seen: HashMap<(OutboxId, u64), serde_json::Value>,
    /// Files that were offered, and the bytes of those that came, by their hash.
    pub(crate) offered: HashMap<String, (MediaId, OfferMedia)>,
    pub(crate) files: HashMap<String, Vec<u8>>,
    /// How often the bytes of a file came.
    pub(crate) puts: usize,
    /// How often a node fetched a file.
    pub(crate) fetches: usize,
    /// What offers are refused with.
    pub(crate) offers_refused: Option<(u16, ErrorCode)>,
}

impl Script {
    fn take(&mut self, lease: Lease, outbox_id: OutboxId, sequence: u64, event: serde_json::Value) {
        match self.seen.get(&(outbox_id, sequence)) {
            None => {
                self.seen.insert((outbox_id, sequence), event.clone());
                self.taken.push(Taken { lease, event });
            }
            Some(before) if *before == event => self.repeats += 1,
            Some(_) => self.contradictions.push((outbox_id, sequence)),
        }
    }
}

#[derive(Default)]
struct State {
    script: Mutex<Script>,
    incarnation: AtomicI64,
}

/// A control server that can go away and come back.
pub(crate) struct Control {
    state: Arc<State>,
    secret: FleetSecret,
    address: SocketAddr,
    server: Option<ServerHandle>,
}

impl Control {
    pub(crate) async fn start(secret: &FleetSecret) -> Self {
        let state = Arc::new(State { incarnation: AtomicI64::new(7), ..State::default() });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut control = Self { state, secret: secret.clone(), address, server: None };
        control.serve(listener);
        control
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Nobody listens any more.
    pub(crate) async fn down(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop(false).await;
        }
    }

    /// Listens again, at the same address.
    pub(crate) async fn up(&mut self) {
        let listener =
            until("the control server's port", async || TcpListener::bind(self.address).ok()).await;
        self.serve(listener);
    }

    fn serve(&mut self, listener: TcpListener) {
        let keys = Arc::new(FleetKeys(vec![self.secret.clone()]));
        let nonces = Arc::new(MemoryNonces::new(Arc::new(SystemClock)));
        let verifier = Verifier::for_control(keys, Arc::new(SystemClock), None, nonces);
        let data = web::Data::from(Arc::clone(&self.state));
        let server = HttpServer::new(move || {
            App::new().app_data(data.clone()).service(control_scope(verifier.clone(), |routes| {
                routes
                    .route("/register", web::post().to(register))
                    .route("/heartbeat", web::post().to(heartbeat))
                    .route("/events", web::post().to(events))
                    .route("/media", web::post().to(offer_media))
                    .route("/media/{id}", web::put().to(put_media))
                    .route("/media/{id}", web::get().to(fetch_media));
            }))
        });
        let server = server.workers(1).disable_signals().listen(listener).unwrap().run();
        self.server = Some(server.handle());
        tokio::spawn(server);
    }

    pub(crate) fn script<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        change(&mut self.state.script.lock().unwrap())
    }

    /// The last report about an account.
    pub(crate) fn report(&self, account: AccountId) -> Option<SessionReport> {
        self.script(|script| script.reports.get(&account)?.last().cloned())
    }

    pub(crate) async fn reported(&self, account: AccountId, state: AccountState) -> SessionReport {
        until(&format!("{account} to be {state:?}"), async || {
            self.report(account).filter(|report| report.state == state)
        })
        .await
    }

    /// Takes no events for now.
    pub(crate) fn close_to_events(&self) {
        self.script(|script| script.events_refused = Some((503, ErrorCode::Unavailable)));
    }

    /// Takes events again.
    pub(crate) fn open_to_events(&self) {
        self.script(|script| script.events_refused = None);
    }

    /// Waits until `count` more heartbeats have come.
    pub(crate) async fn further_heartbeats(&self, count: usize) {
        let before = self.script(|script| script.heartbeats.len());
        until("further heartbeats", async || {
            self.script(|script| (script.heartbeats.len() >= before + count).then_some(()))
        })
        .await;
    }

    /// Waits until `count` texts have arrived from an account, and returns all that have.
    pub(crate) async fn texts(&self, account: AccountId, count: usize) -> Vec<String> {
        until(&format!("{count} texts of {account}"), async || {
            let texts = self.texts_now(account);
            (texts.len() >= count).then_some(texts)
        })
        .await
    }

    pub(crate) fn texts_now(&self, account: AccountId) -> Vec<String> {
        self.script(|script| {
            assert_eq!(script.contradictions, [], "an entry that comes again is the same");
            let of_account = script.taken.iter().filter(|taken| taken.lease.account_id == account);
            of_account.filter_map(|taken| Some(taken.event["content"]["text"].as_str()?.to_owned())).collect()
        })
    }
}

async fn register(state: web::Data<State>, SignedJson(register): SignedJson<Register>) -> HttpResponse {
    let incarnation = Incarnation(state.incarnation.fetch_add(1, Ordering::SeqCst) + 1);
    let mut script = state.script.lock().unwrap();
    script.registrations.push(register);
    let sessions = script.assignments.clone();
    HttpResponse::Ok().json(Registered {
        incarnation,
        sessions,
        heartbeat_ms: 200,
        ttl_ms: 10_000,
        client_version: script.client_version,
    })
}

async fn heartbeat(state: web::Data<State>, SignedJson(beat): SignedJson<Heartbeat>) -> HttpResponse {
    let mut script = state.script.lock().unwrap();
    if let Some((incarnation, code)) = script.refuse
        && beat.incarnation <= incarnation
    {
        return problem_response(&Problem::new(409, code));
    }
    for SessionChange { lease, report, .. } in beat.changes.clone() {
        script.reports.entry(lease.account_id).or_default().push(report);
    }
    script.remove.retain(|lease| !beat.removed.contains(&lease.account_id));
    let answer = HeartbeatAnswer {
        number: beat.number,
        start: std::mem::take(&mut script.start),
        stop: std::mem::take(&mut script.stop),
        remove: script.remove.clone(),
        report_all: std::mem::take(&mut script.report_all),
        client_version: script.client_version,
    };
    script.heartbeats.push(beat);
    HttpResponse::Ok().json(answer)
}

async fn events(
    state: web::Data<State>,
    CallLease(lease): CallLease,
    SignedJson(batch): SignedJson<EventBatch>,
) -> HttpResponse {
    let superseded = state.script.lock().unwrap().supersede_batches_of;
    if superseded.is_some_and(|incarnation| batch.incarnation <= incarnation) {
        state.script.lock().unwrap().held += 1;
        // Until the node reports under the later one.
        until("the later registration", async || {
            let script = state.script.lock().unwrap();
            let later = script.heartbeats.iter().any(|beat| beat.incarnation > batch.incarnation);
            later.then_some(())
        })
        .await;
        return problem_response(&Problem::new(409, ErrorCode::Superseded));
    }
    let mut script = state.script.lock().unwrap();
    if let Some((status, code)) = script.events_refused {
        return problem_response(&Problem::new(status, code));
    }
    let sequence = batch.entries.last().map_or(0, |entry| entry.sequence);
    script.batches += 1;
    for entry in &batch.entries {
        let event = serde_json::from_str(entry.event.get()).unwrap();
        script.take(lease, batch.outbox_id, entry.sequence, event);
    }
    HttpResponse::Ok().json(EventsAcknowledged { sequence })
}

async fn offer_media(
    state: web::Data<State>,
    _: CallLease,
    SignedJson(offer): SignedJson<OfferMedia>,
) -> HttpResponse {
    let mut script = state.script.lock().unwrap();
    if let Some((status, code)) = script.offers_refused {
        return problem_response(&Problem::new(status, code));
    }
    let is_wanted = !script.files.contains_key(&offer.sha256);
    let known = script.offered.entry(offer.sha256.clone()).or_insert_with(|| (MediaId::new(), offer));
    HttpResponse::Ok().json(MediaSlot { media_id: known.0, is_wanted })
}

async fn put_media(
    state: web::Data<State>,
    _: CallLease,
    id: web::Path<MediaId>,
    mut file: SignedFile,
) -> HttpResponse {
    let mut bytes = Vec::new();
    while let Some(piece) = file.next().await.unwrap() {
        bytes.extend_from_slice(&piece);
    }
    let mut script = state.script.lock().unwrap();
    let hash = script.offered.iter().find(|(_, (media_id, _))| *media_id == *id).unwrap().0.clone();
    script.files.insert(hash, bytes);
    script.puts += 1;
    HttpResponse::Ok().json(MediaSlot { media_id: *id, is_wanted: false })
}

async fn fetch_media(state: web::Data<State>, _: CallLease, id: web::Path<MediaId>) -> HttpResponse {
    let mut script = state.script.lock().unwrap();
    script.fetches += 1;
    let found =
        script.offered.iter().find(|(_, (media_id, _))| *media_id == *id).map(|(hash, _)| hash.clone());
    let Some(hash) = found else { return problem_response(&Problem::new(404, ErrorCode::MediaNotFound)) };
    let bytes = bytes::Bytes::from(script.files[&hash].clone());
    let size = u64::try_from(bytes.len()).unwrap();
    let body = futures_util::stream::once(async move { Ok::<_, std::io::Error>(bytes) });
    file_response(&sha256_of_hex(&hash).unwrap(), size, body)
}
