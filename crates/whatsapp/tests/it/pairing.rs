//! Linking by a code that is typed into the phone.

use std::time::Duration;

use blazz_domain::{AccountState, Clock as _, PhoneNumber, SystemClock};
use blazz_emulator::{EmulatorError, Fault, FaultRequest};
use blazz_whatsapp::PairingError;

use crate::stage::{ANNA, Stage, connected, qr, state};

fn anna() -> PhoneNumber {
    format!("+{ANNA}").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_typed_code_becomes_a_connected_session() {
    let stage = Stage::new().await;
    let session = stage.open(false).await.unwrap();
    qr(&session).await;
    let asked = SystemClock.now();
    let code = session.pairing_code(&anna()).await.unwrap();
    assert!(code.expires_at.since(asked) <= Duration::from_secs(181), "{code:?}");
    assert!(code.expires_at.since(asked) >= Duration::from_secs(170), "{code:?}");
    assert!(!format!("{code:?}").contains(&code.code), "the code is a secret");

    let device = stage.emulator.enter_code(ANNA, &code.code).await.unwrap();
    let report = connected(&session).await;
    assert_eq!(report.phone.unwrap().digits(), ANNA);
    assert_eq!(stage.emulator.devices(ANNA).await.unwrap()[0].device, device);
    assert_eq!(session.pairing_code(&anna()).await, Err(PairingError::NotReady));
    assert_eq!(stage.emulator.stats().await.unanswered, std::collections::BTreeMap::new());
    stage.close(session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_last_code_counts_and_a_wrong_one_links_nothing() {
    let stage = Stage::new().await;
    let session = stage.open(false).await.unwrap();
    qr(&session).await;
    let first = session.pairing_code(&anna()).await.unwrap().code;
    let second = session.pairing_code(&anna()).await.unwrap().code;
    assert_ne!(first, second);
    assert_eq!(stage.emulator.enter_code(ANNA, &first).await, Err(EmulatorError::WrongCode));
    assert_eq!(stage.emulator.enter_code(ANNA, "short").await, Err(EmulatorError::BadCode));
    state(&session, AccountState::Qr).await;
    let third = session.pairing_code(&anna()).await.unwrap().code;
    stage.emulator.enter_code(ANNA, &third).await.unwrap();
    connected(&session).await;
    stage.close(session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_whatsapp_refuses_has_a_reason_and_the_qr_code_stays() {
    let stage = Stage::new().await;
    let session = stage.open(false).await.unwrap();
    let shown = qr(&session).await;
    for (code, limited) in [(429, true), (400, true), (452, false), (403, false)] {
        stage.emulator.fault(FaultRequest::new(Fault::RefuseLinkCodes { code }).times(1)).await.unwrap();
        let refused = session.pairing_code(&anna()).await.unwrap_err();
        assert_eq!(refused == PairingError::RateLimited, limited, "{code}: {refused}");
        assert!(limited || matches!(refused, PairingError::Refused(_)), "{code}: {refused}");
    }
    stage.emulator.scan(ANNA, &shown).await.unwrap();
    connected(&session).await;
    stage.close(session).await;
}
