-- Who did what. No foreign keys: the log outlives what it tells of.
CREATE TABLE audit_entries (
    id           uuid PRIMARY KEY,
    occurred_at  timestamptz NOT NULL,
    workspace_id uuid,
    actor        text NOT NULL CHECK (actor IN ('operator', 'workspace_key', 'unknown')),
    key_id       uuid,
    key_name     text,
    address      text,
    request_id   text NOT NULL,
    action       text NOT NULL,
    object_type  text,
    object_id    text,
    status       smallint,
    code         text,
    calls        integer NOT NULL DEFAULT 1
);
CREATE INDEX audit_entries_workspace ON audit_entries (workspace_id, occurred_at, id);
CREATE INDEX audit_entries_time ON audit_entries (occurred_at, id);

-- What was written stays as it was written.
CREATE FUNCTION audit_entries_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit entries are never changed';
END
$$;
CREATE TRIGGER audit_entries_stay BEFORE UPDATE ON audit_entries FOR EACH ROW EXECUTE FUNCTION audit_entries_stay();
