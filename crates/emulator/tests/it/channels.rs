//! Channels: one writes, who follows reads; both clients create, find, follow and leave them.

use serde_json::json;
use tempfile::TempDir;
use whatsapp_rust::features::NewsletterRole;
use whatsapp_rust::prelude::*;

use crate::client::{Baileys, id};
use crate::stage::{ANNA, BERT, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_independent_client_follows_the_engines_channel() {
    let stage = Stage::new().await;
    let session = TempDir::new().unwrap();
    let mut anna = Baileys::link(&stage, ANNA, session.path()).await;
    let bert = stage.link(BERT).await;
    let channel = bert.client.newsletter().create("News", Some("from here")).await.unwrap();
    assert_eq!((channel.name.as_str(), channel.role), ("News", Some(NewsletterRole::Owner)));
    let name = channel.jid.to_string();

    let found = anna.call("newsletterMetadata", json!(["invite", channel.invite_code])).await;
    assert_eq!((&found["id"], &found["thread_metadata"]["name"]["text"]), (&json!(name), &json!("News")));
    anna.call("newsletterFollow", json!([name])).await;
    let sent = bert.send_to(&channel.jid, "first news").await;
    assert_eq!(anna.message(&sent).await["message"]["conversation"], "first news");
    let messages = bert.client.newsletter().get_messages(&channel.jid, 10, None).await.unwrap();
    assert_eq!((messages.len(), messages[0].message_id.as_str()), (1, sent.as_str()));

    anna.call("newsletterReactMessage", json!([name, messages[0].server_id.to_string(), "👍"])).await;
    let messages = bert.client.newsletter().get_messages(&channel.jid, 10, None).await.unwrap();
    assert_eq!((messages[0].reactions[0].code.as_str(), messages[0].reactions[0].count), ("👍", 1));
    let edited = wa::Message { conversation: Some("corrected news".into()), ..Default::default() };
    bert.client.newsletter().edit_message(&channel.jid, sent.as_str(), edited).await.unwrap();
    anna.event("message", |event| event["message"]["conversation"] == "corrected news").await;

    anna.call("newsletterUnfollow", json!([name])).await;
    bert.send_to(&channel.jid, "second news").await;
    let shown = bert.client.newsletter().get_metadata(&channel.jid).await.unwrap();
    assert_eq!(shown.subscriber_count, 0);
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_engine_follows_the_independent_clients_channel() {
    let stage = Stage::new().await;
    let session = TempDir::new().unwrap();
    let mut anna = Baileys::link(&stage, ANNA, session.path()).await;
    let bert = stage.link(BERT).await;
    let created = anna.call("newsletterCreate", json!(["Letters", "about letters"])).await;
    let channel: Jid = created["id"].as_str().unwrap().parse().unwrap();
    anna.call("newsletterUpdateName", json!([channel.to_string(), "More letters"])).await;
    assert_eq!(bert.client.newsletter().get_metadata(&channel).await.unwrap().name, "More letters");
    bert.client.newsletter().join(&channel).await.unwrap();
    let all = bert.client.newsletter().list_subscribed().await.unwrap();
    assert_eq!(
        all.iter().map(|channel| channel.role.clone()).collect::<Vec<_>>(),
        [Some(NewsletterRole::Subscriber)]
    );

    let sent = anna.send(&channel.to_string(), json!({ "text": "dear reader" })).await;
    let got = bert.message("dear reader").await;
    assert_eq!((got.id.as_str(), got.chat), (id(&sent), channel.to_string()));
    // A reader cannot write.
    let refused = bert.send_to(&channel, "dear writer").await;
    assert_eq!(bert.server_ack(&refused).await.as_deref(), Some("403"));
    bert.client.newsletter().leave(&channel).await.unwrap();
    anna.call("newsletterDelete", json!([channel.to_string()])).await;
    assert!(bert.client.newsletter().get_metadata(&channel).await.is_err());
    stage.assert_all_answered().await;
}
