//! What a socket begins with: registration by QR, or login by a Noise key the server knows. And how it ends.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;
use whatsapp_rust::waproto::whatsapp as wa;

use crate::account::Account;
use crate::connection::{Link, Role};
use crate::faults::LoginFault;
use crate::server::Server;
use crate::version::OUTDATED;
use crate::{delivery, pairing, presence, stanza};

/// Begins the session that the client's payload asks for.
pub(crate) fn begin(server: &Arc<Server>, link: &Arc<Link>, payload: wa::ClientPayload) -> Result<()> {
    if server.versions.refuses(&payload) {
        refuse(server, link, OUTDATED);
        return Ok(());
    }
    match payload.username {
        Some(user) => {
            let device = u16::try_from(payload.device.unwrap_or(0)).context("no such device number")?;
            let passive = payload.passive.unwrap_or(false);
            log_in(server, link, &user.to_string(), device, passive);
        }
        None => {
            let data = payload.device_pairing_data.into_option().context("no pairing data")?;
            pairing::offer(server, link, data)?;
        }
    }
    Ok(())
}

fn log_in(server: &Arc<Server>, link: &Arc<Link>, number: &str, device: u16, passive: bool) {
    if let Some(reason) = server.faults.refuse_login(number) {
        return refuse(server, link, reason);
    }
    let Some(account) = server.accounts.by_number(number) else { return refuse(server, link, 401) };
    let replace = server.faults.replaces(number);
    let Some(replaced) = attach(server, link, &account, device, replace) else {
        return refuse(server, link, 401);
    };
    for old in replaced {
        old.send(stanza::conflict(None, "replaced"));
        old.close();
    }
    link.send(success(server, &account, device));
    server.stats.login();
    tracing::debug!(link = link.id, device, "a companion logged in");
    if !passive {
        delivery::drain(server, &account, device, link);
    }
    if let Some(LoginFault::Drop) = server.faults.after_login(number) {
        link.abort();
    }
}

/// Makes the socket one of the device's; returns those it takes the place of, `None` when the key is not the device's.
fn attach(
    server: &Server,
    link: &Arc<Link>,
    account: &Arc<Account>,
    device: u16,
    replace: bool,
) -> Option<Vec<Arc<Link>>> {
    let mut state = account.state();
    let companion = state.devices.get_mut(&device)?;
    if !companion.is_linked() || companion.noise_public != link.client_public {
        return None;
    }
    link.assume(Role::Device(Arc::clone(account), device));
    let now = server.now();
    for older in &companion.links {
        older.is_older_than(link, now);
    }
    server.sockets.logged_in(link.id, &account.number, device, now);
    let replaced = if replace { std::mem::take(&mut companion.links) } else { Vec::new() };
    companion.links.push(Arc::clone(link));
    if companion.links.len() > 1 {
        server.stats.overlap(&account.number, device, companion.links.len(), now);
    }
    Some(replaced)
}

fn refuse(server: &Server, link: &Link, reason: u16) {
    server.stats.refused_login();
    link.send(NodeBuilder::new("failure").attr("reason", reason).attr("location", "emu").build());
    link.close();
}

fn success(server: &Server, account: &Account, device: u16) -> Node {
    NodeBuilder::new("success")
        .attr("t", server.seconds())
        .attr("lid", account.lid_jid(device))
        .attr("display_name", account.state().name.clone())
        .attr("props", "27")
        .attr("location", "emu")
        .build()
}

/// The socket is gone: its device is offline unless another socket speaks for it.
pub(crate) fn end(server: &Server, link: &Arc<Link>) {
    server.pairing.forget(link.id);
    let Some((account, device)) = link.device() else { return };
    let offline = {
        let mut state = account.state();
        state.devices.get_mut(&device).is_some_and(|companion| {
            companion.links.retain(|other| other.id != link.id);
            companion.links.is_empty()
        })
    };
    if offline {
        presence::went_offline(server, account, device);
    }
}
