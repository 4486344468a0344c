//! Files: fetched once their message is told, handed over once, and brought to be sent.

use std::path::PathBuf;

use blazz_domain::{
    Attachment, ErrorCode, Lease, Media, MediaId, MediaKind, MediaState, MessageContent, ProviderMessageId,
    SendOutcome,
};
use blazz_emulator::{Content, ContentKind, Fault, FaultRequest, FileToSend, Image};
use blazz_wire::control_api::OfferMedia;
use blazz_wire::node_api::SendMessage;
use blazz_wire::request_id::RequestId;
use sha2::{Digest as _, Sha256};

use crate::stage::{ANNA, BERT, Stage};
use crate::until::until;

const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n of something";

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn image() -> Content {
    let caption = Some("look".to_owned());
    ContentKind::Image(Image { data: PICTURE.to_vec(), caption, mimetype: Some("image/png".into()) }).into()
}

fn fault(fault: Fault) -> FaultRequest {
    FaultRequest::new(fault)
}

/// The media events of an account, in the order of their arrival.
fn told(stage: &Stage, lease: &Lease) -> Vec<serde_json::Value> {
    stage.control.script(|script| {
        let own = script.taken.iter().filter(|taken| taken.lease.account_id == lease.account_id);
        own.map(|taken| taken.event.clone()).filter(|event| event["type"] == "media").collect()
    })
}

async fn until_told(stage: &Stage, lease: &Lease, count: usize) -> Vec<serde_json::Value> {
    until("the media event", async || {
        let told = told(stage, lease);
        (told.len() >= count).then_some(told)
    })
    .await
}

fn directory(stage: &Stage, lease: &Lease) -> PathBuf {
    let account =
        stage.session_root().join(lease.workspace_id.to_string()).join(lease.account_id.to_string());
    account.join(lease.epoch.0.to_string()).join("media")
}

