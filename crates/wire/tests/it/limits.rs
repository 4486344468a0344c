//! Answers that no handler makes are problems and signed like all others; bodies have limits.

use blazz_domain::{Epoch, ErrorCode, Incarnation, OutboxId};
use blazz_wire::CallError;
use blazz_wire::control_api::{ENTRY_VERSION, EventBatch, EventEntry};

use crate::forge::{Draft, Hit};
use crate::served::{Served, a_lease};

/// Fires a draft that is believed, at a node, and checks that its answer is signed.
async fn ask(node: &Served, draft: Draft) -> Hit {
    let mut shot = draft.sign();
    let hit = shot.fire(&node.url).await;
    assert!(hit.is_signed_for(&mut shot, &node.key("node-to-api")), "{} is not signed", hit.status);
    hit
}

#[tokio::test]
async fn what_actix_answers_itself_is_a_signed_problem() {
    let node = Served::node();
    let draft = || node.draft_to_node(&a_lease());
    let nowhere = ask(&node, Draft { path: "/internal/v1/nowhere".to_owned(), ..draft() }).await;
    assert_eq!((nowhere.status, nowhere.code().as_str()), (404, "route_not_found"));
    let patched =
        ask(&node, Draft { path: "/internal/v1/sessions".to_owned(), lease: None, ..draft() }).await;
    assert_eq!(patched.status, 404, "a route without its method is no route");
    let lease = a_lease();
    let path = format!("/internal/v1/sessions/{}", lease.account_id);
    let patched = ask(&node, Draft { path, method: "PATCH", ..node.draft_to_node(&lease) }).await;
    assert_eq!((patched.status, patched.code().as_str()), (405, "method_not_allowed"));
    let path = "/internal/v1/fails".to_owned();
    let failed = ask(&node, Draft { path, method: "GET", body: vec![], ..draft() }).await;
    assert_eq!((failed.status, failed.code().as_str()), (500, "internal"));
    assert!(!String::from_utf8(failed.body).unwrap().contains("hunter2"), "the cause stays here");
}

#[tokio::test]
async fn bad_json_is_named_as_such() {
    let node = Served::node();
    for (body, code) in [
        (&b"{"[..], "malformed_json"),
        (b"", "malformed_json"),
        (b"{\xff}", "malformed_json"),
        (b"{}", "invalid_request"),
    ] {
        let hit = ask(&node, Draft { body: body.to_vec(), ..node.draft_to_node(&a_lease()) }).await;
        assert_eq!((hit.status, hit.code().as_str()), (400, code));
    }
    assert!(node.take_seen().is_empty());
}

#[tokio::test]
async fn a_bad_body_is_located_and_not_quoted() {
    let node = Served::node();
    let body = br#"{"to":"15550000002@s.whatsapp.net","id":"3EB0AA","content":"our secret words"}"#.to_vec();
    let hit = ask(&node, Draft { body, ..node.draft_to_node(&a_lease()) }).await;
    assert_eq!(hit.code(), "invalid_request");
    let text = String::from_utf8(hit.body).unwrap();
    assert!(text.contains("column") && !text.contains("secret words"), "{text}");
}

#[tokio::test]
async fn the_lease_is_for_the_account_of_the_path() {
    let node = Served::node();
    let draft = node.draft_to_node(&a_lease());
    let path = || "/internal/v1/needs-lease".to_owned();
    for (what, draft) in [
        ("another account", Draft { lease: Some(a_lease().to_string()), ..draft.clone() }),
        ("no lease", Draft { lease: Some("x".to_owned()), ..draft.clone() }),
        ("a path without id", Draft { path: "/internal/v1/sessions/x/messages".to_owned(), ..draft.clone() }),
        ("a handler that needs one", Draft { path: path(), lease: None, ..draft.clone() }),
    ] {
        let nonce = Some(uuid::Uuid::new_v4().simple().to_string());
        let hit = ask(&node, Draft { nonce, ..draft }).await;
        assert_eq!((hit.status, hit.code().as_str()), (400, "invalid_request"), "{what}");
    }
    assert!(node.take_seen().is_empty());
    // Elsewhere a lease is welcome, covered as it must be.
    let hit = ask(&node, Draft { path: path(), ..draft }).await;
    assert_eq!((hit.status, node.take_seen().len()), (200, 1));
}

#[tokio::test]
async fn a_body_may_fill_the_limit_but_not_pass_it() {
    let node = Served::node();
    let padded = |bytes: usize| {
        let mut draft = node.draft_to_node(&a_lease());
        draft.body.resize(bytes, b' ');
        draft
    };
    assert_eq!(ask(&node, padded(512 << 10)).await.status, 200);
    let over = ask(&node, padded((512 << 10) + 1)).await;
    assert_eq!((over.status, over.code().as_str()), (413, "body_too_large"));
}

#[tokio::test]
async fn a_batch_over_the_limit_is_refused_so_that_the_sender_hears_it() {
    let api = Served::control();
    let batch = |bytes: usize| EventBatch {
        version: ENTRY_VERSION,
        incarnation: Incarnation(1),
        outbox_id: OutboxId::new(),
        written_under: Epoch(1),
        entries: vec![EventEntry {
            sequence: 1,
            event: serde_json::value::RawValue::from_string(format!("\"{}\"", "x".repeat(bytes))).unwrap(),
        }],
    };
    let (client, lease) = (api.control_client(), a_lease());
    assert_eq!(client.events(&lease, &batch(4_000_000)).await.unwrap().sequence, 1);
    for _ in 0..10 {
        let refused = client.events(&lease, &batch(5 << 20)).await.unwrap_err();
        let CallError::Refused(problem) = refused else { panic!("{refused:?}") };
        assert_eq!((problem.status, problem.code), (413, ErrorCode::BodyTooLarge));
    }
}
