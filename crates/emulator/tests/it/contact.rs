//! Blocking, presence, typing, privacy and trust between accounts.

use blazz_emulator::{Activity, Availability, PhoneChange};
use reqwest::Method;
use serde_json::json;
use whatsapp_rust::NodeFilter;
use whatsapp_rust::prelude::*;
use whatsapp_rust::wacore::iq::privacy::{
    DisallowedListAction, DisallowedListUpdate, DisallowedListUserEntry, PrivacyCategory, PrivacyValue,
};

use crate::admin::Api;
use crate::companion::{Companion, PATIENCE};
use crate::stage::{ANNA, BERT, CARL, Stage};

fn lid(phone: &str) -> Jid {
    Jid::lid(format!("9{}", phone.chars().rev().collect::<String>()))
}

/// Is this one of the two addresses of a phone?
fn is_of(jid: &Jid, phone: &str) -> bool {
    jid.user == phone || jid.user == lid(phone).user
}

async fn presence(companion: &Companion, of: &str, available: bool) -> Option<i64> {
    companion
        .wait(&format!("presence, available: {available}"), |event| match event {
            Event::Presence(update) if is_of(&update.from, of) && update.unavailable != available => {
                Some(update.last_seen.map(|last_seen| last_seen.timestamp()))
            }
            _ => None,
        })
        .await
}

async fn typing(companion: &Companion, of: &str, state: &str) {
    companion
        .wait(&format!("{state} of {of}"), |event| match event {
            Event::ChatPresence(update)
                if is_of(&update.source.sender, of)
                    && format!("{:?} {:?}", update.state, update.media) == state =>
            {
                Some(())
            }
            _ => None,
        })
        .await;
}

