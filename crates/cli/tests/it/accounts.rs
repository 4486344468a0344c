//! What a tenant chooses for its account, on the whole stack: the linked device's name, the proxy, the profile.

use blazz_domain::AccountId;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::proxy::{Kind, TestProxy};
use crate::stack::{Backend, Stack, eventually};

const ANNA: &str = "15550000001";
const JPEG: [u8; 6] = [0xff, 0xd8, 0xff, 0xe0, 1, 2];

/// Creates an account as told and links it to Anna's phone.
async fn link(stack: &Stack, account: Value) -> AccountId {
    stack.phone(ANNA).await;
    let made = stack.post("/v1/accounts", account).await;
    let account: AccountId = made["id"].as_str().unwrap().parse().unwrap();
    stack.post(&format!("/v1/accounts/{account}/session/start"), json!({})).await;
    let qr = stack.get(&format!("/v1/accounts/{account}/session/qr?wait=20")).await;
    let scan = Some(json!({ "qr": qr["text"] }));
    stack.emulator(Method::POST, &format!("/phones/{ANNA}/scan"), scan).await;
    stack.until_state(account, "connected").await;
    account
}

async fn anna(stack: &Stack) -> Value {
    let phones = stack.emulator(Method::GET, "/phones", None).await;
    let phones = phones.as_array().unwrap().clone();
    phones.into_iter().find(|phone| phone["phone"] == ANNA).unwrap()
}

#[tokio::test]
async fn annas_phone_sees_the_profile_that_the_api_sets() {
    for backend in crate::stack::BACKENDS {
        let stack = Stack::start(backend).await;
        let account = link(&stack, json!({ "name": "Shop", "device_name": "Front desk" })).await;
        let devices = stack.emulator(Method::GET, &format!("/phones/{ANNA}/devices"), None).await;
        assert_eq!(devices[0]["name"], "Front desk", "{devices}");

        let path = format!("/v1/accounts/{account}/profile");
        let change = json!({ "name": "Acme Sales", "about": "open till five" });
        let changed = stack.call(Method::PUT, &path, Some(change.clone())).await.unwrap();
        assert_eq!((changed.status, &changed.body), (StatusCode::OK, &change));
        eventually("the phone to know", async || {
            let anna = anna(&stack).await;
            (anna["name"] == "Acme Sales" && anna["about"] == "open till five").then_some(())
        })
        .await;
        assert_eq!(stack.get(&path).await, change);

        let picture = format!("{path}/picture");
        assert_eq!(stack.call(Method::GET, &picture, None).await.unwrap().status, StatusCode::NOT_FOUND);
        let (status, _) = stack.raw(Method::PUT, &picture, "image/jpeg", JPEG.to_vec()).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
        assert!(anna(&stack).await["picture"].is_string());
        let (status, shown) = stack.raw(Method::GET, &picture, "image/jpeg", vec![]).await;
        assert_eq!((status, shown.as_slice()), (StatusCode::OK, &JPEG[..]));
        let gone = stack.call(Method::DELETE, &picture, None).await.unwrap();
        assert_eq!(gone.status, StatusCode::NO_CONTENT);
        assert!(anna(&stack).await["picture"].is_null());

        stack.post(&format!("/v1/accounts/{account}/session/stop"), json!({})).await;
        let offline = stack.call(Method::GET, &path, None).await.unwrap();
        assert_eq!(
            (offline.status, &offline.body["code"]),
            (StatusCode::CONFLICT, &json!("session_not_running"))
        );
    }
}

#[tokio::test]
async fn an_account_takes_its_proxy_changes_it_and_waits_for_it() {
    let stack = Stack::start(Backend::Sqlite).await;
    let (first, second) = (TestProxy::start(Kind::Http).await, TestProxy::start(Kind::Socks5).await);
    let accepted = async || stack.emulator(Method::GET, "/stats", None).await["accepted"].as_u64().unwrap();
    let account = link(&stack, json!({ "name": "Shop", "proxy": first.url() })).await;
    assert_eq!(u64::try_from(first.tunnels()).unwrap(), accepted().await);

    let before = accepted().await;
    let path = format!("/v1/accounts/{account}");
    let patched = stack.call(Method::PATCH, &path, Some(json!({ "proxy": second.url() }))).await.unwrap();
    assert!(patched.status.is_success() && !patched.body.to_string().contains("p%40ss"), "{}", patched.body);
    eventually("the session on its new proxy", async || (second.tunnels() == 1).then_some(())).await;
    stack.until_state(account, "connected").await;
    assert_eq!(accepted().await, before + 1);

    second.stop();
    eventually("the proxy to be missed", async || {
        let account = stack.get(&path).await;
        (account["state"] == "disconnected" && account["state_reason"] == "proxy_unreachable").then_some(())
    })
    .await;
    assert_eq!(accepted().await, before + 1, "it does not go around it");
    stack.call(Method::PATCH, &path, Some(json!({ "proxy": null }))).await.unwrap();
    stack.until_state(account, "connected").await;
    assert_eq!(accepted().await, before + 2);

    // Neither the logs nor the database's own words hold the password, however it is written.
    for entry in std::fs::read_dir(stack.var().join("logs")).unwrap().flatten() {
        let log = std::fs::read_to_string(entry.path()).unwrap();
        assert!(!log.contains("p%40ss") && !log.contains("p@ss"), "{}", entry.path().display());
    }
}
