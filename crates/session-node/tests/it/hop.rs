//! Who may call: only the API, only under the session's own grant.

use std::time::Duration;

use blazz_domain::{Epoch, ErrorCode, Lease};
use blazz_wire::NodeClient;
use blazz_wire::keys::FleetSecret;
use blazz_wire::node_api::StartSession;
use blazz_wire::problem::Problem;
use blazz_wire::request_id::RequestId;
use std::sync::Arc;

use crate::linking::refused;
use crate::stage::{ANNA, BERT, Stage, message};

/// Every route of the node's internal API.
const ROUTES: [(&str, &str); 9] = [
    ("GET", ""),
    ("GET", "/{}"),
    ("PUT", "/{}"),
    ("DELETE", "/{}"),
    ("POST", "/{}/stop"),
    ("POST", "/{}/restart"),
    ("POST", "/{}/logout"),
    ("GET", "/{}/qr?wait_ms=1"),
    ("POST", "/{}/messages"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_route_refuses_an_unsigned_call_and_one_signed_with_another_key() {
    let stage = Stage::new().await;
    let node = stage.start().await;
    let lease = stage.link(&node, ANNA).await;
    let http = blazz_wire::http_client(Duration::from_secs(2), Duration::from_secs(5)).unwrap();
    for (method, path) in ROUTES {
        let path = path.replace("{}", &lease.account_id.to_string());
        let url = format!("{}/internal/v1/sessions{path}", node.url);
        let request = http
            .request(method.parse().unwrap(), &url)
            .header("blazz-lease", lease.to_string())
            .header("content-type", "application/json")
            .body("{}");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 401, "{method} {path}");
        let problem: Problem = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(problem.code, ErrorCode::BadSignature, "{method} {path}");
    }

    let other = FleetSecret::generate().node_secret(&stage.node_id()).keys(&stage.node_id());
    let clock = Arc::new(blazz_domain::SystemClock);
    let forger = NodeClient::new(http, stage.node_id(), node.url.parse().unwrap(), other, clock);
    let id = RequestId::generate();
    assert!(forger.list(&id).await.is_err());
    assert!(forger.stop(&lease, &id).await.is_err());
    assert!(forger.delete(&lease, &id).await.is_err());
    assert_eq!(node.state(&lease).await, blazz_domain::AccountState::Connected);
    node.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_is_not_the_sessions_own_commands_nothing() {
    let stage = Stage::new().await;
    let node = stage.start().await;
    let mut lease = stage.lease();
    lease.epoch = Epoch(5);
    stage.link_as(&node, ANNA, lease).await;
    let (client, id) = (&node.client, RequestId::generate());
    let older = Lease { epoch: Epoch(4), ..lease };
    let newer = Lease { epoch: Epoch(6), ..lease };
    let other = Lease { workspace_id: blazz_domain::WorkspaceId::new(), ..lease };
    for stale in [older, newer, other] {
        let code = ErrorCode::StaleLease;
        if stale != newer {
            assert!(refused(client.start(&stale, &StartSession { linked: true }, &id).await, code));
        }
        assert!(refused(client.stop(&stale, &id).await, code));
        assert!(refused(client.restart(&stale, &id).await, code));
        assert!(refused(client.logout(&stale, &id).await, code));
        assert!(refused(client.state(&stale, &id).await, code));
        assert!(refused(client.delete(&stale, &id).await, code));
        assert!(refused(client.qr(&stale, Duration::ZERO, &id).await, code));
        assert!(refused(client.send(&stale, &message(BERT, "3EB0", "no"), &id).await, code));
    }
    assert_eq!(node.state(&lease).await, blazz_domain::AccountState::Connected);
    node.end().await.unwrap();
}
