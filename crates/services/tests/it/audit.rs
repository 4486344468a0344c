//! The audit log: written in time, kept for its time, never changed.

use std::sync::Arc;
use std::time::Duration;

use blazz_domain::{Actor, ErrorCode, WorkspaceId};
use blazz_services::audit::{self, Audit, AuditQuery, NewEntry, Object};
use blazz_services::{PageQuery, Services, retention};
use blazz_test_support::{TestClock, eventually, for_each_database};

use crate::world::{DEADLINE, World, quick};

fn entry(workspace_id: WorkspaceId, action: &str) -> NewEntry {
    NewEntry {
        actor: Actor::Operator,
        workspace_id: Some(workspace_id),
        key_id: None,
        key_name: None,
        address: "192.0.2.7".parse().ok(),
        request_id: "r-1".to_owned(),
        action: action.to_owned(),
        object: Some(Object { kind: "key".to_owned(), id: "k".to_owned() }),
        status: Some(200),
        code: None,
    }
}

async fn actions(services: &Services) -> Vec<String> {
    let all = PageQuery { after: None, limit: Some(200) };
    let page = audit::list_all(services, None, &AuditQuery::default(), &all).await.unwrap();
    page.data.into_iter().map(|entry| entry.action).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_waited_for_is_there_at_once_and_the_rest_soon_or_at_the_end() {
    for_each_database(async |db| {
        let world = World::at_rest(db, quick()).await;
        let services = &world.services;
        let log = Audit::start(services.pool.clone(), Arc::clone(&services.clock));
        log.record(entry(world.workspace, "one"));
        log.record_durably(entry(world.workspace, "two")).await;
        assert_eq!(actions(services).await, ["two", "one"], "what came before is written with it");
        log.record(entry(world.workspace, "three"));
        eventually(DEADLINE, async || (actions(services).await.len() == 3).then_some(())).await.unwrap();
        for _ in 0..1000 {
            log.record(entry(world.workspace, "many"));
        }
        log.finish().await;
        let mut conn = services.pool.get().await.unwrap();
        let filter = blazz_database::audit_entries::AuditFilter::default();
        let rows = blazz_database::audit_entries::list_all(&mut conn, &filter, None, 2000).await.unwrap();
        assert_eq!((rows.len(), log.lost()), (1003, 0));
        log.record(entry(world.workspace, "too late"));
        assert_eq!(log.lost(), 1, "it is told");
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_no_database_takes_keeps_no_other_out() {
    for_each_database(async |db| {
        let world = World::at_rest(db, quick()).await;
        let services = &world.services;
        let log = Audit::start(services.pool.clone(), Arc::clone(&services.clock));
        log.record(entry(world.workspace, "one"));
        // PostgreSQL cannot store U+0000.
        log.record(NewEntry { request_id: "a\0b".to_owned(), ..entry(world.workspace, "bad") });
        log.record(entry(world.workspace, "two"));
        log.finish().await;
        let seen = actions(services).await;
        assert!(seen.contains(&"one".to_owned()) && seen.contains(&"two".to_owned()), "{seen:?}");
        assert_eq!(usize::try_from(log.lost()).unwrap(), 3 - seen.len());
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn old_entries_go_and_young_ones_stay() {
    for_each_database(async |db| {
        let mut world = World::at_rest(db, quick()).await;
        let clock = Arc::new(TestClock::default());
        world.services.clock = clock.clone();
        let services = &world.services;
        let log = Audit::start(services.pool.clone(), clock.clone());
        log.record_durably(entry(world.workspace, "old")).await;
        clock.advance(services.settings.audit_ttl);
        log.record_durably(entry(world.workspace, "young")).await;
        assert_eq!(retention::sweep(services).await.unwrap(), 0);
        clock.advance(Duration::from_secs(1));
        assert_eq!(retention::sweep(services).await.unwrap(), 1);
        assert_eq!(actions(services).await, ["young"]);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_sees_its_own_and_not_where_the_operator_works_from() {
    for_each_database(async |db| {
        let world = World::at_rest(db, quick()).await;
        let services = &world.services;
        let log = Audit::start(services.pool.clone(), Arc::clone(&services.clock));
        let by_key = NewEntry { actor: Actor::WorkspaceKey, ..entry(world.workspace, "by_key") };
        log.record_durably(by_key).await;
        log.record_durably(entry(world.workspace, "by_operator")).await;
        log.record_durably(entry(WorkspaceId::new(), "of another")).await;
        let refused = NewEntry {
            workspace_id: None,
            code: Some(ErrorCode::Unauthorized),
            ..entry(world.workspace, "of nobody")
        };
        log.record_durably(refused).await;
        let (query, page) = (AuditQuery::default(), PageQuery::default());
        let seen = audit::list(services, world.workspace, &query, &page).await.unwrap().data;
        let told: Vec<_> = seen.iter().map(|e| (e.action.as_str(), e.address.as_deref())).collect();
        assert_eq!(told, [("by_operator", None), ("by_key", Some("192.0.2.7"))]);
        assert_eq!(actions(services).await.len(), 4);
        Ok(())
    })
    .await
    .unwrap();
}

/// Lets nobody into a PostgreSQL database, or everybody again.
fn let_in(url: &str, is_open: bool) {
    let (server, name) = url.rsplit_once('/').unwrap();
    let mut statements = vec![format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {is_open}")];
    if !is_open {
        statements
            .push(format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"));
    }
    for statement in statements {
        let mut psql = std::process::Command::new("psql");
        let done = psql.args([&format!("{server}/postgres"), "-qtc", &statement]).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_away_entries_wait_and_none_is_lost() {
    for_each_database(async |db| {
        if db.pool().is_sqlite() {
            // A file does not go away.
            return Ok(());
        }
        let world = World::at_rest(db, quick()).await;
        let services = &world.services;
        let log = Audit::start(services.pool.clone(), Arc::clone(&services.clock));
        let_in(db.url(), false);
        log.record(entry(world.workspace, "one"));
        // It does not wait for ever.
        log.record_durably(entry(world.workspace, "two")).await;
        let_in(db.url(), true);
        let seen = eventually(DEADLINE, async || {
            let mut conn = services.pool.get().await.ok()?;
            let filter = blazz_database::audit_entries::AuditFilter::default();
            let rows = blazz_database::audit_entries::list_all(&mut conn, &filter, None, 10).await.ok()?;
            (rows.len() == 2).then_some(rows)
        });
        assert_eq!(seen.await.unwrap().len(), 2);
        log.finish().await;
        assert_eq!(log.lost(), 0);
        Ok(())
    })
    .await
    .unwrap();
}
