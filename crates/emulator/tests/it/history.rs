//! A phone hands its past over to new companions, and more of it when one asks.

use std::collections::BTreeSet;
use std::sync::Arc;

use blazz_emulator::PastMessage;
use serde_json::json;
use tempfile::TempDir;
use whatsapp_rust::prelude::*;

use crate::client::Baileys;
use crate::companion::Companion;
use crate::stage::{ANNA, BERT, CARL, Stage};

const INITIAL_BOOTSTRAP: i32 = 0;
const RECENT: i32 = 3;
const PUSH_NAME: i32 = 4;
const ON_DEMAND: i32 = 6;

fn past(chat: &str, from: &str, text: &str, minute: u32) -> PastMessage {
    let at = format!("2024-05-01T10:{minute:02}:00Z");
    serde_json::from_value(
        json!({ "chat": chat, "from": from, "text": text, "at": at, "id": format!("PAST-{minute}") }),
    )
    .ok()
    .unwrap()
}

async fn with_past() -> Stage {
    let stage = Stage::new().await;
    let history = vec![
        past(BERT, BERT, "shall we meet?", 1),
        past(BERT, ANNA, "tomorrow", 2),
        past(CARL, CARL, "happy birthday", 3),
        past(BERT, BERT, "fine", 4),
    ];
    assert_eq!(stage.emulator.put_history(ANNA, history).await.unwrap(), 4);
    stage
}

/// The chunk of that kind, unpacked.
async fn chunk(companion: &Companion, kind: i32) -> wa::HistorySync {
    let is_it = |event: &Event| match event {
        Event::HistorySync(history) if history.sync_type() == kind => history.get().cloned(),
        _ => None,
    };
    companion.wait(&format!("history of type {kind}"), is_it).await
}

fn texts(history: &wa::HistorySync, chat: &str) -> Vec<String> {
    let of_chat =
        history.conversations.iter().filter(|conversation| conversation.pn_jid.as_deref() == Some(chat));
    let messages = of_chat.flat_map(|conversation| &conversation.messages);
    let texts = messages.map(|message| {
        let message = message.message.as_option().unwrap();
        let from = if message.key.as_option().unwrap().from_me == Some(true) { "me" } else { "other" };
        format!("{from}: {}", message.message.as_option().unwrap().conversation.clone().unwrap())
    });
    texts.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_engine_takes_the_history_and_asks_for_more() {
    let stage = with_past().await;
    // What came since is a part of it.
    let id = stage.emulator.send_text(CARL, ANNA, "just now", None).await.unwrap();
    stage.phone_has(ANNA, &id).await;
    let anna = stage.link(ANNA).await;
    let (bert, carl) = (format!("{BERT}@s.whatsapp.net"), format!("{CARL}@s.whatsapp.net"));

    let bootstrap = chunk(&anna, INITIAL_BOOTSTRAP).await;
    assert_eq!(texts(&bootstrap, &bert), ["other: fine"]);
    let names = chunk(&anna, PUSH_NAME).await;
    let mut names: Vec<String> = names.pushnames.into_iter().filter_map(|name| name.pushname).collect();
    names.sort();
    assert_eq!(names, ["Bert", "Carl"]);
    let recent = chunk(&anna, RECENT).await;
    assert_eq!(texts(&recent, &bert), ["other: fine", "me: tomorrow", "other: shall we meet?"]);
    assert_eq!(texts(&recent, &carl), ["other: just now", "other: happy birthday"]);

    let client: &Arc<Client> = &anna.client;
    client.fetch_message_history(&Jid::pn(BERT), "PAST-4", false, 1_714_557_840_000, 1).await.unwrap();
    let older = chunk(&anna, ON_DEMAND).await;
    assert_eq!(texts(&older, &bert), ["me: tomorrow"]);
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_independent_client_takes_the_history_and_asks_for_more() {
    let stage = with_past().await;
    let session = TempDir::new().unwrap();
    let mut anna = Baileys::link_with_history(&stage, ANNA, session.path()).await;

    // It reports what it is handed in one piece or in several, each message once.
    let mut texts = BTreeSet::new();
    while texts.len() < 4 {
        let report = anna.report("messaging-history.set", |_| true).await;
        let messages = report["messages"].as_array().unwrap();
        let new = messages.iter().filter_map(|message| message["message"]["conversation"].as_str());
        texts.extend(new.map(str::to_owned));
    }
    assert!(texts.iter().eq(["fine", "happy birthday", "shall we meet?", "tomorrow"]), "{texts:?}");

    // What comes live is reported after everything that it was handed.
    let live = stage.emulator.send_text(CARL, ANNA, "live", None).await.unwrap();
    anna.message(&live).await;
    let oldest = json!({ "remoteJid": format!("{BERT}@s.whatsapp.net"), "fromMe": false, "id": "PAST-4" });
    let request = anna.call("fetchMessageHistory", json!([2, oldest, 1_714_557_840_000_u64])).await;
    // It leaves out the messages that it has been told of before.
    let more = anna.report("messaging-history.set", |report| report["syncType"] == ON_DEMAND).await;
    assert_eq!(more["peerDataRequestSessionId"], request);
    let sent = anna.send(BERT, json!({ "text": "and on" })).await;
    assert_eq!(stage.phone_has(BERT, crate::client::id(&sent)).await.body, "and on");
    stage.assert_all_answered().await;
}
