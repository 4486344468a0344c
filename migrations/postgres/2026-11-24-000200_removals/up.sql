-- Sessions of deleted accounts whose node has not said yet that they are gone there too.
CREATE TABLE removals (
    account_id   uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    node_id      text NOT NULL REFERENCES nodes (id),
    epoch        bigint NOT NULL,
    created_at   timestamptz NOT NULL
);
CREATE INDEX removals_workspace ON removals (workspace_id);
CREATE INDEX removals_node ON removals (node_id);
