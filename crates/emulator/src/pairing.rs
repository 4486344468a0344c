//! Linking a companion: the refs it shows as QR codes, the phone's scan, the companion's own signature.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};
use whatsapp_rust::buffa::Message as _;
use whatsapp_rust::wacore::adv::{AdvValidation, validate_adv_with_identity_key};
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;
use whatsapp_rust::waproto::whatsapp as wa;

use crate::account::{Account, Device, DeviceKeys};
use crate::connection::{Link, Role};
use crate::delivery::Queue;
use crate::error::EmulatorError;
use crate::phone::adv::{self, ScannedQr};
use crate::server::Server;
use crate::stanza::{SERVER, child_bytes, number, stream_error};
use crate::{entropy, notifications};

/// How many codes a companion may show before it has to connect again, as on the real server.
pub(crate) const REFS: usize = 6;
/// The longest name of a companion, in characters.
const LONGEST_NAME: usize = 100;

/// Companions that show a QR, and scans that wait for the companion's signature.
#[derive(Default)]
pub(crate) struct Pairing {
    state: Mutex<PairingState>,
}

#[derive(Default)]
struct PairingState {
    refs: HashMap<String, Arc<Link>>,
    unsigned: HashMap<u64, (Arc<Account>, u16)>,
}

impl Pairing {
    fn register(&self, refs: &[String], link: &Arc<Link>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.refs.extend(refs.iter().map(|reference| (reference.clone(), Arc::clone(link))));
    }

    fn link_of(&self, reference: &str) -> Option<Arc<Link>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).refs.get(reference).cloned()
    }

    /// A scan spends every code of the companion; `false` when another scan came first.
    fn begin(&self, link: &Arc<Link>, account: &Arc<Account>, device: u16) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = state.refs.len();
        state.refs.retain(|_, other| other.id != link.id);
        if state.refs.len() == before {
            return false;
        }
        state.unsigned.insert(link.id, (Arc::clone(account), device));
        true
    }

    fn finish(&self, link: u64) -> Option<(Arc<Account>, u16)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).unsigned.remove(&link)
    }

    /// The socket closed: its codes expire, and a scan without a signature links nothing.
    pub(crate) fn forget(&self, link: u64) {
        let unsigned = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.refs.retain(|_, other| other.id != link);
            state.unsigned.remove(&link)
        };
        if let Some((account, device)) = unsigned {
            account.state().devices.remove(&device);
        }
    }
}

/// A socket without a login: offer it the refs for its QR codes.
pub(crate) fn offer(
    server: &Server,
    link: &Arc<Link>,
    data: wa::client_payload::DevicePairingRegistrationData,
) -> Result<()> {
    let keys = DeviceKeys {
        registration_id: number(&data.e_regid.unwrap_or_default()),
        identity: data.e_ident.unwrap_or_default(),
        signed_prekey_id: number(&data.e_skey_id.unwrap_or_default()),
        signed_prekey: data.e_skey_val.unwrap_or_default(),
        signed_prekey_signature: data.e_skey_sig.unwrap_or_default(),
        name: name_of(data.device_props.as_deref().unwrap_or_default()),
    };
    ensure!(
        keys.identity.len() == 32 && keys.signed_prekey.len() == 32,
        "a registration needs keys of 32 bytes"
    );
    link.assume(Role::Registration(keys));
    let count = server.faults.codes().unwrap_or(REFS);
    let refs: Vec<String> = (0..count).map(|_| format!("2@{}", entropy::hexadecimal::<20>())).collect();
    server.pairing.register(&refs, link);
    let refs =
        refs.into_iter().map(|reference| NodeBuilder::new("ref").bytes(reference.into_bytes()).build());
    let offer = NodeBuilder::new("pair-device").children(refs).build();
    link.send(
        NodeBuilder::new("iq")
            .attr("from", SERVER)
            .attr("id", format!("pd-{}", link.id))
            .attr("type", "set")
            .attr("xmlns", "md")
            .children([offer])
            .build(),
    );
    Ok(())
}

/// What the companion calls itself, as the phone lists it.
fn name_of(device_props: &[u8]) -> String {
    let props = wa::DeviceProps::decode_from_slice(device_props).unwrap_or_default();
    props.os.unwrap_or_default().chars().take(LONGEST_NAME).collect()
}

/// The account's phone scans `qr` and vouches for the companion that shows it.
pub(crate) fn scan(server: &Server, account: &Arc<Account>, qr: &str) -> Result<u16, EmulatorError> {
    let scanned = adv::read_qr(qr).map_err(|_| EmulatorError::BadQr)?;
    let link = server.pairing.link_of(&scanned.reference).ok_or(EmulatorError::ExpiredQr)?;
    vouch(server, account, &link, &scanned)
}

