//! A session that has a proxy takes it, and nothing else.

use std::time::Duration;

use blazz_domain::{AccountState, ProviderMessageId, SendOutcome, StateReason};
use blazz_emulator::{Fault, FaultRequest};
use blazz_whatsapp::ProxyPolicy;

use crate::proxy::{Kind, TestProxy};
use crate::stage::{Stage, connected, send, state_for, until};

const JPEG: [u8; 6] = [0xff, 0xd8, 0xff, 0xe0, 1, 2];

/// A stage whose session has a proxy; private addresses are allowed.
async fn stage(url: &str) -> Stage {
    let mut stage = Stage::new().await;
    stage.config.proxies = ProxyPolicy::AllowPrivate;
    stage.config.backoff.longest = Duration::from_millis(80);
    stage.settings.proxy = Some(url.parse().unwrap());
    stage
}

/// Sockets that have reached the emulator, however they came.
async fn arrived(stage: &Stage) -> usize {
    usize::try_from(stage.emulator.stats().await.accepted).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_and_pictures_go_through_the_proxy() {
    for kind in [Kind::Http, Kind::Socks5] {
        let proxy = TestProxy::start(kind).await;
        let stage = stage(&proxy.url()).await;
        let session = stage.linked().await;
        let id = ProviderMessageId::generate();
        assert!(matches!(send(&session, &id, "hello").await, SendOutcome::Acknowledged { .. }));
        assert_eq!(proxy.tunnels(), arrived(&stage).await, "{kind:?}: every socket came through it");

        session.set_picture(JPEG.to_vec()).await.unwrap();
        let before = proxy.tunnels();
        assert_eq!(session.picture().await.unwrap(), JPEG);
        assert_eq!(proxy.tunnels(), before + 1, "{kind:?}: so did the picture");
        stage.close(session).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_is_gone_refuses_or_is_not_allowed_is_named_and_never_gone_around() {
    for kind in [Kind::Http, Kind::Socks5] {
        let proxy = TestProxy::start(kind).await;
        let dead = TestProxy::start(kind).await;
        dead.stop();
        until("the dead proxy's port", async || {
            tokio::net::TcpStream::connect(dead.address()).await.is_err().then_some(())
        })
        .await;
        for (url, policy, reason) in [
            (dead.url(), ProxyPolicy::AllowPrivate, StateReason::ProxyUnreachable),
            (proxy.bad_url(), ProxyPolicy::AllowPrivate, StateReason::ProxyRefused),
            (proxy.url(), ProxyPolicy::PublicOnly, StateReason::ProxyForbidden),
        ] {
            let mut stage = stage(&url).await;
            stage.config.proxies = policy;
            let before = proxy.connections();
            let session = stage.open(false).await.unwrap();
            state_for(&session, AccountState::Starting, reason).await;
            if policy == ProxyPolicy::PublicOnly {
                assert_eq!(proxy.connections(), before, "it is not even called");
            }
            assert_eq!((proxy.tunnels(), arrived(&stage).await), (0, 0), "{kind:?} {reason:?}");
            stage.close(session).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_waits_for_its_proxy_and_comes_back_with_it() {
    let proxy = TestProxy::start(Kind::Socks5).await;
    let stage = stage(&proxy.url()).await;
    let session = stage.linked().await;
    let before = arrived(&stage).await;
    proxy.stop();
    stage.emulator.fault(FaultRequest::new(Fault::DropSockets)).await.unwrap();
    state_for(&session, AccountState::Disconnected, StateReason::ProxyUnreachable).await;
    assert_eq!(arrived(&stage).await, before, "it does not go around it");
    let again = TestProxy::start_at(Kind::Socks5, proxy.address()).await;
    connected(&session).await;
    assert_eq!((again.tunnels(), arrived(&stage).await), (1, before + 1));
    stage.close(session).await;
}
