//! App-state collections: encrypted patches that the phone and its companions upload, numbered by the server and handed to
//! the others. Only the phone and the companions have the keys; the server builds a snapshot from what it has without them.

mod collection;
mod mind;
mod script;
mod snapshot;

use std::collections::BTreeMap;
use std::sync::Arc;

use blazz_domain::random;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;

use crate::account::Account;
use crate::server::Server;
use crate::stanza::{attr, attr_or_empty, bytes, children};

use collection::Collection;
use mind::Mind;
pub use script::{PhoneSetting, SettingChange};
pub(crate) use script::{change_setting, settings};

/// Collections of one account; there are five.
const MOST_COLLECTIONS: usize = 16;

/// The collections of an account, and the key that its phone shares with companions. The server never uses the key.
pub(crate) struct Collections {
    key: AppStateKey,
    by_name: BTreeMap<String, Collection>,
    /// What the phone makes of them.
    mind: Mind,
}

/// An app-state key as the phone shares it.
#[derive(Clone, Copy)]
pub(crate) struct AppStateKey {
    pub(crate) id: [u8; 6],
    pub(crate) data: [u8; 32],
}

impl Default for Collections {
    fn default() -> Self {
        let key = AppStateKey { id: [0, 0, 0, 0, 0, 1], data: random::bytes() };
        Self { key, by_name: BTreeMap::new(), mind: Mind::default() }
    }
}

/// The key that an account's companions share.
pub(crate) fn key_of(account: &Account) -> AppStateKey {
    account.collections().key
}

/// Collections that grew, and the version that each has now.
pub(crate) type Grown = Vec<(String, u64)>;

/// Answers `<sync>`: takes uploaded patches, returns what each collection is behind. Says which collections grew.
pub(crate) fn sync(server: &Server, account: &Arc<Account>, request: &Node) -> (Node, Grown) {
    let mut collections = account.collections();
    let mut grown = Vec::new();
    let mut answers = Vec::new();
    for asked in children(request).iter().filter(|child| child.tag == "collection").take(MOST_COLLECTIONS) {
        let name = attr_or_empty(asked, "name");
        let base = attr(asked, "version").and_then(|version| version.parse().ok()).unwrap_or(0_u64);
        let patch = asked.get_optional_child("patch").map(bytes);
        let is_known = collections.by_name.contains_key(&name);
        if name.is_empty() || name.len() > 64 || (!is_known && collections.by_name.len() >= MOST_COLLECTIONS)
        {
            answers.push(refused(NodeBuilder::new("collection").attr("name", name), 400, Vec::new()));
            continue;
        }
        let Some(patch) = patch else {
            let from_nothing = base == 0 && attr(asked, "return_snapshot").as_deref() == Some("true");
            let collection = collections.by_name.entry(name.clone()).or_default();
            let (node, inside) = collection.behind(server, &name, base, from_nothing);
            answers.push(node.children(inside).build());
            continue;
        };
        match collections.upload(server, &name, base, &patch) {
            Ok(version) => {
                grown.push((name.clone(), version));
                let node = NodeBuilder::new("collection").attr("name", name);
                answers.push(node.attr("version", version).build());
            }
            Err(NotTaken::Conflict) => {
                // Another was faster: the answer carries its patches, so that the loser can build on them.
                let collection = collections.by_name.entry(name.clone()).or_default();
                let (node, inside) = collection.behind(server, &name, base, false);
                answers.push(refused(node, 409, inside));
            }
            Err(NotTaken::Bad) => {
                answers.push(refused(NodeBuilder::new("collection").attr("name", name), 400, Vec::new()));
            }
        }
    }
    (NodeBuilder::new("sync").children(answers).build(), grown)
}

fn refused(collection: NodeBuilder, code: u16, mut inside: Vec<Node>) -> Node {
    let text = if code == 409 { "conflict" } else { "bad-request" };
    inside.push(NodeBuilder::new("error").attr("code", code).attr("text", text).build());
    collection.attr("type", "error").children(inside).build()
}

