//! Whatever the engine asks for, our store answers as the engine's own store in memory does.

use std::sync::Arc;

use blazz_domain::{AccountId, Epoch, Lease, WorkspaceId};
use blazz_session_store::{SessionDirectory, SessionRoot, StorageKey, StorageKeys};
use tempfile::TempDir;
use whatsapp_rust::bytes::Bytes;
use whatsapp_rust::wacore::appstate::hash::HashState;
use whatsapp_rust::wacore::appstate::processor::AppStateMutationMAC;
use whatsapp_rust::wacore::store::Device;
use whatsapp_rust::wacore::store::InMemoryBackend;
use whatsapp_rust::wacore::store::traits::{
    AppStateSyncKey, AppSyncStore as _, Backend as EngineBackend, DeviceInfo, DeviceListRecord,
    LidPnMappingEntry, MsgSecretEntry, MsgSecretStore as _, ProtocolStore as _, SignalStore as _,
    TcTokenEntry,
};

use super::*;

/// A session's directory, to be opened again and again.
struct Place {
    _directory: TempDir,
    root: SessionRoot,
    lease: Lease,
}

impl Place {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let keys = StorageKeys { current: StorageKey::new(&[3; 32]), previous: None };
        let root = SessionRoot::open(directory.path(), keys).unwrap();
        let lease = Lease { workspace_id: WorkspaceId::new(), account_id: AccountId::new(), epoch: Epoch(1) };
        Self { _directory: directory, root, lease }
    }

    fn directory(&self) -> Arc<SessionDirectory> {
        Arc::new(self.root.open_session(&self.lease, false).unwrap())
    }

    async fn open(&self) -> Backend {
        of_directory(&self.directory()).await.unwrap().unwrap()
    }
}

/// Does the same with both stores, and compares what they say.
macro_rules! same {
    ($ours:expr, $theirs:expr, $call:ident($($argument:expr),*)) => {{
        let ours = format!("{:?}", $ours.$call($($argument),*).await);
        let theirs = format!("{:?}", $theirs.$call($($argument),*).await);
        assert_eq!(ours, theirs, stringify!($call($($argument),*)));
    }};
}

/// The same for what comes in no order.
macro_rules! same_set {
    ($ours:expr, $theirs:expr, $call:ident($($argument:expr),*)) => {{
        let set = |found: Vec<_>| {
            let mut found: Vec<String> = found.iter().map(|one| format!("{one:?}")).collect();
            found.sort();
            found
        };
        let (ours, theirs) = ($ours.$call($($argument),*).await.unwrap(), $theirs.$call($($argument),*).await.unwrap());
        assert_eq!(set(ours), set(theirs), stringify!($call($($argument),*)));
    }};
}

