-- What an audit wants to know beside records: which settings changed, and which zone came or went.

ALTER TABLE signpost_journal ADD COLUMN zone TEXT;
ALTER TABLE signpost_journal ADD COLUMN settings TEXT;
CREATE INDEX signpost_journal_zone ON signpost_journal (zone) WHERE zone IS NOT NULL;
