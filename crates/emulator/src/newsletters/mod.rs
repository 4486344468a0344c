//! Channels: one account writes, in the clear, and whoever follows reads.

mod message;
mod mex;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use blazz_domain::random;
use whatsapp_rust::Jid;
use whatsapp_rust::wacore_binary::node::Node;

use crate::account::Account;
use crate::entropy;
use crate::server::Server;

pub(crate) use message::{messages, route};
pub(crate) use mex::{answer as answer_query, at};

/// Channels of one emulator.
const MOST: usize = 1000;
/// Messages that a channel keeps; the oldest go first.
const MOST_MESSAGES: usize = 1000;
/// The longest name, in characters.
const LONGEST_NAME: usize = 100;
/// The longest description, in characters.
const LONGEST_DESCRIPTION: usize = 2048;
/// The number of a channel's first message.
const FIRST_NUMBER: u64 = 100;

/// Every channel, by the user part of its address.
#[derive(Default)]
pub(crate) struct Newsletters {
    by_id: RwLock<BTreeMap<String, Arc<Newsletter>>>,
}

/// A channel.
pub(crate) struct Newsletter {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) invite: String,
    state: Mutex<NewsletterState>,
}

/// The mutable part of a channel.
pub(crate) struct NewsletterState {
    pub(crate) owner: String,
    pub(crate) name: String,
    pub(crate) description: String,
    /// Who follows it, by number, and whether it is muted.
    pub(crate) followers: BTreeMap<String, bool>,
    posts: VecDeque<Post>,
    next_number: u64,
}

/// A message of a channel.
#[derive(Clone)]
struct Post {
    /// What the server calls it.
    number: u64,
    id: String,
    kind: String,
    at: i64,
    plaintext: Node,
    /// Who reacted how, by number.
    reactions: BTreeMap<String, String>,
}

impl Newsletters {
    pub(crate) fn find(&self, id: &str) -> Option<Arc<Newsletter>> {
        self.by_id.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    fn all(&self) -> Vec<Arc<Newsletter>> {
        self.by_id.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn by_invite(&self, invite: &str) -> Option<Arc<Newsletter>> {
        self.all().into_iter().find(|newsletter| newsletter.invite == invite)
    }

    fn remove(&self, id: &str) {
        self.by_id.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// Creates a channel; `None` when its name does not fit, or there are too many.
    fn create(
        &self,
        server: &Server,
        owner: &Account,
        name: &str,
        description: &str,
    ) -> Option<Arc<Newsletter>> {
        if !fits(name, 1, LONGEST_NAME) || !fits(description, 0, LONGEST_DESCRIPTION) {
            return None;
        }
        let id = format!("1203{:014}", u64::from_be_bytes(random::bytes()) % 100_000_000_000_000);
        let state = NewsletterState {
            owner: owner.number.clone(),
            name: name.to_owned(),
            description: description.to_owned(),
            followers: BTreeMap::new(),
            posts: VecDeque::new(),
            next_number: FIRST_NUMBER,
        };
        let newsletter = Arc::new(Newsletter {
            id: id.clone(),
            created: server.seconds(),
            invite: entropy::hexadecimal::<11>(),
            state: Mutex::new(state),
        });
        let mut newsletters = self.by_id.write().unwrap_or_else(PoisonError::into_inner);
        if newsletters.len() >= MOST {
            return None;
        }
        newsletters.insert(id, Arc::clone(&newsletter));
        Some(newsletter)
    }
}

fn fits(text: &str, least: usize, most: usize) -> bool {
    (least..=most).contains(&text.chars().count())
}

impl Newsletter {
    pub(crate) fn jid(&self) -> Jid {
        Jid::newsletter(self.id.as_str())
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, NewsletterState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The accounts that read it: its owner, and who follows.
    fn readers(&self, server: &Server) -> Vec<Arc<Account>> {
        let numbers: BTreeSet<String> = {
            let state = self.state();
            state.followers.keys().cloned().chain([state.owner.clone()]).collect()
        };
        numbers.iter().filter_map(|number| server.accounts.by_number(number)).collect()
    }
}
