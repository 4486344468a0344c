//! The responder's side of the Noise handshake: XX for the first login, IK for every later one.

use anyhow::{Context as _, Result, bail};
use whatsapp_rust::buffa::{Message as _, MessageField};
use whatsapp_rust::wacore::handshake::{NoiseCipher, NoiseHandshake};
use whatsapp_rust::wacore::libsignal::protocol::KeyPair;
use whatsapp_rust::wacore_binary::consts::{NOISE_PATTERN_IK, NOISE_PATTERN_XX, WA_CONN_HEADER};
use whatsapp_rust::waproto::whatsapp as wa;

use crate::{certificates, entropy};

/// The server's static key and the certificate chain that it shows.
pub(crate) struct ServerIdentity {
    keys: KeyPair,
    public: [u8; 32],
    certificates: Vec<u8>,
    /// The public key that vouches for the chain; a client that checks chains has to be told of it.
    pub(crate) root: [u8; 32],
}

impl ServerIdentity {
    pub(crate) fn generate() -> Result<Self> {
        let keys = KeyPair::generate(&mut entropy::generator());
        let public = public_key(&keys)?;
        let chain = certificates::issue(&public)?;
        Ok(Self { certificates: chain.encoded, root: chain.root, public, keys })
    }
}

/// Which handshake a client chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pattern {
    Xx,
    Ik,
}

/// What the responder knows after the handshake.
pub(crate) struct Established {
    pub(crate) read: NoiseCipher,
    pub(crate) write: NoiseCipher,
    pub(crate) client_public: [u8; 32],
    pub(crate) payload: wa::ClientPayload,
    pub(crate) pattern: Pattern,
}

/// How the handshake goes on after the client's hello.
pub(crate) enum Step {
    /// XX: send this hello, then wait for the client's finish.
    AwaitFinish(Vec<u8>, Box<PendingXx>),
    /// IK: send this hello, the handshake is done.
    Done(Vec<u8>, Box<Established>),
}

/// An XX handshake between the two hellos and the finish.
pub(crate) struct PendingXx {
    noise: NoiseHandshake,
    ephemeral: KeyPair,
}

/// Answers the client's hello.
pub(crate) fn on_client_hello(identity: &ServerIdentity, frame: &[u8]) -> Result<Step> {
    let message = wa::HandshakeMessage::decode_from_slice(frame)?;
    let hello = message.client_hello.into_option().context("no client hello")?;
    let client_ephemeral = key(hello.ephemeral, "ephemeral")?;
    let ephemeral = KeyPair::generate(&mut entropy::generator());
    match (hello.r#static, hello.payload) {
        (Some(client_static), Some(payload)) => {
            respond_ik(identity, &client_ephemeral, &ephemeral, &client_static, &payload)
        }
        _ => respond_xx(identity, &client_ephemeral, ephemeral),
    }
}

fn respond_xx(identity: &ServerIdentity, client_ephemeral: &[u8; 32], ephemeral: KeyPair) -> Result<Step> {
    let public = public_key(&ephemeral)?;
    let mut noise = NoiseHandshake::new(NOISE_PATTERN_XX, &WA_CONN_HEADER)?;
    noise.authenticate(client_ephemeral);
    noise.authenticate(&public);
    noise.mix_shared_secret(ephemeral.private_key.serialize(), client_ephemeral)?;
    let server_static = noise.encrypt(&identity.public)?;
    noise.mix_shared_secret(identity.keys.private_key.serialize(), client_ephemeral)?;
    let certificates = noise.encrypt(&identity.certificates)?;
    let hello = server_hello(&public, Some(server_static), certificates);
    Ok(Step::AwaitFinish(hello, Box::new(PendingXx { noise, ephemeral })))
}

fn respond_ik(
    identity: &ServerIdentity,
    client_ephemeral: &[u8; 32],
    ephemeral: &KeyPair,
    client_static: &[u8],
    payload: &[u8],
) -> Result<Step> {
    let public = public_key(ephemeral)?;
    let mut noise = NoiseHandshake::new(NOISE_PATTERN_IK, &WA_CONN_HEADER)?;
    noise.authenticate(&identity.public);
    noise.authenticate(client_ephemeral);
    noise.mix_shared_secret(identity.keys.private_key.serialize(), client_ephemeral)?;
    let Ok(client_static) = noise.decrypt(client_static) else {
        bail!("the client's static key does not decrypt: it knows another server key")
    };
    let client_public = key(Some(client_static), "static")?;
    noise.mix_shared_secret(identity.keys.private_key.serialize(), &client_public)?;
    let payload = wa::ClientPayload::decode_from_slice(&noise.decrypt(payload)?)?;
    noise.authenticate(&public);
    noise.mix_shared_secret(ephemeral.private_key.serialize(), client_ephemeral)?;
    noise.mix_shared_secret(ephemeral.private_key.serialize(), &client_public)?;
    let hello = server_hello(&public, None, noise.encrypt(&identity.certificates)?);
    let (read, write) = noise.finish()?;
    Ok(Step::Done(hello, Box::new(Established { read, write, client_public, payload, pattern: Pattern::Ik })))
}

/// Takes the client's finish, the last message of XX.
pub(crate) fn on_client_finish(pending: PendingXx, frame: &[u8]) -> Result<Established> {
    let PendingXx { mut noise, ephemeral } = pending;
    let message = wa::HandshakeMessage::decode_from_slice(frame)?;
    let finish = message.client_finish.into_option().context("no client finish")?;
    let client_static = noise.decrypt(&finish.r#static.context("no static key")?)?;
    let client_public = key(Some(client_static), "static")?;
    noise.mix_shared_secret(ephemeral.private_key.serialize(), &client_public)?;
    let payload = noise.decrypt(&finish.payload.context("no payload")?)?;
    let payload = wa::ClientPayload::decode_from_slice(&payload)?;
    let (read, write) = noise.finish()?;
    Ok(Established { read, write, client_public, payload, pattern: Pattern::Xx })
}

fn server_hello(ephemeral: &[u8; 32], server_static: Option<Vec<u8>>, payload: Vec<u8>) -> Vec<u8> {
    let hello = wa::handshake_message::ServerHello {
        ephemeral: Some(ephemeral.to_vec()),
        r#static: server_static,
        payload: Some(payload),
        ..Default::default()
    };
    wa::HandshakeMessage { server_hello: MessageField::some(hello), ..Default::default() }.encode_to_vec()
}

pub(crate) fn public_key(keys: &KeyPair) -> Result<[u8; 32]> {
    Ok(keys.public_key.public_key_bytes().try_into()?)
}

fn key(bytes: Option<Vec<u8>>, name: &'static str) -> Result<[u8; 32]> {
    let bytes = bytes.with_context(|| format!("no {name} key"))?;
    bytes.try_into().map_err(|_| anyhow::anyhow!("the {name} key is not 32 bytes"))
}
