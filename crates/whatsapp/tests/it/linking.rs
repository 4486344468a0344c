//! From QR code to login, and back out again.

use std::time::Duration;

use blazz_domain::{AccountState, StateReason};
use blazz_session_store::StoreError;
use blazz_whatsapp::{EngineError, OpenError};
use tokio::time::Instant;

use crate::stage::{ANNA, Stage, connected, qr, report, state, state_for};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scanned_code_becomes_a_connected_session() {
    let stage = Stage::new().await;
    let session = stage.open(false).await.unwrap();
    let code = qr(&session).await;
    let shown = session.qr().borrow().clone().unwrap();
    let round = shown.round_ends_at.since(shown.expires_at);
    assert!(round.abs_diff(Duration::from_secs(5 * 20)) < Duration::from_secs(1), "{round:?}");
    let at_qr = state(&session, AccountState::Qr).await;
    assert_eq!(at_qr.phone, None);

    let begun = Instant::now();
    stage.emulator.scan(ANNA, &code).await.unwrap();
    let report = connected(&session).await;
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    assert!(report.number > at_qr.number);
    assert_eq!(report.phone.unwrap().digits(), ANNA);
    assert!(report.lid.unwrap().as_str().ends_with("@lid"));
    assert!(session.qr().borrow().is_none(), "nobody needs the code any more");
    assert_eq!(stage.emulator.stats().await.unanswered, std::collections::BTreeMap::new());
    stage.close(session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_linked_session_starts_from_its_directory_without_a_code() {
    let stage = Stage::new().await;
    let session = stage.linked().await;
    let before = session.reports().borrow().number;
    stage.close(session).await;
    let session = stage.reopen().await;
    let mut codes = session.qr();
    let report = connected(&session).await;
    assert!(report.number > before, "numbers go on across openings");
    assert!(!codes.has_changed().unwrap() && codes.borrow_and_update().is_none());
    assert_eq!(stage.emulator.devices(ANNA).await.unwrap().len(), 1);
    stage.close(session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_was_linked_never_asks_for_a_new_link_by_itself() {
    let stage = Stage::new().await;
    assert!(matches!(stage.open(true).await, Err(OpenError::Store(StoreError::Missing))));
    let session = stage.open(false).await.unwrap();
    qr(&session).await;
    stage.close(session).await;
    // There is a directory now, but no link in it.
    assert!(matches!(stage.open(true).await, Err(OpenError::Store(StoreError::Missing))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_device_is_logged_out_and_its_credentials_are_gone() {
    let stage = Stage::new().await;
    let session = stage.linked().await;
    let device = stage.emulator.devices(ANNA).await.unwrap()[0].device;
    stage.emulator.remove_device(ANNA, device).await.unwrap();
    let gone = state_for(&session, AccountState::LoggedOut, StateReason::DeviceRemoved).await;
    assert_eq!((gone.phone, gone.lid), (None, None));
    let engine = stage
        .directory
        .path()
        .join(format!("sessions/{}/{}/1/store", stage.lease.workspace_id, stage.lease.account_id));
    assert!(!engine.exists());
    stage.close(session).await;
    assert!(!engine.exists());

    // Whoever still believes it linked is told; whoever asks for a new link gets one.
    let session = stage.reopen().await;
    state_for(&session, AccountState::LoggedOut, StateReason::DeviceRemoved).await;
    stage.close(session).await;
    let session = stage.linked().await;
    stage.close(session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_removes_the_device_at_whatsapp_too() {
    let stage = Stage::new().await;
    let session = stage.linked().await;
    session.logout().await.unwrap();
    state_for(&session, AccountState::LoggedOut, StateReason::Requested).await;
    stage.device(|devices| devices.is_empty()).await;
    session.logout().await.unwrap();
    stage.close(session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_needs_a_connection_while_linked_and_none_before() {
    let stage = Stage::new().await;
    let session = stage.open(false).await.unwrap();
    qr(&session).await;
    session.logout().await.unwrap();
    state_for(&session, AccountState::LoggedOut, StateReason::Requested).await;
    stage.close(session).await;

    let session = stage.linked().await;
    stage.emulator.fault(refuse(503)).await.unwrap();
    stage
        .emulator
        .fault(blazz_emulator::FaultRequest::new(blazz_emulator::Fault::DropSockets))
        .await
        .unwrap();
    report(&session, "refused", |report| report.reason == Some(StateReason::LoginRefused)).await;
    assert!(matches!(session.logout().await, Err(EngineError::NotConnected)));
    stage.emulator.clear_faults().await;
    connected(&session).await;
    stage.close(session).await;
    assert!(matches!(
        stage.reopen().await.reports().borrow().state,
        AccountState::Starting | AccountState::Connecting
    ));
}

fn refuse(reason: u16) -> blazz_emulator::FaultRequest {
    blazz_emulator::FaultRequest::new(blazz_emulator::Fault::RefuseLogins { reason })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_that_nobody_scans_runs_out() {
    let stage = Stage::new().await;
    let session = stage.open(false).await.unwrap();
    qr(&session).await;
    let mut codes = session.qr();
    let round_ends_at = codes.borrow_and_update().as_ref().unwrap().round_ends_at;
    let mut shown = 1;
    while tokio::time::timeout(Duration::from_secs(90), codes.changed()).await.unwrap().is_ok() {
        let Some(code) = codes.borrow_and_update().clone() else { break };
        assert!(code.round_ends_at.since(round_ends_at) < Duration::from_secs(1));
        assert!(code.expires_at <= code.round_ends_at);
        shown += 1;
    }
    assert_eq!(shown, 6);
    state_for(&session, AccountState::QrTimeout, StateReason::QrExpired).await;
    stage.close(session).await;
    // A start asks for new codes.
    let session = stage.linked().await;
    stage.close(session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_round_of_codes_ends_with_what_the_server_offers_and_a_start_begins_another() {
    let stage = Stage::new().await;
    let fault = blazz_emulator::FaultRequest::new(blazz_emulator::Fault::FewerCodes { codes: 0 }).times(1);
    stage.emulator.fault(fault).await.unwrap();
    let session = stage.open(false).await.unwrap();
    state_for(&session, AccountState::QrTimeout, StateReason::QrExpired).await;
    assert!(session.qr().borrow().is_none());
    stage.close(session).await;
    let session = stage.linked().await;
    stage.close(session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_phone_lists_the_device_under_the_name_that_was_chosen() {
    let mut stage = Stage::new().await;
    stage.settings.device_name = "Front desk ☎".to_owned();
    let session = stage.linked().await;
    let devices = stage.emulator.devices(crate::stage::ANNA).await.unwrap();
    assert_eq!(devices[0].name, "Front desk ☎");
    stage.close(session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_needs_a_passkey_says_so_and_can_be_tried_again() {
    let stage = Stage::new().await;
    let fault = blazz_emulator::FaultRequest::new(blazz_emulator::Fault::WantPasskey).times(1);
    stage.emulator.fault(fault).await.unwrap();
    let session = stage.open(false).await.unwrap();
    let code = qr(&session).await;
    let scanned = stage.emulator.scan(crate::stage::ANNA, &code).await;
    assert_eq!(scanned, Err(blazz_emulator::EmulatorError::PasskeyWanted));
    state_for(&session, AccountState::Failed, StateReason::PasskeyRequired).await;
    assert!(session.qr().borrow().is_none(), "that code leads nowhere");
    stage.close(session).await;
    let session = stage.linked().await;
    stage.close(session).await;
}
