-- What is ours: the change feed and the triggers that fill it, the zones' incarnations and generations, the journal.

CREATE TABLE signpost_state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    -- Tells this database from another one in the same place.
    database_id TEXT NOT NULL,
    -- Feed rows up to and with this id may be missing.
    feed_pruned_to INTEGER NOT NULL,
    -- The incarnation given out last; SQLite uses ids of deleted zones again.
    incarnation INTEGER NOT NULL,
    -- 0: whoever writes now is not us. 1: a ZoneEdit. 2: a ZoneEdit that lists its zone itself. Never 1 or 2 outside of a
    -- transaction, so no other process ever reads it.
    writer INTEGER NOT NULL
);
INSERT INTO signpost_state VALUES (1, lower(hex(randomblob(16))), 0, 0, 0);

CREATE TABLE signpost_feed (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    written_at INTEGER NOT NULL DEFAULT (CAST(strftime('%s', 'now') AS INTEGER)),
    -- NULL: every zone.
    zone_id INTEGER,
    -- Set for kind 'name' alone.
    name TEXT,
    -- 'name': that name's records; 'zone': anything of it; 'header': its metadata, keys or settings; 'tsig': TSIG keys.
    kind TEXT NOT NULL,
    -- Written by a ZoneEdit, not by PowerDNS or a person.
    own INTEGER NOT NULL
);
CREATE INDEX signpost_feed_foreign ON signpost_feed (zone_id, id) WHERE own = 0;

CREATE TABLE signpost_zone (
    domain_id INTEGER PRIMARY KEY,
    incarnation INTEGER NOT NULL,
    generation INTEGER NOT NULL DEFAULT 0,
    -- The last feed row the last journal entry saw; later foreign ones are a gap.
    journal_feed_id INTEGER,
    -- Foreign feed rows of the zone were pruned since the last journal entry.
    has_gap BOOLEAN NOT NULL DEFAULT 0
);
INSERT INTO signpost_zone (domain_id, incarnation) SELECT id, id FROM domains;
UPDATE signpost_state SET incarnation = (SELECT coalesce(max(id), 0) FROM domains);

CREATE TABLE signpost_journal (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    written_at INTEGER NOT NULL DEFAULT (CAST(strftime('%s', 'now') AS INTEGER)),
    domain_id INTEGER NOT NULL,
    incarnation INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    actor TEXT,
    serial_before INTEGER,
    serial_after INTEGER,
    -- The zone may have changed unseen between the entry before and this one.
    is_after_gap BOOLEAN NOT NULL,
    -- JSON: name, type, old and new RRset; NULL if the change was too large to keep.
    changes TEXT
);
CREATE UNIQUE INDEX signpost_journal_generation ON signpost_journal (domain_id, incarnation, generation);
CREATE INDEX signpost_journal_written_at ON signpost_journal (written_at);

-- "What is below this name" as a range. SQLite has no reverse(), and a function of ours would shut PowerDNS out: so the
-- last 64 characters, last first.
CREATE INDEX signpost_records_below ON records (domain_id, (
    substr(name, -1, 1) || substr(name, -2, 1) || substr(name, -3, 1) || substr(name, -4, 1)
    || substr(name, -5, 1) || substr(name, -6, 1) || substr(name, -7, 1) || substr(name, -8, 1)
    || substr(name, -9, 1) || substr(name, -10, 1) || substr(name, -11, 1) || substr(name, -12, 1)
    || substr(name, -13, 1) || substr(name, -14, 1) || substr(name, -15, 1) || substr(name, -16, 1)
    || substr(name, -17, 1) || substr(name, -18, 1) || substr(name, -19, 1) || substr(name, -20, 1)
    || substr(name, -21, 1) || substr(name, -22, 1) || substr(name, -23, 1) || substr(name, -24, 1)
    || substr(name, -25, 1) || substr(name, -26, 1) || substr(name, -27, 1) || substr(name, -28, 1)
    || substr(name, -29, 1) || substr(name, -30, 1) || substr(name, -31, 1) || substr(name, -32, 1)
    || substr(name, -33, 1) || substr(name, -34, 1) || substr(name, -35, 1) || substr(name, -36, 1)
    || substr(name, -37, 1) || substr(name, -38, 1) || substr(name, -39, 1) || substr(name, -40, 1)
    || substr(name, -41, 1) || substr(name, -42, 1) || substr(name, -43, 1) || substr(name, -44, 1)
    || substr(name, -45, 1) || substr(name, -46, 1) || substr(name, -47, 1) || substr(name, -48, 1)
    || substr(name, -49, 1) || substr(name, -50, 1) || substr(name, -51, 1) || substr(name, -52, 1)
    || substr(name, -53, 1) || substr(name, -54, 1) || substr(name, -55, 1) || substr(name, -56, 1)
    || substr(name, -57, 1) || substr(name, -58, 1) || substr(name, -59, 1) || substr(name, -60, 1)
    || substr(name, -61, 1) || substr(name, -62, 1) || substr(name, -63, 1) || substr(name, -64, 1)
));

