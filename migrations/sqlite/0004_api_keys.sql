-- Keys of the HTTP API beside those in the settings, each with a name and with what it may do. PowerDNS knows nothing of them.

CREATE TABLE signpost_api_key (
    -- What the journal shows as api:NAME.
    name TEXT PRIMARY KEY,
    -- sha256:HEX of a key that was made, $scrypt$... of one that somebody chose. The key itself is nowhere.
    hash TEXT NOT NULL,
    -- JSON arrays of text; an empty one sets no limit.
    zones TEXT NOT NULL DEFAULT '[]',
    types TEXT NOT NULL DEFAULT '[]',
    names TEXT NOT NULL DEFAULT '[]',
    read_only BOOLEAN NOT NULL DEFAULT 0,
    -- Seconds since 1970. NULL: for good; never used.
    made_at INTEGER NOT NULL,
    expires_at INTEGER,
    used_at INTEGER
);
