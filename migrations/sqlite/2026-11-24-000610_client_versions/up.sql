-- The version of WhatsApp Web that the fleet claims: one row each for what was fetched and for what the operator has set.
-- `tried_at` and `asked_at` say when a process last took it upon itself to fetch, and when it last did so because WhatsApp had refused a login.
CREATE TABLE client_versions (
    source   TEXT NOT NULL PRIMARY KEY CHECK (source IN ('fetched', 'operator')),
    version  TEXT,
    at       TEXT,
    tried_at TEXT,
    asked_at TEXT
) STRICT;
INSERT INTO client_versions (source) VALUES ('fetched'), ('operator');
