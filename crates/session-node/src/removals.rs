//! Sessions of deleted accounts: removed because the API says so, and told until the API has heard it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use blazz_domain::{AccountId, Lease};
use tracing::Instrument as _;

use crate::node::Node;

/// Removals that were ordered, and whether they are done.
#[derive(Debug, Default)]
pub(crate) struct Removals(Mutex<HashMap<AccountId, bool>>);

impl Removals {
    /// Takes on a removal; `false` when it is under way or done.
    fn begin(&self, account: AccountId) -> bool {
        match self.state().entry(account) {
            Entry::Occupied(_) => false,
            Entry::Vacant(vacant) => {
                vacant.insert(false);
                true
            }
        }
    }

    /// It is done, or has to be ordered again.
    fn finish(&self, account: AccountId, done: bool) {
        let mut state = self.state();
        if done {
            state.insert(account, true);
        } else {
            state.remove(&account);
        }
    }

    /// Those that are done and that the API may not know of yet.
    pub(crate) fn done(&self) -> Vec<AccountId> {
        self.state().iter().filter(|(_, done)| **done).map(|(account, _)| *account).collect()
    }

    /// The API knows of these.
    pub(crate) fn acknowledge(&self, done: &[AccountId]) {
        let mut state = self.state();
        for account in done {
            state.remove(account);
        }
    }

    fn state(&self) -> MutexGuard<'_, HashMap<AccountId, bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes sessions, each on its own. One that cannot be removed now is ordered again by a later heartbeat.
pub(crate) fn carry_out(node: &Arc<Node>, leases: Vec<Lease>) {
    for lease in leases {
        if node.context.removals.begin(lease.account_id) {
            node.context.runtime.spawn(remove(Arc::clone(node), lease).in_current_span());
        }
    }
}

async fn remove(node: Arc<Node>, lease: Lease) {
    let removed = node.supervisor.delete(lease).await;
    if let Err(error) = &removed {
        tracing::warn!(%error, account.id = %lease.account_id, "the session of a deleted account could not be removed");
    }
    node.context.removals.finish(lease.account_id, removed.is_ok());
}
