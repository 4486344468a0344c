//! The tables, over SQL types that both databases have ([`crate::types::sql`]).

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::sql::*;

    installation (id) {
        id -> SmallInt,
        log_id -> Id,
        created_at -> UtcTime,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::sql::*;

    counters (name) {
        name -> Text,
        value -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::sql::*;

    workspaces (id) {
        id -> Id,
        name -> Text,
        created_at -> UtcTime,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::sql::*;

    api_keys (id) {
        id -> Id,
        workspace_id -> Id,
        name -> Text,
        hint -> Text,
        secret_hash -> Text,
        created_at -> UtcTime,
        revoked_at -> Nullable<UtcTime>,
        scopes -> Document,
        expires_at -> Nullable<UtcTime>,
        last_used_at -> Nullable<UtcTime>,
        replaced_by -> Nullable<Id>,
        requests_per_minute -> Nullable<Integer>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::sql::*;

    nodes (id) {
        id -> Text,
        url -> Text,
        root_id -> Id,
        capacity -> Integer,
        version -> Text,
        sandbox -> Bool,
        incarnation -> BigInt,
        heartbeat_number -> BigInt,
        sessions -> Integer,
        memory_bytes -> BigInt,
        registered_at -> UtcTime,
        heartbeat_at -> UtcTime,
        expires_at -> UtcTime,
        lost -> Bool,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::sql::*;

    accounts (id) {
        id -> Id,
        workspace_id -> Id,
        name -> Text,
        provider -> Text,
        phone -> Nullable<Text>,
        lid -> Nullable<Text>,
        state -> Text,
        state_reason -> Nullable<Text>,
        state_number -> BigInt,
        state_at -> UtcTime,
        desired -> Text,
        desired_at -> UtcTime,
        node_id -> Nullable<Text>,
        epoch -> BigInt,
        linked_at -> Nullable<UtcTime>,
        created_at -> UtcTime,
        device_name -> Text,
        proxy -> Nullable<Text>,
        settings_revision -> BigInt,
        settings_applied -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::sql::*;

    contacts (id) {
        id -> Id,
        workspace_id -> Id,
        jid -> Text,
        phone -> Nullable<Text>,
        lid -> Nullable<Text>,
        name -> Nullable<Text>,
        created_at -> UtcTime,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::sql::*;

    conversations (id) {
        id -> Id,
        workspace_id -> Id,
        account_id -> Id,
        contact_id -> Id,
        last_message_preview -> Nullable<Text>,
        last_message_at -> Nullable<UtcTime>,
        active_at -> UtcTime,
        unread -> Integer,
        created_at -> UtcTime,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::sql::*;

    messages (id) {
        id -> Id,
        workspace_id -> Id,
        account_id -> Id,
        conversation_id -> Id,
        direction -> Text,
        sender -> Text,
        provider_message_id -> Text,
        content -> Document,
        status -> Text,
        status_rank -> SmallInt,
        error -> Nullable<Text>,
        created_at -> UtcTime,
        sent_at -> Nullable<UtcTime>,
        delivered_at -> Nullable<UtcTime>,
        read_at -> Nullable<UtcTime>,
        expires_at -> Nullable<UtcTime>,
        reply_to -> Nullable<Document>,
        reactions -> Nullable<Document>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::sql::*;

    early_receipts (account_id, provider_message_id) {
        account_id -> Id,
        provider_message_id -> Text,
        workspace_id -> Id,
        status -> Text,
        status_rank -> SmallInt,
        at -> UtcTime,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::sql::*;

    idempotency_keys (workspace_id, key) {
        workspace_id -> Id,
        key -> Text,
        body_hash -> Text,
        message_id -> Id,
        created_at -> UtcTime,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::sql::*;

    event_counters (workspace_id) {
        workspace_id -> Id,
        sequence -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::sql::*;

    events (workspace_id, sequence) {
        workspace_id -> Id,
        sequence -> BigInt,
        id -> Id,
        #[sql_name = "type"]
        kind -> Text,
        account_id -> Id,
        payload -> Document,
        occurred_at -> UtcTime,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::sql::*;

    outbox_cursors (account_id, outbox_id) {
        account_id -> Id,
        outbox_id -> Id,
        workspace_id -> Id,
        sequence -> BigInt,
        updated_at -> UtcTime,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::sql::*;

    removals (account_id) {
        account_id -> Id,
        workspace_id -> Id,
        node_id -> Text,
        epoch -> BigInt,
        created_at -> UtcTime,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::sql::*;

    media (id) {
        id -> Id,
        workspace_id -> Id,
        sha256 -> Text,
        mime -> Text,
        size -> BigInt,
        filename -> Text,
        state -> Text,
        created_at -> UtcTime,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::sql::*;

    rejected_events (id) {
        id -> Id,
        workspace_id -> Id,
        account_id -> Id,
        outbox_id -> Id,
        sequence -> BigInt,
        entry -> Text,
        error -> Text,
        created_at -> UtcTime,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::sql::*;

    jobs (position) {
        position -> BigInt,
        id -> Id,
        kind -> Text,
        payload -> Document,
        lane -> Nullable<Text>,
        unique_key -> Nullable<Text>,
        priority -> SmallInt,
        state -> Text,
        attempt -> Integer,
        claim -> BigInt,
        max_attempts -> Integer,
        run_at -> UtcTime,
        lease_expires_at -> Nullable<UtcTime>,
        again -> Bool,
        woken -> Bool,
        last_error -> Nullable<Text>,
        created_at -> UtcTime,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::sql::*;

    audit_entries (id) {
        id -> Id,
        occurred_at -> UtcTime,
        workspace_id -> Nullable<Id>,
        actor -> Text,
        key_id -> Nullable<Id>,
        key_name -> Nullable<Text>,
        address -> Nullable<Text>,
        request_id -> Text,
        action -> Text,
        object_type -> Nullable<Text>,
        object_id -> Nullable<Text>,
        status -> Nullable<SmallInt>,
        code -> Nullable<Text>,
        calls -> Integer,
    }
}

diesel::joinable!(conversations -> contacts (contact_id));
diesel::joinable!(messages -> conversations (conversation_id));
diesel::table! {
    use diesel::sql_types::*;
    use crate::types::sql::*;

    client_versions (source) {
        source -> Text,
        version -> Nullable<Text>,
        at -> Nullable<UtcTime>,
        tried_at -> Nullable<UtcTime>,
        asked_at -> Nullable<UtcTime>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(accounts, nodes, contacts, conversations, messages);