/// The account's phone vouches for the companion behind `link`, whose secret it knows.
pub(crate) fn vouch(
    server: &Server,
    account: &Arc<Account>,
    link: &Arc<Link>,
    scanned: &ScannedQr,
) -> Result<u16, EmulatorError> {
    let keys = link.registration().cloned().ok_or(EmulatorError::ExpiredQr)?;
    if link.client_public != scanned.noise_public || keys.identity != scanned.identity_public {
        return Err(EmulatorError::BadQr);
    }
    if server.faults.wants_passkey(&account.number) {
        link.send(passkey_request(link));
        return Err(EmulatorError::PasskeyWanted);
    }
    let (device, key_index) = {
        let mut state = account.state();
        let device = state.next_device();
        let unsigned = unsigned_device(server, link, keys, device);
        let key_index = unsigned.key_index;
        state.devices.insert(device, unsigned);
        (device, key_index)
    };
    let offered = pair_success(server, account, link, scanned, device, key_index);
    let begun = offered.is_ok() && server.pairing.begin(link, account, device);
    if !begun {
        account.state().devices.remove(&device);
    }
    let success = offered.map_err(|error| EmulatorError::Internal(error.to_string()))?;
    if !begun || !link.send(success) {
        return Err(EmulatorError::ExpiredQr);
    }
    Ok(device)
}

/// What gates the link of a number that has a passkey: the companion is to answer a WebAuthn challenge.
///
/// Source: whatsapp-rust 0.7.0, `src/passkey/flow.rs`.
fn passkey_request(link: &Link) -> Node {
    let options = format!(r#"{{"challenge":"{}","rpId":"web.whatsapp.com"}}"#, entropy::hexadecimal::<16>());
    let options = NodeBuilder::new("passkey_request_options").bytes(options.into_bytes()).build();
    NodeBuilder::new("notification")
        .attr("from", SERVER)
        .attr("id", format!("passkey-{}", link.id))
        .attr("type", "passkey_prologue_request")
        .children([options])
        .build()
}

fn unsigned_device(server: &Server, link: &Link, keys: DeviceKeys, device: u16) -> Device {
    Device {
        noise_public: link.client_public,
        keys,
        one_time_prekeys: std::collections::VecDeque::new(),
        signed_identity: Vec::new(),
        key_index: u32::from(device),
        platform: "web".to_owned(),
        linked_at: server.now(),
        wants_key_share: true,
        links: Vec::new(),
        queue: Queue::default(),
    }
}

fn pair_success(
    server: &Server,
    account: &Account,
    link: &Link,
    scanned: &ScannedQr,
    device: u16,
    key_index: u32,
) -> Result<Node> {
    let identity = account.phone.keys.vouch_for(scanned, key_index, server.seconds())?;
    let addresses = NodeBuilder::new("device")
        .attr("jid", account.number_jid(device))
        .attr("lid", account.lid_jid(device));
    let success = NodeBuilder::new("pair-success")
        .children([
            NodeBuilder::new("device-identity").bytes(identity).build(),
            addresses.build(),
            NodeBuilder::new("platform").attr("name", "android").build(),
            NodeBuilder::new("biz").attr("name", account.state().name.clone()).build(),
        ])
        .build();
    Ok(NodeBuilder::new("iq")
        .attr("from", SERVER)
        .attr("id", format!("pair-{}", link.id))
        .attr("type", "set")
        .attr("t", server.seconds())
        .children([success])
        .build())
}

/// `pair-device-sign`: the companion vouches for itself, is linked, and is told to come back with a login.
pub(crate) fn finish(server: &Arc<Server>, link: &Link, signed: &Node) -> Result<()> {
    let (account, device) = server.pairing.finish(link.id).context("nobody scanned this companion")?;
    let identity = child_bytes(signed, "device-identity");
    let public: [u8; 32] = link
        .registration()
        .context("the companion did not register")?
        .identity
        .as_slice()
        .try_into()
        .context("the identity key is not 32 bytes")?;
    // Some clients leave the account's key out of what they sign: everybody knows it as the phone's identity.
    let account_key = account.phone.keys.identity_public();
    let account_key = account_key.as_slice().try_into().ok();
    if validate_adv_with_identity_key(&identity, &public, account_key) != AdvValidation::Valid {
        account.state().devices.remove(&device);
        anyhow::bail!("the companion's signature does not verify");
    }
    if let Some(companion) = account.state().devices.get_mut(&device) {
        companion.signed_identity = identity;
    }
    notifications::device_added(server, &account, device);
    tracing::info!(device, "linked a companion");
    link.send(stream_error(515));
    link.close();
    Ok(())
}
