//! Settings of chats and contacts reach every device of an account: the phone, the engine, the independent client.

use std::time::Duration;

use blazz_emulator::{PhoneSetting, SettingChange};
use serde_json::{Value, json};
use tempfile::TempDir;
use whatsapp_rust::prelude::*;
use whatsapp_rust::wacore::store::traits::AppSyncStore as _;

use crate::client::Baileys;
use crate::companion::Companion;
use crate::stage::{ANNA, BERT, CARL, Stage};

fn change(action: &str, chat: &str, on: bool) -> SettingChange {
    SettingChange { action: action.into(), chat: chat.into(), on, name: None }
}

impl Stage {
    /// The phone's setting of that kind for a chat, once it is as wanted.
    async fn setting(&self, kind: &str, chat: &Jid, is_it: impl Fn(&PhoneSetting) -> bool) -> PhoneSetting {
        self.until(&format!("the setting {kind}"), async || {
            let settings = self.emulator.settings(ANNA).await.unwrap();
            settings.into_iter().find(|setting| setting.index == [kind, &chat.to_string()] && is_it(setting))
        })
        .await
    }
}

/// Is there a chat that the client reports as wanted? It may report several at once.
fn any(chats: &Value, chat: &Jid, is_it: impl Fn(&Value) -> bool) -> bool {
    chats.as_array().unwrap().iter().any(|shown| shown["id"] == chat.to_string() && is_it(shown))
}

impl Companion {
    /// Waits until it has the key that the phone shares with it.
    async fn keyed(&self, stage: &Stage) {
        stage.until("the key", async || self.backend.get_latest_sync_key_id().await.unwrap()).await;
    }

