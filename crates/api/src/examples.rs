//! Examples for the OpenAPI document. A test reads each into the real type and writes it again, so none can drift.

use serde_json::{Value, json};

pub(crate) fn workspace() -> Value {
    json!({
        "id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e01",
        "name": "Acme",
        "created_at": "2026-01-31T12:00:00.000000Z",
    })
}

pub(crate) fn api_key() -> Value {
    json!({
        "id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e02",
        "workspace_id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e01",
        "name": "production",
        "hint": "x9Qa",
        "scopes": ["accounts:read", "messages:*"],
        "requests_per_minute": null,
        "created_at": "2026-01-31T12:00:00.000000Z",
        "expires_at": "2027-01-31T12:00:00.000000Z",
        "last_used_at": null,
        "replaced_by": null,
        "revoked_at": null,
    })
}

pub(crate) fn revoked_key() -> Value {
    let mut key = api_key();
    if let Some(at) = key.get_mut("revoked_at") {
        *at = json!("2026-02-01T08:30:00.000000Z");
    }
    key
}

pub(crate) fn created_key() -> Value {
    json!({ "key": api_key(), "secret": "blz_0000000000000000000000000000000000000000x9Qa" })
}

pub(crate) fn account() -> Value {
    json!({
        "id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e03",
        "workspace_id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e01",
        "name": "Sales",
        "provider": "web",
        "device_name": "Acme CRM",
        "proxy": { "url": "socks5://proxy.example:1080", "username": "user", "has_password": true },
        "phone": "+15550000001",
        "state": "connected",
        "state_reason": null,
        "state_at": "2026-01-31T12:01:00.000000Z",
        "desired": "running",
        "node_id": "node-1",
        "linked_at": "2026-01-31T12:01:00.000000Z",
        "created_at": "2026-01-31T12:00:00.000000Z",
    })
}

pub(crate) fn new_account() -> Value {
    json!({
        "id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e03",
        "workspace_id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e01",
        "name": "Sales",
        "provider": "web",
        "device_name": "Blazz",
        "proxy": null,
        "phone": null,
        "state": "new",
        "state_reason": null,
        "state_at": "2026-01-31T12:00:00.000000Z",
        "desired": "stopped",
        "node_id": null,
        "linked_at": null,
        "created_at": "2026-01-31T12:00:00.000000Z",
    })
}

pub(crate) fn session(state: &str, reason: Option<&str>, desired: &str) -> Value {
    let linked = state != "qr";
    json!({
        "account_id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e03",
        "state": state,
        "state_reason": reason,
        "state_at": "2026-01-31T12:01:00.000000Z",
        "desired": desired,
        "phone": linked.then_some("+15550000001"),
        "linked_at": (linked && state != "logged_out").then_some("2026-01-31T12:01:00.000000Z"),
        "node_id": "node-1",
    })
}

pub(crate) fn send_text() -> Value {
    json!({ "account_id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e03", "to": "+15550000002", "text": "Hello!" })
}

pub(crate) fn send_reply() -> Value {
    json!({
        "account_id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e03",
        "to": "+15550000002",
        "text": "Ten is fine.",
        "reply_to": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e08",
    })
}

pub(crate) fn send_reaction() -> Value {
    json!({
        "account_id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e03",
        "to": "+15550000002",
        "reaction": { "message_id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e08", "emoji": "👍" },
    })
}

pub(crate) fn send_image() -> Value {
    json!({
        "account_id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e03",
        "to": "+15550000002",
        "image": { "media_id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e09", "caption": "The new price list" },
    })
}

pub(crate) fn send_document() -> Value {
    json!({
        "account_id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e03",
        "to": "+15550000002",
        "document": { "media_id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e09", "filename": "contract.pdf" },
    })
}

pub(crate) fn media() -> Value {
    json!({
        "id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e09",
        "mime_type": "image/png",
        "size": 48_213,
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "filename": "prices.png",
        "created_at": "2026-01-31T12:00:00.000000Z",
    })
}

pub(crate) fn message() -> Value {
    json!({
        "id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e04",
        "account_id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e03",
        "conversation_id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e05",
        "direction": "outbound",
        "provider_message_id": "3EB0A1B2C3D4E5F6071829",
        "contact_phone": "+15550000002",
        "content": { "kind": "text", "text": "Ten is fine." },
        "reply_to": {
            "message_id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e08",
            "provider_message_id": "3AEB1C2D3E4F50617283",
            "preview": "Shall we say ten o'clock?",
        },
        "reactions": [{
            "direction": "inbound",
            "contact_id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e06",
            "emoji": "👍",
            "at": "2026-01-31T12:03:00.000000Z",
        }],
        "status": "sent",
        "error": null,
        "created_at": "2026-01-31T12:02:00.000000Z",
        "sent_at": "2026-01-31T12:02:00.000000Z",
        "delivered_at": null,
        "read_at": null,
        "expires_at": "2026-02-01T12:02:00.000000Z",
    })
}

