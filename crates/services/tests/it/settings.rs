//! What a tenant chooses for its session, and how the session's node learns of it.

use blazz_database::accounts;
use blazz_domain::{AccountState, ErrorCode, StateNumber};
use blazz_services::accounts::{AccountPatch, NewAccount};
use blazz_services::{accounts as account_services, fleet, sessions};
use blazz_test_support::for_each_database;

use crate::node::TestNode;
use crate::world::{World, quick, request_id};

const PROXY: &str = "socks5://anna:hunter2@proxy.example:1080";

fn proxy(text: Option<&str>) -> AccountPatch {
    AccountPatch { proxy: Some(text.map(str::to_owned)), ..AccountPatch::default() }
}

/// A heartbeat without news; what the node is told to start.
async fn told(world: &World, node: &TestNode) -> Vec<blazz_wire::node_api::Assignment> {
    fleet::heartbeat(&world.services, &node.id, node.beat(vec![])).await.unwrap().start
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_told_new_settings_until_it_has_them() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let id = world.connected(&node).await;
        assert_eq!(node.settings_of(id).unwrap().device_name, "Blazz");
        assert_eq!(told(&world, &node).await, []);

        let changed =
            account_services::update(&world.services, world.workspace, id, proxy(Some(PROXY))).await.unwrap();
        let view = changed.proxy.unwrap();
        assert_eq!((view.url.as_str(), view.has_password), ("socks5://proxy.example:1080", true));
        for _ in 0..2 {
            let told = told(&world, &node).await;
            assert_eq!(told.len(), 1, "told until it is heard of");
            assert_eq!(told[0].settings.revision, 1);
            assert_eq!(told[0].settings.proxy.as_ref().unwrap().secret_text(), PROXY);
            assert!(told[0].linked);
        }
        node.takes(&told(&world, &node).await);
        world.report(&node, id, AccountState::Connecting).await;
        assert_eq!(told(&world, &node).await, []);

        // The same again is no change; another is, and so is none.
        account_services::update(&world.services, world.workspace, id, proxy(Some(PROXY))).await.unwrap();
        assert_eq!(told(&world, &node).await, []);
        account_services::update(&world.services, world.workspace, id, proxy(None)).await.unwrap();
        let told_none = told(&world, &node).await;
        assert_eq!((told_none[0].settings.revision, &told_none[0].settings.proxy), (2, &None));

        // A start says it too, and an answer that lacks it changes nothing.
        sessions::start(&world.services, world.workspace, id, &request_id()).await.unwrap();
        assert_eq!(node.settings_of(id).unwrap().revision, 2);
        assert_eq!(told(&world, &node).await, []);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_at_rest_hears_of_its_settings_when_it_is_started() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let new = NewAccount {
            name: "Sales".into(),
            device_name: Some(" Front desk ".into()),
            proxy: Some(PROXY.into()),
        };
        let id = account_services::create(&world.services, world.workspace, new).await.unwrap().id;
        let patch = AccountPatch { device_name: Some("Back office".into()), ..AccountPatch::default() };
        account_services::update(&world.services, world.workspace, id, patch).await.unwrap();
        assert_eq!(told(&world, &node).await, []);
        sessions::start(&world.services, world.workspace, id, &request_id()).await.unwrap();
        let settings = node.settings_of(id).unwrap();
        assert_eq!((settings.revision, settings.device_name.as_str()), (1, "Back office"));
        assert_eq!(settings.proxy.unwrap().secret_text(), PROXY);

        // Whoever comes back is told at its registration.
        let registered = node.register(&world.services, 100).await.unwrap();
        assert_eq!(registered.sessions[0].settings.device_name, "Back office");
        let mut conn = world.services.pool.get().await.unwrap();
        let row = accounts::find(&mut conn, world.workspace, id).await.unwrap().unwrap();
        assert_eq!((row.settings_revision, row.settings_applied), (1, 1));
        assert!(row.state_number > StateNumber::default());
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_setting_is_refused_and_no_password_is_shown() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let long = "a".repeat(51);
        for (device_name, proxy) in [
            (Some(""), None),
            (Some(long.as_str()), None),
            (None, Some("https://anna:hunter2@proxy.example:1")),
            (None, Some("socks5://anna:hunter2@proxy.example")),
        ] {
            let new = NewAccount {
                name: "Sales".into(),
                device_name: device_name.map(str::to_owned),
                proxy: proxy.map(str::to_owned),
            };
            let refused = account_services::create(&world.services, world.workspace, new).await.unwrap_err();
            assert_eq!(refused.code(), ErrorCode::InvalidRequest);
            assert!(!format!("{refused:?} {refused}").contains("hunter2"), "{refused:?}");
        }
        let new = NewAccount { proxy: Some(PROXY.into()), name: "Sales".into(), ..NewAccount::default() };
        account_services::create(&world.services, world.workspace, new).await.unwrap();
        let events = world.events().await;
        assert!(!serde_json::to_string(&events).unwrap().contains("hunter2"));
        Ok(())
    })
    .await
    .unwrap();
}
