//! Two generations of keys side by side.

use blazz_wire::keys::FleetSecret;
use blazz_wire::{CallError, RequestId};

use crate::served::{Served, a_registration};

#[tokio::test]
async fn both_generations_are_believed_and_answered_in_kind() {
    let (new, old, other) = (FleetSecret::generate(), FleetSecret::generate(), FleetSecret::generate());
    let generations = [new.clone(), old.clone()];
    let (node, api) = (Served::node_of(&generations), Served::control_of(&generations));
    let id = RequestId::generate();
    for fleet in [&new, &old] {
        // Each client believes answers under its own generation alone.
        node.node_client_at(node.url.clone(), fleet).list(&id).await.unwrap();
        api.control_client_with(fleet).register(&a_registration()).await.unwrap();
    }
    let stranger = node.node_client_at(node.url.clone(), &other).list(&id).await;
    assert!(matches!(stranger, Err(CallError::BadAnswer(_))), "{stranger:?}");
    let stranger = api.control_client_with(&other).register(&a_registration()).await;
    assert!(matches!(stranger, Err(CallError::BadAnswer(_))), "{stranger:?}");
}
