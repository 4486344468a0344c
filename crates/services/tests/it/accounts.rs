//! Accounts: created, renamed, deleted with all that is theirs.

use blazz_domain::{AccountState, ErrorCode};
use blazz_services::accounts::{self, AccountPatch, NewAccount};
use blazz_services::{PageQuery, conversations, fleet};
use blazz_test_support::for_each_database;

use crate::world::{World, quick, request_id};

#[tokio::test(flavor = "multi_thread")]
async fn an_account_lives_and_is_told_of() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let id = world.account().await;
        assert_eq!(world.state(id).await, AccountState::New);
        let patch = AccountPatch { name: Some(" Support ".into()), ..AccountPatch::default() };
        let renamed = accounts::update(&world.services, world.workspace, id, patch).await.unwrap();
        assert_eq!(renamed.name, "Support");
        let unchanged =
            accounts::update(&world.services, world.workspace, id, AccountPatch::default()).await.unwrap();
        assert_eq!(unchanged.name, "Support");
        let bad = NewAccount { name: " ".into(), ..NewAccount::default() };
        let refused = accounts::create(&world.services, world.workspace, bad).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::InvalidRequest);
        accounts::delete(&world.services, world.workspace, id, &request_id()).await.unwrap();
        let gone = accounts::get(&world.services, world.workspace, id).await.unwrap_err();
        assert_eq!(gone.code(), ErrorCode::AccountNotFound);
        assert_eq!(world.event_kinds().await, ["account.created", "account.updated", "account.deleted"]);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_come_in_pages_newest_first() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let mut ids = Vec::new();
        for _ in 0..5 {
            ids.push(world.account().await);
        }
        ids.reverse();
        let mut seen = Vec::new();
        let mut page = PageQuery { after: None, limit: Some(2) };
        loop {
            let part = accounts::list(&world.services, world.workspace, &page).await.unwrap();
            assert!(part.data.len() <= 2);
            seen.extend(part.data.into_iter().map(|account| account.id));
            match part.next {
                Some(next) => page.after = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, ids);
        let odd = PageQuery { after: Some("not a cursor".into()), limit: None };
        let refused = accounts::list(&world.services, world.workspace, &odd).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::InvalidCursor);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_asks_the_node_first_and_takes_everything_along() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let (kept, gone) = (world.connected(&node).await, world.connected(&node).await);
        world.send(kept, "stays").await.unwrap();
        world.send(gone, "goes").await.unwrap();
        accounts::delete(&world.services, world.workspace, gone, &request_id()).await.unwrap();
        assert_eq!(node.commands().last().map(String::as_str), Some("delete"));
        assert_eq!(world.all_messages().await.len(), 1);
        let listed =
            conversations::list(&world.services, world.workspace, &PageQuery::default()).await.unwrap();
        assert_eq!(listed.data.len(), 1);

        let still = node.heartbeat(&world.services).await;
        assert_eq!(still, [], "the node has said so itself");
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_goes_at_once_while_its_node_is_down_and_the_node_hears_of_it_later() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let gone = world.connected(&node).await;
        // It comes later: the account is to be on the first.
        let other = world.node("node-2").await;
        world.send(gone, "goes").await.unwrap();
        let lease = world.lease(gone);
        node.die().await;
        accounts::delete(&world.services, world.workspace, gone, &request_id()).await.unwrap();
        let refused = accounts::get(&world.services, world.workspace, gone).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::AccountNotFound);
        assert_eq!(world.all_messages().await.len(), 0);
        assert_eq!(world.event_kinds().await.last().copied(), Some("account.deleted"));

        let registered = node.register(&world.services, 100).await.unwrap();
        assert_eq!(registered.sessions, []);
        assert_eq!(other.heartbeat(&world.services).await, [], "it is none of its business");
        for _ in 0..2 {
            assert_eq!(node.heartbeat(&world.services).await, [lease], "told until it is done");
        }
        let mut foreign = other.beat(vec![]);
        foreign.removed = vec![gone];
        fleet::heartbeat(&world.services, &other.id, foreign).await.unwrap();
        assert_eq!(node.heartbeat(&world.services).await, [lease], "only the node itself knows");
        let mut done = node.beat(vec![]);
        done.removed = vec![gone];
        let answer = fleet::heartbeat(&world.services, &node.id, done).await.unwrap();
        assert_eq!(answer.remove, []);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_goes_soon_while_its_node_hangs_and_the_node_hears_of_it_again() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let gone = world.connected(&node).await;
        let lease = world.lease(gone);
        node.hangs();
        let asked = std::time::Instant::now();
        accounts::delete(&world.services, world.workspace, gone, &request_id()).await.unwrap();
        assert!(asked.elapsed() < std::time::Duration::from_secs(6), "{:?}", asked.elapsed());
        let refused = accounts::get(&world.services, world.workspace, gone).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::AccountNotFound);
        assert_eq!(node.heartbeat(&world.services).await, [lease], "told until it is done");
        Ok(())
    })
    .await
    .unwrap();
}
