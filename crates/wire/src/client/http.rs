//! The HTTP client under both typed clients.

use std::time::Duration;

/// Idle connections to one host that are kept.
const IDLE_PER_HOST: usize = 32;
/// Shorter than the 75 s after which a server here closes an idle connection, so that a call rarely meets a closing one.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// A client for the hop: TLS by ring, no proxy (the hop is inside), no redirects (a signature is for one path), `connect` to get
/// connected and `total` for the whole call.
///
/// # Errors
/// When the TLS roots of the machine cannot be loaded.
pub fn http_client(connect: Duration, total: Duration) -> Result<reqwest::Client, reqwest::Error> {
    // The provider of the process; fails when another call was first, with the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(connect)
        .timeout(total)
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .tcp_nodelay(true)
        .build()
}
