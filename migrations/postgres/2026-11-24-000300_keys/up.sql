-- What a key may do, until when, when it was last used and what took its place.
ALTER TABLE api_keys ADD COLUMN scopes JSONB NOT NULL DEFAULT '["*"]';
ALTER TABLE api_keys ADD COLUMN expires_at TIMESTAMPTZ;
ALTER TABLE api_keys ADD COLUMN last_used_at TIMESTAMPTZ;
ALTER TABLE api_keys ADD COLUMN replaced_by UUID;
