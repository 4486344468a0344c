//! The engine's WebSocket, over the session's road.

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use reqwest::header::{HeaderValue, ORIGIN};
use tokio_websockets::ClientBuilder;
use tokio_websockets::upgrade::Response;
use url::Url;
use whatsapp_rust::async_channel::Receiver;
use whatsapp_rust::transport::{
    TokioWebSocketTransportFactory, TransportEvent, TransportFactory, default_tls_connector, from_websocket,
};
use whatsapp_rust::wacore::net::{Transport as Wire, WHATSAPP_WEB_ORIGIN, WHATSAPP_WEB_WS_URL};

use super::{Road, tunnel};

/// Makes connections to WhatsApp.
pub(crate) struct Transport(pub(crate) Road);

type Made = (Arc<dyn Wire>, Receiver<TransportEvent>);

#[async_trait::async_trait]
impl TransportFactory for Transport {
    async fn create_transport(&self) -> anyhow::Result<Made> {
        let road = &self.0.0;
        let Some(proxy) = &road.proxy else {
            let mut direct = TokioWebSocketTransportFactory::new();
            if let Some(endpoint) = &road.endpoint {
                direct = direct.with_url(endpoint.as_str());
            }
            return direct.create_transport().await;
        };
        let url = match &road.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => Url::parse(WHATSAPP_WEB_WS_URL)?,
        };
        let host = url.host_str().context("the endpoint has no host")?.trim_matches(['[', ']']).to_owned();
        let port = url.port_or_known_default().context("the endpoint has no port")?;
        let stream = match tunnel::through(proxy, road.policy, &host, port).await {
            Ok(stream) => stream,
            Err(blocked) => {
                self.0.block(blocked);
                return Err(blocked.into());
            }
        };
        let builder = ClientBuilder::new().uri(url.as_str())?;
        let builder = builder.add_header(ORIGIN, HeaderValue::from_static(WHATSAPP_WEB_ORIGIN))?;
        let failed = |error| anyhow!("the WebSocket could not be opened: {error}");
        if url.scheme() == "wss" {
            let stream = default_tls_connector().wrap(&host, stream).await.map_err(failed)?;
            let (socket, _): (_, Response) = builder.connect_on(stream).await.map_err(failed)?;
            return Ok(from_websocket(socket));
        }
        let (socket, _): (_, Response) = builder.connect_on(stream).await.map_err(failed)?;
        Ok(from_websocket(socket))
    }
}
