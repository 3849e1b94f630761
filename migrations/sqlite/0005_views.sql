-- Views: which variants of zones the clients of a network see. PowerDNS keeps the like in LMDB alone; a zone's variant stands in
-- domains.name behind two dots, as it does there: example.com..internal.

CREATE TABLE signpost_view (
    view TEXT NOT NULL,
    -- Apex in lower case without the final dot.
    zone TEXT NOT NULL,
    -- Empty: the zone that everybody sees.
    variant TEXT NOT NULL,
    PRIMARY KEY (view, zone)
);

CREATE TABLE signpost_network (
    -- First address and prefix length: 192.0.2.0/24.
    network TEXT PRIMARY KEY,
    view TEXT NOT NULL
);

CREATE TRIGGER signpost_view_inserted AFTER INSERT ON signpost_view
BEGIN
    INSERT INTO signpost_feed (kind, own) SELECT 'views', writer > 0 FROM signpost_state;
END;

CREATE TRIGGER signpost_view_deleted AFTER DELETE ON signpost_view
BEGIN
    INSERT INTO signpost_feed (kind, own) SELECT 'views', writer > 0 FROM signpost_state;
END;

CREATE TRIGGER signpost_view_updated AFTER UPDATE ON signpost_view
BEGIN
    INSERT INTO signpost_feed (kind, own) SELECT 'views', writer > 0 FROM signpost_state;
END;

CREATE TRIGGER signpost_network_inserted AFTER INSERT ON signpost_network
BEGIN
    INSERT INTO signpost_feed (kind, own) SELECT 'views', writer > 0 FROM signpost_state;
END;

CREATE TRIGGER signpost_network_deleted AFTER DELETE ON signpost_network
BEGIN
    INSERT INTO signpost_feed (kind, own) SELECT 'views', writer > 0 FROM signpost_state;
END;

CREATE TRIGGER signpost_network_updated AFTER UPDATE ON signpost_network
BEGIN
    INSERT INTO signpost_feed (kind, own) SELECT 'views', writer > 0 FROM signpost_state;
END;
