//! What the phone makes of its collections: it reads every patch, checks the keyed hashes and the hash over all records
//! (LTHash), and writes patches of its own.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use blazz_domain::random;
use whatsapp_rust::buffa::{Message as _, MessageField};
use whatsapp_rust::wacore::appstate::hash::{HashState, generate_patch_mac};
use whatsapp_rust::wacore::appstate::{
    AppStateError, ExpandedAppStateKeys, encode_record, expand_app_state_keys, process_patch,
};
use whatsapp_rust::waproto::whatsapp as wa;
use whatsapp_rust::waproto::whatsapp::syncd_mutation::SyncdOperation;

use super::AppStateKey;

/// A setting's place: the collection, and the index in it.
pub(super) type Place = (String, Vec<String>);

#[derive(Default)]
pub(super) struct Mind {
    collections: HashMap<String, Known>,
    settings: BTreeMap<Place, wa::SyncActionValue>,
}

/// What the phone knows of one collection.
#[derive(Default, Clone)]
struct Known {
    state: HashState,
    /// The value's MAC of each record, by the index's.
    macs: HashMap<Vec<u8>, Vec<u8>>,
}

impl Mind {
    /// The settings as they are.
    pub(super) fn settings(&self) -> impl Iterator<Item = (&Place, &wa::SyncActionValue)> {
        self.settings.iter()
    }

    /// Reads a numbered patch.
    ///
    /// # Errors
    /// When it cannot be decrypted, or a hash is not what it has to be.
    pub(super) fn read(&mut self, key: &AppStateKey, name: &str, patch: &wa::SyncdPatch) -> Result<()> {
        let made_with = patch.key_id.as_option().and_then(|key| key.id.as_deref());
        ensure!(made_with == Some(&key.id[..]), "it is not made with the account's key");
        let known = self.collections.entry(name.to_owned()).or_default();
        let keys = Arc::new(expand_app_state_keys(&key.data));
        let (macs, before) = (&known.macs, known.state.mac_mismatch_fatal);
        let read = process_patch(
            patch,
            &mut known.state,
            |id| if id == key.id { Ok(Arc::clone(&keys)) } else { Err(AppStateError::MissingKeyId) },
            |index| Ok(macs.get(index).cloned()),
            true,
            name,
        );
        let read = read.context("it does not verify")?;
        for index in &read.removed_index_macs {
            known.macs.remove(index);
        }
        known.macs.extend(read.added_macs.into_iter().map(|mac| (mac.index_mac, mac.value_mac)));
        for mutation in read.mutations {
            let place = (name.to_owned(), mutation.index);
            match mutation.action_value.filter(|_| mutation.operation == SyncdOperation::SET) {
                Some(value) => self.settings.insert(place, value),
                None => self.settings.remove(&place),
            };
        }
        ensure!(before || !known.state.mac_mismatch_fatal, "its hash over all records is another");
        Ok(())
    }

    /// A patch of the phone's own that sets one value: what to upload, and the version that it builds on.
    pub(super) fn write(
        &self,
        key: &AppStateKey,
        name: &str,
        index: &[String],
        value: &wa::SyncActionValue,
        schema_version: i32,
    ) -> Result<(u64, Vec<u8>)> {
        let keys: ExpandedAppStateKeys = expand_app_state_keys(&key.data);
        let known = self.collections.get(name).cloned().unwrap_or_default();
        let index = serde_json::to_vec(index)?;
        let iv = random::bytes();
        let set = SyncdOperation::SET;
        let (mutation, _) = encode_record(set, &index, value, &keys, &key.id, &iv, schema_version);
        let mutations = vec![mutation];
        let base = known.state.version;
        let mut state = known.state;
        state.version = base.saturating_add(1);
        let (_, updated) = state.update_hash(&mutations, |index, _| Ok(known.macs.get(index).cloned()));
        updated?;
        let mut patch = wa::SyncdPatch {
            mutations,
            snapshot_mac: Some(state.generate_snapshot_mac(name, &keys.snapshot_mac)),
            key_id: MessageField::some(wa::KeyId { id: Some(key.id.to_vec()) }),
            ..Default::default()
        };
        patch.patch_mac = Some(generate_patch_mac(&patch, name, &keys.patch_mac, state.version));
        Ok((base, patch.encode_to_vec()))
    }
}
