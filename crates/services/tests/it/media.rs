//! Files of messages: what becomes of those that come, and of those that were to go.

use blazz_domain::{
    AccountId, Attachment, ErrorCode, Media, MediaFailure, MediaFile, MediaId, MediaKind, MediaOutcome,
    MediaState, MessageContent, MessageStatus, ProviderMessageId, SendOutcome, SessionEvent, SessionMedia,
    SessionMessage,
};
use blazz_services::media::{self, NewFile};
use blazz_services::messages::{self, SendContent, SendFile, SendRequest};
use blazz_test_support::for_each_database;

use crate::node::Reply;
use crate::outbox::{Outbox, message};
use crate::world::{CONTACT, World, quick, request_id};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and so on";

async fn upload(world: &World, bytes: &[u8]) -> MediaFile {
    let mut arrival = media::begin(&world.services).await.unwrap();
    arrival.write(bytes).await.unwrap();
    let arrived = arrival.finish().await.unwrap();
    media::create(&world.services, world.workspace, arrived, &NewFile::default()).await.unwrap()
}

fn image(account_id: AccountId, media_id: MediaId, caption: &str) -> SendRequest {
    let content = SendContent::File(SendFile {
        kind: MediaKind::Image,
        media_id,
        caption: Some(caption.to_owned()),
        filename: None,
        voice: false,
    });
    SendRequest { account_id, to: CONTACT.to_owned(), content, reply_to: None }
}

fn arrives(id: &str, sha256: &str) -> SessionEvent {
    let media = Media {
        state: MediaState::Pending,
        id: None,
        mime_type: "image/png".to_owned(),
        size: Some(3),
        sha256: Some(sha256.to_owned()),
        filename: None,
        error: None,
    };
    let attachment = Attachment { caption: Some("look".to_owned()), voice: false, media };
    let content = MessageContent::with_file(MediaKind::Image, attachment);
    SessionEvent::Message(SessionMessage { content, ..message(id, "") })
}

fn becomes(id: &str, sha256: &str, outcome: MediaOutcome) -> SessionEvent {
    let (id, sha256) = (ProviderMessageId(id.to_owned()), Some(sha256.to_owned()));
    SessionEvent::Media(SessionMedia { id, from_me: false, sha256, outcome })
}

async fn media_of(world: &World, id: &str) -> Media {
    let all = world.all_messages().await;
    let message = all.into_iter().find(|message| message.provider_message_id.0 == id).unwrap();
    message.content.file().unwrap().1.media.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_pending_until_it_is_stored_or_has_failed_and_told_once() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        let file = upload(&world, PNG).await;
        let stored = MediaOutcome::Stored { media_id: file.id };
        let mut outbox = Outbox::new(&world, &node, account);
        outbox.deliver(&[arrives("A1", &file.sha256)]).await;
        assert_eq!(media_of(&world, "A1").await.state, MediaState::Pending);

        // Of another file under the same id, nothing is believed.
        outbox.deliver(&[becomes("A1", &"0".repeat(64), stored.clone())]).await;
        assert_eq!(media_of(&world, "A1").await.state, MediaState::Pending);
        for _ in 0..2 {
            outbox.deliver(&[becomes("A1", &file.sha256, stored.clone())]).await;
        }
        let media = media_of(&world, "A1").await;
        assert_eq!((media.state, media.id, media.size), (MediaState::Stored, Some(file.id), Some(file.size)));
        // It comes once more, and so does what became of it.
        outbox.deliver(&[arrives("A1", &file.sha256)]).await;
        let failed = MediaOutcome::Failed { reason: MediaFailure::Expired };
        outbox.deliver(&[becomes("A1", &file.sha256, failed.clone())]).await;
        assert_eq!(media_of(&world, "A1").await.state, MediaState::Stored);

        outbox.deliver(&[arrives("A2", &file.sha256)]).await;
        for _ in 0..2 {
            outbox.deliver(&[becomes("A2", &file.sha256, failed.clone())]).await;
        }
        let media = media_of(&world, "A2").await;
        assert_eq!((media.state, media.error), (MediaState::Failed, Some(MediaFailure::Expired)));
        let kinds = world.event_kinds().await;
        for kind in ["message.media.stored", "message.media.failed"] {
            assert_eq!(kinds.iter().filter(|other| **other == kind).count(), 1, "{kinds:?}");
        }
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_with_a_file_goes_out_once_and_waits_for_its_media_host() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        let file = upload(&world, PNG).await;
        node.will([Reply::Outcome(SendOutcome::NotConnected)]);
        let request = image(account, file.id, "look");
        let send = async |request: SendRequest| {
            messages::send(&world.services, world.workspace, &request, Some("key"), &request_id()).await
        };
        let first = send(request.clone()).await.unwrap();
        assert_eq!(first.message.status, MessageStatus::Queued);
        let sent = world.becomes(first.message.id, MessageStatus::Sent).await;
        assert_eq!(sent.content.file().unwrap().1.media.id, Some(file.id));
        assert!(send(request).await.unwrap().replayed);
        let other = send(image(account, file.id, "other")).await.unwrap_err();
        assert_eq!(other.code(), ErrorCode::IdempotencyKeyReused);
        let sends = node.sends();
        assert_eq!(sends.len(), 2);
        assert!(sends.iter().all(|(_, message, _)| message.id == sent.provider_message_id));
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_file_is_deleted_before_it_goes_fails() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        let file = upload(&world, PNG).await;
        world.report(&node, account, blazz_domain::AccountState::Disconnected).await;
        let request = image(account, file.id, "look");
        let queued =
            messages::send(&world.services, world.workspace, &request, None, &request_id()).await.unwrap();
        media::delete(&world.services, world.workspace, file.id).await.unwrap();
        world.report(&node, account, blazz_domain::AccountState::Connected).await;
        let failed = world.becomes(queued.message.id, MessageStatus::Failed).await;
        assert_eq!(failed.error.as_deref(), Some("media_not_found"));
        assert!(node.sends().is_empty());
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn files_with_the_same_bytes_share_them_and_each_workspace_has_its_own() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let first = upload(&world, PNG).await;
        assert_eq!(upload(&world, PNG).await, first);
        let other = blazz_services::workspaces::create(&world.services, "other").await.unwrap().id;
        let refused = media::get(&world.services, other, first.id).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::MediaNotFound);
        let refused = media::delete(&world.services, other, first.id).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::MediaNotFound);
        let place = world.files.path().join(world.workspace.to_string()).join(&first.sha256);
        assert_eq!(std::fs::read(&place).unwrap(), PNG);
        media::delete(&world.services, world.workspace, first.id).await.unwrap();
        assert!(!place.exists());
        Ok(())
    })
    .await
    .unwrap();
}