async fn phone_saw(stage: &Stage, phone: &str, from: &str, state: &str) {
    stage
        .until(&format!("{state} on the phone"), async || {
            let signals = stage.emulator.signals(phone).await.unwrap();
            signals.into_iter().find(|signal| signal.from == from && signal.state == state)
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_sender_is_answered_but_not_delivered() {
    let stage = Stage::new().await;
    let (anna, bert) = (stage.link(ANNA).await, stage.link(BERT).await);
    let second = stage.link(BERT).await;
    anna.send(BERT, "before").await;
    bert.message("before").await;

    let told = second.client.wait_for_node(NodeFilter::tag("notification").attr("type", "account_sync"));
    bert.client.blocking().block(&lid(ANNA)).await.unwrap();
    assert!(bert.client.blocking().is_blocked(&Jid::pn(ANNA)).await.unwrap());
    let told = tokio::time::timeout(PATIENCE, told).await.unwrap().unwrap();
    assert!(told.get().get_optional_child("blocklist").is_some());
    assert_eq!(stage.emulator.blocked(BERT).await.unwrap(), [ANNA]);

    let companion_sent = anna.send(BERT, "blocked").await;
    assert_eq!(anna.server_ack(&companion_sent).await, None);
    let phone_sent = stage.emulator.send_text(ANNA, BERT, "blocked too", None).await.unwrap();
    stage.emulator.act(ANNA, BERT, Activity::Composing).await.unwrap();
    // What the sender's own devices see does not give the block away.
    anna.message("blocked too").await;

    bert.client.blocking().unblock(&lid(ANNA)).await.unwrap();
    let after = anna.send(BERT, "after").await;
    bert.message("after").await;
    stage.phone_has(BERT, &after).await;
    let arrived = stage.emulator.messages(BERT).await.unwrap();
    assert!(!arrived.iter().any(|message| message.id == companion_sent || message.id == phone_sent));
    assert!(!bert.received().iter().any(|message| message.text.starts_with("blocked")));
    assert_eq!(bert.count(EventKind::ChatPresence), 0);
    assert!(stage.emulator.signals(BERT).await.unwrap().is_empty());
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn presence_follows_the_phone_with_the_time_it_was_seen_last() {
    let stage = Stage::new().await;
    let anna = stage.link(ANNA).await;
    anna.client.presence().subscribe(lid(BERT)).await.unwrap();
    assert_eq!(presence(&anna, BERT, false).await, None);
    stage.emulator.set_presence(BERT, Availability::Available).await.unwrap();
    presence(&anna, BERT, true).await;
    anna.forget();
    stage.emulator.set_presence(BERT, Availability::Unavailable).await.unwrap();
    let seen = presence(&anna, BERT, false).await.unwrap();
    assert!(seen > 1_700_000_000);

    // Who hides when it was seen last is still seen online, unless that follows.
    let hide = |category: &str, value: &str| PhoneChange {
        privacy: [(category.to_owned(), value.to_owned())].into(),
        ..PhoneChange::default()
    };
    stage.emulator.change_phone(BERT, hide("last", "none")).await.unwrap();
    anna.forget();
    stage.emulator.set_presence(BERT, Availability::Available).await.unwrap();
    presence(&anna, BERT, true).await;
    stage.emulator.set_presence(BERT, Availability::Unavailable).await.unwrap();
    assert_eq!(presence(&anna, BERT, false).await, None);
    stage.emulator.change_phone(BERT, hide("online", "match_last_seen")).await.unwrap();
    anna.forget();
    stage.emulator.set_presence(BERT, Availability::Available).await.unwrap();
    stage.emulator.send_text(BERT, ANNA, "behind it", None).await.unwrap();
    anna.message("behind it").await;
    assert_eq!(anna.count(EventKind::Presence), 0);
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_sees_the_presence_and_the_typing_of_a_companion() {
    let stage = Stage::new().await;
    let mut anna = stage.link(ANNA).await;
    stage.emulator.subscribe_presence(BERT, ANNA).await.unwrap();
    anna.client.profile().set_push_name("Anna").await.unwrap();
    anna.client.presence().set_available().await.unwrap();
    phone_saw(&stage, BERT, ANNA, "available").await;
    anna.client.chatstate().send_composing(&Jid::pn(BERT)).await.unwrap();
    anna.client.chatstate().send_recording(&Jid::pn(BERT)).await.unwrap();
    anna.client.chatstate().send_paused(&Jid::pn(BERT)).await.unwrap();
    for state in ["composing", "recording", "paused"] {
        phone_saw(&stage, BERT, ANNA, state).await;
    }
    anna.stop().await;
    let gone = stage
        .until("the companion's end", async || {
            let last = stage.emulator.signals(BERT).await.unwrap().pop()?;
            (last.state == "unavailable").then_some(last)
        })
        .await;
    assert!(gone.last_seen.is_some());
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn typing_reaches_a_companion_also_when_it_was_just_offline() {
    let stage = Stage::new().await;
    let mut anna = stage.link(ANNA).await;
    stage.emulator.act(BERT, ANNA, Activity::Composing).await.unwrap();
    typing(&anna, BERT, "Composing Text").await;
    stage.emulator.act(BERT, ANNA, Activity::Paused).await.unwrap();
    typing(&anna, BERT, "Paused Text").await;
    anna.stop().await;
    stage.device(ANNA, |devices| devices[0].sockets == 0).await;
    stage.emulator.act(BERT, ANNA, Activity::Recording).await.unwrap();
    anna.restart().await;
    typing(&anna, BERT, "Composing Audio").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_are_refused_until_they_are_trusted_or_known() {
    let stage = Stage::new().await;
    let (anna, carl) = (stage.link(ANNA).await, stage.link(CARL).await);
    let change = PhoneChange { refuses_strangers: Some(true), ..PhoneChange::default() };
    assert!(stage.emulator.change_phone(BERT, change).await.unwrap().refuses_strangers);
    let refused = anna.send(BERT, "let me in").await;
    assert_eq!(anna.server_ack(&refused).await.as_deref(), Some("463"));

    // A token lets Anna in, and only her.
    let issued = anna.client.wait_for_node(NodeFilter::tag("notification").attr("type", "privacy_token"));
    stage.emulator.trust(BERT, ANNA).await.unwrap();
    tokio::time::timeout(PATIENCE, issued).await.unwrap().unwrap();
    let key = lid(BERT).user.to_string();
    stage
        .until("the token", async || {
            let kept = anna.client.tc_token().get(&key).await.unwrap()?;
            (!kept.token.is_empty()).then_some(())
        })
        .await;
    let taken = anna.send(BERT, "with a token").await;
    assert_eq!(anna.server_ack(&taken).await, None);
    stage.phone_has(BERT, &taken).await;
    let refused = carl.send(BERT, "and me?").await;
    assert_eq!(carl.server_ack(&refused).await.as_deref(), Some("463"));

    // Whom the account wrote to is no stranger.
    stage.emulator.send_text(BERT, CARL, "who are you?", None).await.unwrap();
    carl.message("who are you?").await;
    let taken = carl.send(BERT, "Carl").await;
    stage.phone_has(BERT, &taken).await;
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_are_checked_kept_and_told_to_the_other_companions() {
    let stage = Stage::new().await;
    let (anna, second) = (stage.link(ANNA).await, stage.link(ANNA).await);
    let told = second.client.wait_for_node(NodeFilter::tag("notification").attr("type", "account_sync"));
    anna.client.set_privacy_setting(PrivacyCategory::Last, PrivacyValue::None).await.unwrap();
    let told = tokio::time::timeout(PATIENCE, told).await.unwrap().unwrap();
    assert!(told.get().get_optional_child("privacy").is_some());
    let kept = second.client.fetch_privacy_settings().await.unwrap();
    assert_eq!(kept.get_value(&PrivacyCategory::Last), Some(&PrivacyValue::None));
    let other = PrivacyCategory::Other("weather".into());
    let refused = anna.client.set_privacy_setting(other, PrivacyValue::All).await;
    assert!(refused.unwrap_err().to_string().contains("406"));

    // Everybody but Bert, of those whom Anna wrote to; a list that changed meanwhile is a conflict.
    for phone in [BERT, CARL] {
        let id = anna.send(phone, "hi").await;
        stage.phone_has(phone, &id).await;
    }
    let leave_out = async |phone: &str, dhash: &str| {
        let user = DisallowedListUserEntry {
            action: DisallowedListAction::Add,
            jid: lid(phone),
            pn_jid: Some(Jid::pn(phone)),
        };
        let update = DisallowedListUpdate { dhash: dhash.to_owned(), users: vec![user] };
        anna.client.set_privacy_disallowed_list(PrivacyCategory::Status, update).await
    };
    leave_out(BERT, "none").await.unwrap();
    assert!(leave_out(CARL, "none").await.unwrap_err().to_string().contains("409"));
    for (phone, sees) in [(BERT, false), (CARL, true)] {
        let companion = stage.link(phone).await;
        let info = companion.client.contacts().get_user_info(&[Jid::pn(ANNA)]).await.unwrap();
        assert_eq!(info.into_values().next().unwrap().status.is_some(), sees, "{phone}");
    }
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contacts_over_http() {
    let stage = Stage::new().await;
    let api = Api::new(stage.emulator.admin_url());
    let path = format!("/phones/{ANNA}");
    assert_eq!(api.call(Method::PUT, &format!("{path}/subscriptions/{BERT}"), None).await.0, 204);
    assert_eq!(api.post(&format!("/phones/{BERT}/presence"), json!({ "state": "available" })).await.0, 204);
    let typing = json!({ "to": ANNA, "state": "recording" });
    assert_eq!(api.post(&format!("/phones/{BERT}/chatstate"), typing).await.0, 204);
    stage
        .until("what the phone saw", async || {
            let seen = api.get(&format!("{path}/presence")).await.1;
            let states: Vec<String> = seen
                .as_array()?
                .iter()
                .filter_map(|signal| signal["state"].as_str().map(str::to_owned))
                .collect();
            (states == ["unavailable", "available", "recording"]).then_some(())
        })
        .await;

    let blocked = format!("{path}/blocked");
    assert_eq!(api.call(Method::PUT, &format!("{blocked}/{BERT}"), None).await.0, 204);
    assert_eq!(api.get(&blocked).await.1, json!([BERT]));
    assert_eq!(api.call(Method::DELETE, &format!("{blocked}/{BERT}"), None).await.0, 204);
    assert_eq!(api.get(&blocked).await.1, json!([]));

    assert_eq!(api.call(Method::PUT, &format!("{path}/tokens/{BERT}"), None).await.0, 204);
    let strict = json!({ "refuses_strangers": true, "privacy": { "last": "contacts" } });
    let (status, phone) = api.call(Method::PATCH, &path, Some(strict)).await;
    assert_eq!((status, &phone["refuses_strangers"]), (200, &json!(true)));
    let wrong = json!({ "privacy": { "last": "sometimes" } });
    assert_eq!(api.call(Method::PATCH, &path, Some(wrong)).await.1["code"], "bad_request");
    for (path, body, code) in [
        (format!("{path}/presence"), json!({ "state": "asleep" }), "bad_json"),
        (format!("{path}/chatstate"), json!({ "to": "15559999999", "state": "paused" }), "unknown_recipient"),
        ("/phones/15559999999/presence".to_owned(), json!({ "state": "available" }), "unknown_phone"),
    ] {
        assert_eq!(api.post(&path, body).await.1["code"], code, "{path}");
    }
}
