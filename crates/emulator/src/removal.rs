//! The end of a companion: removed on the phone, or logged out by itself.

use std::sync::Arc;

use crate::account::{Account, Device};
use crate::connection::Link;
use crate::server::Server;
use crate::{notifications, stanza};

/// The person removes a companion on the phone: its sockets are told so and end; its later logins get 401.
pub(crate) fn remove(server: &Arc<Server>, account: &Arc<Account>, device: u16) -> bool {
    let Some(links) = take(server, account, device) else { return false };
    for link in links {
        link.send(stanza::conflict(Some(401), "device_removed"));
        link.close();
    }
    true
}

/// The companion logged out by itself.
pub(crate) fn forget(server: &Arc<Server>, account: &Arc<Account>, device: u16) {
    let _links = take(server, account, device);
}

fn take(server: &Arc<Server>, account: &Arc<Account>, device: u16) -> Option<Vec<Arc<Link>>> {
    let removed = {
        let mut state = account.state();
        let is_linked = state.devices.get(&device).is_some_and(Device::is_linked);
        is_linked.then(|| state.devices.remove(&device)).flatten()?
    };
    notifications::device_removed(server, account, device);
    Some(removed.links)
}
