-- What is ours: the change feed and the triggers that fill it, the zones' incarnations and generations, the journal.

CREATE TABLE signpost_state (
    one BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (one),
    -- Tells this database from another one behind the same address.
    database_id TEXT NOT NULL DEFAULT gen_random_uuid()::TEXT,
    -- Feed rows of transactions below this one may be missing.
    feed_pruned_below XID8 NOT NULL DEFAULT '0'
);
INSERT INTO signpost_state DEFAULT VALUES;

CREATE TABLE signpost_feed (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid XID8 NOT NULL DEFAULT pg_current_xact_id(),
    written_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    -- NULL: every zone.
    zone_id INT,
    -- Set for kind 'name' alone.
    name TEXT,
    -- 'name': that name's records; 'zone': anything of it; 'header': its metadata, keys or settings; 'tsig': TSIG keys.
    kind TEXT NOT NULL,
    -- Written by a ZoneEdit, not by PowerDNS or a person.
    own BOOLEAN NOT NULL
);
CREATE INDEX signpost_feed_xid ON signpost_feed (xid);
CREATE INDEX signpost_feed_foreign ON signpost_feed (zone_id) WHERE NOT own;

CREATE SEQUENCE signpost_incarnation;
CREATE TABLE signpost_zone (
    domain_id INT PRIMARY KEY,
    incarnation BIGINT NOT NULL DEFAULT nextval('signpost_incarnation'),
    generation BIGINT NOT NULL DEFAULT 0,
    -- What the last journal entry saw; foreign feed rows outside of it are a gap.
    journal_snapshot PG_SNAPSHOT,
    -- Foreign feed rows of the zone were pruned since the last journal entry.
    has_gap BOOLEAN NOT NULL DEFAULT FALSE
);
ALTER SEQUENCE signpost_incarnation OWNED BY signpost_zone.incarnation;
INSERT INTO signpost_zone (domain_id) SELECT id FROM domains;

CREATE TABLE signpost_journal (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    written_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    domain_id INT NOT NULL,
    incarnation BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    actor TEXT,
    serial_before BIGINT,
    serial_after BIGINT,
    -- The zone may have changed unseen between the entry before and this one.
    is_after_gap BOOLEAN NOT NULL,
    -- JSON: name, type, old and new RRset; NULL if the change was too large to keep.
    changes TEXT
);
CREATE UNIQUE INDEX signpost_journal_generation ON signpost_journal (domain_id, incarnation, generation);
CREATE INDEX signpost_journal_written_at ON signpost_journal (written_at);

-- "What is below this name" as a range, so that a change costs what it touches and not what the zone holds.
CREATE INDEX signpost_records_below ON records (domain_id, reverse(name::TEXT) text_pattern_ops);

-- The functions run as their owner, with a search path fixed below: PowerDNS's role needs no right on our tables.
CREATE FUNCTION signpost_feed_added(is_own BOOLEAN, rows_added BIGINT) RETURNS VOID LANGUAGE plpgsql AS $fn$
BEGIN
    -- NOTIFY makes commits wait for each other: our writers send their own after the commit.
    IF rows_added > 0 AND NOT is_own THEN
        PERFORM pg_notify('signpost_feed', '');
    END IF;
END
$fn$;

-- Empty or 0: whoever writes now is not us. 1: a ZoneEdit. 2: a ZoneEdit that lists its zone itself.
CREATE FUNCTION signpost_is_own() RETURNS BOOLEAN LANGUAGE sql AS $fn$
    SELECT coalesce(current_setting('signpost.writer', TRUE), '') IN ('1', '2')
$fn$;

