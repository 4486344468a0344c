-- The main path: workspaces, keys, nodes, accounts, messages, events, jobs.
-- Every table of a tenant carries workspace_id. Times are UTC, microseconds.

CREATE TABLE installation (
    id          INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    log_id      TEXT NOT NULL,
    created_at  TEXT NOT NULL
) STRICT;

CREATE TABLE counters (
    name        TEXT NOT NULL PRIMARY KEY,
    value       INTEGER NOT NULL
) STRICT;
INSERT INTO counters (name, value) VALUES ('incarnation', 0);

CREATE TABLE workspaces (
    id          TEXT NOT NULL PRIMARY KEY,
    name        TEXT NOT NULL,
    created_at  TEXT NOT NULL
) STRICT;

CREATE TABLE api_keys (
    id           TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    name         TEXT NOT NULL,
    hint         TEXT NOT NULL,
    secret_hash  TEXT NOT NULL UNIQUE,
    created_at   TEXT NOT NULL,
    revoked_at   TEXT
) STRICT;
CREATE INDEX api_keys_workspace ON api_keys (workspace_id, id);

CREATE TABLE nodes (
    id               TEXT NOT NULL PRIMARY KEY,
    url              TEXT NOT NULL,
    root_id          TEXT NOT NULL,
    capacity         INTEGER NOT NULL,
    version          TEXT NOT NULL,
    sandbox          INTEGER NOT NULL,
    incarnation      INTEGER NOT NULL UNIQUE,
    heartbeat_number INTEGER NOT NULL,
    sessions         INTEGER NOT NULL,
    memory_bytes     INTEGER NOT NULL,
    registered_at    TEXT NOT NULL,
    heartbeat_at     TEXT NOT NULL,
    expires_at       TEXT NOT NULL,
    lost             INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE accounts (
    id           TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    name         TEXT NOT NULL,
    provider     TEXT NOT NULL CHECK (provider IN ('web', 'cloud')),
    phone        TEXT,
    lid          TEXT,
    state        TEXT NOT NULL CHECK (state IN ('new', 'starting', 'qr', 'qr_timeout', 'connecting', 'connected', 'disconnected', 'stopped', 'logged_out', 'failed')),
    state_reason TEXT,
    state_number INTEGER NOT NULL DEFAULT 0,
    state_at     TEXT NOT NULL,
    desired      TEXT NOT NULL CHECK (desired IN ('running', 'stopped')),
    desired_at   TEXT NOT NULL,
    node_id      TEXT REFERENCES nodes (id),
    epoch        INTEGER NOT NULL DEFAULT 0,
    linked_at    TEXT,
    created_at   TEXT NOT NULL
) STRICT;
CREATE INDEX accounts_workspace ON accounts (workspace_id, id);
CREATE INDEX accounts_node ON accounts (node_id);

CREATE TABLE contacts (
    id           TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    jid          TEXT NOT NULL,
    phone        TEXT,
    lid          TEXT,
    name         TEXT,
    created_at   TEXT NOT NULL,
    UNIQUE (workspace_id, jid),
    UNIQUE (workspace_id, phone),
    UNIQUE (workspace_id, lid)
) STRICT;

CREATE TABLE conversations (
    id                   TEXT NOT NULL PRIMARY KEY,
    workspace_id         TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    account_id           TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    contact_id           TEXT NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
    last_message_preview TEXT,
    last_message_at      TEXT,
    active_at            TEXT NOT NULL,
    unread               INTEGER NOT NULL DEFAULT 0,
    created_at           TEXT NOT NULL,
    UNIQUE (account_id, contact_id)
) STRICT;
CREATE INDEX conversations_recent ON conversations (workspace_id, active_at, id);
CREATE INDEX conversations_contact ON conversations (contact_id);

-- `sender` is 'me' or the sender's contact id, so that the key holds once identity is resolved.
CREATE TABLE messages (
    id                  TEXT NOT NULL PRIMARY KEY,
    workspace_id        TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    account_id          TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    conversation_id     TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    direction           TEXT NOT NULL CHECK (direction IN ('inbound', 'outbound')),
    sender              TEXT NOT NULL,
    provider_message_id TEXT NOT NULL,
    content             TEXT NOT NULL,
    status              TEXT NOT NULL CHECK (status IN ('queued', 'sending', 'failed', 'uncertain', 'sent', 'delivered', 'read', 'played', 'received')),
    status_rank         INTEGER NOT NULL,
    error               TEXT,
    created_at          TEXT NOT NULL,
    sent_at             TEXT,
    delivered_at        TEXT,
    read_at             TEXT,
    expires_at          TEXT,
    UNIQUE (account_id, conversation_id, sender, provider_message_id)
) STRICT;
CREATE INDEX messages_workspace ON messages (workspace_id, id);
CREATE INDEX messages_workspace_status ON messages (workspace_id, status, id);
CREATE INDEX messages_account ON messages (account_id, id);
CREATE INDEX messages_account_status ON messages (account_id, status, id);
CREATE INDEX messages_provider_id ON messages (account_id, provider_message_id);
CREATE INDEX messages_conversation ON messages (conversation_id, id);

-- Receipts that came before the message they are about.
CREATE TABLE early_receipts (
    account_id          TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    provider_message_id TEXT NOT NULL,
    workspace_id        TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    status              TEXT NOT NULL,
    status_rank         INTEGER NOT NULL,
    at                  TEXT NOT NULL,
    PRIMARY KEY (account_id, provider_message_id)
) STRICT;
CREATE INDEX early_receipts_at ON early_receipts (at);

CREATE TABLE idempotency_keys (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    key          TEXT NOT NULL,
    body_hash    TEXT NOT NULL,
    message_id   TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    created_at   TEXT NOT NULL,
    PRIMARY KEY (workspace_id, key)
) STRICT;
CREATE INDEX idempotency_keys_message ON idempotency_keys (message_id);
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);

