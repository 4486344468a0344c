-- Who did what. No foreign keys: the log outlives what it tells of.
CREATE TABLE audit_entries (
    id           TEXT NOT NULL PRIMARY KEY,
    occurred_at  TEXT NOT NULL,
    workspace_id TEXT,
    actor        TEXT NOT NULL CHECK (actor IN ('operator', 'workspace_key', 'unknown')),
    key_id       TEXT,
    key_name     TEXT,
    address      TEXT,
    request_id   TEXT NOT NULL,
    action       TEXT NOT NULL,
    object_type  TEXT,
    object_id    TEXT,
    status       INTEGER,
    code         TEXT,
    calls        INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX audit_entries_workspace ON audit_entries (workspace_id, occurred_at, id);
CREATE INDEX audit_entries_time ON audit_entries (occurred_at, id);

-- What was written stays as it was written.
CREATE TRIGGER audit_entries_stay BEFORE UPDATE ON audit_entries
BEGIN
    SELECT RAISE(ABORT, 'audit entries are never changed');
END;
