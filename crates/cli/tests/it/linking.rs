//! Where sessions land, and who may see them.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::stack::{Backend, Stack, eventually};

#[tokio::test]
async fn workspaces_land_on_both_nodes_by_hash_and_both_work() {
    let stack = Stack::start(Backend::Sqlite).await;
    let operator = stack.text("operator_key");
    stack.phone("15550000099").await;
    let mut nodes = BTreeSet::new();
    for n in 0..32 {
        let made = stack
            .call_with(&operator, Method::POST, "/v1/workspaces", Some(json!({ "name": format!("w{n}") })))
            .await;
        let workspace = made.unwrap().body["id"].as_str().unwrap().to_owned();
        let path = format!("/v1/workspaces/{workspace}/keys");
        let key =
            stack.call_with(&operator, Method::POST, &path, Some(json!({ "name": "k" }))).await.unwrap();
        let key = key.body["secret"].as_str().unwrap().to_owned();
        let account =
            stack.call_with(&key, Method::POST, "/v1/accounts", Some(json!({ "name": "a" }))).await.unwrap();
        let id = account.body["id"].as_str().unwrap().to_owned();
        let start = format!("/v1/accounts/{id}/session/start");
        let started = stack.call_with(&key, Method::POST, &start, Some(json!({}))).await.unwrap();
        assert!(started.status.is_success(), "{}", started.body);
        let account =
            stack.call_with(&key, Method::GET, &format!("/v1/accounts/{id}"), None).await.unwrap().body;
        let first_on_its_node = nodes.insert(account["node_id"].as_str().unwrap().to_owned());

        let foreign = stack.call(Method::GET, &format!("/v1/accounts/{id}"), None).await.unwrap();
        assert_eq!(foreign.status, StatusCode::NOT_FOUND, "another workspace's account");

        if first_on_its_node {
            let phone = format!("155500002{n:02}");
            stack.phone(&phone).await;
            let qr = format!("/v1/accounts/{id}/session/qr?wait=20");
            let qr = stack.call_with(&key, Method::GET, &qr, None).await.unwrap().body;
            let scan = Some(json!({ "qr": qr["text"] }));
            stack.emulator(Method::POST, &format!("/phones/{phone}/scan"), scan).await;
            eventually("it is connected", async || {
                let account =
                    stack.call_with(&key, Method::GET, &format!("/v1/accounts/{id}"), None).await.ok()?;
                (account.body["state"] == "connected").then_some(())
            })
            .await;
            let body = json!({ "account_id": id, "to": "+15550000099", "text": phone });
            let sent = stack.call_with(&key, Method::POST, "/v1/messages", Some(body)).await.unwrap();
            // The phone's receipt may be faster than the answer.
            assert_eq!(sent.status, StatusCode::CREATED, "{}", sent.body);
            assert!(sent.body["status"] == "sent" || sent.body["status"] == "delivered", "{}", sent.body);
        }
        if nodes.len() == 2 {
            return eventually("both messages are there", async || {
                (stack.inbox("15550000099").await.len() == 2).then_some(())
            })
            .await;
        }
    }
    panic!("32 workspaces landed on {nodes:?}");
}