async fn write_everything(to: &impl EngineBackend) {
    let arc = |text: &str| Arc::<str>::from(text);
    to.put_identity("a:1", [1; 32]).await.unwrap();
    to.put_identities_batch(&[(arc("b"), [2; 32]), (arc("c"), [3; 32])]).await.unwrap();
    to.delete_identity("c").await.unwrap();
    to.put_session("a:1", b"one").await.unwrap();
    to.put_sessions_batch(&[(arc("a:1"), Bytes::from_static(b"two")), (arc("b"), Bytes::from_static(b""))])
        .await
        .unwrap();
    to.put_session("gone", b"x").await.unwrap();
    to.delete_session("gone").await.unwrap();
    to.store_prekey(7, b"seven", false).await.unwrap();
    to.store_prekeys_batch(&[(8, Bytes::from_static(b"eight")), (9, Bytes::from_static(b"nine"))], true)
        .await
        .unwrap();
    to.remove_prekey(9).await.unwrap();
    to.mark_prekeys_uploaded(&[7, 9]).await.unwrap();
    to.store_signed_prekey(1, b"signed").await.unwrap();
    to.store_signed_prekey(2, b"signed too").await.unwrap();
    to.remove_signed_prekey(1).await.unwrap();
    to.put_sender_key("g::a", b"key").await.unwrap();
    to.put_sender_keys_batch(&[(arc("g::b"), Bytes::from_static(b"other"))]).await.unwrap();
    to.delete_sender_key("g::a").await.unwrap();

    let key = |data: &[u8]| AppStateSyncKey { key_data: data.to_vec(), fingerprint: vec![9], timestamp: 5 };
    to.set_sync_key(b"k1", key(b"one")).await.unwrap();
    to.set_sync_key(b"k2", key(b"two")).await.unwrap();
    let state = HashState { version: 4, hash: [7; 128], ..HashState::default() };
    to.set_version("regular", state).await.unwrap();
    let mac = |byte: u8| AppStateMutationMAC { index_mac: vec![byte; 32], value_mac: vec![byte; 4] };
    to.put_mutation_macs("regular", 4, &[mac(1), mac(2), mac(3)]).await.unwrap();
    to.put_mutation_macs("regular_low", 1, &[mac(1)]).await.unwrap();
    to.delete_mutation_macs("regular", &[vec![2; 32]]).await.unwrap();
    to.put_mutation_macs("critical", 1, &[mac(1)]).await.unwrap();
    to.clear_mutation_macs("critical").await.unwrap();

    to.set_sender_key_status("g1", &[("d1", true), ("d2", true)]).await.unwrap();
    to.set_sender_key_status("g1", &[("d2", false), ("d3", true)]).await.unwrap();
    to.set_sender_key_status("g2", &[("d1", true)]).await.unwrap();
    to.delete_sender_key_device_rows(&["d1"]).await.unwrap();
    to.set_sender_key_status("g3", &[("d9", true)]).await.unwrap();
    to.clear_sender_key_devices("g3").await.unwrap();
    let mapping = |lid: &str, phone: &str| LidPnMappingEntry {
        lid: lid.to_owned(),
        phone_number: phone.to_owned(),
        created_at: 1,
        updated_at: 2,
        learning_source: "usync".to_owned(),
    };
    to.put_lid_mapping(&mapping("l1", "p1")).await.unwrap();
    to.put_lid_mappings(&[mapping("l2", "p2"), mapping("l1", "p3")]).await.unwrap();
    to.save_base_key("a", "m", b"base").await.unwrap();
    to.save_base_key("a", "gone", b"base").await.unwrap();
    to.delete_base_key("a", "gone").await.unwrap();
    let devices = |user: &str, id| DeviceListRecord {
        user: user.to_owned(),
        devices: vec![DeviceInfo::new(id, Some(3))],
        timestamp: 8,
        phash: Some("2:x".to_owned()),
        raw_id: None,
    };
    to.update_device_list(devices("u1", 0)).await.unwrap();
    to.update_device_lists(vec![devices("u1", 4), devices("u2", 0)]).await.unwrap();
    to.delete_devices("u2").await.unwrap();
    to.put_group_metadata("g1", b"blob").await.unwrap();
    to.put_group_metadata("g2", b"blob").await.unwrap();
    to.delete_group_metadata("g2").await.unwrap();
    to.touch_tc_token_sender_timestamp("j1", 50).await.unwrap();
    to.touch_tc_token_sender_timestamp("j1", 40).await.unwrap();
    to.store_received_tc_token("j1", b"token", 30).await.unwrap();
    to.store_received_tc_token("j1", b"stale", 20).await.unwrap();
    to.store_received_tc_token("j2", b"old", 5).await.unwrap();
    to.put_tc_token("j3", &TcTokenEntry { token: b"x".to_vec(), token_timestamp: 9, sender_timestamp: None })
        .await
        .unwrap();
    to.delete_tc_token("j3").await.unwrap();
    assert_eq!(to.delete_expired_tc_tokens(10, 10).await.unwrap(), 1);
    to.store_sent_message("c", "m1", b"payload").await.unwrap();
    to.store_pending_inbound("c", "s", "i1", b"inbound").await.unwrap();
    to.store_pending_inbound("c", "s", "i2", b"inbound").await.unwrap();
    to.delete_pending_inbound("c", "s", "i2").await.unwrap();
    let secret = |id: &str, byte, expires_at, message_ts| MsgSecretEntry {
        chat: arc("c"),
        sender: arc("s"),
        msg_id: arc(id),
        secret: [byte; 32],
        expires_at,
        message_ts,
    };
    to.put_msg_secrets(vec![secret("m1", 1, 100, 10), secret("m2", 2, 0, 0), secret("m3", 3, 50, 7)])
        .await
        .unwrap();
    to.put_msg_secrets(vec![secret("m1", 4, 80, 0)]).await.unwrap();
    assert_eq!(to.delete_expired_msg_secrets(50).await.unwrap(), 1);
}

