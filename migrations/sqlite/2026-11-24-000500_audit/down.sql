DROP TRIGGER audit_entries_stay;
DROP TABLE audit_entries;