/// Waits until nothing is left to be fetched, nor anything of what was.
async fn is_tidy(stage: &Stage, lease: &Lease) {
    until("an empty media directory", async || {
        let left = std::fs::read_dir(directory(stage, lease)).unwrap().count();
        let scratch = std::fs::read_dir(directory(stage, lease).join("scratch")).unwrap().count();
        (left == 1 && scratch == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_follows_its_message_and_is_handed_over_once() {
    let stage = Stage::new().await;
    let node = stage.start().await;
    let lease = stage.link(&node, ANNA).await;
    stage.emulator.send(BERT, ANNA, image(), Some("3AFIRST")).await.unwrap();
    let event = until_told(&stage, &lease, 1).await.remove(0);
    assert_eq!(
        (event["id"].as_str(), event["outcome"].as_str()),
        (Some("3AFIRST"), Some("stored")),
        "{event}"
    );
    assert_eq!(event["sha256"], hash(PICTURE));
    let (first, offer, bytes) = stage.control.script(|script| {
        let first = script.taken.iter().position(|taken| taken.event["type"] == "message").unwrap();
        let media = script.taken.iter().position(|taken| taken.event["type"] == "media").unwrap();
        assert!(first < media, "the message comes first");
        let (id, offer) = script.offered[&hash(PICTURE)].clone();
        assert_eq!(event["media_id"], id.to_string());
        (script.taken[first].event.clone(), offer, script.files[&hash(PICTURE)].clone())
    });
    assert_eq!(first["content"]["media"]["state"], "pending", "{first}");
    assert_eq!(first["content"]["caption"], "look");
    let shown = first.to_string();
    assert!(
        !shown.contains("direct_path") && !shown.contains("media_key"),
        "keys stay with the node: {shown}"
    );
    assert_eq!((offer.mime_type.as_str(), bytes.as_slice()), ("image/png", PICTURE));
    is_tidy(&stage, &lease).await;

    // The same file again is not sent over the hop again.
    stage.emulator.send(BERT, ANNA, image(), Some("3ASECOND")).await.unwrap();
    until_told(&stage, &lease, 2).await;
    assert_eq!(stage.control.script(|script| script.puts), 1);
    node.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_that_was_cut_short_begins_anew_at_the_next_start() {
    let stage = Stage::new().await;
    let node = stage.start().await;
    let lease = stage.link(&node, ANNA).await;
    stage.emulator.fault(fault(Fault::RefuseDownloads { status: 503 })).await.unwrap();
    stage.emulator.send(BERT, ANNA, image(), None).await.unwrap();
    until("the message", async || {
        stage
            .control
            .script(|script| script.taken.iter().any(|taken| taken.event["type"] == "message"))
            .then_some(())
    })
    .await;
    stage.assign(&[lease]);
    node.end().await.unwrap();
    assert_eq!(told(&stage, &lease), Vec::<serde_json::Value>::new());

    stage.emulator.clear_faults().await;
    let node = stage.start().await;
    let events = until_told(&stage, &lease, 1).await;
    assert_eq!((events.len(), events[0]["outcome"].as_str()), (1, Some("stored")), "{events:?}");
    assert_eq!(
        stage.control.script(|script| (script.puts, script.files[&hash(PICTURE)].clone())),
        (1, PICTURE.to_vec())
    );
    is_tidy(&stage, &lease).await;
    node.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_in_trouble_is_asked_again_and_one_that_has_it_no_longer_is_not() {
    let stage = Stage::new().await;
    let node = stage.start().await;
    let lease = stage.link(&node, ANNA).await;
    stage.emulator.fault(fault(Fault::RefuseDownloads { status: 503 }).times(1)).await.unwrap();
    stage.emulator.send(BERT, ANNA, image(), None).await.unwrap();
    assert_eq!(until_told(&stage, &lease, 1).await[0]["outcome"], "stored");

    stage.emulator.fault(fault(Fault::RefuseDownloads { status: 410 })).await.unwrap();
    stage.emulator.send(BERT, ANNA, image(), None).await.unwrap();
    let event = until_told(&stage, &lease, 2).await.remove(1);
    assert_eq!(
        (event["outcome"].as_str(), event["reason"].as_str()),
        (Some("failed"), Some("expired")),
        "{event}"
    );
    is_tidy(&stage, &lease).await;
    node.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_too_large_is_refused_on_either_end() {
    let stage = Stage::new().await;
    let node = stage.start().await;
    let lease = stage.link(&node, ANNA).await;
    let large = FileToSend { data: vec![7; (1 << 20) + 1], ..FileToSend::default() };
    stage.emulator.send(BERT, ANNA, ContentKind::Document(large).into(), None).await.unwrap();
    assert_eq!(until_told(&stage, &lease, 1).await[0]["reason"], "too_large");

    stage.control.script(|script| script.offers_refused = Some((413, ErrorCode::BodyTooLarge)));
    stage.emulator.send(BERT, ANNA, image(), None).await.unwrap();
    assert_eq!(until_told(&stage, &lease, 2).await[1]["reason"], "too_large");
    node.end().await.unwrap();
}

/// A file that the API has.
fn kept(stage: &Stage, bytes: &[u8]) -> MediaId {
    let id = MediaId::new();
    let size = u64::try_from(bytes.len()).unwrap();
    let offer = OfferMedia { sha256: hash(bytes), size, mime_type: "image/png".into(), filename: None };
    stage.control.script(|script| {
        script.offered.insert(hash(bytes), (id, offer));
        script.files.insert(hash(bytes), bytes.to_vec());
    });
    id
}

fn picture(id: MediaId, provider_id: &str) -> SendMessage {
    let media = Media {
        state: MediaState::Stored,
        id: Some(id),
        mime_type: "image/png".into(),
        size: None,
        sha256: Some(hash(PICTURE)),
        filename: None,
        error: None,
    };
    let attachment = Attachment { caption: Some("look".into()), voice: false, media };
    SendMessage {
        to: format!("{BERT}@s.whatsapp.net").parse().unwrap(),
        id: ProviderMessageId(provider_id.to_owned()),
        content: MessageContent::with_file(MediaKind::Image, attachment),
        about: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_to_send_is_brought_sealed_and_arrives() {
    let stage = Stage::new().await;
    let node = stage.start().await;
    let lease = stage.link(&node, ANNA).await;
    let id = kept(&stage, PICTURE);
    let request = RequestId::generate();

    // The media host refuses it: nothing was written, and the same message can be sent later.
    stage.emulator.fault(fault(Fault::RefuseUploads { status: 500 })).await.unwrap();
    let outcome = node.client.send(&lease, &picture(id, "3EB0PICTURE"), &request).await.unwrap();
    assert_eq!(outcome, SendOutcome::NotConnected);
    stage.emulator.clear_faults().await;
    for provider_id in ["3EB0PICTURE", "3EB0PICTURE", "3EB0AGAIN"] {
        let outcome = node.client.send(&lease, &picture(id, provider_id), &request).await.unwrap();
        assert!(matches!(outcome, SendOutcome::Acknowledged { .. }), "{outcome:?}");
    }
    for provider_id in ["3EB0PICTURE", "3EB0AGAIN"] {
        let got = until("the picture", async || stage.emulator.media(BERT, provider_id).await.ok()).await;
        assert_eq!(got, ("image/png".to_owned(), PICTURE.to_vec()));
    }
    let messages = stage.emulator.messages(BERT).await.unwrap();
    assert_eq!(
        messages.iter().map(|m| (m.kind.as_str(), m.body.as_str(), m.arrivals)).collect::<Vec<_>>(),
        [("image", "look", 1), ("image", "look", 1)]
    );
    assert_eq!(
        stage.control.script(|script| script.fetches),
        2,
        "what lies on the media host is not brought again"
    );
    is_tidy(&stage, &lease).await;

    let gone = node.client.send(&lease, &picture(MediaId::new(), "3EB0GONE"), &request).await;
    assert!(matches!(gone, Ok(SendOutcome::Acknowledged { .. })), "known by its hash: {gone:?}");
    node.end().await.unwrap();
}
