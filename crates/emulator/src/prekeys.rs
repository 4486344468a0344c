//! Published Signal keys: upload, count, digest, and bundles that spend one one-time key each.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use whatsapp_rust::Jid;
use whatsapp_rust::wacore::iq::prekeys::{OneTimePreKeyNode, PreKeyBundleUserNode, SignedPreKeyNode};
use whatsapp_rust::wacore::libsignal::protocol::{DeviceId, IdentityKey, PreKeyBundle, PublicKey};
use whatsapp_rust::wacore::prekeys::compute_key_bundle_digest;
use whatsapp_rust::wacore::protocol::ProtocolNode as _;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;

use crate::account::{Account, Device, DeviceKeys};
use crate::notifications;
use crate::server::Server;
use crate::stanza::{child_bytes, children, jid_attr, number};

/// One-time keys that a device may have on the server.
const MOST_PREKEYS: usize = 10_000;
/// With so few one-time keys left the server asks the device for more, and again while none come: some clients wait until it is urgent.
const FEW_PREKEYS: [usize; 3] = [10, 4, 0];

/// Takes an upload. `false` when the device is gone.
pub(crate) fn upload(account: &Account, device: u16, iq: &Node) -> bool {
    let uploaded: Vec<(u32, Vec<u8>)> = iq
        .get_optional_child("list")
        .into_iter()
        .flat_map(children)
        .map(|key| (number(&child_bytes(key, "id")), child_bytes(key, "value")))
        .filter(|(_, value)| value.len() == 32)
        .collect();
    let mut state = account.state();
    let Some(companion) = state.devices.get_mut(&device) else { return false };
    for (id, value) in uploaded {
        if companion.one_time_prekeys.len() < MOST_PREKEYS
            && !companion.one_time_prekeys.iter().any(|(present, _)| *present == id)
        {
            companion.one_time_prekeys.push_back((id, value));
        }
    }
    if let Some(signed) = iq.get_optional_child("skey") {
        take_signed(&mut companion.keys, signed);
    }
    true
}

/// Takes a rotated signed prekey.
pub(crate) fn rotate(account: &Account, device: u16, signed: &Node) -> bool {
    let mut state = account.state();
    let companion = state.devices.get_mut(&device);
    companion.is_some_and(|companion| take_signed(&mut companion.keys, signed))
}

fn take_signed(keys: &mut DeviceKeys, signed: &Node) -> bool {
    let value = child_bytes(signed, "value");
    if value.len() != 32 {
        return false;
    }
    keys.signed_prekey_id = number(&child_bytes(signed, "id"));
    keys.signed_prekey = value;
    keys.signed_prekey_signature = child_bytes(signed, "signature");
    true
}

/// `<count>`: how many one-time keys the device has left.
pub(crate) fn count(account: &Account, device: u16) -> Node {
    let count = account.state().devices.get(&device).map_or(0, |companion| companion.one_time_prekeys.len());
    NodeBuilder::new("count").attr("value", count).build()
}

/// `<digest>`: what the server holds of the device, with the hash that the device compares with its own.
pub(crate) fn digest(account: &Account, device: u16) -> Option<Node> {
    let (keys, one_time) = {
        let state = account.state();
        let companion = state.devices.get(&device)?;
        (companion.keys.clone(), companion.one_time_prekeys.clone())
    };
    if one_time.is_empty() {
        return None;
    }
    let public: Vec<&[u8]> = one_time.iter().map(|(_, key)| key.as_slice()).collect();
    let hash = compute_key_bundle_digest(
        &keys.identity,
        &keys.signed_prekey,
        &keys.signed_prekey_signature,
        &public,
    );
    let ids = one_time.iter().map(|(id, _)| NodeBuilder::new("id").bytes(key_id(*id)).build());
    let signed = NodeBuilder::new("skey").children([
        NodeBuilder::new("id").bytes(key_id(keys.signed_prekey_id)).build(),
        NodeBuilder::new("value").bytes(keys.signed_prekey).build(),
        NodeBuilder::new("signature").bytes(keys.signed_prekey_signature).build(),
    ]);
    Some(
        NodeBuilder::new("digest")
            .children([
                NodeBuilder::new("registration").bytes(keys.registration_id.to_be_bytes().to_vec()).build(),
                NodeBuilder::new("type").bytes(vec![5]).build(),
                NodeBuilder::new("identity").bytes(keys.identity).build(),
                signed.build(),
                NodeBuilder::new("list").children(ids).build(),
                NodeBuilder::new("hash").bytes(hash).build(),
            ])
            .build(),
    )
}

