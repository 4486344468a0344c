//! Keys over time: expiry, use, rotation.

use std::sync::Arc;
use std::time::Duration;

use blazz_domain::{Clock as _, ErrorCode, Scope, WorkspaceId};
use blazz_services::api_keys::{self, MAX_OVERLAP, NewKey, Rotation};
use blazz_services::{PageQuery, Services, workspaces};
use blazz_test_support::{TestClock, for_each_database};

use crate::world::{World, quick};

/// A key with a name and nothing else said.
pub(crate) fn named(name: &str) -> NewKey {
    NewKey { name: name.to_owned(), ..NewKey::default() }
}

/// Why a secret opens nothing.
pub(crate) async fn refusal(services: &Services, secret: &str) -> ErrorCode {
    api_keys::authenticate(services, secret).await.unwrap_err().code()
}

/// A second of the tests' clock, which stands still otherwise.
const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

async fn last_use(services: &Services, workspace: WorkspaceId) -> Option<blazz_domain::Timestamp> {
    let keys = api_keys::list(services, workspace, &PageQuery::default()).await.unwrap().data;
    keys[0].last_used_at
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_expires_to_the_moment() {
    for_each_database(async |db| {
        let mut world = World::at_rest(db, quick()).await;
        let clock = Arc::new(TestClock::default());
        world.services.clock = clock.clone();
        let services = &world.services;
        let expires_at = Some(clock.now().plus(seconds(60)));
        let new = NewKey { expires_at, scopes: Some(vec!["messages:*".to_owned()]), ..named("k") };
        let made = api_keys::create(services, world.workspace, &new).await.unwrap();
        assert_eq!(made.key.expires_at, expires_at);
        clock.advance(seconds(59));
        let holder = api_keys::authenticate(services, &made.secret).await.unwrap();
        assert!(holder.scopes.allow(Scope::MessagesSend) && !holder.scopes.allow(Scope::AccountsRead));
        clock.advance(seconds(1));
        assert_eq!(refusal(services, &made.secret).await, ErrorCode::KeyExpired);
        for bad in [
            NewKey { expires_at: Some(clock.now()), ..named("k") },
            NewKey { scopes: Some(Vec::new()), ..named("k") },
            NewKey { scopes: Some(vec!["messages:fly".to_owned()]), ..named("k") },
        ] {
            let refused = api_keys::create(services, world.workspace, &bad).await.unwrap_err();
            assert_eq!(refused.code(), ErrorCode::InvalidRequest, "{bad:?}");
        }
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_use_is_noted_once_a_minute() {
    for_each_database(async |db| {
        let mut world = World::at_rest(db, quick()).await;
        let clock = Arc::new(TestClock::default());
        world.services.clock = clock.clone();
        let services = &world.services;
        let made = api_keys::create(services, world.workspace, &named("k")).await.unwrap();
        assert_eq!(last_use(services, world.workspace).await, None);
        let holder = api_keys::authenticate(services, &made.secret).await.unwrap();
        assert!(holder.is_use_to_note);
        let noted = clock.now();
        api_keys::note_use(services, &holder).await.unwrap();
        assert_eq!(last_use(services, world.workspace).await, Some(noted));
        clock.advance(seconds(59));
        assert!(!api_keys::authenticate(services, &made.secret).await.unwrap().is_use_to_note);
        clock.advance(seconds(1));
        assert!(api_keys::authenticate(services, &made.secret).await.unwrap().is_use_to_note);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_goes_on_for_the_overlap() {
    for_each_database(async |db| {
        let mut world = World::at_rest(db, quick()).await;
        let clock = Arc::new(TestClock::default());
        world.services.clock = clock.clone();
        let (services, workspace) = (&world.services, world.workspace);
        let expires_at = Some(clock.now().plus(seconds(1000)));
        let new = NewKey { expires_at, scopes: Some(vec!["events:read".to_owned()]), ..named("feed") };
        let old = api_keys::create(services, workspace, &new).await.unwrap();
        clock.advance(seconds(100));
        let rotation = Rotation { overlap: seconds(60), expires_at: None };
        let made = api_keys::rotate(services, workspace, old.key.id, rotation).await.unwrap();
        assert_eq!((made.key.name.as_str(), &made.key.scopes), ("feed", &old.key.scopes));
        assert_eq!(
            made.key.expires_at,
            Some(clock.now().plus(seconds(1000))),
            "it lives as long as the old one"
        );
        let again = api_keys::rotate(services, workspace, old.key.id, rotation).await.unwrap_err();
        assert_eq!(again.code(), ErrorCode::Conflict);
        clock.advance(seconds(59));
        assert!(api_keys::authenticate(services, &old.secret).await.is_ok());
        clock.advance(seconds(1));
        assert_eq!(refusal(services, &old.secret).await, ErrorCode::KeyExpired);
        assert!(api_keys::authenticate(services, &made.secret).await.is_ok());
        let listed = api_keys::list(services, workspace, &PageQuery::default()).await.unwrap().data;
        assert_eq!((listed.len(), listed[1].replaced_by), (2, Some(made.key.id)));
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overlap_never_lengthens_a_life_and_dead_keys_stay_dead() {
    for_each_database(async |db| {
        let mut world = World::at_rest(db, quick()).await;
        let clock = Arc::new(TestClock::default());
        world.services.clock = clock.clone();
        let (services, workspace) = (&world.services, world.workspace);
        let new = NewKey { expires_at: Some(clock.now().plus(seconds(10))), ..named("short") };
        let short = api_keys::create(services, workspace, &new).await.unwrap();
        let revoked = api_keys::create(services, workspace, &named("revoked")).await.unwrap();
        api_keys::revoke(services, workspace, revoked.key.id).await.unwrap();
        let rotation = Rotation { overlap: seconds(3600), expires_at: None };
        let other = workspaces::create(services, "other").await.unwrap().id;
        let foreign = api_keys::rotate(services, other, short.key.id, rotation).await.unwrap_err();
        assert_eq!(foreign.code(), ErrorCode::NotFound);
        let endless = Rotation { overlap: MAX_OVERLAP + seconds(1), expires_at: None };
        let refused = api_keys::rotate(services, workspace, short.key.id, endless).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::InvalidRequest);
        let made = api_keys::rotate(services, workspace, short.key.id, rotation).await.unwrap();
        clock.advance(seconds(10));
        for secret in [&short.secret, &made.secret] {
            assert_eq!(refusal(services, secret).await, ErrorCode::KeyExpired);
        }
        for dead in [revoked.key.id, made.key.id] {
            let refused = api_keys::rotate(services, workspace, dead, rotation).await.unwrap_err();
            assert_eq!(refused.code(), ErrorCode::Conflict);
        }
        assert_eq!(refusal(services, &revoked.secret).await, ErrorCode::KeyRevoked);
        Ok(())
    })
    .await
    .unwrap();
}
