//! Lost connections, and those that must not be made again.

use std::time::Duration;

use blazz_domain::{AccountState, ClientVersion, ProviderMessageId, SendOutcome, StateReason};
use blazz_emulator::{Fault, FaultRequest, VersionChange};
use blazz_whatsapp::EngineError;

use crate::stage::{ANNA, Stage, connected, qr, report, send, state_for, texts, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_socket_is_followed_by_another() {
    let stage = Stage::new().await;
    let session = stage.linked().await;
    let mut reports = session.reports();
    reports.borrow_and_update();
    stage.emulator.fault(FaultRequest::new(Fault::DropSockets)).await.unwrap();
    state_for(&session, AccountState::Disconnected, StateReason::ConnectionLost).await;
    let id = ProviderMessageId::generate();
    let meanwhile = stage.bert_writes("meanwhile").await;
    connected(&session).await;
    assert!(matches!(send(&session, &id, "back").await, SendOutcome::Acknowledged { .. }));
    until("what came meanwhile", async || {
        texts(&session).iter().any(|(id, _)| *id == meanwhile).then_some(())
    })
    .await;
    stage.close(session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replaced_session_fails_and_does_not_fight_back() {
    let stage = Stage::new().await;
    let session = stage.linked().await;
    // The same credentials in a second place, as after a bad restore.
    let (session, twin) = stage.twins(session).await;
    state_for(&session, AccountState::Failed, StateReason::Replaced).await;
    connected(&twin).await;
    stage.device(|devices| devices[0].sockets == 1).await;
    assert_eq!(session.reports().borrow().state, AccountState::Failed);
    let id = ProviderMessageId::generate();
    assert_eq!(send(&session, &id, "mine").await, SendOutcome::NotConnected);
    assert!(matches!(send(&twin, &id, "mine").await, SendOutcome::Acknowledged { .. }));
    twin.stop().await;
    stage.close(session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_banned_number_waits_for_a_person() {
    for (code, reason) in [(402, StateReason::Banned), (403, StateReason::Banned)] {
        let stage = Stage::new().await;
        let session = stage.linked().await;
        stage.emulator.fault(FaultRequest::new(Fault::RefuseLogins { reason: code })).await.unwrap();
        stage.emulator.fault(FaultRequest::new(Fault::DropSockets)).await.unwrap();
        state_for(&session, AccountState::Failed, reason).await;
        let refused = stage.emulator.stats().await.refused_logins;
        assert_eq!(refused, 1, "{code}: it is not tried again");
        stage.close(session).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_says_401_is_a_logout() {
    let stage = Stage::new().await;
    let session = stage.linked().await;
    stage.emulator.fault(FaultRequest::new(Fault::RefuseLogins { reason: 401 }).times(1)).await.unwrap();
    stage.emulator.fault(FaultRequest::new(Fault::DropSockets)).await.unwrap();
    state_for(&session, AccountState::LoggedOut, StateReason::DeviceRemoved).await;
    stage.close(session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_is_tried_again() {
    let mut stage = Stage::new().await;
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    stage.config.endpoint = Some(format!("ws://{address}/ws/chat").parse().unwrap());
    stage.config.backoff.longest = Duration::from_millis(80);
    let session = stage.open(false).await.unwrap();
    report(&session, "the attempt", |report| report.reason == Some(StateReason::ConnectionLost)).await;
    assert_eq!(session.reports().borrow().state, AccountState::Starting, "it was never linked");
    stage.close(session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_client_waits_for_a_newer_version_and_connects_with_that_at_once() {
    let stage = Stage::new().await;
    let session = stage.linked().await;
    let claimed = stage.config.version.current();
    let newer = ClientVersion(claimed.0, claimed.1, claimed.2 + 1);
    stage.emulator.set_client_version(VersionChange { minimum: Some(newer), ..Default::default() }).await;
    stage.emulator.fault(FaultRequest::new(Fault::DropSockets)).await.unwrap();
    state_for(&session, AccountState::Disconnected, StateReason::ClientOutdated).await;
    assert_eq!(stage.config.version.refused(), Some(claimed));
    assert!(matches!(session.logout().await, Err(EngineError::NotConnected)), "it answers while it waits");

    // A version that is refused too is waited with in the same way.
    let between = ClientVersion(claimed.0, claimed.1, claimed.2 - 1);
    stage.config.version.set(Some(between));
    until("the refusal", async || (stage.config.version.refused() == Some(between)).then_some(())).await;
    assert_eq!(stage.emulator.stats().await.refused_logins, 2, "nothing is tried in vain");
    stage.config.version.set(Some(newer));
    connected(&session).await;
    assert_eq!(stage.config.version.refused(), None);
    assert_eq!(stage.emulator.devices(ANNA).await.unwrap().len(), 1, "it is the same link");
    stage.close(session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_client_that_was_never_linked_shows_its_code_once_a_newer_version_is_claimed() {
    let stage = Stage::new().await;
    let claimed = stage.config.version.current();
    let newer = ClientVersion(claimed.0, claimed.1, claimed.2 + 1);
    stage.emulator.set_client_version(VersionChange { minimum: Some(newer), ..Default::default() }).await;
    let session = stage.open(false).await.unwrap();
    state_for(&session, AccountState::Starting, StateReason::ClientOutdated).await;
    stage.config.version.set(Some(newer));
    let code = qr(&session).await;
    stage.emulator.scan(ANNA, &code).await.unwrap();
    connected(&session).await;
    stage.close(session).await;
}
