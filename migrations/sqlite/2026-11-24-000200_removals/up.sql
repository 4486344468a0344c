-- Sessions of deleted accounts whose node has not said yet that they are gone there too.
CREATE TABLE removals (
    account_id   TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    node_id      TEXT NOT NULL REFERENCES nodes (id),
    epoch        INTEGER NOT NULL,
    created_at   TEXT NOT NULL
) STRICT;
CREATE INDEX removals_workspace ON removals (workspace_id);
CREATE INDEX removals_node ON removals (node_id);
