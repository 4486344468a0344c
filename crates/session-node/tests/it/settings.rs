//! What a tenant has chosen for its session: told with a start, changed while it runs, kept for when nobody says it.

use blazz_domain::{AccountState, ClientVersion, ErrorCode, Lease, SessionSettings, StateReason};
use blazz_emulator::{Fault, FaultRequest, VersionChange};
use blazz_wire::node_api::{Assignment, RequestPairingCode, StartSession};
use blazz_wire::request_id::RequestId;
use std::time::Duration;

use crate::linking::refused;
use crate::proxy::{Kind, TestProxy};
use crate::stage::{ANNA, Node, Stage};
use crate::until::until;

fn settings(revision: i64, proxy: Option<&TestProxy>) -> SessionSettings {
    SessionSettings {
        revision,
        device_name: "Front desk".to_owned(),
        proxy: proxy.map(|proxy| proxy.url().parse().unwrap()),
    }
}

async fn link(stage: &Stage, node: &Node, settings: SessionSettings) -> Lease {
    let (lease, id) = (stage.lease(), RequestId::generate());
    node.client.start(&lease, &StartSession { linked: false, settings }, &id).await.unwrap();
    let qr = node.client.qr(&lease, Duration::from_secs(20), &id).await.unwrap();
    stage.emulator.scan(ANNA, &qr.text).await.unwrap();
    stage.control.reported(lease.account_id, AccountState::Connected).await;
    lease
}

/// Sockets that have reached the emulator, however they came.
async fn arrived(stage: &Stage) -> usize {
    usize::try_from(stage.emulator.stats().await.accepted).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_proxy_is_taken_while_the_session_runs_and_the_api_hears_of_it() {
    let stage = Stage::new().await;
    let (first, second) = (TestProxy::start(Kind::Http).await, TestProxy::start(Kind::Socks5).await);
    let node = stage.start().await;
    let lease = link(&stage, &node, settings(1, Some(&first))).await;
    assert_eq!(stage.emulator.devices(ANNA).await.unwrap()[0].name, "Front desk");
    assert_eq!(first.tunnels(), arrived(&stage).await);
    let told = async |revision| {
        until("the revision to be told", async || {
            stage.control.script(|script| {
                let mut beats = script.heartbeats.iter().rev();
                let found = beats.find_map(|beat| beat.changes.iter().find_map(|change| change.settings));
                (found == Some(revision)).then_some(())
            })
        })
        .await;
    };
    told(1).await;

    let change = Assignment { lease, linked: true, settings: settings(2, Some(&second)) };
    let before = arrived(&stage).await;
    stage.control.script(|script| script.start = vec![change]);
    told(2).await;
    until("the session on its new proxy", async || (second.tunnels() == 1).then_some(())).await;
    stage.control.reported(lease.account_id, AccountState::Connected).await;
    assert_eq!(arrived(&stage).await, before + 1);

    // What is older, or the same again, changes nothing; another name makes no difference to one that is linked.
    let renamed = SessionSettings { device_name: "Back office".to_owned(), ..settings(3, Some(&second)) };
    for settings in [settings(1, Some(&first)), settings(2, Some(&second)), renamed] {
        stage.control.script(|script| script.start = vec![Assignment { lease, linked: true, settings }]);
        stage.control.further_heartbeats(2).await;
    }
    told(3).await;
    assert_eq!((arrived(&stage).await, second.tunnels()), (before + 1, 1));
    node.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_that_nobody_gave_settings_to_takes_the_proxy_all_the_same() {
    let stage = Stage::new().await;
    let proxy = TestProxy::start(Kind::Socks5).await;
    let node = stage.start().await;
    let lease = link(&stage, &node, settings(1, Some(&proxy))).await;
    let id = RequestId::generate();
    node.client.stop(&lease, &id).await.unwrap();
    node.end().await.unwrap();

    // A node that has just been started was told nothing of a session at rest.
    let node = stage.start().await;
    node.client.delete(&lease, &id).await.unwrap();
    assert!(stage.emulator.devices(ANNA).await.unwrap().is_empty(), "WhatsApp was told");
    assert_eq!(proxy.tunnels(), arrived(&stage).await, "through the proxy alone");
    node.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fleets_version_is_claimed_and_a_refused_one_told_of_until_there_is_another() {
    let stage = Stage::new().await;
    let old = ClientVersion(2, 3000, 5);
    stage.control.script(|script| script.client_version = Some(old));
    let node = stage.start().await;
    let lease = stage.link(&node, ANNA).await;
    assert_eq!(stage.version.current(), old);

    let newer = ClientVersion(2, 3000, 6);
    stage.emulator.set_client_version(VersionChange { minimum: Some(newer), ..Default::default() }).await;
    stage.emulator.fault(FaultRequest::new(Fault::DropSockets)).await.unwrap();
    let report = stage.control.reported(lease.account_id, AccountState::Disconnected).await;
    assert!(report.reason.is_some());
    until("the refusal to be told", async || {
        stage.control.script(|script| {
            let last = script.heartbeats.last()?;
            (last.outdated == Some(old)).then_some(())
        })
    })
    .await;
    let report = stage.control.report(lease.account_id).unwrap();
    assert_eq!(report.reason, Some(StateReason::ClientOutdated));
    assert_eq!(node.metric("blazz_node_client_version_refused").await, 1);
    stage.control.script(|script| script.client_version = Some(newer));
    stage.control.reported(lease.account_id, AccountState::Connected).await;
    stage.control.further_heartbeats(1).await;
    assert_eq!(stage.control.script(|script| script.heartbeats.last().unwrap().outdated), None);
    assert_eq!(stage.emulator.devices(ANNA).await.unwrap().len(), 1);
    node.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_proxy_keeps_from_being_done_is_said_at_once() {
    let stage = Stage::new().await;
    let proxy = TestProxy::start(Kind::Socks5).await;
    let node = stage.start().await;
    let (lease, id) = (stage.lease(), RequestId::generate());
    let bad = SessionSettings { proxy: Some(proxy.bad_url().parse().unwrap()), ..settings(1, None) };
    node.client.start(&lease, &StartSession { linked: false, settings: bad }, &id).await.unwrap();
    until("the proxy to be in the way", async || {
        let report = stage.control.report(lease.account_id)?;
        (report.reason == Some(StateReason::ProxyRefused)).then_some(())
    })
    .await;
    let request = RequestPairingCode { phone: format!("+{ANNA}").parse().unwrap() };
    let asked = std::time::Instant::now();
    assert!(refused(node.client.pairing_code(&lease, &request, &id).await, ErrorCode::ProxyFailed));
    assert!(asked.elapsed() < Duration::from_secs(5), "it is not waited for");

    node.client.delete(&lease, &id).await.unwrap();
    let lease = link(&stage, &node, settings(1, Some(&proxy))).await;
    let bad = SessionSettings { proxy: Some(proxy.bad_url().parse().unwrap()), ..settings(2, None) };
    node.client.start(&lease, &StartSession { linked: true, settings: bad }, &id).await.unwrap();
    until("the proxy to be in the way again", async || {
        let report = stage.control.report(lease.account_id)?;
        (report.reason == Some(StateReason::ProxyRefused)).then_some(())
    })
    .await;
    assert!(refused(node.client.logout(&lease, &id).await, ErrorCode::ProxyFailed));
    assert_eq!(proxy.tunnels(), arrived(&stage).await);
    node.end().await.unwrap();
}
