//! Nothing is lost and nothing comes twice, whatever is killed.

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
        stack.until_status(sent.body["id"].as_str().unwrap(), "delivered").await;
        stack.until_state(account, "connected").await;

        let inbox = stack.inbox(THEIRS).await;
        assert_eq!(inbox.len(), 1, "{inbox:?}");
        assert_eq!(inbox[0]["arrivals"], 1, "{inbox:?}");
        let devices = stack.emulator(Method::GET, &format!("/phones/{OURS}/devices"), None).await;
        assert_eq!(
            devices.as_array().or_else(|| devices["devices"].as_array()).unwrap().len(),
            1,
            "no second link: {devices}"
        );
    }
}

#[tokio::test]
async fn a_killed_api_sends_what_it_had_stored_once() {
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

        stack.until_status(&message, "delivered").await;
        let inbox = stack.inbox(THEIRS).await;
        assert_eq!(inbox.len(), 1, "{inbox:?}");
        assert_eq!(inbox[0]["arrivals"], 1, "{inbox:?}");
    }
}

#[tokio::test]
async fn a_hundred_messages_to_a_stopped_api_all_arrive_once_and_in_order() {
    for backend in BACKENDS {
        let stack = Stack::start(backend).await;
        stack.link(OURS).await;
        stack.phone(THEIRS).await;
        let expected: Vec<String> = (0..100).map(|n| format!("message {n}")).collect();

        stack.signal("api", Signal::SIGSTOP);
        for text in &expected {
            let body = json!({ "to": OURS, "text": text });
            stack.emulator(Method::POST, &format!("/phones/{THEIRS}/messages"), Some(body)).await;
        }
        stack.signal("api", Signal::SIGCONT);

        eventually("all hundred are there", async || {
            (stack.conversation_texts("inbound").await.len() >= expected.len()).then_some(())
        })
        .await;
        assert_eq!(stack.conversation_texts("inbound").await, expected);
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
