//! One collection as the server keeps it: the newest patches, and the records that all of them leave.

use std::collections::{BTreeMap, VecDeque};

use whatsapp_rust::buffa::{Message as _, MessageField};
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;
use whatsapp_rust::waproto::whatsapp as wa;
use whatsapp_rust::waproto::whatsapp::syncd_mutation::SyncdOperation;

use super::{NotTaken, snapshot};
use crate::server::Server;

/// Patches in one answer; a companion asks again while `has_more_patches`.
const PAGE: usize = 100;
/// Patches that a collection keeps; who is further behind gets a snapshot.
const MOST_PATCHES: usize = 1000;
/// Who begins from nothing gets a snapshot when there are more patches than these.
const FEW_PATCHES: u64 = 20;
/// Records of one collection.
const MOST_RECORDS: usize = 10_000;
/// The largest patch, in bytes.
const LARGEST_PATCH: usize = 1024 * 1024;

#[derive(Default)]
pub(super) struct Collection {
    version: u64,
    /// The newest patches; the last one has the present version.
    patches: VecDeque<Vec<u8>>,
    /// What the patches leave, by the index as it is encrypted.
    records: BTreeMap<Vec<u8>, wa::SyncdRecord>,
    /// The newest patch's word on all records, and the key that it is made with.
    seal: Option<(Vec<u8>, wa::KeyId)>,
}

impl Collection {
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// Takes a patch that builds on version `base` and numbers it: its MAC covers that number already.
    pub(super) fn take(&mut self, base: u64, patch: &[u8]) -> Result<wa::SyncdPatch, NotTaken> {
        if patch.len() > LARGEST_PATCH {
            return Err(NotTaken::Bad);
        }
        let mut patch = wa::SyncdPatch::decode_from_slice(patch).map_err(|_| NotTaken::Bad)?;
        if base != self.version {
            return Err(NotTaken::Conflict);
        }
        // Mutations apart on the media host are for thousands at once, which nobody here uploads.
        let is_apart = patch.external_mutations.is_set();
        if is_apart || self.records.len().saturating_add(patch.mutations.len()) > MOST_RECORDS {
            return Err(NotTaken::Bad);
        }
        self.version = base.saturating_add(1);
        patch.version = MessageField::some(wa::SyncdVersion { version: Some(self.version) });
        for mutation in &patch.mutations {
            let Some(record) = mutation.record.as_option() else { continue };
            let index = record.index.as_option().and_then(|index| index.blob.clone()).unwrap_or_default();
            if mutation.operation.is_some_and(|operation| operation == SyncdOperation::REMOVE) {
                self.records.remove(&index);
            } else {
                self.records.insert(index, record.clone());
            }
        }
        let key = patch.key_id.as_option().cloned().unwrap_or_default();
        self.seal = Some((patch.snapshot_mac.clone().unwrap_or_default(), key));
        if self.patches.len() >= MOST_PATCHES {
            self.patches.pop_front();
        }
        self.patches.push_back(patch.encode_to_vec());
        Ok(patch)
    }

    /// What a companion at `base` is behind: the collection's element, and what to put inside.
    pub(super) fn behind(
        &self,
        server: &Server,
        name: &str,
        base: u64,
        from_nothing: bool,
    ) -> (NodeBuilder, Vec<Node>) {
        let kept = u64::try_from(self.patches.len()).unwrap_or(0);
        let oldest = self.version.saturating_sub(kept);
        let node = NodeBuilder::new("collection").attr("name", name);
        if base < oldest || (from_nothing && self.version > FEW_PATCHES) {
            return match snapshot::build(server, self) {
                Some(snapshot) => (node.attr("version", self.version), vec![snapshot]),
                None => (node.attr("version", base), Vec::new()),
            };
        }
        let skip = usize::try_from(base - oldest).unwrap_or(usize::MAX);
        let page: Vec<Node> = self
            .patches
            .iter()
            .skip(skip)
            .take(PAGE)
            .map(|patch| NodeBuilder::new("patch").bytes(patch.clone()).build())
            .collect();
        let reached = base.saturating_add(u64::try_from(page.len()).unwrap_or(0)).min(self.version);
        let mut node = node.attr("version", reached);
        if reached < self.version {
            node = node.attr("has_more_patches", "true");
        }
        if page.is_empty() {
            return (node, Vec::new());
        }
        (node, vec![NodeBuilder::new("patches").children(page).build()])
    }

    /// Everything at once, sealed as its newest patch was.
    pub(super) fn snapshot(&self) -> Option<wa::SyncdSnapshot> {
        let (mac, key) = self.seal.clone()?;
        Some(wa::SyncdSnapshot {
            version: MessageField::some(wa::SyncdVersion { version: Some(self.version) }),
            records: self.records.values().cloned().collect(),
            mac: Some(mac),
            key_id: MessageField::some(key),
        })
    }
}