    /// Waits until it has heard of it. The engine drops a notification that comes while it brings the same collection up to date, until the next
    /// one comes: so there is a next one.
    async fn archived(&self, stage: &Stage, chat: &Jid, archived: bool) {
        let is_it = |event: &Event| match event {
            Event::ArchiveUpdate(update) => {
                (update.jid == *chat && update.action.archived == Some(archived)).then_some(())
            }
            _ => None,
        };
        for round in 0..10 {
            let heard = self.wait("an archived chat", is_it);
            if tokio::time::timeout(Duration::from_secs(2), heard).await.is_ok() {
                return;
            }
            stage.emulator.change_setting(ANNA, change("pin", CARL, round % 2 == 0)).await.unwrap();
        }
        self.wait("an archived chat", is_it).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_companion_sets_the_phone_and_the_other_have() {
    let stage = Stage::new().await;
    let first = stage.link(ANNA).await;
    let second = stage.link(ANNA).await;
    first.keyed(&stage).await;
    second.keyed(&stage).await;
    let bert = Jid::pn(BERT);

    first.client.chat_actions().archive_chat(&bert, None).await.unwrap();
    second.archived(&stage, &bert, true).await;
    let set = stage.setting("archive", &bert, |setting| setting.on == Some(true)).await;
    assert_eq!(set.collection, "regular_low");
    second.client.chat_actions().pin_chat(&bert).await.unwrap();
    stage.setting("pin_v1", &bert, |setting| setting.on == Some(true)).await;
    second.client.chat_actions().unarchive_chat(&bert, None).await.unwrap();
    first.archived(&stage, &bert, false).await;
    stage.setting("archive", &bert, |setting| setting.on == Some(false)).await;
    first.client.chat_actions().mute_chat(&bert).await.unwrap();
    stage.setting("mute", &bert, |setting| setting.on == Some(true)).await;
    first.client.chat_actions().save_contact(&bert, Some("Bertie".into()), None, false).await.unwrap();
    let contact = stage.setting("contact", &bert, |setting| setting.name.is_some()).await;
    assert_eq!(contact.name.as_deref(), Some("Bertie"));

    // The phone's own changes reach both.
    stage.emulator.change_setting(ANNA, change("archive", CARL, true)).await.unwrap();
    let carl = Jid::pn(CARL);
    first.archived(&stage, &carl, true).await;
    second.archived(&stage, &carl, true).await;
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_companions_at_once_both_get_their_way() {
    let stage = Stage::new().await;
    let first = stage.link(ANNA).await;
    let second = stage.link(ANNA).await;
    first.keyed(&stage).await;
    second.keyed(&stage).await;
    let (bert, carl) = (Jid::pn(BERT), Jid::pn(CARL));
    for _ in 0..5 {
        let (first, second) = (first.client.chat_actions(), second.client.chat_actions());
        let (one, other) = tokio::join!(first.archive_chat(&bert, None), second.archive_chat(&carl, None));
        one.unwrap();
        other.unwrap();
    }
    stage.setting("archive", &bert, |setting| setting.on == Some(true)).await;
    stage.setting("archive", &carl, |setting| setting.on == Some(true)).await;
    first.archived(&stage, &carl, true).await;
    second.archived(&stage, &bert, true).await;
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_companion_begins_with_a_snapshot() {
    let stage = Stage::new().await;
    let first = stage.link(ANNA).await;
    first.keyed(&stage).await;
    for round in 0..25 {
        stage.emulator.change_setting(ANNA, change("archive", BERT, round % 2 == 0)).await.unwrap();
    }
    let (bert, carl) = (Jid::pn(BERT), Jid::pn(CARL));
    let late = stage.link(ANNA).await;
    late.keyed(&stage).await;
    late.archived(&stage, &bert, true).await;
    // And it can build on it.
    late.client.chat_actions().archive_chat(&carl, None).await.unwrap();
    first.archived(&stage, &carl, true).await;
    stage.setting("archive", &carl, |setting| setting.on == Some(true)).await;

    let session = TempDir::new().unwrap();
    let mut client = Baileys::link(&stage, ANNA, session.path()).await;
    client.event("keyed", |_| true).await;
    client.call("resyncAppState", json!([["regular_low"], false])).await;
    client.report("chats.update", |chats| any(chats, &bert, |chat| chat["archived"] == true)).await;
    let contact = json!([format!("{CARL}@s.whatsapp.net"), { "fullName": "Carla" }]);
    client.call("addOrEditContact", contact).await;
    stage.setting("contact", &carl, |setting| setting.name.as_deref() == Some("Carla")).await;
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_independent_client_and_the_engine_share_settings() {
    let stage = Stage::new().await;
    let session = TempDir::new().unwrap();
    let mut client = Baileys::link(&stage, ANNA, session.path()).await;
    let engine = stage.link(ANNA).await;
    engine.keyed(&stage).await;
    client.event("keyed", |_| true).await;
    let (bert, carl) = (Jid::pn(BERT), Jid::pn(CARL));

    let name = bert.to_string();
    let last = json!([{ "key": { "remoteJid": name, "id": "3A01", "fromMe": false }, "messageTimestamp": 1_700_000_000 }]);
    client.call("chatModify", json!([{ "archive": true, "lastMessages": last }, name])).await;
    engine.archived(&stage, &bert, true).await;
    stage.setting("archive", &bert, |setting| setting.on == Some(true)).await;
    client.call("chatModify", json!([{ "pin": true }, name])).await;
    stage.setting("pin_v1", &bert, |setting| setting.on == Some(true)).await;

    engine.client.chat_actions().archive_chat(&carl, None).await.unwrap();
    client.report("chats.update", |chats| any(chats, &carl, |chat| chat["archived"] == true)).await;
    stage.emulator.change_setting(ANNA, change("mute", CARL, true)).await.unwrap();
    client.report("chats.update", |chats| any(chats, &carl, |chat| !chat["muteEndTime"].is_null())).await;
    let muted = |event: &Event| match event {
        Event::MuteUpdate(update) if update.jid == carl => Some(update.action.muted),
        _ => None,
    };
    assert_eq!(engine.wait("the muted chat", muted).await, Some(true));
    stage.assert_all_answered().await;
}
