//! The bus over the real Redis of the tests, and over one that takes connections and says nothing.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "test code")]

use std::time::Duration;

use blazz_bus::{Bus, Subscription};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

fn url() -> String {
    std::env::var("BLAZZ_TEST_REDIS_URL").expect("BLAZZ_TEST_REDIS_URL: run the tests with scripts/test")
}

/// A channel or nonce of this test alone: others use the same Redis.
fn own(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

async fn next(subscription: &mut Subscription) -> String {
    timeout(PATIENCE, subscription.next()).await.expect("a message")
}

/// The database of the listeners that are cut, by which Redis tells them from those of other tests.
const CUT: u8 = 7;

/// Cuts the connections that listen, as a restart of Redis does.
async fn cut_listeners() {
    let client = redis::Client::open(url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut list = redis::cmd("CLIENT");
    let clients: String =
        list.arg("LIST").arg("TYPE").arg("pubsub").query_async(&mut connection).await.unwrap();
    let listeners: Vec<_> = clients.lines().filter(|line| line.contains(&format!(" db={CUT} "))).collect();
    assert_eq!(listeners.len(), 1, "{clients}");
    for listener in listeners {
        let id = listener.split(' ').find_map(|field| field.strip_prefix("id=")).unwrap();
        let mut kill = redis::cmd("CLIENT");
        let _killed: i64 = kill.arg("KILL").arg("ID").arg(id).query_async(&mut connection).await.unwrap();
    }
}

#[tokio::test]
async fn what_one_process_says_another_hears() {
    let (one, other) = (Bus::redis(&url()).await.unwrap(), Bus::redis(&url()).await.unwrap());
    assert!(one.is_shared());
    one.ping().await.unwrap();
    let (jobs, events) = (own("jobs"), own("events"));
    let (mut to_jobs, mut to_events) = (other.subscribe(&jobs).await, other.subscribe(&events).await);
    one.publish(&events, "e");
    one.publish(&jobs, "j");
    assert_eq!((next(&mut to_jobs).await, next(&mut to_events).await), ("j".to_owned(), "e".to_owned()));
}

#[tokio::test]
async fn a_listener_that_was_cut_off_is_told_to_look_for_itself_and_hears_again() {
    let bus = Bus::redis(&format!("{}/{CUT}", url())).await.unwrap();
    let channel = own("cut");
    let mut subscription = bus.subscribe(&channel).await;
    bus.publish(&channel, "before");
    assert_eq!(next(&mut subscription).await, "before");
    cut_listeners().await;
    assert_eq!(next(&mut subscription).await, "", "something may have been missed");
    bus.publish(&channel, "after");
    assert_eq!(next(&mut subscription).await, "after");
}

#[tokio::test]
async fn of_two_processes_one_may_use_a_nonce_until_its_time_is_over() {
    let (one, other) = (Bus::redis(&url()).await.unwrap(), Bus::redis(&url()).await.unwrap());
    let (nonce, long) = (own("nonce"), Duration::from_secs(60));
    let (first, second) = tokio::join!(one.remember_nonce(&nonce, long), other.remember_nonce(&nonce, long));
    assert_ne!(first.unwrap(), second.unwrap());
    assert!(!one.remember_nonce(&nonce, long).await.unwrap());

    let short = own("short");
    assert!(one.remember_nonce(&short, Duration::from_millis(1)).await.unwrap());
    let forgotten = async { while !other.remember_nonce(&short, long).await.unwrap() {} };
    timeout(PATIENCE, forgotten).await.expect("it is forgotten");
}

/// A Redis that greets and then says nothing.
async fn stuck() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut said = vec![0; 4096];
                while let Ok(length @ 1..) = socket.read(&mut said).await {
                    let greetings = String::from_utf8_lossy(&said[..length]).matches("SETINFO").count();
                    socket.write_all("+OK\r\n".repeat(greetings).as_bytes()).await.unwrap();
                }
            });
        }
    });
    url
}

#[tokio::test]
async fn a_redis_that_is_stuck_holds_nobody_up() {
    let bus = Bus::redis(&stuck().await).await.unwrap();
    let _subscription = timeout(PATIENCE, bus.subscribe("jobs")).await.expect("it comes up all the same");
    bus.publish("jobs", "nobody waits for this");
    let command = timeout(PATIENCE, bus.ping()).await.expect("it gives up");
    assert!(command.is_err());
}

#[tokio::test]
async fn a_server_says_what_it_is_and_one_that_is_away_is_no_wait() {
    let server = blazz_bus::inspect(&url()).await.unwrap();
    assert!(server.version.split('.').count() >= 2, "{server:?}");
    assert!(server.now_micros > 1_700_000_000_000_000, "{server:?}");
    // One that takes connections and says nothing, and one that is not there.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mute = format!("redis://:hunter2@{}", silent.local_addr().unwrap());
    for url in [mute.as_str(), "redis://:hunter2@127.0.0.1:1", "hunter2"] {
        let asked = timeout(Duration::from_secs(10), blazz_bus::inspect(url)).await.expect("no wait");
        let error = asked.unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
