//! The client believes only the answer that the other side signed for this very request.

use std::sync::Mutex;

use blazz_domain::SendOutcome;
use blazz_wire::{CallError, RequestId};

use crate::forge::{Key, digest, sign_answer};
use crate::proxy::{Passing, between, repeating};
use crate::served::{NODE, Served, a_lease, a_message};

/// What the client makes of an answer that was changed on its way.
async fn hear(
    node: &Served,
    change: impl Fn(&mut Passing) + Send + Sync + 'static,
) -> Result<SendOutcome, CallError> {
    let client = node.node_client_at(between(&node.url, change), &node.fleet);
    client.send(&a_lease(), &a_message(), &RequestId::generate()).await
}

type Change = Box<dyn Fn(&mut Passing) + Send + Sync>;

const FORGED: &[u8] = br#"{"outcome":"refused","code":1}"#;

fn sign_by_hand(passing: &mut Passing, key: &Key, request_signature: &str) {
    passing.body = FORGED.to_vec();
    for (name, value) in sign_answer(key, 200, FORGED, request_signature) {
        passing.set(name, &value);
    }
}

#[tokio::test]
async fn an_answer_that_was_touched_is_not_believed() {
    let node = Served::node();
    assert_eq!(hear(&node, |_| {}).await.unwrap(), SendOutcome::NotConnected);
    let cases: Vec<(&str, Change)> = vec![
        ("another body", Box::new(|p| p.body = FORGED.to_vec())),
        ("a byte less", Box::new(|p| p.body.truncate(p.body.len() - 1))),
        (
            "another body and its digest",
            Box::new(|p| {
                p.body = FORGED.to_vec();
                p.set("content-digest", &digest(FORGED));
            }),
        ),
        ("another status", Box::new(|p| p.status = 201)),
        ("another error status", Box::new(|p| p.status = 503)),
        ("no signature", Box::new(|p| drop(p.headers.remove("signature")))),
        ("no signature input", Box::new(|p| drop(p.headers.remove("signature-input")))),
        ("no digest", Box::new(|p| drop(p.headers.remove("content-digest")))),
        (
            "two signatures",
            Box::new(|p| {
                let again = p.headers["signature"].clone();
                p.headers.append("signature", again);
            }),
        ),
        (
            "a request that was not this one uncovered",
            Box::new(|p| {
                let input = p.headers["signature-input"].to_str().unwrap().replace(" \"signature\";req", "");
                p.set("signature-input", &input);
            }),
        ),
        (
            "the request's own signature sent back",
            Box::new(|p| {
                let signature = p.request_signature.clone();
                p.set("signature", &signature);
            }),
        ),
    ];
    for (what, change) in cases {
        let heard = hear(&node, change).await;
        assert!(matches!(heard, Err(CallError::BadAnswer(_))), "{what}: {heard:?}");
    }
}

#[tokio::test]
async fn only_the_listeners_own_key_can_answer() {
    let node = Served::node();
    let fleet = node.fleet.to_hex();
    let (own, asking) = (node.key("node-to-api"), node.key("api-to-node"));
    let other_node = Key::derive(&fleet, "node-2", "node-to-api");
    let misnamed = Key { id: own.id.clone(), ..other_node.clone() };

    // Signing by hand works, with the right key.
    let heard = hear(&node, move |p| sign_by_hand(p, &own, &p.request_signature.clone())).await;
    assert_eq!(heard.unwrap(), SendOutcome::Refused { code: 1 });
    for (what, key) in
        [("the asker's key", asking), ("another node's", other_node), ("another node's, misnamed", misnamed)]
    {
        let heard = hear(&node, move |p| sign_by_hand(p, &key, &p.request_signature.clone())).await;
        assert!(matches!(heard, Err(CallError::BadAnswer(_))), "{what}: {heard:?}");
    }
}

#[tokio::test]
async fn the_answer_to_another_request_is_not_believed() {
    let node = Served::node();
    let first: Mutex<Option<Passing>> = Mutex::default();
    let url = between(&node.url, move |passing| {
        let first = &mut *first.lock().unwrap();
        *passing = first.get_or_insert_with(|| passing.clone()).clone();
    });
    let client = node.node_client_at(url, &node.fleet);
    let (lease, message, id) = (a_lease(), a_message(), RequestId::generate());
    client.send(&lease, &message, &id).await.unwrap();
    let second = client.send(&lease, &message, &id).await;
    assert!(matches!(second, Err(CallError::BadAnswer(_))), "{second:?}");
}

#[tokio::test]
async fn a_proxys_own_error_is_an_interruption() {
    let node = Served::node();
    let heard = hear(&node, |p| {
        p.status = 502;
        p.headers.clear();
        p.body = b"<h1>Bad Gateway</h1>".to_vec();
    });
    assert!(matches!(heard.await, Err(CallError::Interrupted(_))));
    let heard = hear(&node, |p| {
        p.status = 404;
        p.headers.clear();
    });
    assert!(matches!(heard.await, Err(CallError::BadAnswer(_))));
}

#[tokio::test]
async fn a_well_signed_answer_of_another_shape_is_not_one_and_stays_unquoted() {
    let node = Served::node();
    let key = node.key("node-to-api");
    assert!(key.id.starts_with(NODE));
    let heard = hear(&node, move |p| {
        p.body = br#"{"outcome":"something private"}"#.to_vec();
        for (name, value) in sign_answer(&key, 200, &p.body.clone(), &p.request_signature.clone()) {
            p.set(name, &value);
        }
    });
    let Err(CallError::BadAnswer(why)) = heard.await else { panic!("believed") };
    assert!(!why.contains("private"), "{why}");
}

#[tokio::test]
async fn the_refusal_of_a_copy_does_not_pass_for_the_refusal_of_the_call() {
    let node = Served::node();
    let client = node.node_client_at(repeating(&node.url), &node.fleet);
    let heard = client.send(&a_lease(), &a_message(), &RequestId::generate()).await;
    assert_eq!(node.take_seen().len(), 1, "the first copy was done");
    assert!(matches!(&heard, Err(CallError::BadAnswer(why)) if why.contains("signature")), "{heard:?}");
}
