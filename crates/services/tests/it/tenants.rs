//! Workspaces and keys, and that one workspace sees nothing of another.

use blazz_domain::{AccountState, ErrorCode, WorkspaceId};
use blazz_services::messages::MessageFilter;
use blazz_services::{
    PageQuery, ServiceError, accounts, api_keys, conversations, events, messages, sessions, workspaces,
};
use blazz_test_support::for_each_database;

use crate::keys::{named, refusal};
use crate::world::{World, quick, request_id, to_contact};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_opens_its_workspace_until_it_is_revoked() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let services = &world.services;
        let created = api_keys::create(services, world.workspace, &named("production")).await.unwrap();
        assert!(created.secret.starts_with("blz_") && created.secret.ends_with(&created.key.hint));
        assert!(!format!("{created:?}").contains(&created.secret));
        let caller = api_keys::authenticate(services, &created.secret).await.unwrap();
        assert_eq!(caller.workspace_id, world.workspace);
        let mut forged = created.secret.clone();
        forged.replace_range(10..11, if &forged[10..11] == "A" { "B" } else { "A" });
        for secret in [forged.as_str(), "", "blz_", &"x".repeat(10_000)] {
            assert_eq!(refusal(services, secret).await, ErrorCode::Unauthorized);
        }
        let other = workspaces::create(services, "other").await.unwrap().id;
        let refused = api_keys::revoke(services, other, created.key.id).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::NotFound);
        assert!(api_keys::authenticate(services, &created.secret).await.is_ok());
        for _ in 0..2 {
            api_keys::revoke(services, world.workspace, created.key.id).await.unwrap();
        }
        assert_eq!(refusal(services, &created.secret).await, ErrorCode::KeyRevoked);
        let keys = api_keys::list(services, world.workspace, &PageQuery::default()).await.unwrap().data;
        assert!(keys.len() == 1 && keys[0].revoked_at.is_some());
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_need_a_workspace_that_exists() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let nowhere = WorkspaceId::new();
        let refused = api_keys::create(&world.services, nowhere, &named("k")).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::NotFound);
        let refused = workspaces::get(&world.services, nowhere).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::NotFound);
        let listed = workspaces::list(&world.services, &PageQuery::default()).await.unwrap().data;
        assert_eq!(listed.iter().map(|workspace| workspace.id).collect::<Vec<_>>(), [world.workspace]);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_workspace_finds_nothing_and_changes_nothing() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let id = world.connected(&node).await;
        let message = world.send(id, "hello").await.unwrap().message;
        let services = &world.services;
        let other = workspaces::create(services, "other").await.unwrap().id;
        let request = request_id();
        let code = |error: ServiceError| error.code();
        let patch = accounts::AccountPatch { name: Some("mine".into()), ..Default::default() };
        let send = to_contact(id, "hi");
        let filter = MessageFilter { account_id: Some(id), status: None };
        let page = PageQuery::default();
        let refused = [
            accounts::get(services, other, id).await.map(drop).map_err(code),
            accounts::update(services, other, id, patch).await.map(drop).map_err(code),
            accounts::delete(services, other, id, &request).await.map_err(code),
            sessions::get(services, other, id).await.map(drop).map_err(code),
            sessions::start(services, other, id, &request).await.map(drop).map_err(code),
            sessions::stop(services, other, id, &request).await.map(drop).map_err(code),
            sessions::restart(services, other, id, &request).await.map(drop).map_err(code),
            sessions::logout(services, other, id, &request).await.map(drop).map_err(code),
            sessions::profile(services, other, id, &request).await.map(drop).map_err(code),
            sessions::picture(services, other, id, &request).await.map(drop).map_err(code),
            sessions::put_picture(services, other, id, &[0xff, 0xd8, 0xff], &request).await.map_err(code),
            sessions::delete_picture(services, other, id, &request).await.map_err(code),
            sessions::qr(services, other, id, std::time::Duration::ZERO, &request)
                .await
                .map(drop)
                .map_err(code),
            messages::send(services, other, &send, None, &request).await.map(drop).map_err(code),
            messages::list(services, other, filter, &page).await.map(drop).map_err(code),
        ];
        assert!(refused.iter().all(|result| *result == Err(ErrorCode::AccountNotFound)), "{refused:?}");
        let refused = [
            messages::get(services, other, message.id).await.map(drop).map_err(code),
            conversations::messages(services, other, message.conversation_id, &page)
                .await
                .map(drop)
                .map_err(code),
        ];
        assert!(refused.iter().all(|result| *result == Err(ErrorCode::NotFound)), "{refused:?}");
        assert!(events::list(services, other, None, None).await.unwrap().data.is_empty());
        assert!(conversations::list(services, other, &page).await.unwrap().data.is_empty());
        let account = world.view(id).await;
        assert_eq!((account.state, account.name.as_str()), (AccountState::Connected, "Sales"));
        assert_eq!((node.sends().len(), node.commands()), (1, vec!["start".to_owned()]));
        Ok(())
    })
    .await
    .unwrap();
}
