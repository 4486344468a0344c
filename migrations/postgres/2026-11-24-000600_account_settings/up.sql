-- What phones show in their list of linked devices, and the proxy of a session. A node has the settings of the revision `settings_applied`.
ALTER TABLE accounts ADD COLUMN device_name text NOT NULL DEFAULT 'Blazz';
ALTER TABLE accounts ADD COLUMN proxy text;
ALTER TABLE accounts ADD COLUMN settings_revision bigint NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN settings_applied bigint NOT NULL DEFAULT 0;
