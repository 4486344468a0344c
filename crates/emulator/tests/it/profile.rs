//! Pictures, about texts and names: set by companions and by phones, seen by others.

use blazz_emulator::{EmulatorError, PhoneChange};
use reqwest::Method;
use serde_json::json;
use whatsapp_rust::prelude::*;
use whatsapp_rust::wacore::iq::contacts::ProfilePictureSpec;

use crate::admin::Api;
use crate::companion::Companion;
use crate::stage::{ANNA, BERT, CARL, Stage};

fn jpeg(mark: u8) -> Vec<u8> {
    [&[0xff, 0xd8, 0xff, 0xe0][..], &[mark; 2000], &[0xff, 0xd9]].concat()
}

/// The id of the picture that was announced for `phone`; `None` for its removal.
async fn picture_update(companion: &Companion, phone: &str, removed: bool) -> Option<String> {
    companion
        .wait("a picture update", |event| match event {
            Event::PictureUpdate(update) if update.jid.user == phone && update.removed == removed => {
                Some(update.picture_id.clone())
            }
            _ => None,
        })
        .await
}

async fn about_update(companion: &Companion, phone: &str, about: &str) {
    companion
        .wait(&format!("the about text {about:?}"), |event| match event {
            Event::UserAboutUpdate(update) if update.jid.user == phone && update.status == about => Some(()),
            _ => None,
        })
        .await;
}

/// Anna and Bert, who wrote to each other's phones.
async fn acquainted(stage: &Stage) -> (Companion, Companion) {
    let (anna, bert) = (stage.link(ANNA).await, stage.link(BERT).await);
    let id = anna.send(BERT, "hi").await;
    stage.phone_has(BERT, &id).await;
    let id = bert.send(ANNA, "hi").await;
    stage.phone_has(ANNA, &id).await;
    (anna, bert)
}

