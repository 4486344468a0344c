-- The main path: workspaces, keys, nodes, accounts, messages, events, jobs.
-- Every table of a tenant carries workspace_id. Times are UTC, microseconds.

CREATE TABLE installation (
    id          smallint PRIMARY KEY CHECK (id = 1),
    log_id      uuid NOT NULL,
    created_at  timestamptz NOT NULL
);

CREATE TABLE counters (
    name        text PRIMARY KEY,
    value       bigint NOT NULL
);
INSERT INTO counters (name, value) VALUES ('incarnation', 0);

CREATE TABLE workspaces (
    id          uuid PRIMARY KEY,
    name        text NOT NULL,
    created_at  timestamptz NOT NULL
);

CREATE TABLE api_keys (
    id           uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    name         text NOT NULL,
    hint         text NOT NULL,
    secret_hash  text NOT NULL UNIQUE,
    created_at   timestamptz NOT NULL,
    revoked_at   timestamptz
);
CREATE INDEX api_keys_workspace ON api_keys (workspace_id, id);

CREATE TABLE nodes (
    id               text PRIMARY KEY,
    url              text NOT NULL,
    root_id          uuid NOT NULL,
    capacity         integer NOT NULL,
    version          text NOT NULL,
    sandbox          boolean NOT NULL,
    incarnation      bigint NOT NULL UNIQUE,
    heartbeat_number bigint NOT NULL,
    sessions         integer NOT NULL,
    memory_bytes     bigint NOT NULL,
    registered_at    timestamptz NOT NULL,
    heartbeat_at     timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL,
    lost             boolean NOT NULL DEFAULT false
);

CREATE TABLE accounts (
    id           uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    name         text NOT NULL,
    provider     text NOT NULL CHECK (provider IN ('web', 'cloud')),
    phone        text,
    lid          text,
    state        text NOT NULL CHECK (state IN ('new', 'starting', 'qr', 'qr_timeout', 'connecting', 'connected', 'disconnected', 'stopped', 'logged_out', 'failed')),
    state_reason text,
    state_number bigint NOT NULL DEFAULT 0,
    state_at     timestamptz NOT NULL,
    desired      text NOT NULL CHECK (desired IN ('running', 'stopped')),
    desired_at   timestamptz NOT NULL,
    node_id      text REFERENCES nodes (id),
    epoch        bigint NOT NULL DEFAULT 0,
    linked_at    timestamptz,
    created_at   timestamptz NOT NULL
);
CREATE INDEX accounts_workspace ON accounts (workspace_id, id);
CREATE INDEX accounts_node ON accounts (node_id);

CREATE TABLE contacts (
    id           uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    jid          text NOT NULL,
    phone        text,
    lid          text,
    name         text,
    created_at   timestamptz NOT NULL,
    UNIQUE (workspace_id, jid),
    UNIQUE (workspace_id, phone),
    UNIQUE (workspace_id, lid)
);

CREATE TABLE conversations (
    id                   uuid PRIMARY KEY,
    workspace_id         uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    account_id           uuid NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    contact_id           uuid NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
    last_message_preview text,
    last_message_at      timestamptz,
    active_at            timestamptz NOT NULL,
    unread               integer NOT NULL DEFAULT 0,
    created_at           timestamptz NOT NULL,
    UNIQUE (account_id, contact_id)
);
CREATE INDEX conversations_recent ON conversations (workspace_id, active_at, id);
CREATE INDEX conversations_contact ON conversations (contact_id);

-- `sender` is 'me' or the sender's contact id, so that the key holds once identity is resolved.
CREATE TABLE messages (
    id                  uuid PRIMARY KEY,
    workspace_id        uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    account_id          uuid NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    conversation_id     uuid NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    direction           text NOT NULL CHECK (direction IN ('inbound', 'outbound')),
    sender              text NOT NULL,
    provider_message_id text NOT NULL,
    content             jsonb NOT NULL,
    status              text NOT NULL CHECK (status IN ('queued', 'sending', 'failed', 'uncertain', 'sent', 'delivered', 'read', 'played', 'received')),
    status_rank         smallint NOT NULL,
    error               text,
    created_at          timestamptz NOT NULL,
    sent_at             timestamptz,
    delivered_at        timestamptz,
    read_at             timestamptz,
    expires_at          timestamptz,
    UNIQUE (account_id, conversation_id, sender, provider_message_id)
);
CREATE INDEX messages_workspace ON messages (workspace_id, id);
CREATE INDEX messages_workspace_status ON messages (workspace_id, status, id);
CREATE INDEX messages_account ON messages (account_id, id);
CREATE INDEX messages_account_status ON messages (account_id, status, id);
CREATE INDEX messages_provider_id ON messages (account_id, provider_message_id);
CREATE INDEX messages_conversation ON messages (conversation_id, id);

-- Receipts that came before the message they are about.
CREATE TABLE early_receipts (
    account_id          uuid NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    provider_message_id text NOT NULL,
    workspace_id        uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    status              text NOT NULL,
    status_rank         smallint NOT NULL,
    at                  timestamptz NOT NULL,
    PRIMARY KEY (account_id, provider_message_id)
);
CREATE INDEX early_receipts_at ON early_receipts (at);

CREATE TABLE idempotency_keys (
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    key          text NOT NULL,
    body_hash    text NOT NULL,
    message_id   uuid NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, key)
);
CREATE INDEX idempotency_keys_message ON idempotency_keys (message_id);
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);

CREATE TABLE event_counters (
    workspace_id uuid PRIMARY KEY REFERENCES workspaces (id) ON DELETE CASCADE,
    sequence     bigint NOT NULL
);

CREATE TABLE events (
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    sequence     bigint NOT NULL,
    id           uuid NOT NULL UNIQUE,
    type         text NOT NULL,
    account_id   uuid NOT NULL,
    payload      jsonb NOT NULL,
    occurred_at  timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, sequence)
);

-- How far each outbox has been taken in; entries up to here are duplicates.
CREATE TABLE outbox_cursors (
    account_id   uuid NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    outbox_id    uuid NOT NULL,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    sequence     bigint NOT NULL,
    updated_at   timestamptz NOT NULL,
    PRIMARY KEY (account_id, outbox_id)
);

CREATE TABLE rejected_events (
    id           uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    account_id   uuid NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    outbox_id    uuid NOT NULL,
    sequence     bigint NOT NULL,
    entry        text NOT NULL,
    error        text NOT NULL,
    created_at   timestamptz NOT NULL,
    UNIQUE (account_id, outbox_id, sequence)
);

-- A lane runs its jobs one at a time in the order of `position`; whoever enqueues into a lane holds the lane's own row lock.
CREATE TABLE jobs (
    position         bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    id               uuid NOT NULL UNIQUE,
    kind             text NOT NULL,
    payload          jsonb NOT NULL,
    lane             text,
    unique_key       text UNIQUE,
    priority         smallint NOT NULL DEFAULT 0,
    state            text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'running', 'dead')),
    attempt          integer NOT NULL DEFAULT 0,
    claim            bigint NOT NULL DEFAULT 0,
    max_attempts     integer NOT NULL,
    run_at           timestamptz NOT NULL,
    lease_expires_at timestamptz,
    again            boolean NOT NULL DEFAULT false,
    woken            boolean NOT NULL DEFAULT false,
    last_error       text,
    created_at       timestamptz NOT NULL
);
CREATE INDEX jobs_ready ON jobs (state, run_at, priority, position);
CREATE INDEX jobs_lane ON jobs (lane, position);
