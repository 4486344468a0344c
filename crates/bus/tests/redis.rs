//! The bus over the real Redis of the tests, and over one that takes connections and says nothing.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "test code")]

use std::time::Duration;

use blazz_bus::{Bus, Quota, Subscription};
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
/// A quota whose buckets grow back so slowly that a test does not see it.
fn slow(calls: u32) -> Quota {
    Quota::per_minute(calls).unwrap()
}

/// Takes more than there is, by two processes at once; how many calls passed. None when the machine was so busy that one of them gave Redis up.
async fn take_all_at_once(bucket: &str, calls: u32, more: usize) -> Option<usize> {
    let (one, other) = (Bus::redis(&url()).await.unwrap(), Bus::redis(&url()).await.unwrap());
    for bus in [&one, &other] {
        bus.ping().await.unwrap();
    }
    let (bucket, quota) = (own(bucket), slow(calls));
    let taken = (0..usize::try_from(calls).unwrap() + more).map(|n| {
        let bus = if n % 2 == 0 { &one } else { &other };
        bus.take(&bucket, quota)
    });
    let taken = futures_util::future::join_all(taken).await;
    let is_common = [one, other].iter().all(|bus| bus.counted_alone() == (false, 0));
    is_common.then(|| taken.iter().filter(|decision| decision.is_allowed).count())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_at_once_let_exactly_the_quota_pass() {
    // One call grows back in 120 ms. Whoever was held up for longer tries with a fresh bucket.
    for attempt in 0..30 {
        let began = std::time::Instant::now();
        let passed = take_all_at_once(&format!("five-hundred-{attempt}"), 500, 50).await;
        if began.elapsed() < Duration::from_millis(110)
            && let Some(passed) = passed
        {
            return assert_eq!(passed, 500);
        }
    }
    panic!("never in 110 ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_that_grows_back_slowly_is_exact_however_long_it_takes() {
    for attempt in 0..30 {
        if let Some(passed) = take_all_at_once(&format!("five-{attempt}"), 5, 500).await {
            return assert_eq!(passed, 5);
        }
    }
    panic!("redis is always given up");
}

#[tokio::test]
async fn while_redis_is_stuck_or_away_this_process_counts_alone_and_nobody_waits_for_long() {
    for url in [stuck().await, "redis://127.0.0.1:9".to_owned()] {
        let bus = Bus::redis(&url).await.unwrap();
        let began = std::time::Instant::now();
        let passed = futures_util::future::join_all((0..20).map(|_| bus.take("a", slow(5)))).await;
        assert_eq!(passed.iter().filter(|decision| decision.is_allowed).count(), 5);
        for _ in 0..200 {
            assert!(!bus.take("a", slow(5)).await.is_allowed);
        }
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        assert_eq!(bus.counted_alone(), (true, 220));
    }
}

/// A proxy to the tests' Redis that can be cut and mended.
async fn fragile_road() -> (String, tokio::sync::watch::Sender<bool>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let road = format!("redis://{}", listener.local_addr().unwrap());
    let (is_cut, cut) = tokio::sync::watch::channel(false);
    let target = url().trim_start_matches("redis://").to_owned();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let (target, mut cut) = (target.clone(), cut.clone());
            tokio::spawn(async move {
                if *cut.borrow_and_update() {
                    return;
                }
                let mut far = tokio::net::TcpStream::connect(&target).await.unwrap();
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                    _ = cut.changed() => {}
                }
            });
        }
    });
    (road, is_cut)
}

#[tokio::test]
async fn once_redis_is_back_all_count_together_again() {
    let (road, is_cut) = fragile_road().await;
    let (bus, direct) = (Bus::redis(&road).await.unwrap(), Bus::redis(&url()).await.unwrap());
    let (bucket, quota) = (own("back"), slow(3));
    assert_eq!(bus.take(&bucket, quota).await.remaining, 2);
    is_cut.send(true).unwrap();
    let alone = timeout(PATIENCE, async {
        while !bus.counted_alone().0 {
            bus.take(&own("meanwhile"), quota).await;
            tokio::task::yield_now().await;
        }
    });
    alone.await.expect("it notices");
    assert_eq!(bus.take(&bucket, quota).await.remaining, 2, "its own bucket begins full");
    is_cut.send(false).unwrap();
    let together = timeout(PATIENCE, async {
        while bus.counted_alone().0 {
            bus.take(&own("meanwhile"), quota).await;
            tokio::task::yield_now().await;
        }
    });
    together.await.expect("it comes back");
    assert_eq!(direct.take(&bucket, quota).await.remaining, 1);
    assert_eq!(bus.take(&bucket, quota).await.remaining, 0);
}