async fn download(stage: &Stage, direct_path: &str) -> (u16, Vec<u8>) {
    let api = Api::new(stage.emulator.admin_url());
    let answer = api.client.get(format!("{}{direct_path}", api.base)).send().await.unwrap();
    (answer.status().as_u16(), answer.bytes().await.unwrap().to_vec())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_companions_picture_is_announced_fetched_replaced_and_removed() {
    let stage = Stage::new().await;
    let (anna, bert) = acquainted(&stage).await;
    let second = stage.link(BERT).await;
    assert!(anna.client.contacts().get_profile_picture(&Jid::pn(BERT), true).await.unwrap().is_none());

    let set = bert.client.profile().set_profile_picture(jpeg(1)).await.unwrap();
    for companion in [&anna, &second] {
        assert_eq!(picture_update(companion, BERT, false).await.as_deref(), Some(set.id.as_str()));
    }
    let mut paths = Vec::new();
    for preview in [true, false] {
        let picture = anna.client.contacts().get_profile_picture(&Jid::pn(BERT), preview).await.unwrap();
        let picture = picture.unwrap();
        assert_eq!(picture.id, set.id);
        let path = picture.direct_path.unwrap();
        assert!(picture.url.starts_with("https://") && picture.url.ends_with(&path));
        assert_eq!(download(&stage, &path).await, (200, jpeg(1)));
        paths.push(path);
    }
    // Who knows this picture is not told of it again; an own picture is asked for without more ado.
    let mut known = ProfilePictureSpec::full(&Jid::pn(BERT));
    known.existing_id = Some(set.id.clone());
    assert!(anna.client.execute(known).await.unwrap().is_none());
    assert!(bert.client.contacts().get_profile_picture(&Jid::pn(BERT), false).await.unwrap().is_some());
    let seen = anna.client.contacts().get_user_info(&[Jid::pn(BERT)]).await.unwrap();
    assert_eq!(seen.values().next().unwrap().picture_id.as_deref(), Some(set.id.as_str()));

    // The old picture goes with the new one, which has a number of its own.
    let replaced = bert.client.profile().set_profile_picture(jpeg(2)).await.unwrap();
    assert!(replaced.id > set.id);
    assert_eq!(download(&stage, &paths[0]).await.0, 404);

    bert.client.profile().remove_profile_picture().await.unwrap();
    assert_eq!(picture_update(&anna, BERT, true).await, None);
    assert!(anna.client.contacts().get_profile_picture(&Jid::pn(BERT), false).await.unwrap().is_none());
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_picture_is_refused_and_nobody_sets_anothers() {
    let stage = Stage::new().await;
    let anna = stage.link(ANNA).await;
    let refused = anna.client.profile().set_profile_picture(b"not a jpeg".to_vec()).await;
    assert!(refused.unwrap_err().to_string().contains("406"));
    let mut spec = whatsapp_rust::wacore::iq::contacts::SetProfilePictureSpec::set_own(jpeg(1));
    spec.target = Some(Jid::pn(BERT));
    assert!(anna.client.execute(spec).await.unwrap_err().to_string().contains("403"));
    assert_eq!(stage.emulator.remove_picture(BERT).await, Err(EmulatorError::NoPicture));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_about_text_reaches_those_who_know_the_account() {
    let stage = Stage::new().await;
    let (anna, bert) = acquainted(&stage).await;
    bert.client.profile().set_status_text("on holiday").await.unwrap();
    about_update(&anna, BERT, "on holiday").await;
    assert!(stage.emulator.phones().await.iter().any(|phone| phone.about == "on holiday"));

    let change = PhoneChange { about: Some("back again".into()), ..PhoneChange::default() };
    stage.emulator.change_phone(BERT, change).await.unwrap();
    for companion in [&anna, &bert] {
        about_update(companion, BERT, "back again").await;
    }
    let seen = anna.client.contacts().get_user_info(&[Jid::pn(BERT)]).await.unwrap();
    assert_eq!(seen.values().next().unwrap().status.as_deref(), Some("back again"));
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_changed_by_a_companion_and_by_the_phone() {
    let stage = Stage::new().await;
    let bert = stage.link(BERT).await;
    bert.client.profile().set_push_name("Bert the Second").await.unwrap();
    stage
        .until("the companion's name", async || {
            stage.emulator.phones().await.into_iter().find(|phone| phone.name == "Bert the Second")
        })
        .await;
    let change = PhoneChange { name: Some("Bert the Third".into()), ..PhoneChange::default() };
    assert_eq!(stage.emulator.change_phone(BERT, change).await.unwrap().name, "Bert the Third");
    bert.wait("its new name", |event| match event {
        Event::SelfPushNameUpdated(update) if update.new_name == "Bert the Third" => Some(()),
        _ => None,
    })
    .await;
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn privacy_hides_the_picture_and_the_about_text_from_strangers() {
    use whatsapp_rust::wacore::iq::privacy::{PrivacyCategory, PrivacyValue};

    let stage = Stage::new().await;
    let (anna, bert) = acquainted(&stage).await;
    let carl = stage.link(CARL).await;
    stage.emulator.set_picture(BERT, jpeg(1)).await.unwrap();
    for category in [PrivacyCategory::Profile, PrivacyCategory::Status] {
        bert.client.set_privacy_setting(category, PrivacyValue::Contacts).await.unwrap();
    }
    let sees = async |companion: &Companion| {
        let contacts = companion.client.contacts();
        let picture = contacts.get_profile_picture(&Jid::pn(BERT), true).await.unwrap().is_some();
        let info = contacts.get_user_info(&[Jid::pn(BERT)]).await.unwrap().into_values().next().unwrap();
        (picture, info.picture_id.is_some(), info.status.is_some())
    };
    assert_eq!(sees(&anna).await, (true, true, true));
    assert_eq!(sees(&carl).await, (false, false, false));
    bert.client.set_privacy_setting(PrivacyCategory::Profile, PrivacyValue::None).await.unwrap();
    assert_eq!(sees(&anna).await, (false, false, true));
    assert_eq!(sees(&bert).await, (true, true, true));
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_profile_over_http() {
    let stage = Stage::new().await;
    let api = Api::new(stage.emulator.admin_url());
    let path = format!("/phones/{ANNA}");
    let (status, phone) =
        api.call(Method::PATCH, &path, Some(json!({ "name": "Anna A.", "about": "busy" }))).await;
    assert_eq!((status, &phone["name"], &phone["about"]), (200, &json!("Anna A."), &json!("busy")));
    assert_eq!(phone["confirms_delivery"], true);
    for (body, code) in [
        (json!({ "name": "" }), "bad_request"),
        (json!({ "about": "x".repeat(140) }), "bad_request"),
        (json!({ "age": 7 }), "bad_json"),
    ] {
        let (status, answer) = api.call(Method::PATCH, &path, Some(body)).await;
        assert_eq!((status, answer["code"].as_str()), (400, Some(code)));
    }

    let picture = format!("{}{path}/picture", api.base);
    assert_eq!(api.get(&format!("{path}/picture")).await.1["code"], "no_picture");
    let put = async |body: Vec<u8>| {
        let answer = api.client.put(&picture).body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<serde_json::Value>().await.unwrap())
    };
    assert_eq!(put(b"text".to_vec()).await.1["code"], "bad_request");
    assert_eq!(put(vec![0xff; 6 * 1024 * 1024]).await.0, 413);
    let (status, answer) = put(jpeg(3)).await;
    assert_eq!(status, 200);
    let listed = api.get("/phones").await.1;
    assert_eq!(listed[0]["picture"], answer["id"]);
    assert_eq!(api.client.get(&picture).send().await.unwrap().bytes().await.unwrap(), jpeg(3));
    assert_eq!(api.call(Method::DELETE, &format!("{path}/picture"), None).await.0, 204);
    assert_eq!(api.call(Method::DELETE, &format!("{path}/picture"), None).await.0, 404);
}