/// Key ids are three bytes on the wire.
fn key_id(id: u32) -> Vec<u8> {
    id.to_be_bytes().iter().skip(1).copied().collect()
}

/// `<list>` of the bundles that `<key>` asks for; a device that does not exist gets an error of its own.
pub(crate) fn bundles(server: &Server, request: &Node) -> Node {
    let users = children(request).iter().filter_map(|user| jid_attr(user, "jid")).map(|jid| {
        let published = server.accounts.by_jid(&jid).and_then(|account| spend(&account, jid.device));
        match published {
            Some(published) => published.into_node(jid),
            None => {
                let error =
                    NodeBuilder::new("error").attr("code", 406).attr("text", "not-acceptable").build();
                NodeBuilder::new("user").attr("jid", jid).children([error]).build()
            }
        }
    });
    NodeBuilder::new("list").children(users.collect::<Vec<_>>()).build()
}

/// A bundle for the phones, which speak to the server directly.
pub(crate) fn take_bundle(account: &Arc<Account>, device: u16) -> Result<Option<PreKeyBundle>> {
    spend(account, device).map(|published| published.into_bundle(device)).transpose()
}

/// What a device published, and the one-time key that this fetch spends.
struct Published {
    keys: DeviceKeys,
    one_time: Option<(u32, Vec<u8>)>,
    identity: Option<Vec<u8>>,
}

fn spend(account: &Arc<Account>, device: u16) -> Option<Published> {
    if device == 0 {
        return Some(Published { keys: account.phone.keys.published(), one_time: None, identity: None });
    }
    let mut state = account.state();
    let companion = state.devices.get_mut(&device).filter(|companion| companion.is_linked())?;
    let one_time = companion.one_time_prekeys.pop_front();
    ask_for_more(companion);
    Some(Published {
        keys: companion.keys.clone(),
        one_time,
        identity: Some(companion.signed_identity.clone()),
    })
}

fn ask_for_more(companion: &Device) {
    let left = companion.one_time_prekeys.len();
    if FEW_PREKEYS.contains(&left) {
        companion.send_live(&notifications::prekeys_low(left));
    }
}

impl Published {
    fn into_node(self, jid: Jid) -> Node {
        let signed = SignedPreKeyNode::new(
            self.keys.signed_prekey_id,
            self.keys.signed_prekey,
            self.keys.signed_prekey_signature,
        );
        PreKeyBundleUserNode {
            jid,
            registration_id: self.keys.registration_id,
            identity_key: self.keys.identity,
            signed_pre_key: signed,
            one_time_pre_key: self.one_time.map(|(id, key)| OneTimePreKeyNode::new(id, key)),
            device_identity: self.identity,
        }
        .into_node()
    }

    fn into_bundle(self, device: u16) -> Result<PreKeyBundle> {
        let one_time = match self.one_time {
            Some((id, key)) => Some((id.into(), PublicKey::from_djb_public_key_bytes(&key)?)),
            None => None,
        };
        PreKeyBundle::new(
            self.keys.registration_id,
            DeviceId::new(u32::from(device)),
            one_time,
            self.keys.signed_prekey_id.into(),
            PublicKey::from_djb_public_key_bytes(&self.keys.signed_prekey)?,
            self.keys.signed_prekey_signature,
            IdentityKey::new(PublicKey::from_djb_public_key_bytes(&self.keys.identity)?),
        )
        .context("the device published keys that do not fit")
    }
}
