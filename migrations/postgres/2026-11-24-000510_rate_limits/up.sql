-- How many calls a minute a key may make; a key without a number shares those of its workspace.
ALTER TABLE api_keys ADD COLUMN requests_per_minute integer;