/// Why a patch was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NotTaken {
    /// It builds on another version than the present one.
    Conflict,
    /// It is no patch, or there is no room.
    Bad,
}

impl Collections {
    /// Takes a patch that builds on version `base`; says its own version. The phone reads it at once.
    fn upload(&mut self, server: &Server, name: &str, base: u64, patch: &[u8]) -> Result<u64, NotTaken> {
        let collection = self.by_name.entry(name.to_owned()).or_default();
        let patch = collection.take(base, patch)?;
        if let Err(error) = self.mind.read(&self.key, name, &patch) {
            // A real phone would ask for everything anew; here it is a client that does not do as WhatsApp does.
            server.stats.unanswered(&format!("app-state patch of {name}: {error}"));
        }
        Ok(collection.version())
    }
}

#[cfg(test)]
mod tests {
    use whatsapp_rust::buffa::Message as _;
    use whatsapp_rust::wacore::appstate::patch_decode::{CollectionSyncError, PatchList, parse_patch_list};
    use whatsapp_rust::waproto::whatsapp as wa;

    use super::*;
    use crate::config::EmulatorConfig;
    use crate::phone::Phone;

    fn stage() -> (Server, Arc<Account>) {
        let (phone, _mail) = Phone::new(1_700_000_000).unwrap();
        let server = Server::new(EmulatorConfig::default().clock, "127.0.0.1:1".into(), None).unwrap();
        (server, Arc::new(Account::new("15550000001", "915550000001", phone, "A")))
    }

    fn ask(version: u64, patch: Option<Vec<u8>>) -> Node {
        let collection = NodeBuilder::new("collection").attr("name", "regular").attr("version", version);
        let collection = match patch {
            Some(patch) => collection.children([NodeBuilder::new("patch").bytes(patch).build()]),
            None => collection.attr("return_snapshot", "true"),
        };
        NodeBuilder::new("sync").children([collection.build()]).build()
    }

    fn upload(version: u64) -> Node {
        let patch = wa::SyncdPatch { snapshot_mac: Some(vec![7; 32]), ..Default::default() };
        ask(version, Some(patch.encode_to_vec()))
    }

    fn parsed(answer: Node) -> PatchList {
        parse_patch_list(&NodeBuilder::new("iq").children([answer]).build()).unwrap()
    }

    #[test]
    fn patches_are_numbered_and_handed_out_once() {
        let (server, account) = stage();
        let (_, grown) = sync(&server, &account, &upload(0));
        assert_eq!(grown, [("regular".to_owned(), 1)]);
        let list = parsed(sync(&server, &account, &ask(0, None)).0);
        assert_eq!(list.patches.len(), 1);
        assert_eq!(list.patches[0].version.as_option().unwrap().version, Some(1));
        assert!(parsed(sync(&server, &account, &ask(1, None)).0).patches.is_empty());
    }

    #[test]
    fn the_second_of_two_uploads_on_one_base_conflicts_and_gets_the_first() {
        let (server, account) = stage();
        sync(&server, &account, &upload(0));
        let (answer, grown) = sync(&server, &account, &upload(0));
        assert!(grown.is_empty());
        let list = parsed(answer);
        assert!(matches!(list.error, Some(CollectionSyncError::Conflict { has_more: false })));
        assert_eq!(list.patches.len(), 1);
    }

    #[test]
    fn what_is_no_patch_is_refused_and_a_forged_one_is_noticed() {
        let (server, account) = stage();
        let list = parsed(sync(&server, &account, &ask(0, Some(vec![0xff; 5]))).0);
        assert!(matches!(list.error, Some(CollectionSyncError::Fatal { code: 400, .. })), "{:?}", list.error);
        assert!(server.stats.snapshot().unanswered.is_empty());
        sync(&server, &account, &upload(0));
        let unanswered = server.stats.snapshot().unanswered;
        assert!(
            unanswered.keys().any(|kind| kind.starts_with("app-state patch of regular")),
            "{unanswered:?}"
        );
    }
}
