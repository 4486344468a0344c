//! Nothing is lost and nothing comes twice, whatever is killed.

use std::time::Duration;

use nix::sys::signal::Signal;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::stack::{BACKENDS, Backend, Stack, eventually};

const OURS: &str = "15550000001";
const THEIRS: &str = "15550000002";

/// The node that holds the session, as `up.json` names it.
async fn holder(stack: &Stack, account: blazz_domain::AccountId) -> String {
    stack.get(&format!("/v1/accounts/{account}")).await["node_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_killed_node_comes_back_with_its_sessions_and_sends_what_waited_once() {
    for backend in BACKENDS {
        let stack = Stack::start(backend).await;
        let account = stack.link(OURS).await;
        stack.phone(THEIRS).await;
        let node = holder(&stack, account).await;

        stack.signal(&node, Signal::SIGKILL);
        let body = json!({ "account_id": account, "to": THEIRS, "text": "meanwhile" });
        let sent = stack.call(Method::POST, "/v1/messages", Some(body)).await.unwrap();
        assert!([StatusCode::CREATED, StatusCode::ACCEPTED].contains(&sent.status), "{}", sent.body);
        arrives_once(&stack, sent.body["id"].as_str().unwrap()).await;
        stack.until_state(account, "connected").await;
        let devices = stack.emulator(Method::GET, &format!("/phones/{OURS}/devices"), None).await;
        assert_eq!(
            devices.as_array().or_else(|| devices["devices"].as_array()).unwrap().len(),
            1,
            "no second link: {devices}"
        );
    }
}

/// The message is delivered, and has reached the phone once.
async fn arrives_once(stack: &Stack, message: &str) {
    stack.until_status(message, "delivered").await;
    let inbox = stack.inbox(THEIRS).await;
    assert_eq!(inbox.len(), 1, "{inbox:?}");
    assert_eq!(inbox[0]["arrivals"], 1, "{inbox:?}");
}

#[tokio::test]
async fn a_killed_api_sends_what_it_had_stored_once() {
    for backend in BACKENDS {
        let stack = Stack::start(backend).await;
        let account = stack.link(OURS).await;
        stack.phone(THEIRS).await;

        // Offline, so that storing the message is all that its request can do.
        for fault in [
            json!({ "kind": "refuse_logins", "reason": 503, "phone": OURS }),
            json!({ "kind": "drop_sockets", "phone": OURS }),
        ] {
            stack.emulator(Method::POST, "/faults", Some(fault)).await;
        }
        stack.until_state(account, "disconnected").await;
        let body = json!({ "account_id": account, "to": THEIRS, "text": "survivor" });
        let stored = stack.call(Method::POST, "/v1/messages", Some(body)).await.unwrap();
        assert_eq!(stored.status, StatusCode::ACCEPTED, "{}", stored.body);

        stack.kill("api").await;
        stack.emulator(Method::DELETE, "/faults", None).await;
        arrives_once(&stack, stored.body["id"].as_str().unwrap()).await;
    }
}

#[tokio::test]
async fn an_api_killed_with_the_request_under_way_sends_once() {
    for backend in BACKENDS {
        let stack = Stack::start(backend).await;
        let account = stack.link(OURS).await;
        stack.phone(THEIRS).await;
        let node = holder(&stack, account).await;

        // The node stands still, so the API has stored the message and waits for the node when it dies.
        stack.signal(&node, Signal::SIGSTOP);
        let body = json!({ "account_id": account, "to": THEIRS, "text": "survivor" });
        let request = stack.call(Method::POST, "/v1/messages", Some(body));
        let stored = eventually("the message is stored", async || {
            let list = stack.get(&format!("/v1/messages?account_id={account}")).await;
            list["data"].get(0).map(|m| m["id"].as_str().unwrap().to_owned())
        });
        let message = tokio::select! {
            message = stored => message,
            answer = request => panic!("answered: {:?}", answer.map(|a| a.body)),
        };
        stack.kill("api").await;
        stack.signal(&node, Signal::SIGCONT);
        arrives_once(&stack, &message).await;
    }
}

/// A hundred messages from the phone over thirty seconds, in which the API stands still: long enough for what the node has in flight to
/// be given up and tried again.
async fn send_a_hundred_to_a_stopped_api(stack: &Stack, is_killed: bool) -> Vec<String> {
    let texts: Vec<String> = (0..100).map(|n| format!("message {n}")).collect();
    let stopped = stack.pid("api");
    stack.signal("api", Signal::SIGSTOP);
    for (n, text) in texts.iter().enumerate() {
        let body = json!({ "to": OURS, "text": text });
        stack.emulator(Method::POST, &format!("/phones/{THEIRS}/messages"), Some(body)).await;
        if is_killed && n == texts.len() / 2 {
            stack.kill("api").await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    if !is_killed {
        assert_eq!(stack.pid("api"), stopped, "it was not to be started again");
        stack.signal("api", Signal::SIGCONT);
    }
    texts
}

async fn a_hundred_arrive_once_and_in_order(backend: Backend, is_killed: bool) {
    let stack = Stack::start(backend).await;
    stack.link(OURS).await;
    stack.phone(THEIRS).await;
    let sent = send_a_hundred_to_a_stopped_api(&stack, is_killed).await;
    eventually("all hundred are there", async || {
        (stack.conversation_texts("inbound").await.len() >= sent.len()).then_some(())
    })
    .await;
    assert_eq!(stack.conversation_texts("inbound").await, sent);
}

#[tokio::test]
async fn a_hundred_messages_to_a_stopped_api_all_arrive_once_and_in_order() {
    for backend in BACKENDS {
        a_hundred_arrive_once_and_in_order(backend, false).await;
    }
}

#[tokio::test]
async fn a_hundred_messages_to_an_api_that_is_killed_half_way_all_arrive_once_and_in_order() {
    for backend in BACKENDS {
        a_hundred_arrive_once_and_in_order(backend, true).await;
    }
}

#[tokio::test]
async fn everything_killed_at_once_comes_back() {
    let stack = Stack::start(Backend::Sqlite).await;
    let account = stack.link(OURS).await;
    stack.phone(THEIRS).await;
    for name in ["api", "node-1", "node-2"] {
        stack.signal(name, Signal::SIGKILL);
    }
    let text = json!({ "to": OURS, "text": "anybody there?" });
    stack.emulator(Method::POST, &format!("/phones/{THEIRS}/messages"), Some(text)).await;
    eventually("the message is there", async || {
        let answer = stack.call(Method::GET, "/v1/conversations", None).await.ok()?;
        (answer.body["data"][0]["unread"] == 1).then_some(())
    })
    .await;
    stack.until_state(account, "connected").await;
    assert_eq!(stack.conversation_texts("inbound").await, ["anybody there?"]);
}
