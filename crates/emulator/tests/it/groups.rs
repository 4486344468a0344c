//! Groups: the engine, the independent client and phones talk in one.

use blazz_emulator::{EmulatorError, GroupAction, ReceiptKind};
use serde_json::json;
use tempfile::TempDir;
use whatsapp_rust::features::{GroupCreateOptions, GroupParticipantOptions};
use whatsapp_rust::prelude::*;
use whatsapp_rust::wacore::stanza::groups::GroupNotificationAction;

use crate::client::{Baileys, id};
use crate::companion::Companion;
use crate::stage::{ANNA, BERT, CARL, Stage};

/// What a phone shall do with members of a group.
pub(crate) fn action(by: &str, action: &str, members: &[&str]) -> GroupAction {
    let members = members.iter().map(|member| (*member).to_owned()).collect();
    GroupAction { by: by.into(), action: action.into(), members }
}

/// A group of the three phones, with a companion of Anna that knows it.
pub(crate) async fn three(stage: &Stage) -> (Jid, Companion) {
    let anna = stage.link(ANNA).await;
    let group = stage.emulator.create_group(BERT, "Three", &[ANNA, CARL]).await.unwrap();
    anna.group_update("the new group", |action| matches!(action, GroupNotificationAction::Create { .. }))
        .await;
    (group.id.parse().unwrap(), anna)
}

