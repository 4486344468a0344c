//! The fleet: registration, heartbeats, placement, nodes that are lost and come back.

use std::time::Duration;

use blazz_domain::{AccountState, Desired, Epoch, ErrorCode, Lease, StateReason};
use blazz_services::fleet::{self, NodeState};
use blazz_services::{PageQuery, Settings, accounts, sessions, workspaces};
use blazz_test_support::{eventually, for_each_database};

use crate::node::TestNode;
use crate::world::{DEADLINE, World, quick, request_id};

#[tokio::test(flavor = "multi_thread")]
async fn a_start_of_a_node_outdates_the_one_before() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let old = node.beat(vec![]);
        let registered = node.register(&world.services, 100).await.unwrap();
        assert!(registered.incarnation > old.incarnation);
        assert_eq!((registered.heartbeat_ms, registered.ttl_ms), (2000, 10_000));
        let refused = fleet::heartbeat(&world.services, &node.id, old).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Superseded);
        let stranger = TestNode::listen("node-2", &world.secret).unwrap();
        let refused =
            fleet::heartbeat(&world.services, &stranger.id, stranger.beat(vec![])).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::NotRegistered);
        let refused = fleet::register(&world.services, &node.id, stranger.registration(1)).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::InvalidRequest);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_land_by_workspace_and_stay() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        world.node("node-1").await;
        world.node("node-2").await;
        let mut placed = Vec::new();
        for _ in 0..4 {
            let id = world.account().await;
            let session = sessions::start(&world.services, world.workspace, id, &request_id()).await.unwrap();
            placed.push((id, session.node_id.unwrap()));
        }
        assert!(placed.iter().all(|(_, node)| *node == placed[0].1), "one workspace, one choice");
        for n in 3..10 {
            world.node(&format!("node-{n}")).await;
        }
        for (id, node) in placed {
            let session = sessions::start(&world.services, world.workspace, id, &request_id()).await.unwrap();
            assert_eq!(session.node_id, Some(node), "a new node moves nothing that is stored");
        }
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_room_nothing_is_stored() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let id = world.account().await;
        let refused = sessions::start(&world.services, world.workspace, id, &request_id()).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::NoCapacity);
        let account = world.view(id).await;
        assert_eq!(
            (account.desired, account.node_id, account.state),
            (Desired::Stopped, None, AccountState::New)
        );

        let node = TestNode::listen("node-1", &world.secret).unwrap();
        node.register(&world.services, 3).await.unwrap();
        let mut ids = vec![id];
        for _ in 0..7 {
            ids.push(world.account().await);
        }
        let request = request_id();
        let starts = ids.iter().map(|id| sessions::start(&world.services, world.workspace, *id, &request));
        let results = futures_util::future::join_all(starts).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 3);
        assert!(results.iter().flat_map(|r| r.as_ref().err()).all(|e| e.code() == ErrorCode::NoCapacity));

        let second = TestNode::listen("node-2", &world.secret).unwrap();
        second.register(&world.services, 100).await.unwrap();
        let waiting = ids[results.iter().position(Result::is_err).unwrap()];
        let session = sessions::start(&world.services, world.workspace, waiting, &request).await.unwrap();
        assert_eq!(session.node_id, Some(second.id));
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_count_once_and_in_their_order() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let id = world.connected(&node).await;
        let linked_at = world.view(id).await.linked_at;
        assert!(linked_at.is_some());
        let early = node.change(world.lease(id), AccountState::Disconnected);
        let late = node.change(world.lease(id), AccountState::Connected);
        let (first, second) = (node.beat(vec![early]), node.beat(vec![late]));
        fleet::heartbeat(&world.services, &node.id, second).await.unwrap();
        let answer = fleet::heartbeat(&world.services, &node.id, first).await.unwrap();
        assert!(answer.start.is_empty() && answer.stop.is_empty());
        let account = world.view(id).await;
        assert_eq!((account.state, account.linked_at), (AccountState::Connected, linked_at));
        let kinds = world.event_kinds().await;
        let updates = kinds.iter().filter(|kind| **kind == "account.state.updated").count();
        assert_eq!(updates, 2, "starting, connected: {kinds:?}");
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_from_the_phone_ends_the_link() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let id = world.connected(&node).await;
        world.report(&node, id, AccountState::LoggedOut).await;
        let account = world.view(id).await;
        assert_eq!(account.state, AccountState::LoggedOut);
        assert_eq!((account.linked_at, account.desired), (None, Desired::Stopped));
        let answer = fleet::heartbeat(&world.services, &node.id, node.beat(vec![])).await.unwrap();
        assert!(answer.start.is_empty(), "nobody asked for it");
        // A start links anew.
        sessions::start(&world.services, world.workspace, id, &request_id()).await.unwrap();
        assert_eq!(node.commands(), ["start", "start"]);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_reconciles_what_the_node_missed() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let id = world.connected(&node).await;
        // A stop that the node did not hear.
        node.die().await;
        let refused = sessions::stop(&world.services, world.workspace, id, &request_id()).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::NodeUnreachable);
        let answer = fleet::heartbeat(&world.services, &node.id, node.beat(vec![])).await.unwrap();
        assert_eq!(answer.stop, [world.lease(id)]);
        world.report(&node, id, AccountState::Stopped).await;
        // A start that it did not hear.
        let refused = sessions::start(&world.services, world.workspace, id, &request_id()).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::NodeUnreachable);
        let answer = fleet::heartbeat(&world.services, &node.id, node.beat(vec![])).await.unwrap();
        assert_eq!(answer.start.len(), 1);
        assert_eq!((answer.start[0].lease, answer.start[0].linked), (world.lease(id), true));
        // Two changes between two heartbeats arrive as one.
        world.report(&node, id, AccountState::Connected).await;
        assert_eq!(world.state(id).await, AccountState::Connected);
        // What waits for somebody is not started again and again.
        for state in [AccountState::Failed, AccountState::QrTimeout] {
            world.report(&node, id, state).await;
            let answer = fleet::heartbeat(&world.services, &node.id, node.beat(vec![])).await.unwrap();
            assert!(answer.start.is_empty(), "{state:?}");
            world.report(&node, id, AccountState::Starting).await;
        }
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_are_not_the_nodes_own_are_to_stop() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let id = world.connected(&node).await;
        let unknown = Lease { account_id: blazz_domain::AccountId::new(), ..world.lease(id) };
        let stale = Lease { epoch: Epoch(9), ..world.lease(id) };
        let changes = vec![
            node.change(unknown, AccountState::Connected),
            node.change(stale, AccountState::Disconnected),
        ];
        let answer = fleet::heartbeat(&world.services, &node.id, node.beat(changes)).await.unwrap();
        assert_eq!(answer.stop.len(), 2);
        assert!(answer.stop.contains(&unknown) && answer.stop.contains(&stale));
        assert_eq!(world.state(id).await, AccountState::Connected);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_node_is_told_what_to_run() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let running = world.connected(&node).await;
        let stopped = world.connected(&node).await;
        sessions::stop(&world.services, world.workspace, stopped, &request_id()).await.unwrap();
        let registered = node.register(&world.services, 100).await.unwrap();
        assert_eq!(registered.sessions.len(), 1);
        assert_eq!(
            (registered.sessions[0].lease, registered.sessions[0].linked),
            (world.lease(running), true)
        );
        let account = world.view(running).await;
        assert_eq!(account.state, AccountState::Starting);
        assert_eq!(account.state_reason, Some(StateReason::NodeRestarted));
        assert_eq!(world.state(stopped).await, AccountState::Stopped);
        world.report(&node, running, AccountState::Connected).await;
        assert_eq!(world.state(running).await, AccountState::Connected);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_lost_and_comes_back() {
    for_each_database(async |db| {
        let settings = Settings { node_ttl: Duration::from_millis(300), ..quick() };
        let world = World::new(db, settings).await;
        let node = world.node("node-1").await;
        let id = world.connected(&node).await;
        let report = node.change(world.lease(id), AccountState::Connected);
        fleet::heartbeat(&world.services, &node.id, node.beat(vec![report.clone()])).await.unwrap();
        eventually(DEADLINE, async || {
            fleet::mark_lost_nodes(&world.services).await.unwrap();
            (world.state(id).await == AccountState::Disconnected).then_some(())
        })
        .await
        .unwrap();
        assert_eq!(world.view(id).await.state_reason, Some(StateReason::NodeLost));
        assert_eq!(fleet::nodes(&world.services).await.unwrap()[0].state, NodeState::Lost);
        let count = world.events().await.len();
        fleet::mark_lost_nodes(&world.services).await.unwrap();
        assert_eq!(world.events().await.len(), count, "lost once");

        let answer = fleet::heartbeat(&world.services, &node.id, node.beat(vec![])).await.unwrap();
        assert!(answer.report_all);
        // It reports as it stood all the time, under the number of its last report.
        let answer = fleet::heartbeat(&world.services, &node.id, node.beat(vec![report])).await.unwrap();
        assert!(!answer.report_all);
        assert_eq!(world.state(id).await, AccountState::Connected);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_see_nodes_and_sessions() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let id = world.connected(&node).await;
        world.account().await;
        let nodes = fleet::nodes(&world.services).await.unwrap();
        assert_eq!(nodes.len(), 1);
        assert_eq!(
            (nodes[0].id.clone(), nodes[0].state, nodes[0].capacity),
            (node.id.clone(), NodeState::Ready, 100)
        );
        let sessions = fleet::sessions(&world.services, &PageQuery::default()).await.unwrap().data;
        assert_eq!(sessions.len(), 1, "one that was never started is nowhere");
        assert_eq!((sessions[0].account_id, sessions[0].workspace_id), (id, world.workspace));
        accounts::delete(&world.services, world.workspace, id, &request_id()).await.unwrap();
        assert!(fleet::sessions(&world.services, &PageQuery::default()).await.unwrap().data.is_empty());
        Ok(())
    })
    .await
    .unwrap();
}