CREATE FUNCTION signpost_records_changed() RETURNS TRIGGER LANGUAGE plpgsql SECURITY DEFINER AS $fn$
DECLARE
    -- A statement that touches more than this is listed by zone, not by name: a reader loads such a zone afresh anyway.
    names_max CONSTANT BIGINT := 50000;
    is_own CONSTANT BOOLEAN := signpost_is_own();
    rows_added BIGINT;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        INSERT INTO signpost_feed (kind, own) VALUES ('zone', is_own);
    ELSIF current_setting('signpost.writer', TRUE) = '2' THEN
        RETURN NULL;
    ELSIF TG_OP = 'INSERT' THEN
        IF (SELECT count(*) FROM new_rows) > names_max THEN
            INSERT INTO signpost_feed (zone_id, kind, own)
            SELECT DISTINCT domain_id, 'zone', is_own FROM new_rows WHERE type IS NOT NULL AND domain_id IS NOT NULL;
        ELSE
            INSERT INTO signpost_feed (zone_id, name, kind, own)
            SELECT DISTINCT domain_id, name, 'name', is_own FROM new_rows
            WHERE type IS NOT NULL AND domain_id IS NOT NULL AND name IS NOT NULL;
        END IF;
    ELSIF TG_OP = 'DELETE' THEN
        IF (SELECT count(*) FROM old_rows) > names_max THEN
            INSERT INTO signpost_feed (zone_id, kind, own)
            SELECT DISTINCT domain_id, 'zone', is_own FROM old_rows WHERE type IS NOT NULL AND domain_id IS NOT NULL;
        ELSE
            INSERT INTO signpost_feed (zone_id, name, kind, own)
            SELECT DISTINCT domain_id, name, 'name', is_own FROM old_rows
            WHERE type IS NOT NULL AND domain_id IS NOT NULL AND name IS NOT NULL;
        END IF;
    ELSE
        -- Compared as sets and without ids, ordername and auth: what rectifying rewrites is no change.
        WITH changed AS MATERIALIZED (
            SELECT DISTINCT domain_id, name FROM (
                (
                    SELECT domain_id, name, type, content, ttl, prio, disabled FROM old_rows WHERE type IS NOT NULL
                    EXCEPT ALL
                    SELECT domain_id, name, type, content, ttl, prio, disabled FROM new_rows WHERE type IS NOT NULL
                )
                UNION ALL
                (
                    SELECT domain_id, name, type, content, ttl, prio, disabled FROM new_rows WHERE type IS NOT NULL
                    EXCEPT ALL
                    SELECT domain_id, name, type, content, ttl, prio, disabled FROM old_rows WHERE type IS NOT NULL
                )
            ) AS difference
            WHERE domain_id IS NOT NULL AND name IS NOT NULL
        )
        INSERT INTO signpost_feed (zone_id, name, kind, own)
        SELECT domain_id, name, 'name', is_own FROM changed WHERE (SELECT count(*) FROM changed) <= names_max
        UNION ALL
        SELECT DISTINCT domain_id, NULL, 'zone', is_own FROM changed WHERE (SELECT count(*) FROM changed) > names_max;
    END IF;
    GET DIAGNOSTICS rows_added = ROW_COUNT;
    PERFORM signpost_feed_added(is_own, rows_added);
    RETURN NULL;
END
$fn$;

CREATE FUNCTION signpost_domains_changed() RETURNS TRIGGER LANGUAGE plpgsql SECURITY DEFINER AS $fn$
DECLARE
    is_own CONSTANT BOOLEAN := signpost_is_own();
    rows_added BIGINT;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM signpost_zone;
        INSERT INTO signpost_feed (kind, own) VALUES ('zone', is_own);
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO signpost_zone (domain_id) SELECT id FROM new_rows
        ON CONFLICT (domain_id) DO UPDATE SET
            incarnation = excluded.incarnation, generation = 0, journal_snapshot = NULL, has_gap = FALSE;
        INSERT INTO signpost_feed (zone_id, kind, own) SELECT id, 'zone', is_own FROM new_rows;
    ELSIF TG_OP = 'DELETE' THEN
        DELETE FROM signpost_zone WHERE domain_id IN (SELECT id FROM old_rows);
        INSERT INTO signpost_feed (zone_id, kind, own) SELECT id, 'zone', is_own FROM old_rows;
    ELSE
        -- last_check and notified_serial are a server's notes to itself.
        INSERT INTO signpost_feed (zone_id, kind, own)
        SELECT
            id,
            CASE WHEN o.name IS DISTINCT FROM n.name THEN 'zone' ELSE 'header' END,
            is_own
        FROM old_rows AS o FULL JOIN new_rows AS n USING (id)
        WHERE (o.name, o.master, o.type, o.account, o.options, o.catalog)
            IS DISTINCT FROM (n.name, n.master, n.type, n.account, n.options, n.catalog);
    END IF;
    GET DIAGNOSTICS rows_added = ROW_COUNT;
    PERFORM signpost_feed_added(is_own, rows_added);
    RETURN NULL;
END
$fn$;