pub(crate) fn queued_message() -> Value {
    let mut message = message();
    let changed = [("status", json!("queued")), ("sent_at", Value::Null), ("reactions", json!([]))];
    for (field, value) in changed {
        if let Some(place) = message.get_mut(field) {
            *place = value;
        }
    }
    message
}

pub(crate) fn conversation() -> Value {
    json!({
        "id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e05",
        "account_id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e03",
        "contact": {
            "id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e06",
            "jid": "15550000002@s.whatsapp.net",
            "phone": "+15550000002",
            "name": "Ada",
        },
        "last_message_preview": "Hello!",
        "last_message_at": "2026-01-31T12:02:00.000000Z",
        "unread": 0,
        "created_at": "2026-01-31T12:02:00.000000Z",
    })
}

pub(crate) fn events() -> Value {
    let event = json!({
        "id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e07",
        "sequence": 7,
        "occurred_at": "2026-01-31T12:02:00.000000Z",
        "account_id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e03",
        "type": "message.status.updated",
        "data": message(),
    });
    json!({ "data": [event], "next": "ZXZlbnR8MDE5YzFmN2U6Nw" })
}

pub(crate) fn node() -> Value {
    json!({
        "id": "node-1",
        "url": "http://127.0.0.1:7100",
        "state": "ready",
        "capacity": 500,
        "sessions": 12,
        "memory_bytes": 48_234_496,
        "version": "0.1.0",
        "sandbox": false,
        "incarnation": 3,
        "registered_at": "2026-01-31T11:00:00.000000Z",
        "heartbeat_at": "2026-01-31T12:02:00.000000Z",
    })
}

pub(crate) fn node_probe() -> Value {
    json!({
        "node_id": "node-1",
        "is_reachable": true,
        "duration_ms": 4,
        "version": "0.1.0",
        "clock_ahead_ms": -2,
        "problem": null,
    })
}

pub(crate) fn client_version() -> Value {
    json!({
        "version": "2.3000.1042742319",
        "source": "fetched",
        "fetched": "2.3000.1042742319",
        "fetched_at": "2026-01-31T11:00:01.000000Z",
        "tried_at": "2026-01-31T11:00:00.000000Z",
        "set_at": null,
        "refused_sessions": 0,
    })
}

pub(crate) fn profile() -> Value {
    json!({ "name": "Acme Sales", "about": "Mon–Fri, 9 to 5" })
}

pub(crate) fn placed_session() -> Value {
    json!({
        "account_id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e03",
        "workspace_id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e01",
        "node_id": "node-1",
        "epoch": 1,
        "state": "connected",
        "state_reason": null,
        "state_at": "2026-01-31T12:01:00.000000Z",
        "desired": "running",
    })
}

pub(crate) fn audit_entry() -> Value {
    json!({
        "id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e09",
        "occurred_at": "2026-01-31T12:02:00.000000Z",
        "workspace_id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e01",
        "actor": "workspace_key",
        "key_id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e02",
        "key_name": "production",
        "address": "192.0.2.7",
        "request_id": "5f0a3c1be2d94c7f8b6a1d2e3f405162",
        "action": "sendMessage",
        "object_type": "message",
        "object_id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e04",
        "status": 201,
        "code": null,
        "calls": 1,
    })
}

/// A page with one row, and another page behind it.
pub(crate) fn page(row: Value) -> Value {
    json!({ "data": [row], "next": "aWR8MDE5YzFmN2UtM2M1Mi03ZTIx" })
}

#[cfg(test)]
mod tests {
    use blazz_domain::{Account, Conversation, MediaFile, Message, Page, Profile};
    use blazz_services::api_keys::{ApiKey, CreatedKey};
    use blazz_services::audit::AuditEntry;
    use blazz_services::client_version::ClientVersionView;
    use blazz_services::events::EventPage;
    use blazz_services::fleet::{NodeView, SessionView};
    use blazz_services::sessions::Session;
    use blazz_services::workspaces::Workspace;

    use super::*;

    fn is<T: serde::Serialize + serde::de::DeserializeOwned>(example: Value) {
        let value: T = serde_json::from_value(example.clone()).unwrap();
        assert_eq!(serde_json::to_value(value).unwrap(), example);
    }

    #[test]
    fn examples_are_of_the_real_types() {
        is::<Workspace>(workspace());
        is::<ApiKey>(api_key());
        is::<ApiKey>(revoked_key());
        is::<CreatedKey>(created_key());
        is::<Account>(account());
        is::<Account>(new_account());
        is::<Session>(session("qr", Some("requested"), "running"));
        is::<Session>(session("connected", None, "running"));
        is::<MediaFile>(media());
        is::<Message>(message());
        is::<Message>(queued_message());
        is::<Page<Conversation>>(page(conversation()));
        is::<AuditEntry>(audit_entry());
        is::<EventPage>(events());
        is::<NodeView>(node());
        is::<SessionView>(placed_session());
        is::<ClientVersionView>(client_version());
        is::<Profile>(profile());
    }
}
