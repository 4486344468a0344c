//! WebSocket and framing: the intro, the handshake, and whole frames in and out.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_websockets::{Limits, Message, ServerBuilder, WebSocketStream};
use whatsapp_rust::wacore::framing::{FrameDecoder, encode_frame};
use whatsapp_rust::wacore::handshake::NoiseCipher;
use whatsapp_rust::waproto::whatsapp as wa;

use crate::noise::{self, Established, Pattern, Step};
use crate::server::Server;

/// The largest WebSocket message a client may send: an upload of 812 prekeys is 35 KiB, a text far less.
const LARGEST_MESSAGE: usize = 4 * 1024 * 1024;
/// How long a client may take for its part of the handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(20);
/// The routing prefix that some clients send before the intro: marker, three bytes of length, data.
const ROUTING_MARKER: &[u8] = b"ED\0\x01";
/// What begins a connection: `WA` and two bytes of version.
const INTRO: &[u8] = b"WA";

type Socket = WebSocketStream<TcpStream>;

/// A socket after its handshake.
pub(crate) struct Accepted {
    pub(crate) reader: FrameReader,
    pub(crate) writer: FrameWriter,
    pub(crate) read_cipher: NoiseCipher,
    pub(crate) write_cipher: NoiseCipher,
    pub(crate) client_public: [u8; 32],
    pub(crate) payload: wa::ClientPayload,
}

/// Upgrades to WebSocket and shakes hands.
pub(crate) async fn accept(server: &Arc<Server>, stream: TcpStream) -> Result<Accepted> {
    tokio::time::timeout(HANDSHAKE_TIMEOUT, shake_hands(server, stream))
        .await
        .context("the handshake took too long")?
}

async fn shake_hands(server: &Arc<Server>, stream: TcpStream) -> Result<Accepted> {
    server.stats.accepted();
    stream.set_nodelay(true)?;
    let limits = Limits::default().max_payload_len(Some(LARGEST_MESSAGE));
    let (_request, socket) = ServerBuilder::new().limits(limits).accept(stream).await?;
    let (sink, stream) = socket.split();
    let mut writer = FrameWriter { sink };
    let mut reader = FrameReader { stream, decoder: FrameDecoder::new(), intro: Some(BytesMut::new()) };

    let hello = reader.next().await?.context("closed before the hello")?;
    let established = match noise::on_client_hello(&server.identity, &hello)? {
        Step::Done(hello, established) => {
            writer.send(&hello, true).await?;
            *established
        }
        Step::AwaitFinish(hello, pending) => {
            writer.send(&hello, true).await?;
            let finish = reader.next().await?.context("closed in the handshake")?;
            noise::on_client_finish(*pending, &finish)?
        }
    };
    let Established { read, write, client_public, payload, pattern } = established;
    match pattern {
        Pattern::Xx => server.stats.xx(),
        Pattern::Ik => server.stats.ik(),
    }
    Ok(Accepted { reader, writer, read_cipher: read, write_cipher: write, client_public, payload })
}

/// Takes whole frames off the socket.
pub(crate) struct FrameReader {
    stream: SplitStream<Socket>,
    decoder: FrameDecoder,
    /// What came before the intro was complete; `None` afterwards.
    intro: Option<BytesMut>,
}

impl FrameReader {
    /// The next frame; `None` when the client closed.
    pub(crate) async fn next(&mut self) -> Result<Option<BytesMut>> {
        loop {
            if self.intro.is_none()
                && let Some(frame) = self.decoder.decode_frame()
            {
                return Ok(Some(frame));
            }
            let Some(message) = self.stream.next().await else { return Ok(None) };
            let message = message?;
            if message.is_close() {
                return Ok(None);
            }
            if message.is_binary() {
                self.feed(&Bytes::from(message.into_payload()))?;
                ensure!(self.decoder.buffered_len() <= 2 * LARGEST_MESSAGE, "a frame is too large");
            }
        }
    }

    fn feed(&mut self, data: &[u8]) -> Result<()> {
        let Some(mut intro) = self.intro.take() else {
            self.decoder.feed(data);
            return Ok(());
        };
        intro.extend_from_slice(data);
        match strip_intro(&mut intro)? {
            true => self.decoder.feed(&intro),
            false => self.intro = Some(intro),
        }
        Ok(())
    }
}

/// Removes the intro; `false` while it is incomplete.
fn strip_intro(buffer: &mut BytesMut) -> Result<bool> {
    let mut skip = 0;
    if buffer.starts_with(ROUTING_MARKER) {
        let Some(length) = buffer.get(4..7) else { return Ok(false) };
        let length = length.iter().fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte));
        ensure!(length <= 4096, "the routing prefix is too long");
        skip = 7 + length;
    }
    let Some(intro) = buffer.get(skip..skip + 4) else {
        return Ok(false);
    };
    if !intro.starts_with(INTRO) {
        bail!("the connection does not begin as WhatsApp's does");
    }
    buffer.advance(skip + 4);
    Ok(true)
}

/// Puts whole frames on the socket.
pub(crate) struct FrameWriter {
    sink: SplitSink<Socket, Message>,
}

impl FrameWriter {
    /// Writes a frame; flushes when nothing else waits behind it.
    pub(crate) async fn send(&mut self, frame: &[u8], flush: bool) -> Result<()> {
        let message = Message::binary(Bytes::from(encode_frame(frame, None)?));
        if flush {
            self.sink.send(message).await?
        } else {
            self.sink.feed(message).await?
        }
        Ok(())
    }

    /// Flushes and says goodbye.
    pub(crate) async fn close(&mut self) -> Result<()> {
        Ok(self.sink.close().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_intro_may_come_in_pieces_and_behind_a_routing_prefix() {
        let mut buffer = BytesMut::from(&b"WA\x06"[..]);
        assert!(!strip_intro(&mut buffer).unwrap());
        buffer.extend_from_slice(b"\x03rest");
        assert!(strip_intro(&mut buffer).unwrap());
        assert_eq!(&buffer[..], b"rest");

        let mut routed = BytesMut::from(&b"ED\0\x01\0\0\x02xyWA\x06\x03rest"[..]);
        assert!(strip_intro(&mut routed).unwrap());
        assert_eq!(&routed[..], b"rest");
    }

    #[test]
    fn another_protocol_is_refused() {
        assert!(strip_intro(&mut BytesMut::from(&b"GET / HTTP/1.1"[..])).is_err());
        assert!(strip_intro(&mut BytesMut::from(&b"ED\0\x01\xff\xff\xff"[..])).is_err());
    }
}
