-- Secrets that all servers on this database share. Whoever needs one first makes it; PowerDNS knows nothing of them.

CREATE TABLE signpost_secret (
    -- 'cookie': what server cookies are made with (RFC 9018).
    purpose TEXT PRIMARY KEY,
    -- 32 octets in hex.
    secret TEXT NOT NULL,
    made_at INTEGER NOT NULL DEFAULT (CAST(strftime('%s', 'now') AS INTEGER))
);
