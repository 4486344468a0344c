-- Files of workspaces. Their bytes lie in the media store under workspace and hash; several rows may share them. An empty filename is none.
CREATE TABLE media (
    id           TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    sha256       TEXT NOT NULL,
    mime         TEXT NOT NULL,
    size         INTEGER NOT NULL,
    filename     TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('pending', 'stored')),
    created_at   TEXT NOT NULL,
    UNIQUE (workspace_id, sha256, mime, filename)
) STRICT;
CREATE INDEX media_pending ON media (state, created_at);
