//! Commands to sessions: stored, carried out by the node, reported back.

use std::time::Duration;

use blazz_domain::{AccountState, Clock as _, Desired, ErrorCode, QrCode, SystemClock};
use blazz_services::sessions;
use blazz_test_support::for_each_database;

use crate::world::{World, quick, request_id};

#[tokio::test(flavor = "multi_thread")]
async fn a_session_starts_restarts_stops_and_logs_out() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let id = world.account().await;
        let (services, workspace, request) = (&world.services, world.workspace, request_id());
        let session = sessions::stop(services, workspace, id, &request).await.unwrap();
        assert_eq!(session.state, AccountState::New, "stopping what never ran changes nothing");
        let refused = sessions::logout(services, workspace, id, &request).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::AccountNotLinked);

        let session = sessions::start(services, workspace, id, &request).await.unwrap();
        assert_eq!((session.state, session.desired), (AccountState::Starting, Desired::Running));
        world.report(&node, id, AccountState::Connected).await;
        let session = sessions::restart(services, workspace, id, &request).await.unwrap();
        assert_eq!(session.state, AccountState::Connecting);
        let session = sessions::stop(services, workspace, id, &request).await.unwrap();
        assert_eq!((session.state, session.desired), (AccountState::Stopped, Desired::Stopped));
        sessions::start(services, workspace, id, &request).await.unwrap();
        let session = sessions::logout(services, workspace, id, &request).await.unwrap();
        assert_eq!((session.state, session.linked_at), (AccountState::LoggedOut, None));
        sessions::logout(services, workspace, id, &request).await.unwrap();
        assert_eq!(node.commands(), ["start", "restart", "stop", "start linked", "logout"]);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_qr_code_comes_from_the_node_or_the_state_says_why_not() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let id = world.account().await;
        let (services, workspace, request) = (&world.services, world.workspace, request_id());
        let none = Duration::ZERO;
        let refused = sessions::qr(services, workspace, id, none, &request).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::QrNotAvailable);

        sessions::start(services, workspace, id, &request).await.unwrap();
        let now = SystemClock.now();
        let code = QrCode { text: "2@ref".into(), expires_at: now, round_ends_at: now };
        node.shows(Some(code.clone()));
        assert_eq!(sessions::qr(services, workspace, id, none, &request).await.unwrap(), code);

        node.shows(None);
        world.report(&node, id, AccountState::Connected).await;
        let refused = sessions::qr(services, workspace, id, none, &request).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::QrNotAvailable);
        assert!(refused.to_string().contains("connected"), "{refused}");
        node.die().await;
        let refused = sessions::qr(services, workspace, id, none, &request).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::NodeUnreachable);
        Ok(())
    })
    .await
    .unwrap();
}
