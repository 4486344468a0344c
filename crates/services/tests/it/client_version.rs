//! The version of WhatsApp Web: fetched once for all, set by hand, handed to the nodes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer};
use blazz_domain::{ClientVersion, VersionSource};
use blazz_services::client_version::{self, Refreshed};
use blazz_services::{ServiceError, Settings, fleet};
use blazz_test_support::for_each_database;

use crate::world::{World, quick};

const FIRST: ClientVersion = ClientVersion(2, 3000, 100);
const BY_HAND: ClientVersion = ClientVersion(2, 3000, 7);

/// WhatsApp Web's page: what it says (0: nothing good), and how often it was asked.
#[derive(Clone)]
struct Page {
    revision: Arc<AtomicU32>,
    asked: Arc<AtomicU32>,
    url: String,
}

impl Page {
    fn listen(revision: u32) -> Self {
        let (revision, asked) = (Arc::new(AtomicU32::new(revision)), Arc::new(AtomicU32::new(0)));
        let data = (Arc::clone(&revision), Arc::clone(&asked));
        let server = HttpServer::new(move || {
            App::new().app_data(Data::new(data.clone())).route("/sw.js", web::get().to(page))
        });
        let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}/sw.js", server.addrs()[0]);
        tokio::spawn(server.run());
        Self { revision, asked, url }
    }

    fn says(&self, revision: u32) {
        self.revision.store(revision, Ordering::SeqCst);
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }

    fn settings(&self) -> Settings {
        Settings { client_version_url: self.url.clone(), ..quick() }
    }
}

async fn page(data: Data<(Arc<AtomicU32>, Arc<AtomicU32>)>) -> HttpResponse {
    data.1.fetch_add(1, Ordering::SeqCst);
    match data.0.load(Ordering::SeqCst) {
        0 => HttpResponse::BadGateway().body("client_revision: 999"),
        revision => HttpResponse::Ok().body(format!("{{\"client_revision\":{revision}}}")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_look_one_fetches_and_all_nodes_are_told() {
    for_each_database(async |db| {
        let page = Page::listen(FIRST.2);
        let world = World::at_rest(db, page.settings()).await;
        let node = world.node("node-1").await;
        let answer = fleet::heartbeat(&world.services, &node.id, node.beat(vec![])).await.unwrap();
        assert_eq!(answer.client_version, None, "nothing is known yet");
        assert_eq!(client_version::view(&world.services).await.unwrap().source, VersionSource::BuiltIn);

        let looks = (0..4).map(|_| client_version::refresh(&world.services, false));
        let looks = futures_util::future::join_all(looks).await;
        let fetched = looks.iter().filter(|look| matches!(look, Ok(Refreshed::Fetched(FIRST)))).count();
        assert_eq!((fetched, page.asked()), (1, 1), "{looks:?}");

        let answer = fleet::heartbeat(&world.services, &node.id, node.beat(vec![])).await.unwrap();
        assert_eq!(answer.client_version, Some(FIRST));
        assert_eq!(node.register(&world.services, 9).await.unwrap().client_version, Some(FIRST));
        let view = client_version::view(&world.services).await.unwrap();
        assert_eq!(
            (view.version, view.source, view.refused_sessions),
            (Some(FIRST), VersionSource::Fetched, 0)
        );
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_version_is_fetched_again_once_and_an_old_one_not_at_all() {
    for_each_database(async |db| {
        let page = Page::listen(FIRST.2);
        let world = World::at_rest(db, page.settings()).await;
        let node = world.node("node-1").await;
        client_version::refresh(&world.services, false).await.unwrap();

        let mut beat = node.beat(vec![]);
        beat.outdated = Some(ClientVersion(2, 3000, 99));
        fleet::heartbeat(&world.services, &node.id, beat).await.unwrap();
        let wanted = tokio::time::timeout(Duration::from_millis(50), client_version::wanted(&world.services));
        assert!(wanted.await.is_err(), "the fleet has a newer one already");

        page.says(200);
        let mut beat = node.beat(vec![]);
        beat.outdated = Some(FIRST);
        fleet::heartbeat(&world.services, &node.id, beat).await.unwrap();
        let wanted = tokio::time::timeout(Duration::from_secs(5), client_version::wanted(&world.services));
        wanted.await.expect("a newer one is wanted");
        let newer = ClientVersion(2, 3000, 200);
        let refreshed = client_version::refresh(&world.services, true).await.unwrap();
        assert_eq!(refreshed, Refreshed::Fetched(newer));
        for _ in 0..3 {
            assert_eq!(client_version::refresh(&world.services, true).await.unwrap(), Refreshed::NotDue);
        }
        assert_eq!(page.asked(), 2);
        assert_eq!(client_version::view(&world.services).await.unwrap().version, Some(newer));
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_fails_changes_nothing_and_the_operators_word_holds() {
    for_each_database(async |db| {
        let page = Page::listen(FIRST.2);
        let world = World::at_rest(db, page.settings()).await;
        client_version::refresh(&world.services, false).await.unwrap();
        page.says(0);
        let failed = client_version::refresh(&world.services, true).await;
        assert!(matches!(failed, Err(ServiceError::Unavailable(_))), "{failed:?}");
        assert_eq!(client_version::view(&world.services).await.unwrap().version, Some(FIRST));

        let view = client_version::set(&world.services, Some(BY_HAND)).await.unwrap();
        assert_eq!((view.version, view.source), (Some(BY_HAND), VersionSource::Operator));
        assert!(view.set_at.is_some());
        let view = client_version::set(&world.services, None).await.unwrap();
        assert_eq!((view.version, view.source, view.set_at), (Some(FIRST), VersionSource::Fetched, None));

        let pinned = Settings { client_version: Some(BY_HAND), ..page.settings() };
        let world = World::at_rest(db, pinned).await;
        let before = page.asked();
        for was_refused in [false, true] {
            let looked = client_version::refresh(&world.services, was_refused).await.unwrap();
            assert_eq!(looked, Refreshed::NotDue);
        }
        let view = client_version::view(&world.services).await.unwrap();
        assert_eq!(
            (view.version, view.source, page.asked()),
            (Some(BY_HAND), VersionSource::Setting, before)
        );
        Ok(())
    })
    .await
    .unwrap();
}
