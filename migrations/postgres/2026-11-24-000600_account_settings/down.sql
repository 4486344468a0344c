ALTER TABLE accounts DROP COLUMN settings_applied;
ALTER TABLE accounts DROP COLUMN settings_revision;
ALTER TABLE accounts DROP COLUMN proxy;
ALTER TABLE accounts DROP COLUMN device_name;
