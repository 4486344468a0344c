//! What a caller learns when no answer comes.

use std::time::Duration;

use blazz_wire::keys::FleetSecret;
use blazz_wire::{CallError, NodeClient, RequestId, http_client};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use crate::clock::StillClock;
use crate::served::{PATIENCE, node_id};

async fn listener() -> (TcpListener, url::Url) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url.parse().unwrap())
}

fn client(url: url::Url, total: Duration) -> NodeClient {
    let keys = FleetSecret::generate().node_secret(&node_id()).keys(&node_id());
    NodeClient::new(http_client(PATIENCE, total).unwrap(), node_id(), url, keys, StillClock::at_now())
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_received() {
    let (listener, url) = listener().await;
    drop(listener);
    let error = client(url, PATIENCE).list(&RequestId::generate()).await.unwrap_err();
    assert!(matches!(error, CallError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn a_broken_connection_may_have_delivered() {
    let (listener, url) = listener().await;
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_exact(&mut [0; 32]).await.unwrap();
        }
    });
    let error = client(url, PATIENCE).list(&RequestId::generate()).await.unwrap_err();
    assert!(matches!(error, CallError::Interrupted(_)), "{error:?}");
}

#[tokio::test]
async fn silence_may_mean_that_it_was_received() {
    let (listener, url) = listener().await;
    let client = client(url, Duration::from_millis(100));
    let error = client.list(&RequestId::generate()).await.unwrap_err();
    assert!(matches!(error, CallError::Interrupted(_)), "{error:?}");
    drop(listener);
}
