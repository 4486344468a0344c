//! App-state collections: encrypted patches that companions upload, numbered by the server, handed to the other companions.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use blazz_domain::random;
use whatsapp_rust::buffa::{Message as _, MessageField};
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;
use whatsapp_rust::waproto::whatsapp as wa;

use crate::account::Account;
use crate::stanza::{attr, attr_or_empty, bytes, children};

/// Patches in one answer; a companion asks again while `has_more_patches`.
const PAGE: usize = 100;
/// Patches that one collection may hold.
const MOST_PATCHES: usize = 10_000;

/// The collections of an account, and the key that its phone shares with companions. The server never uses the key.
pub(crate) struct Collections {
    key: AppStateKey,
    patches: BTreeMap<String, Vec<Vec<u8>>>,
}

/// An app-state key as the phone shares it.
#[derive(Clone, Copy)]
pub(crate) struct AppStateKey {
    pub(crate) id: [u8; 6],
    pub(crate) data: [u8; 32],
}

impl Default for Collections {
    fn default() -> Self {
        Self { key: AppStateKey { id: [0, 0, 0, 0, 0, 1], data: random::bytes() }, patches: BTreeMap::new() }
    }
}

/// The key that an account's companions share.
pub(crate) fn key_of(account: &Account) -> AppStateKey {
    account.state().collections.key
}

/// Answers `<sync>`: takes uploaded patches, returns what each collection is behind. Says which collections grew.
pub(crate) fn sync(account: &Account, request: &Node) -> Result<(Node, Vec<(String, u64)>)> {
    let mut state = account.state();
    let mut grown = Vec::new();
    let mut answers = Vec::new();
    for collection in children(request).iter().filter(|child| child.tag == "collection") {
        let name = attr_or_empty(collection, "name");
        ensure!(!name.is_empty() && name.len() <= 64, "a collection needs a name");
        let base = attr(collection, "version").and_then(|version| version.parse().ok()).unwrap_or(0_u64);
        let patches = state.collections.patches.entry(name.clone()).or_default();
        if let Some(uploaded) = collection.get_optional_child("patch") {
            if u64::try_from(patches.len())? != base {
                answers.push(conflict(&name, base, patches));
                continue;
            }
            ensure!(patches.len() < MOST_PATCHES, "the collection is full");
            patches.push(numbered(&bytes(uploaded), base + 1)?);
            grown.push((name.clone(), base + 1));
            answers.push(NodeBuilder::new("collection").attr("name", name).attr("version", base + 1).build());
        } else {
            let (collection, inside) = behind(&name, base, patches);
            answers.push(collection.children(inside).build());
        }
    }
    Ok((NodeBuilder::new("sync").children(answers).build(), grown))
}

/// The server numbers a patch; its MAC covers that number already.
fn numbered(patch: &[u8], version: u64) -> Result<Vec<u8>> {
    let mut patch = wa::SyncdPatch::decode_from_slice(patch).context("not an app-state patch")?;
    patch.version = MessageField::some(wa::SyncdVersion { version: Some(version) });
    Ok(patch.encode_to_vec())
}

/// What a companion at `base` is behind: the collection's element, and its patches to put inside.
fn behind(name: &str, base: u64, patches: &[Vec<u8>]) -> (NodeBuilder, Vec<Node>) {
    let skip = usize::try_from(base).unwrap_or(usize::MAX);
    let page: Vec<Node> = patches
        .iter()
        .skip(skip)
        .take(PAGE)
        .map(|patch| NodeBuilder::new("patch").bytes(patch.clone()).build())
        .collect();
    let reached = skip.saturating_add(page.len()).min(patches.len());
    let mut collection = NodeBuilder::new("collection").attr("name", name).attr("version", reached);
    if reached < patches.len() {
        collection = collection.attr("has_more_patches", "true");
    }
    if page.is_empty() {
        return (collection, Vec::new());
    }
    (collection, vec![NodeBuilder::new("patches").children(page).build()])
}

/// Another companion was faster: the answer carries its patches, so that the loser can build on them.
fn conflict(name: &str, base: u64, patches: &[Vec<u8>]) -> Node {
    let error = NodeBuilder::new("error").attr("code", 409).attr("text", "conflict").build();
    let (collection, mut inside) = behind(name, base, patches);
    inside.push(error);
    collection.attr("type", "error").children(inside).build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phone::Phone;

    fn account() -> Account {
        let (phone, _mail) = Phone::new(1_700_000_000).unwrap();
        Account::new("15550000001", "915550000001", phone, "A")
    }

    fn upload(version: u64) -> Node {
        let patch = wa::SyncdPatch { snapshot_mac: Some(vec![7; 32]), ..Default::default() }.encode_to_vec();
        let patch = NodeBuilder::new("patch").bytes(patch).build();
        let collection = NodeBuilder::new("collection")
            .attr("name", "regular")
            .attr("version", version)
            .children([patch])
            .build();
        NodeBuilder::new("sync").children([collection]).build()
    }

    fn parsed(answer: Node) -> whatsapp_rust::wacore::appstate::patch_decode::PatchList {
        let iq = NodeBuilder::new("iq").children([answer]).build();
        whatsapp_rust::wacore::appstate::patch_decode::parse_patch_list(&iq).unwrap()
    }

    #[test]
    fn patches_are_numbered_and_handed_out_once() {
        let account = account();
        let (_, grown) = sync(&account, &upload(0)).unwrap();
        assert_eq!(grown, [("regular".to_owned(), 1)]);

        let ask = |version: u64| {
            let collection =
                NodeBuilder::new("collection").attr("name", "regular").attr("version", version).build();
            NodeBuilder::new("sync").children([collection]).build()
        };
        let list = parsed(sync(&account, &ask(0)).unwrap().0);
        assert_eq!(list.patches.len(), 1);
        assert_eq!(list.patches[0].version.as_option().unwrap().version, Some(1));
        assert!(parsed(sync(&account, &ask(1)).unwrap().0).patches.is_empty());
    }

    #[test]
    fn the_second_of_two_uploads_on_one_base_conflicts_and_gets_the_first() {
        let account = account();
        sync(&account, &upload(0)).unwrap();
        let (answer, grown) = sync(&account, &upload(0)).unwrap();
        assert!(grown.is_empty());
        let list = parsed(answer);
        assert!(list.error.is_some());
        assert_eq!(list.patches.len(), 1);
    }
}
