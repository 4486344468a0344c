//! Linking a companion by a code: the phone's half of the exchange, and the server that passes it on by number.
//!
//! Source: whatsapp-rust 0.7.0, `src/pair_code.rs` and wacore's `pair_code.rs`, which hold the companion's half.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::sync::oneshot;
use whatsapp_rust::wacore::crypto::hkdf_sha256_into;
use whatsapp_rust::wacore::libsignal::crypto::aes_256_gcm_decrypt;
use whatsapp_rust::wacore::libsignal::protocol::{KeyPair, PublicKey};
use whatsapp_rust::wacore::pair_code::PairCodeUtils;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;

use crate::account::Account;
use crate::connection::Link;
use crate::error::EmulatorError;
use crate::phone::adv::ScannedQr;
use crate::server::Server;
use crate::stanza::{self, SERVER, attr_or_empty, child_bytes, jid_attr};
use crate::{entropy, pairing};

/// The stanza of every step.
pub(crate) const REGISTRATION: &str = "link_code_companion_reg";
/// How long the phone waits for the companion's keys.
const PATIENCE: Duration = Duration::from_secs(30);

/// Companions that have asked for a code, by the number that is to type it, and phones that wait for their keys.
#[derive(Default)]
pub(crate) struct LinkCodes(Mutex<HashMap<String, Waiting>>);

struct Waiting {
    link: Weak<Link>,
    reference: String,
    wrapped_ephemeral: Vec<u8>,
    phone: Option<Typed>,
}

/// What the phone made of the code that was typed in.
struct Typed {
    ephemeral: KeyPair,
    companion_ephemeral: [u8; 32],
    done: oneshot::Sender<Result<u16, EmulatorError>>,
}