CREATE TRIGGER signpost_records_inserted AFTER INSERT ON records
WHEN NEW.type IS NOT NULL AND NEW.domain_id IS NOT NULL AND NEW.name IS NOT NULL
    AND (SELECT writer FROM signpost_state) < 2
BEGIN
    INSERT INTO signpost_feed (zone_id, name, kind, own) SELECT NEW.domain_id, NEW.name, 'name', writer FROM signpost_state;
END;

CREATE TRIGGER signpost_records_deleted AFTER DELETE ON records
WHEN OLD.type IS NOT NULL AND OLD.domain_id IS NOT NULL AND OLD.name IS NOT NULL
    AND (SELECT writer FROM signpost_state) < 2
BEGIN
    INSERT INTO signpost_feed (zone_id, name, kind, own) SELECT OLD.domain_id, OLD.name, 'name', writer FROM signpost_state;
END;

-- Without ids, ordername and auth: what rectifying rewrites is no change.
CREATE TRIGGER signpost_records_updated AFTER UPDATE ON records
WHEN (OLD.domain_id IS NOT NEW.domain_id OR OLD.name IS NOT NEW.name OR OLD.type IS NOT NEW.type
    OR OLD.content IS NOT NEW.content OR OLD.ttl IS NOT NEW.ttl OR OLD.prio IS NOT NEW.prio
    OR OLD.disabled IS NOT NEW.disabled)
    AND (SELECT writer FROM signpost_state) < 2
BEGIN
    INSERT INTO signpost_feed (zone_id, name, kind, own)
    SELECT OLD.domain_id, OLD.name, 'name', writer FROM signpost_state
    WHERE OLD.type IS NOT NULL AND OLD.domain_id IS NOT NULL AND OLD.name IS NOT NULL;
    INSERT INTO signpost_feed (zone_id, name, kind, own)
    SELECT NEW.domain_id, NEW.name, 'name', writer FROM signpost_state
    WHERE NEW.type IS NOT NULL AND NEW.domain_id IS NOT NULL AND NEW.name IS NOT NULL
        AND (OLD.type IS NULL OR OLD.domain_id IS NOT NEW.domain_id OR OLD.name IS NOT NEW.name);
END;

CREATE TRIGGER signpost_domains_inserted AFTER INSERT ON domains
BEGIN
    UPDATE signpost_state SET incarnation = incarnation + 1;
    INSERT OR REPLACE INTO signpost_zone (domain_id, incarnation) SELECT NEW.id, incarnation FROM signpost_state;
    INSERT INTO signpost_feed (zone_id, kind, own) SELECT NEW.id, 'zone', writer > 0 FROM signpost_state;
END;

CREATE TRIGGER signpost_domains_deleted AFTER DELETE ON domains
BEGIN
    DELETE FROM signpost_zone WHERE domain_id = OLD.id;
    INSERT INTO signpost_feed (zone_id, kind, own) SELECT OLD.id, 'zone', writer > 0 FROM signpost_state;
END;

