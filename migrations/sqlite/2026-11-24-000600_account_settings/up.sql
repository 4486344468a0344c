-- What phones show in their list of linked devices, and the proxy of a session. A node has the settings of the revision `settings_applied`.
ALTER TABLE accounts ADD COLUMN device_name TEXT NOT NULL DEFAULT 'Blazz';
ALTER TABLE accounts ADD COLUMN proxy TEXT;
ALTER TABLE accounts ADD COLUMN settings_revision INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN settings_applied INTEGER NOT NULL DEFAULT 0;
