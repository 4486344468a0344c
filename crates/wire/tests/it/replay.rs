//! Freshness: a request counts within its window, and once.

use crate::forge::Draft;
use crate::served::{Served, a_lease};
use crate::tampering::refuse;

#[tokio::test]
async fn the_window_is_a_minute_to_either_side_and_ends_at_the_start() {
    let node = Served::node();
    let accept = async |created: i64| {
        let hit = Draft { created, ..node.draft_to_node(&a_lease()) }.sign().fire(&node.url).await;
        assert_eq!(hit.status, 200, "{created}");
        node.take_seen();
    };
    let now = node.clock.seconds();
    accept(now + 60).await;
    // The second of the start itself.
    accept(now - 30).await;
    node.clock.advance(3600);
    accept(now + 3540).await;
    let old = Draft { created: now + 3539, ..node.draft_to_node(&a_lease()) };
    refuse(&node, old, "signed 61 s ago", |_| {}, |_| {}).await;
}

#[tokio::test]
async fn what_was_signed_before_nonces_were_remembered_is_refused_unless_it_may_repeat() {
    let (node, api) = (Served::node(), Served::control());
    for (served, draft) in [(&node, node.draft_to_node(&a_lease())), (&api, api.draft_to_control())] {
        let early = Draft { created: served.clock.seconds() - 31, ..draft };
        refuse(served, early, "signed before the start", |_| {}, |_| {}).await;
    }
    let created = api.clock.seconds() - 31;
    let beat = Draft {
        path: "/internal/v1/heartbeat".to_owned(),
        body: br#"{"incarnation":1,"number":2,"changes":[],"sessions":0,"memory_bytes":0}"#.to_vec(),
        created,
        ..api.draft_to_control()
    };
    assert_eq!(beat.sign().fire(&api.url).await.status, 200);
}

#[tokio::test]
async fn a_read_counts_once_too() {
    let node = Served::node();
    let path = "/internal/v1/sessions".to_owned();
    let read = Draft { method: "GET", path, body: Vec::new(), lease: None, ..node.draft_to_node(&a_lease()) };
    let shot = read.sign();
    assert_eq!(shot.fire(&node.url).await.status, 200);
    assert_eq!(shot.fire(&node.url).await.status, 401);
}

#[tokio::test]
async fn a_request_that_is_believed_but_not_served_is_spent() {
    let node = Served::node();
    let other = format!("/internal/v1/sessions/{}/messages", blazz_domain::AccountId::new());
    let shot = Draft { path: other, ..node.draft_to_node(&a_lease()) }.sign();
    assert_eq!(shot.fire(&node.url).await.status, 400, "the lease is for another account");
    assert_eq!(shot.fire(&node.url).await.status, 401);
}

#[tokio::test]
async fn a_recorded_request_cannot_be_played_again() {
    let (node, api) = (Served::node(), Served::control());
    for (served, draft) in [(&node, node.draft_to_node(&a_lease())), (&api, api.draft_to_control())] {
        let shot = draft.sign();
        assert_eq!(shot.fire(&served.url).await.status, 200);
        assert_eq!(served.take_seen().len(), 1);
        for wait in [0, 59, 1] {
            served.clock.advance(wait);
            let again = shot.fire(&served.url).await;
            assert_eq!((again.status, again.code().as_str()), (401, "bad_signature"));
            assert!(served.take_seen().is_empty());
        }
        // The same nonce in a request newly signed: it is spent all the same.
        let spent = Draft { created: served.clock.seconds(), ..draft }.sign().fire(&served.url).await;
        assert_eq!(spent.status, 401);
    }
}

#[tokio::test]
async fn of_many_copies_at_once_one_gets_through() {
    let node = Served::node();
    let shot = node.draft_to_node(&a_lease()).sign();
    let hits = futures_util::future::join_all((0..16).map(|_| shot.fire(&node.url))).await;
    assert_eq!(hits.iter().filter(|hit| hit.status == 200).count(), 1);
    assert_eq!(node.take_seen().len(), 1);
}

#[tokio::test]
async fn a_spoilt_copy_does_not_spend_the_nonce_of_the_request() {
    let node = Served::node();
    let shot = node.draft_to_node(&a_lease()).sign();
    let mut spoilt = shot.clone();
    spoilt.body[10] ^= 1;
    assert_eq!(spoilt.fire(&node.url).await.status, 401);
    assert_eq!(shot.fire(&node.url).await.status, 200);
}

#[tokio::test]
async fn what_is_the_same_when_done_twice_may_be_repeated() {
    let api = Served::control();
    let lease = a_lease();
    let heartbeat = Draft {
        path: "/internal/v1/heartbeat".to_owned(),
        body: br#"{"incarnation":1,"number":2,"changes":[],"sessions":0,"memory_bytes":0}"#.to_vec(),
        ..api.draft_to_control()
    };
    let events = Draft {
        path: "/internal/v1/events".to_owned(),
        lease: Some(lease.to_string()),
        body: format!(
            r#"{{"version":1,"incarnation":1,"outbox_id":"{}","written_under":1,"entries":[]}}"#,
            blazz_domain::OutboxId::new()
        )
        .into_bytes(),
        ..api.draft_to_control()
    };
    for draft in [heartbeat, events.clone()] {
        let shot = draft.sign();
        assert_eq!(shot.fire(&api.url).await.status, 200);
        assert_eq!(shot.fire(&api.url).await.status, 200);
    }
    api.take_seen();
    refuse(&api, events.clone(), "a batch without lease", |d| d.lease = None, |_| {}).await;
    refuse(&api, events, "a batch without nonce", |d| d.nonce = None, |_| {}).await;
}
