//! Who may call: only the API, only under the session's own grant.

use std::time::Duration;

use blazz_domain::{Epoch, ErrorCode, Lease, NodeId, ProfileChange, ProviderMessageId};
use blazz_wire::keys::FleetSecret;
use blazz_wire::node_api::{ProfilePicture, ReadMessages, RequestPairingCode, StartSession};
use blazz_wire::request_id::RequestId;
use blazz_wire::{CallError, NodeClient};

use crate::attacks::{Between, Mode};
use crate::linking::refused;
use crate::stage::{ANNA, BERT, Stage, message};

/// Every route of the node's internal API, without `/sessions` before it; the one that ends the session comes last.
const ROUTES: [(&str, &str); 17] = [
    ("get", "/node"),
    ("get", ""),
    ("get", "/{account_id}"),
    ("put", "/{account_id}"),
    ("get", "/{account_id}/qr"),
    ("post", "/{account_id}/pairing-code"),
    ("get", "/{account_id}/profile"),
    ("put", "/{account_id}/profile"),
    ("get", "/{account_id}/profile/picture"),
    ("put", "/{account_id}/profile/picture"),
    ("delete", "/{account_id}/profile/picture"),
    ("post", "/{account_id}/messages"),
    ("post", "/{account_id}/read"),
    ("post", "/{account_id}/restart"),
    ("post", "/{account_id}/stop"),
    ("post", "/{account_id}/logout"),
    ("delete", "/{account_id}"),
];

async fn call(client: &NodeClient, route: (&str, &str), lease: &Lease) -> Result<(), CallError> {
    let id = RequestId::generate();
    match route {
        ("get", "/node") => client.probe(&id).await.map(drop),
        ("get", "") => client.list(&id).await.map(drop),
        ("get", "/{account_id}") => client.state(lease, &id).await.map(drop),
        ("put", "/{account_id}") => client.start(lease, &StartSession::new(false), &id).await.map(drop),
        ("get", "/{account_id}/qr") => client.qr(lease, Duration::ZERO, &id).await.map(drop),
        ("post", "/{account_id}/pairing-code") => {
            let request = RequestPairingCode { phone: format!("+{ANNA}").parse().unwrap() };
            client.pairing_code(lease, &request, &id).await.map(drop)
        }
        ("get", "/{account_id}/profile") => client.profile(lease, &id).await.map(drop),
        ("put", "/{account_id}/profile") => {
            client.change_profile(lease, &ProfileChange::default(), &id).await.map(drop)
        }
        ("get", "/{account_id}/profile/picture") => client.picture(lease, &id).await.map(drop),
        ("put", "/{account_id}/profile/picture") => {
            let picture = ProfilePicture { jpeg: "/9j/".to_owned() };
            client.put_picture(lease, &picture, &id).await.map(drop)
        }
        ("delete", "/{account_id}/profile/picture") => client.delete_picture(lease, &id).await.map(drop),
        ("post", "/{account_id}/messages") => {
            client.send(lease, &message(BERT, "3EB0", "no"), &id).await.map(drop)
        }
        ("post", "/{account_id}/read") => {
            let ids = vec![ProviderMessageId("3EB0".into())];
            let read =
                ReadMessages { chat: format!("{BERT}@s.whatsapp.net").parse().unwrap(), sender: None, ids };
            client.read(lease, &read, &id).await.map(drop)
        }
        ("post", "/{account_id}/restart") => client.restart(lease, &id).await.map(drop),
        ("post", "/{account_id}/stop") => client.stop(lease, &id).await.map(drop),
        ("post", "/{account_id}/logout") => client.logout(lease, &id).await.map(drop),
        ("delete", "/{account_id}") => client.delete(lease, &id).await.map(drop),
        other => panic!("no call for {other:?}"),
    }
}

#[test]
fn the_routes_here_are_all_that_the_node_serves() {
    let source = include_str!("../../src/routes/mod.rs");
    let (_, table) = source.split_once("fn internal").unwrap();
    let (table, _) = table.split_once("\n}").unwrap();
    let mut served: Vec<_> = table
        .split(".route(\"")
        .skip(1)
        .map(|route| {
            let (path, handler) = route.split_once("\", web::").unwrap();
            (handler.split_once("()").unwrap().0, path.strip_prefix("/sessions").unwrap_or(path))
        })
        .collect();
    assert_eq!(table.matches("web::").count(), served.len(), "a route that this test cannot read");
    let mut known = ROUTES.to_vec();
    served.sort_unstable();
    known.sort_unstable();
    assert_eq!(served, known);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_believes_what_was_changed_replayed_or_signed_by_another() {
    let stage = Stage::new().await;
    let node = stage.start().await;
    let between = Between::before(&node.url);
    let other: NodeId = "node-2".parse().unwrap();
    let foreign = [
        FleetSecret::generate().node_secret(&stage.node_id()).keys(&stage.node_id()),
        stage.secret.node_secret(&other).keys(&other),
    ];
    let lease = stage.lease();
    node.start(&lease).await;
    for route in ROUTES {
        for keys in foreign.clone() {
            let forger = stage.client_with(&between.url(), keys);
            assert!(call(&forger, route, &lease).await.is_err());
            assert_eq!(between.fire(&between.take()).await, 401, "{route:?} with another key");
        }
        let client = stage.client(&between.url());
        assert!(call(&client, route, &lease).await.is_err(), "it does not arrive");
        between.attack(&between.take(), false).await;
    }
    node.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_of_any_route_can_be_forged() {
    let stage = Stage::new().await;
    let node = stage.start().await;
    let between = Between::before(&node.url);
    between.turn_to(Mode::ForgeAnswers);
    let client = stage.client(&between.url());
    let lease = stage.lease();
    node.start(&lease).await;
    for route in ROUTES {
        let answer = call(&client, route, &lease).await;
        assert!(matches!(answer, Err(CallError::BadAnswer(_))), "{route:?}: {answer:?}");
    }
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
            assert!(refused(client.start(&stale, &StartSession::new(true), &id).await, code));
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