async fn compare(ours: &Backend, theirs: &InMemoryBackend) {
    for address in ["a:1", "b", "c", "gone", "never"] {
        same!(ours, theirs, load_identity(address));
        same!(ours, theirs, get_session(address));
        same!(ours, theirs, has_session(address));
    }
    for id in [0, 1, 2, 7, 8, 9] {
        same!(ours, theirs, load_prekey(id));
        same!(ours, theirs, load_signed_prekey(id));
    }
    same!(ours, theirs, load_prekeys_batch(&[9, 8, 7]));
    same!(ours, theirs, get_max_prekey_id());
    same!(ours, theirs, load_all_signed_prekeys());
    for address in ["g::a", "g::b"] {
        same!(ours, theirs, get_sender_key(address));
    }
    for key in [b"k1", b"k2", b"k3"] {
        same!(ours, theirs, get_sync_key(key));
    }
    same!(ours, theirs, get_latest_sync_key_id());
    for name in ["regular", "regular_low", "critical"] {
        same!(ours, theirs, get_version(name));
        for byte in 1..=3_u8 {
            same!(ours, theirs, get_mutation_mac(name, &[byte; 32]));
        }
    }
    let macs = [[1; 32], [2; 32], [3; 32]];
    assert_eq!(
        ours.get_mutation_macs("regular", &macs).await.unwrap(),
        theirs.get_mutation_macs("regular", &macs).await.unwrap()
    );
    for group in ["g1", "g2", "g3"] {
        same_set!(ours, theirs, get_sender_key_devices(group));
        same!(ours, theirs, get_group_metadata(group));
    }
    for lid in ["l1", "l2", "l3"] {
        same!(ours, theirs, get_lid_mapping(lid));
    }
    for phone in ["p1", "p2", "p3"] {
        same!(ours, theirs, get_pn_mapping(phone));
    }
    same_set!(ours, theirs, get_all_lid_mappings());
    for (message, base) in [("m", b"base"), ("m", b"esab"), ("gone", b"base")] {
        same!(ours, theirs, has_same_base_key("a", message, base));
    }
    for user in ["u1", "u2"] {
        same!(ours, theirs, get_devices(user));
    }
    for jid in ["j1", "j2", "j3"] {
        same!(ours, theirs, get_tc_token(jid));
    }
    same_set!(ours, theirs, get_all_tc_token_jids());
    for id in ["i1", "i2"] {
        same!(ours, theirs, get_pending_inbound("c", "s", id));
    }
    for id in ["m1", "m2", "m3"] {
        same!(ours, theirs, get_msg_secret("c", "s", id));
        same!(ours, theirs, get_msg_secret_with_ts("c", "s", id));
    }
    same!(ours, theirs, exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_answers_as_the_engines_own_store_in_memory_does_also_when_opened_again() {
    let (place, theirs) = (Place::new(), InMemoryBackend::new());
    let ours = place.open().await;
    compare(&ours, &theirs).await;
    write_everything(&ours).await;
    write_everything(&theirs).await;
    compare(&ours, &theirs).await;
    ours.settle().await.unwrap();
    drop(ours);
    let ours = place.open().await;
    compare(&ours, &theirs).await;
    // What is taken is gone, and a later cutoff takes the rest.
    same!(ours, theirs, take_sent_message("c", "m1"));
    same!(ours, theirs, take_sent_message("c", "m1"));
    same!(ours, theirs, delete_expired_pending_inbound(i64::from(u32::MAX)));
    same!(ours, theirs, get_pending_inbound("c", "s", "i1"));
    same!(ours, theirs, clear_all_sender_key_devices());
    compare(&ours, &theirs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_comes_back_as_it_was() {
    let place = Place::new();
    let ours = place.open().await;
    assert!(ours.load().await.unwrap().is_none());
    assert_eq!(ours.create().await.unwrap(), 1);
    let mut device = Device::new();
    device.pn = Some("15550000001:7@s.whatsapp.net".parse().unwrap());
    device.push_name = "Anna".to_owned();
    device.next_pre_key_id = 813;
    ours.save(&device).await.unwrap();
    ours.create().await.unwrap();
    drop(ours);
    let loaded = place.open().await.load().await.unwrap().unwrap();
    let plain = |device: &Device| serde_json::to_value(device).unwrap();
    assert_eq!(plain(&loaded), plain(&device));
}