impl LinkCodes {
    fn state(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `companion_hello` and `companion_finish`, from a socket without a login.
pub(crate) fn answer(server: &Arc<Server>, link: &Arc<Link>, id: &str, registration: &Node) {
    let number = jid_attr(registration, "jid").map(|jid| jid.user.to_string()).unwrap_or_default();
    match attr_or_empty(registration, "stage").as_str() {
        "companion_hello" => hello(server, link, id, number, registration),
        "companion_finish" => {
            link.send(stanza::result(id, Vec::new()));
            finish(server, link, &number, registration);
        }
        _ => {
            link.send(stanza::error(id, 400, "bad-request"));
        }
    }
}

fn hello(server: &Server, link: &Arc<Link>, id: &str, number: String, registration: &Node) {
    if let Some((code, text)) = server.faults.refused_link_code(Some(&number)) {
        link.send(stanza::error(id, code, text));
        return;
    }
    let wrapped_ephemeral = child_bytes(registration, "link_code_pairing_wrapped_companion_ephemeral_pub");
    if wrapped_ephemeral.len() != 80 || server.accounts.by_number(&number).is_none() {
        link.send(stanza::error(id, 400, "bad-request"));
        return;
    }
    let reference = entropy::hexadecimal::<16>();
    let waiting =
        Waiting { link: Arc::downgrade(link), reference: reference.clone(), wrapped_ephemeral, phone: None };
    server.link_codes.state().insert(number, waiting);
    let reference = NodeBuilder::new("link_code_pairing_ref").bytes(reference.into_bytes()).build();
    let answer =
        NodeBuilder::new(REGISTRATION).attr("stage", "companion_hello").children([reference]).build();
    link.send(stanza::result(id, vec![answer]));
}

/// The account's phone types `code`; the number of the new companion once it has proved that it showed that code.
pub(crate) async fn enter(
    server: &Arc<Server>,
    account: &Arc<Account>,
    code: &str,
) -> Result<u16, EmulatorError> {
    let code = code.trim().replace('-', "").to_uppercase();
    if !PairCodeUtils::validate_code(&code) {
        return Err(EmulatorError::BadCode);
    }
    let (link, reference, wrapped) = {
        let codes = server.link_codes.state();
        let waiting = codes.get(&account.number).ok_or(EmulatorError::ExpiredCode)?;
        let link = waiting.link.upgrade().ok_or(EmulatorError::ExpiredCode)?;
        (link, waiting.reference.clone(), waiting.wrapped_ephemeral.clone())
    };
    // Slow on purpose: the code is stretched into a key, twice.
    let typing = tokio::task::spawn_blocking(move || {
        let companion = PairCodeUtils::decrypt_primary_ephemeral_pub(&wrapped, &code)?;
        let ephemeral = KeyPair::generate(&mut entropy::generator());
        let public: [u8; 32] = ephemeral.public_key.public_key_bytes().try_into()?;
        anyhow::Ok((companion, ephemeral, PairCodeUtils::encrypt_ephemeral_pub(&public, &code)))
    });
    let typed = typing.await.map_err(|error| EmulatorError::Internal(error.to_string()))?;
    let (companion_ephemeral, ephemeral, wrapped) =
        typed.map_err(|error| EmulatorError::Internal(error.to_string()))?;
    let (done, finished) = oneshot::channel();
    {
        let mut codes = server.link_codes.state();
        let waiting = codes.get_mut(&account.number).filter(|waiting| waiting.reference == reference);
        let waiting = waiting.ok_or(EmulatorError::ExpiredCode)?;
        waiting.phone = Some(Typed { ephemeral, companion_ephemeral, done });
    }
    if !link.send(primary_hello(server, account, &reference, &wrapped)) {
        return Err(EmulatorError::ExpiredCode);
    }
    match tokio::time::timeout(PATIENCE, finished).await {
        Ok(Ok(linked)) => linked,
        _ => Err(EmulatorError::ExpiredCode),
    }
}

fn primary_hello(server: &Server, account: &Account, reference: &str, wrapped: &[u8; 80]) -> Node {
    let identity = account.phone.keys.identity.public_key.public_key_bytes().to_vec();
    let leaf = |tag: &'static str, bytes: Vec<u8>| NodeBuilder::new(tag).bytes(bytes).build();
    let registration = NodeBuilder::new(REGISTRATION).attr("stage", "primary_hello").children([
        leaf("link_code_pairing_wrapped_primary_ephemeral_pub", wrapped.to_vec()),
        leaf("primary_identity_pub", identity),
        leaf("link_code_pairing_ref", reference.as_bytes().to_vec()),
    ]);
    NodeBuilder::new("notification")
        .attr("from", SERVER)
        .attr("id", entropy::hexadecimal::<6>())
        .attr("type", REGISTRATION)
        .attr("t", server.seconds())
        .children([registration.build()])
        .build()
}

/// The companion's keys arrive: a phone that was told the right code can open them, and links it.
fn finish(server: &Arc<Server>, link: &Arc<Link>, number: &str, registration: &Node) {
    let reference = child_bytes(registration, "link_code_pairing_ref");
    let typed = {
        let mut codes = server.link_codes.state();
        let waiting = codes.get_mut(number).filter(|waiting| waiting.reference.as_bytes() == reference);
        waiting.and_then(|waiting| waiting.phone.take())
    };
    let (Some(Typed { ephemeral, companion_ephemeral, done }), Some(account)) =
        (typed, server.accounts.by_number(number))
    else {
        return;
    };
    let identity = child_bytes(registration, "companion_identity_public");
    let bundle = child_bytes(registration, "link_code_pairing_wrapped_key_bundle");
    let linked = match open_bundle(&account, link, &ephemeral, &companion_ephemeral, &identity, &bundle) {
        Ok(scanned) => pairing::vouch(server, &account, link, &scanned),
        Err(error) => {
            tracing::info!("a phone could not open a companion's keys: {error:#}");
            Err(EmulatorError::WrongCode)
        }
    };
    if linked.is_ok() {
        server.link_codes.state().remove(number);
    }
    let _caller_left = done.send(linked);
}

/// Salt, nonce, and sealed: the companion's identity, the phone's, and a random part of the secret.
fn open_bundle(
    account: &Account,
    link: &Link,
    ephemeral: &KeyPair,
    companion_ephemeral: &[u8; 32],
    identity: &[u8],
    bundle: &[u8],
) -> Result<ScannedQr> {
    let shared = ephemeral
        .private_key
        .calculate_agreement(&PublicKey::from_djb_public_key_bytes(companion_ephemeral)?)?;
    let (salt, rest) = bundle.split_at_checked(32).context("no salt")?;
    let (nonce, sealed) = rest.split_at_checked(12).context("no nonce")?;
    let mut key = [0; 32];
    hkdf_sha256_into(&shared, Some(salt), b"link_code_pairing_key_bundle_encryption_key", &mut key)
        .map_err(|_| anyhow::anyhow!("no bundle key"))?;
    let mut keys = Vec::new();
    aes_256_gcm_decrypt(&key, nonce.try_into()?, b"", sealed, &mut keys)
        .map_err(|_| anyhow::anyhow!("the bundle does not open"))?;
    let (companion, rest) = keys.split_at_checked(32).context("no identity")?;
    let (own, random) = rest.split_at_checked(32).context("no identity of the phone")?;
    let phone = &account.phone.keys.identity;
    ensure!(companion == identity && own == phone.public_key.public_key_bytes(), "foreign identities");
    let identity_public: [u8; 32] = identity.try_into()?;
    let identity_shared =
        phone.private_key.calculate_agreement(&PublicKey::from_djb_public_key_bytes(&identity_public)?)?;
    let mut adv_secret = vec![0; 32];
    hkdf_sha256_into(
        &[&shared[..], &identity_shared[..], random].concat(),
        None,
        b"adv_secret",
        &mut adv_secret,
    )
    .map_err(|_| anyhow::anyhow!("no ADV secret"))?;
    Ok(ScannedQr { reference: String::new(), identity_public, noise_public: link.client_public, adv_secret })
}
