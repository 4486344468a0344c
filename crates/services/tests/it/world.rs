//! What a test stands on: services over one database and one bus, a fleet secret, and short ways to what most tests need.

use std::sync::Arc;
use std::time::Duration;

use blazz_bus::Bus;
use blazz_domain::{
    Account, AccountId, AccountState, Epoch, EventPayload, Lease, Message, MessageId, MessageStatus,
    SystemClock, WorkspaceId,
};
use blazz_media::MediaStore;
use blazz_services::accounts::NewAccount;
use blazz_services::messages::{SendContent, SendRequest, Sent};
use blazz_services::{
    NodeDirectory, PageQuery, ServiceError, Services, Settings, accounts, events, fleet, messages, sessions,
    workspaces,
};
use blazz_telemetry::Shutdown;
use blazz_test_support::{TestDatabase, eventually};
use blazz_wire::keys::FleetSecret;
use blazz_wire::request_id::RequestId;

use crate::node::TestNode;

pub(crate) const DEADLINE: Duration = Duration::from_secs(20);
/// The contact of most tests, and its address.
pub(crate) const CONTACT: &str = "+15550000002";
pub(crate) const CONTACT_JID: &str = "15550000002@s.whatsapp.net";
/// The number that most tests' account is linked to.
pub(crate) const OWN: &str = "+15550000001";

pub(crate) struct World {
    pub(crate) services: Services,
    pub(crate) secret: FleetSecret,
    pub(crate) workspace: WorkspaceId,
    /// Where its files are.
    pub(crate) files: std::sync::Arc<tempfile::TempDir>,
}

pub(crate) fn quick() -> Settings {
    Settings { send_takeover: Duration::from_millis(300), ..Settings::default() }
}

/// With a takeover so late that only the request itself can have sent a message.
pub(crate) fn without_takeover() -> Settings {
    Settings { send_takeover: Duration::from_secs(3600), ..Settings::default() }
}

impl World {
    /// Over `db` and a bus, with the job runner at work.
    pub(crate) async fn new(db: &TestDatabase, settings: Settings) -> Self {
        let world = Self::at_rest(db, settings).await;
        let runner = Arc::clone(&world.services.runner);
        tokio::spawn(async move { runner.run().await });
        world
    }

    /// The same without a job runner.
    pub(crate) async fn at_rest(db: &TestDatabase, settings: Settings) -> Self {
        let bus = if db.pool().is_sqlite() {
            Bus::in_process()
        } else {
            blazz_test_support::redis_bus().await.unwrap()
        };
        let secret = FleetSecret::generate();
        let clock = Arc::new(SystemClock);
        let nodes = NodeDirectory::new(secret.clone(), clock.clone()).unwrap();
        let files = tempfile::tempdir().unwrap();
        let media = MediaStore::in_directory(files.path()).unwrap();
        let services = Services::new(db.pool().clone(), bus, clock, nodes, media, settings, Shutdown::new());
        let workspace = workspaces::create(&services, "test").await.unwrap().id;
        Self { services, secret, workspace, files: std::sync::Arc::new(files) }
    }

    /// A node that listens and has registered.
    pub(crate) async fn node(&self, name: &str) -> TestNode {
        let node = TestNode::listen(name, &self.secret).unwrap();
        node.register(&self.services, 100).await.unwrap();
        node
    }

    /// Nothing is said any more over connections that stood before.
    pub(crate) fn hang_up(&mut self) {
        let nodes = NodeDirectory::new(self.secret.clone(), self.services.clock.clone()).unwrap();
        self.services.nodes = Arc::new(nodes);
    }

    pub(crate) async fn account(&self) -> AccountId {
        accounts::create(
            &self.services,
            self.workspace,
            NewAccount { name: "Sales".into(), ..NewAccount::default() },
        )
        .await
        .unwrap()
        .id
    }

    /// An account whose session `node` holds, connected to [`OWN`].
    pub(crate) async fn connected(&self, node: &TestNode) -> AccountId {
        let id = self.account().await;
        sessions::start(&self.services, self.workspace, id, &request_id()).await.unwrap();
        node.links(OWN);
        self.report(node, id, AccountState::Connected).await;
        assert_eq!(self.state(id).await, AccountState::Connected);
        id
    }

    /// `node` reports a state in its next heartbeat.
    pub(crate) async fn report(&self, node: &TestNode, id: AccountId, state: AccountState) {
        let change = node.change(self.lease(id), state);
        fleet::heartbeat(&self.services, &node.id, node.beat(vec![change])).await.unwrap();
    }

    pub(crate) fn lease(&self, account_id: AccountId) -> Lease {
        Lease { workspace_id: self.workspace, account_id, epoch: Epoch(1) }
    }

    pub(crate) async fn view(&self, id: AccountId) -> Account {
        accounts::get(&self.services, self.workspace, id).await.unwrap()
    }

    pub(crate) async fn state(&self, id: AccountId) -> AccountState {
        self.view(id).await.state
    }

    pub(crate) async fn send(&self, account_id: AccountId, text: &str) -> Result<Sent, ServiceError> {
        self.send_with_key(account_id, text, None).await
    }

    pub(crate) async fn send_with_key(
        &self,
        account_id: AccountId,
        text: &str,
        key: Option<&str>,
    ) -> Result<Sent, ServiceError> {
        messages::send(&self.services, self.workspace, &to_contact(account_id, text), key, &request_id())
            .await
    }

    pub(crate) async fn message(&self, id: MessageId) -> Message {
        messages::get(&self.services, self.workspace, id).await.unwrap()
    }

    /// Waits until a message has a status.
    pub(crate) async fn becomes(&self, id: MessageId, status: MessageStatus) -> Message {
        eventually(DEADLINE, async || Some(self.message(id).await).filter(|m| m.status == status))
            .await
            .unwrap()
    }

    pub(crate) async fn all_messages(&self) -> Vec<Message> {
        let all = PageQuery { after: None, limit: Some(200) };
        messages::list(&self.services, self.workspace, messages::MessageFilter::default(), &all)
            .await
            .unwrap()
            .data
    }

    /// Every event of the workspace; fails when their numbers have a gap.
    pub(crate) async fn events(&self) -> Vec<EventPayload> {
        let page = events::list(&self.services, self.workspace, None, Some(200)).await.unwrap();
        let numbers: Vec<i64> = page.data.iter().map(|event| event.sequence).collect();
        assert_eq!(numbers, (1..).take(numbers.len()).collect::<Vec<_>>());
        page.data.into_iter().map(|event| event.payload).collect()
    }

    pub(crate) async fn event_kinds(&self) -> Vec<&'static str> {
        self.events().await.iter().map(EventPayload::kind).collect()
    }
}

pub(crate) fn to_contact(account_id: AccountId, text: &str) -> SendRequest {
    SendRequest { account_id, to: CONTACT.into(), content: SendContent::Text(text.into()), reply_to: None }
}

pub(crate) fn request_id() -> RequestId {
    RequestId::generate()
}