CREATE FUNCTION signpost_metadata_changed() RETURNS TRIGGER LANGUAGE plpgsql SECURITY DEFINER AS $fn$
DECLARE
    is_own CONSTANT BOOLEAN := signpost_is_own();
    rows_added BIGINT;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        INSERT INTO signpost_feed (kind, own) VALUES ('zone', is_own);
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO signpost_feed (zone_id, kind, own)
        SELECT DISTINCT domain_id, 'header', is_own FROM new_rows WHERE domain_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO signpost_feed (zone_id, kind, own)
        SELECT DISTINCT domain_id, 'header', is_own FROM old_rows WHERE domain_id IS NOT NULL;
    ELSE
        INSERT INTO signpost_feed (zone_id, kind, own)
        SELECT DISTINCT zone.domain_id, 'header', is_own
        FROM old_rows AS o FULL JOIN new_rows AS n USING (id), unnest(ARRAY[o.domain_id, n.domain_id]) AS zone (domain_id)
        WHERE zone.domain_id IS NOT NULL
            AND (o.domain_id, o.kind, o.content) IS DISTINCT FROM (n.domain_id, n.kind, n.content);
    END IF;
    GET DIAGNOSTICS rows_added = ROW_COUNT;
    PERFORM signpost_feed_added(is_own, rows_added);
    RETURN NULL;
END
$fn$;

CREATE FUNCTION signpost_keys_changed() RETURNS TRIGGER LANGUAGE plpgsql SECURITY DEFINER AS $fn$
DECLARE
    is_own CONSTANT BOOLEAN := signpost_is_own();
    rows_added BIGINT;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        INSERT INTO signpost_feed (kind, own) VALUES ('zone', is_own);
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO signpost_feed (zone_id, kind, own)
        SELECT DISTINCT domain_id, 'header', is_own FROM new_rows WHERE domain_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO signpost_feed (zone_id, kind, own)
        SELECT DISTINCT domain_id, 'header', is_own FROM old_rows WHERE domain_id IS NOT NULL;
    ELSE
        INSERT INTO signpost_feed (zone_id, kind, own)
        SELECT DISTINCT zone.domain_id, 'header', is_own
        FROM old_rows AS o FULL JOIN new_rows AS n USING (id), unnest(ARRAY[o.domain_id, n.domain_id]) AS zone (domain_id)
        WHERE zone.domain_id IS NOT NULL
            AND (o.domain_id, o.flags, o.active, o.published, o.content)
                IS DISTINCT FROM (n.domain_id, n.flags, n.active, n.published, n.content);
    END IF;
    GET DIAGNOSTICS rows_added = ROW_COUNT;
    PERFORM signpost_feed_added(is_own, rows_added);
    RETURN NULL;
END
$fn$;

CREATE FUNCTION signpost_tsigkeys_changed() RETURNS TRIGGER LANGUAGE plpgsql SECURITY DEFINER AS $fn$
DECLARE
    is_own CONSTANT BOOLEAN := signpost_is_own();
BEGIN
    INSERT INTO signpost_feed (kind, own) VALUES ('tsig', is_own);
    PERFORM signpost_feed_added(is_own, 1);
    RETURN NULL;
END
$fn$;

DO $paths$
DECLARE
    theirs CONSTANT TEXT := (
        SELECT n.nspname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.oid = to_regclass('records')
    );
    function_name TEXT;
    table_name TEXT;
BEGIN
    FOREACH function_name IN ARRAY ARRAY[
        'signpost_records_changed', 'signpost_domains_changed', 'signpost_metadata_changed',
        'signpost_keys_changed', 'signpost_tsigkeys_changed'
    ] LOOP
        EXECUTE format(
            'ALTER FUNCTION %I() SET search_path = pg_catalog, %I, %I, pg_temp', function_name, current_schema(), theirs
        );
    END LOOP;

    FOREACH table_name IN ARRAY ARRAY['records', 'domains', 'domainmetadata', 'cryptokeys', 'tsigkeys'] LOOP
        function_name := CASE table_name
            WHEN 'domainmetadata' THEN 'signpost_metadata_changed'
            WHEN 'cryptokeys' THEN 'signpost_keys_changed'
            ELSE format('signpost_%s_changed', table_name)
        END;
        EXECUTE format(
            'CREATE TRIGGER signpost_inserted AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows '
            'FOR EACH STATEMENT EXECUTE FUNCTION %I()', table_name, function_name
        );
        EXECUTE format(
            'CREATE TRIGGER signpost_deleted AFTER DELETE ON %I REFERENCING OLD TABLE AS old_rows '
            'FOR EACH STATEMENT EXECUTE FUNCTION %I()', table_name, function_name
        );
        EXECUTE format(
            'CREATE TRIGGER signpost_updated AFTER UPDATE ON %I REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows '
            'FOR EACH STATEMENT EXECUTE FUNCTION %I()', table_name, function_name
        );
        EXECUTE format(
            'CREATE TRIGGER signpost_truncated AFTER TRUNCATE ON %I '
            'FOR EACH STATEMENT EXECUTE FUNCTION %I()', table_name, function_name
        );
    END LOOP;
END
$paths$;