-- last_check and notified_serial are a server's notes to itself.
CREATE TRIGGER signpost_domains_updated AFTER UPDATE ON domains
WHEN OLD.id IS NOT NEW.id OR OLD.name IS NOT NEW.name COLLATE BINARY OR OLD.master IS NOT NEW.master
    OR OLD.type IS NOT NEW.type OR OLD.account IS NOT NEW.account OR OLD.options IS NOT NEW.options
    OR OLD.catalog IS NOT NEW.catalog
BEGIN
    INSERT INTO signpost_feed (zone_id, kind, own)
    SELECT NEW.id, iif(OLD.id = NEW.id AND OLD.name = NEW.name, 'header', 'zone'), writer > 0 FROM signpost_state;
    INSERT INTO signpost_feed (zone_id, kind, own)
    SELECT OLD.id, 'zone', writer > 0 FROM signpost_state WHERE OLD.id IS NOT NEW.id;
END;

CREATE TRIGGER signpost_metadata_inserted AFTER INSERT ON domainmetadata
BEGIN
    INSERT INTO signpost_feed (zone_id, kind, own) SELECT NEW.domain_id, 'header', writer > 0 FROM signpost_state;
END;

CREATE TRIGGER signpost_metadata_deleted AFTER DELETE ON domainmetadata
BEGIN
    INSERT INTO signpost_feed (zone_id, kind, own) SELECT OLD.domain_id, 'header', writer > 0 FROM signpost_state;
END;

CREATE TRIGGER signpost_metadata_updated AFTER UPDATE ON domainmetadata
WHEN OLD.domain_id IS NOT NEW.domain_id OR OLD.kind IS NOT NEW.kind COLLATE BINARY OR OLD.content IS NOT NEW.content
BEGIN
    INSERT INTO signpost_feed (zone_id, kind, own) SELECT NEW.domain_id, 'header', writer > 0 FROM signpost_state;
    INSERT INTO signpost_feed (zone_id, kind, own)
    SELECT OLD.domain_id, 'header', writer > 0 FROM signpost_state WHERE OLD.domain_id IS NOT NEW.domain_id;
END;

CREATE TRIGGER signpost_keys_inserted AFTER INSERT ON cryptokeys
BEGIN
    INSERT INTO signpost_feed (zone_id, kind, own) SELECT NEW.domain_id, 'header', writer > 0 FROM signpost_state;
END;

CREATE TRIGGER signpost_keys_deleted AFTER DELETE ON cryptokeys
BEGIN
    INSERT INTO signpost_feed (zone_id, kind, own) SELECT OLD.domain_id, 'header', writer > 0 FROM signpost_state;
END;

CREATE TRIGGER signpost_keys_updated AFTER UPDATE ON cryptokeys
WHEN OLD.domain_id IS NOT NEW.domain_id OR OLD.flags IS NOT NEW.flags OR OLD.active IS NOT NEW.active OR OLD.published IS NOT NEW.published OR OLD.content IS NOT NEW.content
BEGIN
    INSERT INTO signpost_feed (zone_id, kind, own) SELECT NEW.domain_id, 'header', writer > 0 FROM signpost_state;
    INSERT INTO signpost_feed (zone_id, kind, own)
    SELECT OLD.domain_id, 'header', writer > 0 FROM signpost_state WHERE OLD.domain_id IS NOT NEW.domain_id;
END;

CREATE TRIGGER signpost_tsigkeys_inserted AFTER INSERT ON tsigkeys
BEGIN
    INSERT INTO signpost_feed (kind, own) SELECT 'tsig', writer > 0 FROM signpost_state;
END;

CREATE TRIGGER signpost_tsigkeys_deleted AFTER DELETE ON tsigkeys
BEGIN
    INSERT INTO signpost_feed (kind, own) SELECT 'tsig', writer > 0 FROM signpost_state;
END;

CREATE TRIGGER signpost_tsigkeys_updated AFTER UPDATE ON tsigkeys
BEGIN
    INSERT INTO signpost_feed (kind, own) SELECT 'tsig', writer > 0 FROM signpost_state;
END;