/// The user part of a phone's LID.
pub(crate) async fn lid(stage: &Stage, phone: &str) -> String {
    stage.emulator.phones().await.into_iter().find(|info| info.phone == phone).unwrap().lid
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_engine_creates_a_group_and_talks_with_phones_and_companions() {
    let stage = Stage::new().await;
    let anna = stage.link(ANNA).await;
    let bert = stage.link(BERT).await;
    let options = GroupCreateOptions {
        subject: "Holidays".into(),
        participants: [BERT, CARL].map(|phone| GroupParticipantOptions::new(Jid::pn(phone))).to_vec(),
        ..Default::default()
    };
    let created = anna.client.groups().create_group(options).await.unwrap().metadata;
    assert_eq!((created.subject.as_str(), created.participants.len()), ("Holidays", 3));
    let group = created.id;
    bert.group_update("the new group", |action| matches!(action, GroupNotificationAction::Create { .. }))
        .await;

    let sent = anna.send_to(&group, "hello all").await;
    assert_eq!(anna.server_ack(&sent).await, None);
    let got = bert.message("hello all").await;
    assert_eq!((got.id.as_str(), got.chat, got.is_from_me), (sent.as_str(), group.to_string(), false));
    for phone in [ANNA, BERT, CARL] {
        let seen = stage.phone_has(phone, &sent).await;
        assert_eq!((seen.body.as_str(), seen.from.as_str(), seen.from_device), ("hello all", ANNA, 1));
        assert_eq!(seen.group.as_deref(), Some(group.to_string().as_str()));
    }
    anna.receipt(&sent, "Delivered").await;

    // Under the key that everybody has by now, and under others' keys.
    for round in 0..3 {
        let text = format!("again {round}");
        let id = anna.send_to(&group, &text).await;
        assert_eq!(bert.message(&text).await.id, id);
        assert_eq!(stage.phone_has(CARL, &id).await.body, text);
        let text = format!("and back {round}");
        let id = bert.send_to(&group, &text).await;
        assert_eq!(anna.message(&text).await.id, id);
        assert_eq!(stage.phone_has(CARL, &id).await.from, BERT);
        let text = format!("from a phone {round}");
        let id = stage.emulator.send_text(CARL, &group.to_string(), &text, None).await.unwrap();
        assert_eq!(anna.message(&text).await.id, id);
        assert_eq!(bert.message(&text).await.chat, group.to_string());
        assert_eq!(stage.phone_has(ANNA, &id).await.arrivals, 1);
    }
    assert_eq!(stage.emulator.stats().await.phone_retries, 0);
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_in_a_group_name_who_read() {
    let stage = Stage::new().await;
    let (group, anna) = three(&stage).await;
    let sent = anna.send_to(&group, "who reads this?").await;
    stage.phone_has(CARL, &sent).await;
    stage.emulator.receipts_in(CARL, &group.to_string(), ANNA, None, ReceiptKind::Read).await.unwrap();
    let reader = anna
        .wait("Carl's receipt", |event| match event {
            Event::Receipt(receipt)
                if receipt.message_ids.contains(&sent) && format!("{:?}", receipt.r#type) == "Read" =>
            {
                Some((receipt.source.chat.clone(), receipt.source.sender.user.to_string()))
            }
            _ => None,
        })
        .await;
    let carl = stage.emulator.phones().await.into_iter().find(|phone| phone.phone == CARL).unwrap();
    assert_eq!(reader, (group.clone(), carl.lid));

    let sent = stage.emulator.send_text(BERT, &group.to_string(), "and this?", None).await.unwrap();
    anna.message("and this?").await;
    let author = Jid::lid_device(lid(&stage, BERT).await, 0);
    anna.client.mark_as_read(&group, Some(&author), &[sent.as_str()]).await.unwrap();
    stage
        .until("Anna's receipt", async || {
            let receipts = stage.emulator.received_receipts(BERT).await.unwrap();
            receipts.into_iter().find(|receipt| {
                receipt.id == sent
                    && receipt.kind == "read"
                    && receipt.from == ANNA
                    && receipt.group.is_some()
            })
        })
        .await;
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_without_the_key_asks_for_the_message_again() {
    let stage = Stage::new().await;
    let (group, anna) = three(&stage).await;
    let first = anna.send_to(&group, "the key comes with this").await;
    stage.phone_has(CARL, &first).await;
    let forget = serde_json::from_value(json!({ "kind": "forget_sessions", "phone": CARL })).unwrap();
    stage.emulator.fault(forget).await.unwrap();
    let second = anna.send_to(&group, "the key is lost").await;
    assert_eq!(stage.phone_has(CARL, &second).await.body, "the key is lost");
    assert!(stage.emulator.stats().await.phone_retries > 0);
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_left_reads_nothing_more_and_who_came_reads_the_next() {
    let stage = Stage::new().await;
    let (group, anna) = three(&stage).await;
    let name = group.to_string();
    let first = anna.send_to(&group, "the three of us").await;
    stage.phone_has(CARL, &first).await;
    let by_phone = stage.emulator.send_text(BERT, &name, "with a phone's key", None).await.unwrap();
    anna.message("with a phone's key").await;
    stage.phone_has(CARL, &by_phone).await;

    stage.emulator.act_on_members(&name, action(BERT, "remove", &[CARL])).await.unwrap();
    anna.group_update("Carl's end", |action| matches!(action, GroupNotificationAction::Remove { .. })).await;
    let second = anna.send_to(&group, "without Carl").await;
    stage.phone_has(BERT, &second).await;
    let third = stage.emulator.send_text(BERT, &name, "a fresh key", None).await.unwrap();
    anna.message("a fresh key").await;
    assert_eq!(
        stage.emulator.send_text(CARL, &name, "me?", None).await,
        Err(EmulatorError::Refused("the phone may not write to that group".into()))
    );

    let code = stage.emulator.group(&name).await.unwrap().invite_code;
    stage.emulator.join_group(CARL, &code).await.unwrap();
    anna.group_update("Carl again", |action| matches!(action, GroupNotificationAction::Add { .. })).await;
    let fourth = anna.send_to(&group, "with Carl again").await;
    assert_eq!(stage.phone_has(CARL, &fourth).await.body, "with Carl again");
    let carl = stage.emulator.messages(CARL).await.unwrap();
    assert!(carl.iter().all(|message| message.id != second && message.id != third));
    assert_eq!(stage.emulator.stats().await.phone_retries, 0);
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_independent_client_the_engine_and_a_phone_converse_in_one_group() {
    let stage = Stage::new().await;
    let session = TempDir::new().unwrap();
    let mut anna = Baileys::link(&stage, ANNA, session.path()).await;
    let bert = stage.link(BERT).await;
    let (bert_lid, carl_lid) = (lid(&stage, BERT).await, lid(&stage, CARL).await);

    let members = json!([format!("{BERT}@s.whatsapp.net"), format!("{CARL}@s.whatsapp.net")]);
    let created = anna.call("groupCreate", json!(["Friends", members])).await;
    assert_eq!(
        (&created["subject"], created["participants"].as_array().unwrap().len()),
        (&json!("Friends"), 3)
    );
    let group: Jid = created["id"].as_str().unwrap().parse().unwrap();
    let name = group.to_string();
    anna.report("groups.upsert", |groups| groups[0]["id"] == name.as_str()).await;

    let sent = anna.send(&name, json!({ "text": "from the client" })).await;
    assert_eq!(bert.message("from the client").await.id, id(&sent));
    assert_eq!(stage.phone_has(CARL, id(&sent)).await.group.as_deref(), Some(name.as_str()));
    assert_eq!(stage.phone_has(ANNA, id(&sent)).await.from_device, 1);
    stage.emulator.receipts_in(CARL, &name, ANNA, None, ReceiptKind::Read).await.unwrap();
    // While the client still collects what it missed, a receipt comes inside of the chat's message.
    let is_carls = |receipt: &serde_json::Value| {
        receipt["userJid"] == format!("{carl_lid}@lid") && !receipt["readTimestamp"].is_null()
    };
    anna.any_event("Carl's receipt", |event| match event["event"].as_str() {
        Some("message-receipt.update") => {
            event["report"].as_array().unwrap().iter().any(|update| is_carls(&update["receipt"]))
        }
        Some("chats.update") => {
            let receipts = &event["report"][0]["messages"][0]["message"]["userReceipt"];
            receipts.as_array().is_some_and(|receipts| receipts.iter().any(is_carls))
        }
        _ => false,
    })
    .await;

    for round in 0..2 {
        let text = format!("from the engine {round}");
        let sent = bert.send_to(&group, &text).await;
        let got = anna.message(&sent).await;
        assert_eq!((&got["key"]["remoteJid"], &got["message"]["conversation"]), (&json!(name), &json!(text)));
        assert_eq!(got["key"]["participant"], format!("{bert_lid}@lid"));
        let text = format!("from the phone {round}");
        let sent = stage.emulator.send_text(CARL, &name, &text, None).await.unwrap();
        assert_eq!(anna.message(&sent).await["message"]["conversation"], text.as_str());
        assert_eq!(bert.message(&text).await.id, sent);
        let text = format!("from the client {round}");
        let sent = anna.send(&name, json!({ "text": text })).await;
        assert_eq!(bert.message(&text).await.id, id(&sent));
    }

    // What it could not read it asks for again, and what others could not it sends again.
    let forget = serde_json::from_value(json!({ "kind": "forget_sessions", "phone": CARL })).unwrap();
    stage.emulator.fault(forget).await.unwrap();
    let sent = anna.send(&name, json!({ "text": "once more" })).await;
    assert_eq!(stage.phone_has(CARL, id(&sent)).await.body, "once more");
    let sent = stage.emulator.send_text(CARL, &name, "in fresh sessions", None).await.unwrap();
    assert_eq!(anna.message(&sent).await["message"]["conversation"], "in fresh sessions");
    stage.assert_all_answered().await;
}
