//! Published keys run low, run out, and are compared.

use serde_json::json;
use tempfile::TempDir;

use crate::client::Baileys;
use crate::stage::{ANNA, BERT, Stage};

/// Phones that each take one key of a companion when they write to it first.
async fn strangers_write(stage: &Stage, to: &str, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let phone = format!("1555100{number:04}");
        stage.emulator.add_phone(&phone, "Stranger").await.unwrap();
        stage.emulator.send_text(&phone, to, &format!("stranger {number}"), None).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_engine_publishes_more_keys_when_few_are_left() {
    let stage = Stage::new().await;
    let anna = stage.link(ANNA).await;
    let before = stage.device(ANNA, |devices| devices[0].prekeys > 0).await[0].prekeys;
    strangers_write(&stage, ANNA, 0..before).await;
    anna.message(&format!("stranger {}", before - 1)).await;
    stage.device(ANNA, |devices| devices[0].prekeys >= 10).await;
    strangers_write(&stage, ANNA, before..before + 3).await;
    anna.message(&format!("stranger {}", before + 2)).await;
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_companion_without_one_time_keys_is_still_written_to() {
    let stage = Stage::new().await;
    let mut anna = stage.link(ANNA).await;
    let before = stage.device(ANNA, |devices| devices[0].prekeys > 0).await[0].prekeys;
    anna.stop().await;
    strangers_write(&stage, ANNA, 0..before + 3).await;
    assert_eq!(stage.emulator.devices(ANNA).await.unwrap()[0].prekeys, 0);
    anna.restart().await;
    anna.message(&format!("stranger {}", before + 2)).await;
    // It noticed at its login that there are none left.
    stage.device(ANNA, |devices| devices[0].prekeys > 0).await;
    assert_eq!(anna.received().len(), before + 3);
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_independent_client_publishes_more_keys_and_compares_them() {
    let stage = Stage::new().await;
    let session = TempDir::new().unwrap();
    let mut anna = Baileys::link(&stage, ANNA, session.path()).await;
    let before = stage.device(ANNA, |devices| devices[0].prekeys > 0).await[0].prekeys;
    anna.command(json!({ "do": "digest" })).await;
    let digest = anna.event("digest", |_| true).await;
    assert_eq!((&digest["same"], &digest["count"]), (&json!(true), &json!(before)));

    // Another takes its keys, one after the other, until few are left.
    let session = TempDir::new().unwrap();
    let mut bert = Baileys::link(&stage, BERT, session.path()).await;
    let lid = stage.emulator.phones().await.into_iter().find(|phone| phone.phone == ANNA).unwrap().lid;
    for _ in 0..before - 4 {
        bert.call("assertSessions", json!([[format!("{lid}:1@lid")], true])).await;
    }
    stage.device(ANNA, |devices| devices[0].prekeys >= 10).await;
    let sent = stage.emulator.send_text(BERT, ANNA, "still here", None).await.unwrap();
    assert_eq!(anna.message(&sent).await["message"]["conversation"], "still here");
    stage.assert_all_answered().await;
}
