-- The message that a message answers, and the reactions to it.
ALTER TABLE messages ADD COLUMN reply_to TEXT;
ALTER TABLE messages ADD COLUMN reactions TEXT;
