//! The engine's addresses as ours: without device, with the phone number and the linked id where they are known.

use blazz_domain::jid::JidKind;
use blazz_domain::{Address, Jid, PhoneNumber};
use whatsapp_rust::Client;
use whatsapp_rust::Jid as EngineJid;
use whatsapp_rust::futures::FutureExt as _;
use whatsapp_rust::types::lid_pn::LidPnEntry;

/// The address without its device; `None` when it is none of ours.
pub(crate) fn jid(engine: &EngineJid) -> Option<Jid> {
    engine.to_non_ad_string().parse().ok()
}

/// An address, completed by what the stanza says beside it (`known`) and else by what the session has learned.
pub(crate) async fn address(
    client: &Client,
    main: &EngineJid,
    known: &[Option<&EngineJid>],
) -> Option<Address> {
    let mut address = told(main, known)?;
    if is_incomplete(&address) {
        learn(&mut address, client.get_lid_pn_entry(main).await);
    }
    Some(address)
}

/// The same without waiting: what the session has learned counts only if it is in memory.
pub(crate) fn address_at_once(
    client: &Client,
    main: &EngineJid,
    known: &[Option<&EngineJid>],
) -> Option<Address> {
    let mut address = told(main, known)?;
    if is_incomplete(&address)
        && let Some(learned) = client.get_lid_pn_entry(main).now_or_never()
    {
        learn(&mut address, learned);
    }
    Some(address)
}

fn told(main: &EngineJid, known: &[Option<&EngineJid>]) -> Option<Address> {
    let mut address = Address { jid: jid(main)?, phone: None, lid: None };
    complete(&mut address, main);
    known.iter().copied().flatten().for_each(|other| complete(&mut address, other));
    Some(address)
}

fn is_incomplete(address: &Address) -> bool {
    let is_person = matches!(address.jid.kind(), JidKind::Phone | JidKind::Lid);
    is_person && (address.phone.is_none() || address.lid.is_none())
}

fn learn(address: &mut Address, learned: anyhow::Result<Option<LidPnEntry>>) {
    let Ok(Some(learned)) = learned else { return };
    let phone = PhoneNumber::from_e164(&format!("+{}", learned.phone_number)).ok();
    address.phone = address.phone.take().or(phone);
    address.lid = address.lid.take().or_else(|| format!("{}@lid", learned.lid).parse().ok());
}

fn complete(address: &mut Address, from: &EngineJid) {
    let Some(other) = jid(from) else { return };
    match other.kind() {
        JidKind::Phone if address.phone.is_none() => address.phone = other.phone_number(),
        JidKind::Lid if address.lid.is_none() => address.lid = Some(other),
        _ => {}
    }
}

/// The phone number in an address of the session itself.
pub(crate) fn own_phone(pn: &EngineJid) -> Option<PhoneNumber> {
    jid(pn)?.phone_number()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_device_is_dropped() {
        let engine: EngineJid = "15550000001:7@s.whatsapp.net".parse().unwrap();
        assert_eq!(jid(&engine).unwrap().as_str(), "15550000001@s.whatsapp.net");
        assert_eq!(own_phone(&engine).unwrap().as_str(), "+15550000001");
    }

    #[test]
    fn what_stands_beside_completes_but_never_replaces() {
        let mut address =
            Address { jid: "15550000001@s.whatsapp.net".parse().unwrap(), phone: None, lid: None };
        for other in ["15550000001@s.whatsapp.net", "911@lid", "15550000009@s.whatsapp.net", "912@lid"] {
            complete(&mut address, &other.parse().unwrap());
        }
        assert_eq!(address.phone.unwrap().as_str(), "+15550000001");
        assert_eq!(address.lid.unwrap().as_str(), "911@lid");
    }
}
