-- Files of workspaces. Their bytes lie in the media store under workspace and hash; several rows may share them. An empty filename is none.
CREATE TABLE media (
    id           uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    sha256       text NOT NULL,
    mime         text NOT NULL,
    size         bigint NOT NULL,
    filename     text NOT NULL,
    state        text NOT NULL CHECK (state IN ('pending', 'stored')),
    created_at   timestamptz NOT NULL,
    UNIQUE (workspace_id, sha256, mime, filename)
);
CREATE INDEX media_pending ON media (state, created_at);
