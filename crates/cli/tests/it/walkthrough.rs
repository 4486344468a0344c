//! The walk of the README: link a number, send, receive, read.

use reqwest::Method;
use serde_json::json;

use crate::stack::{BACKENDS, Stack, eventually};

const OURS: &str = "15550000001";
const THEIRS: &str = "15550000002";

#[tokio::test]
async fn a_number_is_linked_sends_receives_and_is_read() {
    for backend in BACKENDS {
        let stack = Stack::start(backend).await;
        let account = stack.link(OURS).await;
        stack.phone(THEIRS).await;

        let body = json!({ "account_id": account, "to": "+1 (555) 000-0002", "text": "Hello!" });
        let sent = stack.post("/v1/messages", body).await;
        let message = sent["id"].as_str().unwrap();
        stack.until_status(message, "delivered").await;
        let inbox = stack.inbox(THEIRS).await;
        assert_eq!(inbox.len(), 1, "{inbox:?}");
        assert_eq!((&inbox[0]["body"], &inbox[0]["arrivals"]), (&json!("Hello!"), &json!(1)));

        stack
            .emulator(
                Method::POST,
                &format!("/phones/{THEIRS}/messages"),
                Some(json!({ "to": OURS, "text": "Hi there" })),
            )
            .await;
        eventually("the reply is in the conversation", async || {
            (stack.conversation_texts("inbound").await == ["Hi there"]).then_some(())
        })
        .await;
        let conversations = stack.get("/v1/conversations").await;
        assert_eq!(conversations["data"].as_array().unwrap().len(), 1, "one thread: {conversations}");
        assert_eq!(conversations["data"][0]["unread"], 1);

        let read = json!({ "from": OURS, "type": "read" });
        stack.emulator(Method::POST, &format!("/phones/{THEIRS}/receipts"), Some(read)).await;
        let seen = stack.until_status(message, "read").await;
        assert!(
            seen["sent_at"].is_string() && seen["delivered_at"].is_string() && seen["read_at"].is_string(),
            "{seen}"
        );

        let events = stack.get("/v1/events?limit=200").await;
        let sequences: Vec<i64> =
            events["data"].as_array().unwrap().iter().map(|e| e["sequence"].as_i64().unwrap()).collect();
        assert_eq!(sequences, (1..=i64::try_from(sequences.len()).unwrap()).collect::<Vec<_>>(), "no gaps");
        for kind in [
            "account.created",
            "account.state.updated",
            "message.created",
            "message.received",
            "message.status.updated",
        ] {
            assert!(
                events["data"].as_array().unwrap().iter().any(|e| e["type"] == kind),
                "no {kind}: {events}"
            );
        }
        let stats = stack.emulator(Method::GET, "/stats", None).await;
        assert_eq!(stats["unanswered"], json!({}), "the emulator left something unanswered");
    }
}
