//! `encrypt`: published Signal keys.

use anyhow::Result;

use super::{Answer, Request};
use crate::phone;
use crate::prekeys;

pub(super) fn answer(request: &Request<'_>) -> Answer {
    let (account, device) = (request.account, request.device);
    match (request.is_set, request.operation_tag(), request.operation()) {
        (false, "count", _) => Answer::Result(vec![prekeys::count(account, device)]),
        (false, "digest", _) => match prekeys::digest(account, device) {
            Some(digest) => Answer::Result(vec![digest]),
            None => Answer::Error(404, "item-not-found"),
        },
        (false, "key", Some(key)) => Answer::Result(vec![prekeys::bundles(request.server, key)]),
        (true, "rotate", Some(rotate)) => {
            let signed = rotate.get_optional_child("skey");
            match signed.is_some_and(|signed| prekeys::rotate(account, device, signed)) {
                true => Answer::Result(Vec::new()),
                false => Answer::Error(406, "not-acceptable"),
            }
        }
        (true, ..) if request.node.get_optional_child("list").is_some() => {
            match prekeys::upload(account, device, request.node) {
                true => Answer::Result(Vec::new()),
                false => Answer::Error(404, "item-not-found"),
            }
        }
        _ => Answer::Unknown,
    }
}

/// The first upload opens the way for the phone: it shares its app-state key, and hands over its history.
pub(super) async fn after_upload(request: &Request<'_>) -> Result<()> {
    let wants_key = {
        let mut state = request.account.state();
        let companion =
            state.devices.get_mut(&request.device).filter(|device| !device.one_time_prekeys.is_empty());
        companion.is_some_and(|companion| std::mem::take(&mut companion.wants_key_share))
    };
    if wants_key {
        phone::share_keys(request.server, request.account, request.device).await?;
        phone::hand_over(request.server, request.account, request.device).await?;
    }
    Ok(())
}
