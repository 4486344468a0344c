ALTER TABLE messages DROP COLUMN reactions, DROP COLUMN reply_to;
