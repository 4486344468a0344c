//! Published keys run low, run out, and are compared.

use serde_json::json;
use tempfile::TempDir;
use whatsapp_rust::prelude::*;
use whatsapp_rust::wacore::request::InfoQuery;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::NodeContent;

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

    // It publishes nothing for five seconds after it did; started again, it does not know of that.
    anna.stop().await;
    let mut anna = Baileys::start(&stage, session.path());
    anna.event("open", |_| true).await;
    // Another takes its keys until so few are left that it publishes more.
    let bert = stage.link(BERT).await;
    let taken =
        (0..before - 4).map(|_| NodeBuilder::new("user").attr("jid", Jid::pn_device(ANNA, 1)).build());
    let key = NodeBuilder::new("key").children(taken.collect::<Vec<_>>()).build();
    let server = Jid::new("", Server::Pn);
    let query = InfoQuery::get("encrypt", server, Some(NodeContent::Nodes(vec![key])));
    bert.client.send_iq(query).await.unwrap();
    stage.device(ANNA, |devices| devices[0].prekeys > 4).await;
    let sent = stage.emulator.send_text(BERT, ANNA, "still here", None).await.unwrap();
    assert_eq!(anna.message(&sent).await["message"]["conversation"], "still here");
    stage.assert_all_answered().await;
}