CREATE TABLE event_counters (
    workspace_id TEXT NOT NULL PRIMARY KEY REFERENCES workspaces (id) ON DELETE CASCADE,
    sequence     INTEGER NOT NULL
) STRICT;

CREATE TABLE events (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    sequence     INTEGER NOT NULL,
    id           TEXT NOT NULL UNIQUE,
    type         TEXT NOT NULL,
    account_id   TEXT NOT NULL,
    payload      TEXT NOT NULL,
    occurred_at  TEXT NOT NULL,
    PRIMARY KEY (workspace_id, sequence)
) STRICT;

-- How far each outbox has been taken in; entries up to here are duplicates.
CREATE TABLE outbox_cursors (
    account_id   TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    outbox_id    TEXT NOT NULL,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    sequence     INTEGER NOT NULL,
    updated_at   TEXT NOT NULL,
    PRIMARY KEY (account_id, outbox_id)
) STRICT;

CREATE TABLE rejected_events (
    id           TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    account_id   TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    outbox_id    TEXT NOT NULL,
    sequence     INTEGER NOT NULL,
    entry        TEXT NOT NULL,
    error        TEXT NOT NULL,
    created_at   TEXT NOT NULL,
    UNIQUE (account_id, outbox_id, sequence)
) STRICT;

-- A lane runs its jobs one at a time in the order of `position`; whoever enqueues into a lane holds the lane's own row lock.
CREATE TABLE jobs (
    position         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id               TEXT NOT NULL UNIQUE,
    kind             TEXT NOT NULL,
    payload          TEXT NOT NULL,
    lane             TEXT,
    unique_key       TEXT UNIQUE,
    priority         INTEGER NOT NULL DEFAULT 0,
    state            TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'running', 'dead')),
    attempt          INTEGER NOT NULL DEFAULT 0,
    claim            INTEGER NOT NULL DEFAULT 0,
    max_attempts     INTEGER NOT NULL,
    run_at           TEXT NOT NULL,
    lease_expires_at TEXT,
    again            INTEGER NOT NULL DEFAULT 0,
    woken            INTEGER NOT NULL DEFAULT 0,
    last_error       TEXT,
    created_at       TEXT NOT NULL
) STRICT;
CREATE INDEX jobs_ready ON jobs (state, run_at, priority, position);
CREATE INDEX jobs_lane ON jobs (lane, position);
