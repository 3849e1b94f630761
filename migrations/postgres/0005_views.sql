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

CREATE FUNCTION signpost_views_changed() RETURNS TRIGGER LANGUAGE plpgsql SECURITY DEFINER AS $fn$
DECLARE
    is_own CONSTANT BOOLEAN := signpost_is_own();
BEGIN
    INSERT INTO signpost_feed (kind, own) VALUES ('views', is_own);
    PERFORM signpost_feed_added(is_own, 1);
    RETURN NULL;
END
$fn$;

DO $paths$
DECLARE
    table_name TEXT;
BEGIN
    EXECUTE format('ALTER FUNCTION signpost_views_changed() SET search_path = pg_catalog, %I, pg_temp', current_schema());
    FOREACH table_name IN ARRAY ARRAY['signpost_view', 'signpost_network'] LOOP
        EXECUTE format(
            'CREATE TRIGGER signpost_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON %I '
            'FOR EACH STATEMENT EXECUTE FUNCTION signpost_views_changed()', table_name
        );
    END LOOP;
END
$paths$;