/// The answer that asks for every report can get lost on its way.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_return_got_no_answer_is_asked_again() {
    for_each_database(async |db| {
        let settings = Settings { node_ttl: Duration::from_millis(300), ..quick() };
        let world = World::new(db, settings).await;
        let node = world.node("node-1").await;
        let id = world.connected(&node).await;
        eventually(DEADLINE, async || {
            fleet::mark_lost_nodes(&world.services).await.unwrap();
            (world.view(id).await.state_reason == Some(StateReason::NodeLost)).then_some(())
        })
        .await
        .unwrap();
        fleet::heartbeat(&world.services, &node.id, node.beat(vec![])).await.unwrap();
        let answer = fleet::heartbeat(&world.services, &node.id, node.beat(vec![])).await.unwrap();
        let start: Vec<_> = answer.start.iter().map(|assignment| assignment.lease).collect();
        assert_eq!(start, [world.lease(id)], "told to start what it runs, it says where that stands");
        world.report(&node, id, AccountState::Connected).await;
        let answer = fleet::heartbeat(&world.services, &node.id, node.beat(vec![])).await.unwrap();
        assert_eq!((answer.start.len(), world.state(id).await), (0, AccountState::Connected));
        Ok(())
    })
    .await
    .unwrap();
}

/// A start that its node did not hear counts when it is back, also out of a state that waits for somebody.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_nobody_answered_is_caught_up_on() {
    for_each_database(async |db| {
        for restarts in [false, true] {
            let mut world = World::new(db, quick()).await;
            let node = world.node("node-1").await;
            let id = world.connected(&node).await;
            world.report(&node, id, AccountState::LoggedOut).await;
            let answer = fleet::heartbeat(&world.services, &node.id, node.beat(vec![])).await.unwrap();
            assert!(answer.start.is_empty(), "logged out: somebody has to ask for a new link");
            node.die().await;
            world.hang_up();
            let failed =
                sessions::start(&world.services, world.workspace, id, &request_id()).await.unwrap_err();
            assert_eq!(failed.code(), ErrorCode::NodeUnreachable);
            let start = if restarts {
                node.register(&world.services, 100).await.unwrap().sessions
            } else {
                fleet::heartbeat(&world.services, &node.id, node.beat(vec![])).await.unwrap().start
            };
            let start: Vec<_> = start.iter().map(|assignment| assignment.lease).collect();
            assert!(start.contains(&world.lease(id)), "{start:?}");
        }
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_carries_the_news_of_many_workspaces() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let (mut changes, mut ids) = (Vec::new(), Vec::new());
        for n in 0..3 {
            let workspace = workspaces::create(&world.services, &format!("w{n}")).await.unwrap().id;
            for _ in 0..3 {
                let new = accounts::NewAccount { name: "Sales".into(), ..Default::default() };
                let id = accounts::create(&world.services, workspace, new).await.unwrap().id;
                sessions::start(&world.services, workspace, id, &request_id()).await.unwrap();
                let lease = Lease { workspace_id: workspace, account_id: id, epoch: Epoch(1) };
                changes.push(node.change(lease, AccountState::Qr));
                ids.push((workspace, id));
            }
        }
        fleet::heartbeat(&world.services, &node.id, node.beat(changes)).await.unwrap();
        for (workspace, id) in ids {
            let account = accounts::get(&world.services, workspace, id).await.unwrap();
            assert_eq!(account.state, AccountState::Qr);
        }
        Ok(())
    })
    .await
    .unwrap();
}
