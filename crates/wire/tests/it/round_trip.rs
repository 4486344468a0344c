//! Every call of both clients arrives as meant, and its answer comes back.

use std::time::Duration;

use blazz_domain::{Epoch, ErrorCode, Incarnation, Lease, OutboxId, SendOutcome};
use blazz_wire::control_api::{ENTRY_VERSION, EventBatch, EventEntry, Heartbeat};
use blazz_wire::node_api::StartSession;
use blazz_wire::server::Caller;
use blazz_wire::{CallError, RequestId};

use crate::served::{Seen, Served, a_lease, a_message, a_registration, node_id};

fn seen(call: String, request_id: &RequestId, lease: Option<Lease>, body: &str) -> Seen {
    let caller = Caller { node_id: node_id(), request_id: request_id.clone() };
    Seen { call, caller, lease, body: body.to_owned() }
}

#[tokio::test]
async fn the_api_calls_a_node() {
    let node = Served::node();
    let (client, lease, id) = (node.node_client(), a_lease(), RequestId::generate());
    let path = format!("/internal/v1/sessions/{}", lease.account_id);
    let expect =
        |call: String, body: &str| assert_eq!(node.take_seen(), [seen(call, &id, Some(lease), body)]);

    let started = client.start(&lease, &StartSession::new(true), &id).await.unwrap();
    assert_eq!(started.lease, lease);
    expect(format!("PUT {path}"), "true");
    assert_eq!(client.state(&lease, &id).await.unwrap(), started);
    expect(format!("GET {path}"), "");
    for (action, answer) in [
        ("stop", client.stop(&lease, &id).await),
        ("restart", client.restart(&lease, &id).await),
        ("logout", client.logout(&lease, &id).await),
    ] {
        assert_eq!(answer.unwrap(), started, "{action}");
    }
    let calls: Vec<String> = node.take_seen().into_iter().map(|s| s.call + " " + &s.body).collect();
    let expected = ["stop", "restart", "logout"].map(|action| format!("POST {path}/{action} {{}}"));
    assert_eq!(calls, expected);

    let message = a_message();
    let outcome = client.send(&lease, &message, &id).await.unwrap();
    assert_eq!(outcome, SendOutcome::NotConnected);
    expect(format!("POST {path}/messages"), &serde_json::to_string(&message).unwrap());

    let code = client.qr(&lease, Duration::from_millis(1500), &id).await.unwrap();
    assert_eq!(code.text, "2@abc");
    expect(format!("GET {path}/qr?wait_ms=1500"), "1500");
    client.qr(&lease, Duration::from_secs(999), &id).await.unwrap();
    expect(format!("GET {path}/qr?wait_ms=60000"), "60000");

    assert_eq!(client.delete(&lease, &id).await.unwrap().account_id, lease.account_id);
    expect(format!("DELETE {path}"), "");
    assert_eq!(client.list(&id).await.unwrap().sessions.len(), 1);
    assert_eq!(node.take_seen(), [seen("GET /internal/v1/sessions".to_owned(), &id, None, "")]);
}

#[tokio::test]
async fn a_node_calls_the_api() {
    let api = Served::control();
    let (client, lease) = (api.control_client(), a_lease());

    let registered = client.register(&a_registration()).await.unwrap();
    assert_eq!(registered.incarnation, Incarnation(9));
    let heartbeat = Heartbeat {
        incarnation: Incarnation(9),
        number: 4,
        changes: vec![],
        removed: vec![],
        outdated: None,
        sessions: 0,
        memory_bytes: 1,
    };
    assert_eq!(client.heartbeat(&heartbeat).await.unwrap().number, 4);
    let raw = r#"{"type": "of-the-future",  "keeps":"its spelling"}"#;
    let event = serde_json::value::RawValue::from_string(raw.to_owned()).unwrap();
    let batch = EventBatch {
        version: ENTRY_VERSION,
        incarnation: Incarnation(9),
        outbox_id: OutboxId::new(),
        written_under: Epoch(2),
        entries: vec![EventEntry { sequence: 17, event }],
    };
    assert_eq!(client.events(&lease, &batch).await.unwrap().sequence, 17);

    let seen = api.take_seen();
    let calls: Vec<&str> = seen.iter().map(|s| s.call.as_str()).collect();
    assert_eq!(
        calls,
        ["POST /internal/v1/register", "POST /internal/v1/heartbeat", "POST /internal/v1/events"]
    );
    assert!(seen.iter().all(|s| s.caller.node_id == node_id()));
    assert_eq!((seen[2].lease, seen[2].body.as_str()), (Some(lease), raw));
}

#[tokio::test]
async fn a_refusal_of_a_handler_arrives_as_it_was_meant() {
    let node = Served::node();
    let lease = Lease { epoch: Epoch(2), ..a_lease() };
    let refused = node.node_client().delete(&lease, &RequestId::generate()).await.unwrap_err();
    let CallError::Refused(problem) = refused else { panic!("{refused:?}") };
    assert_eq!((problem.status, problem.code), (409, ErrorCode::StaleLease));
    assert_eq!(problem.detail.as_deref(), Some("the lease is not the current one"));
}
