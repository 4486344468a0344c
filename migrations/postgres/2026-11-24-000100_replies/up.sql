-- The message that a message answers, and the reactions to it.
ALTER TABLE messages ADD COLUMN reply_to jsonb, ADD COLUMN reactions jsonb;
