//! Reading the change feed (DESIGN section 3).
//!
//! Ids and transaction ids commit out of order in Postgres, so a cursor is the `xmin` of the last snapshot and the feed
//! ids applied above it: everything from `xmin` on is read again, and what is known is skipped. SQLite has one writer
//! at a time, and its cursor is an id.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use wire::Name;

use crate::load::{Which, headers};
use crate::served::Reader;
use crate::session::{BULK_STALL_MAX, Row, Session, Sql, Value, list};
use crate::views;
use crate::{FeedBatch, FeedCursor, ServedRecord, StoreError, ZoneChange, ZoneHeader, ZoneId};

/// A zone with more changed names than this is loaded afresh. External-DNS sends 10,000 endpoints in one PATCH, which
/// are 20,000 names, and the serial changes the apex. The triggers of Postgres count to the same.
const NAMES_MAX: usize = 50_000;
/// Feed rows kept at least this long: far longer than any reader sleeps.
const KEEP_FEED_SECS: i64 = 3600;
/// Journal entries kept this long.
const KEEP_JOURNAL_SECS: i64 = 30 * 86_400;

/// A Postgres that crashed gives out again the transaction ids of what it rolled back last, since that need not have
/// reached its log. Rows of this many below the cursor are read again then: twice applied is as good as once.
const XIDS_GIVEN_TWICE_MAX: i64 = 10_000;

/// Where the database stands, in the present snapshot.
pub(crate) struct State {
    database: String,
    /// Rows from here on are there.
    pruned_below: i64,
    /// Postgres: `xmin` of the snapshot. SQLite: the last id given out.
    position: i64,
    /// Postgres: when the server started.
    started: i64,
}

/// Reads it.
pub(crate) async fn state(session: &mut Session) -> Result<State, StoreError> {
    // The timeline of the control file is behind a promotion by a moment; until then `position` tells, since a
    // promoted standby that lost transactions has not given out their ids.
    const STATE: Sql = Sql {
        postgres: "SELECT s.database_id || ' ' || (SELECT system_identifier FROM pg_control_system())::text || ' ' \
                   || (SELECT timeline_id FROM pg_control_checkpoint())::text, \
                   s.feed_pruned_below::text::bigint, pg_snapshot_xmin(pg_current_snapshot())::text::bigint, \
                   (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint FROM signpost_state s",
        sqlite: "SELECT database_id, feed_pruned_to, \
                 coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'signpost_feed'), 0), 0 FROM signpost_state",
    };
    let row = session
        .first("reading the feed's state", STATE, [])
        .await?
        .ok_or_else(|| StoreError::Malformed("signpost_state is empty".to_owned()))?;
    Ok(State {
        database: row.text(0)?.to_owned(),
        pruned_below: row.int(1)?,
        position: row.int(2)?,
        started: row.int(3)?,
    })
}

/// The cursor of a reader that has just read everything.
pub(crate) async fn cursor_now(session: &mut Session, state: &State) -> Result<FeedCursor, StoreError> {
    let mut applied = BTreeSet::new();
    if session.is_postgres() {
        const APPLIED: Sql = Sql {
            postgres: "SELECT id FROM signpost_feed WHERE xid >= $1::text::xid8",
            sqlite: "SELECT id FROM signpost_feed WHERE id > $1",
        };
        for row in session.rows("reading the feed", APPLIED, [Value::Text(state.position.to_string())]).await? {
            applied.insert(row.int(0)?);
        }
    }
    Ok(FeedCursor { low: state.position, applied, database: state.database.clone(), started: state.started })
}

/// What the feed says about one zone.
#[derive(Default)]
struct Touched {
    is_reload: bool,
    is_header: bool,
    names: BTreeSet<String>,
}

impl Touched {
    fn take(&mut self, kind: &str, name: Option<&str>) {
        match (kind, name) {
            ("name", Some(name)) if !self.is_reload => {
                self.names.insert(name.to_owned());
                if self.names.len() > NAMES_MAX {
                    self.is_reload = true;
                    self.names.clear();
                }
            }
            ("zone", _) => {
                self.is_reload = true;
                self.names.clear();
            }
            ("header", _) => self.is_header = true,
            _ => {}
        }
    }
}

/// What changed since `cursor`.
pub(crate) async fn changes(
    session: &mut Session,
    cursor: &FeedCursor,
    default_ttl: u32,
) -> Result<FeedBatch, StoreError> {
    session.begin_reading().await?;
    let state = state(session).await?;
    // A watermark ahead of every transaction is another cluster's, restored with the rest: it says nothing here.
    let is_pruned = cursor.low < state.pruned_below && state.pruned_below <= state.position;
    if state.database != cursor.database || is_pruned || state.position < cursor.low {
        session.rollback().await;
        return Ok(FeedBatch::LoadAll);
    }
    let low = match cursor.started == state.started {
        true => cursor.low,
        false => cursor.low.saturating_sub(XIDS_GIVEN_TWICE_MAX).max(0),
    };
    let Some(Feed { touched, are_views_touched, applied }) = read_feed(session, cursor, low, &state).await? else {
        session.rollback().await;
        return Ok(FeedBatch::LoadAll);
    };
    let mut bad_rows = 0;
    let changes = match touched.is_empty() {
        true => Vec::new(),
        false => read_changes(session, touched, default_ttl, &mut bad_rows).await?,
    };
    let views = if are_views_touched { Some(views::read(session).await?) } else { None };
    session.commit().await?;
    let cursor = FeedCursor { low: state.position, applied, database: state.database, started: state.started };
    Ok(FeedBatch::Changes { changes, views, cursor, bad_rows })
}

/// What the feed says.
struct Feed {
    /// By zone.
    touched: BTreeMap<i64, Touched>,
    are_views_touched: bool,
    /// Rows the next reader has to skip.
    applied: BTreeSet<i64>,
}

/// What was touched since `low`, and what `cursor` has left out; `None` if every zone was touched.
async fn read_feed(
    session: &mut Session,
    cursor: &FeedCursor,
    low: i64,
    state: &State,
) -> Result<Option<Feed>, StoreError> {
    const FEED: Sql = Sql {
        postgres: "SELECT id, xid::text::bigint, zone_id, kind, name FROM signpost_feed \
                   WHERE xid >= $1::text::xid8 ORDER BY id",
        sqlite: "SELECT id, id, zone_id, kind, name FROM signpost_feed WHERE id > CAST($1 AS INTEGER) ORDER BY id",
    };
    let mut touched: BTreeMap<i64, Touched> = BTreeMap::new();
    let mut applied = BTreeSet::new();
    let (mut is_everything, mut are_views_touched) = (false, false);
    let position = if session.is_postgres() { state.position } else { i64::MAX };
    session
        .each("reading the feed", FEED, [Value::Text(low.to_string())], |row| {
            let id = row.int(0)?;
            if row.int(1)? >= position {
                applied.insert(id);
            }
            if cursor.applied.contains(&id) {
                return Ok(());
            }
            let kind = row.text(3)?;
            match row.int_or_null(2)? {
                Some(zone) => match row.text_or_null(4) {
                    Ok(name) => touched.entry(zone).or_default().take(kind, name),
                    // Not UTF-8: loading the zone finds out which row that is, and goes on.
                    Err(_) => touched.entry(zone).or_default().take("zone", None),
                },
                None => {
                    is_everything |= kind == "zone";
                    are_views_touched |= kind == "views";
                }
            }
            Ok(())
        })
        .await?;
    Ok((!is_everything).then_some(Feed { touched, are_views_touched, applied }))
}

async fn read_changes(
    session: &mut Session,
    touched: BTreeMap<i64, Touched>,
    default_ttl: u32,
    bad_rows: &mut u64,
) -> Result<Vec<ZoneChange>, StoreError> {
    let ids: Vec<i64> = touched.keys().copied().collect();
    let mut present: HashMap<i64, ZoneHeader> =
        headers(session, &Which::Some(ids)).await?.into_iter().map(|header| (header.id.0, header)).collect();
    let mut names = names_with_data(session, &touched, &present, default_ttl, bad_rows).await?;
    let mut changes = Vec::with_capacity(touched.len());
    for (id, touched) in touched {
        let zone = ZoneId(id);
        let Some(header) = present.remove(&id) else {
            changes.push(ZoneChange::Gone(zone));
            continue;
        };
        if touched.is_reload {
            changes.push(ZoneChange::Reload(zone, header.name));
            continue;
        }
        if let Some(names) = names.remove(&id) {
            let (incarnation, generation) = (header.incarnation, header.generation);
            let names = names.into_iter().collect();
            changes.push(ZoneChange::Names { zone, incarnation, generation, names });
        }
        if touched.is_header {
            changes.push(ZoneChange::Header(header));
        }
    }
    Ok(changes)
}

type Names = BTreeMap<Name, Vec<ServedRecord>>;

/// All enabled data of the touched names of zones that are there and are not loaded afresh anyway.
async fn names_with_data(
    session: &mut Session,
    touched: &BTreeMap<i64, Touched>,
    present: &HashMap<i64, ZoneHeader>,
    default_ttl: u32,
    bad_rows: &mut u64,
) -> Result<HashMap<i64, Names>, StoreError> {
    // `domain_id + 0`: by name, never by zone, as in `rows::at`.
    const RECORDS: Sql = Sql {
        postgres: "SELECT domain_id, name, type, content, ttl, prio FROM records \
                   WHERE name = ANY (ARRAY(SELECT json_array_elements_text($2::json))) AND domain_id + 0 = $1 \
                   AND type IS NOT NULL AND disabled = FALSE",
        sqlite: "SELECT domain_id, name, type, content, ttl, prio FROM records \
                 WHERE domain_id = $1 AND name IN (SELECT value FROM json_each($2)) \
                 AND type IS NOT NULL AND disabled = 0",
    };
    let mut reader = Reader::new(default_ttl);
    let mut found = HashMap::new();
    for (&id, touched) in touched {
        let Some(header) = present.get(&id).filter(|_| !touched.is_reload && !touched.names.is_empty()) else {
            continue;
        };
        let apex = header.name.apex();
        let mut names = Names::new();
        // As written, and as we would write it: a person may spell an escape another way.
        let mut spellings = BTreeSet::new();
        for text in &touched.names {
            match Name::parse(text) {
                Ok(name) if name.is_under(apex) => {
                    let name = name.to_lowercase();
                    spellings.insert(name.to_dotless());
                    spellings.insert(text.clone());
                    names.insert(name, Vec::new());
                }
                Ok(_) => {
                    *bad_rows += 1;
                    tracing::warn!(zone = %apex, name = text, "a changed name is out of its zone");
                }
                Err(error) => {
                    *bad_rows += 1;
                    tracing::warn!(zone = %apex, name = text, %error, "a changed name cannot be read");
                }
            }
        }
        let spellings: Vec<String> = spellings.into_iter().collect();
        let take = |row: Row| -> Result<(), StoreError> {
            match reader.read(&row, 1, apex)? {
                Ok(record) => {
                    if let Some(records) = names.get_mut(&record.name) {
                        records.push(record);
                    }
                }
                Err(bad) => {
                    *bad_rows += 1;
                    tracing::warn!(
                        zone = %apex, name = bad.name, rtype = bad.rtype, reason = bad.reason, "a row cannot be served"
                    );
                }
            }
            Ok(())
        };
        session.each("reading changed names", RECORDS, [Value::Int(id), list(&spellings)], take).await?;
        found.insert(id, names);
    }
    Ok(found)
}

/// Removes what no reader needs any more from feed and journal, and notes how far.
///
/// Zones whose foreign feed rows go are marked: their journal has a gap that nothing else tells of any longer.
pub(crate) async fn prune(session: &mut Session) -> Result<(), StoreError> {
    // Only one server prunes at a time, and a hot standby never does.
    const MAY_PRUNE: Sql = Sql {
        postgres: "SELECT CASE WHEN pg_is_in_recovery() THEN FALSE \
                   ELSE pg_try_advisory_xact_lock(hashtext('signpost_prune')) END",
        sqlite: "SELECT 1",
    };
    const CUTOFF: Sql = Sql {
        postgres: "SELECT max(xid::text::bigint) FROM signpost_feed \
                   WHERE written_at < now() - make_interval(secs => $1::bigint) \
                   AND xid < pg_snapshot_xmin(pg_current_snapshot())",
        sqlite: "SELECT max(id) FROM signpost_feed WHERE written_at < CAST(strftime('%s', 'now') AS INTEGER) - $1",
    };
    const MARK: Sql = Sql {
        postgres: "UPDATE signpost_zone z SET has_gap = TRUE FROM signpost_feed f \
                   WHERE NOT z.has_gap AND z.journal_snapshot IS NOT NULL AND f.zone_id = z.domain_id \
                   AND NOT f.own AND f.xid <= $1::text::xid8 AND NOT pg_visible_in_snapshot(f.xid, z.journal_snapshot)",
        sqlite: "UPDATE signpost_zone SET has_gap = 1 FROM signpost_feed f \
                 WHERE has_gap = 0 AND journal_feed_id IS NOT NULL AND f.zone_id = domain_id \
                 AND f.own = 0 AND f.id <= CAST($1 AS INTEGER) AND f.id > journal_feed_id",
    };
    const MARK_ALL: Sql = Sql {
        postgres: "UPDATE signpost_zone z SET has_gap = TRUE FROM signpost_feed f \
                   WHERE NOT z.has_gap AND z.journal_snapshot IS NOT NULL AND f.zone_id IS NULL AND f.kind = 'zone' \
                   AND NOT f.own AND f.xid <= $1::text::xid8 AND NOT pg_visible_in_snapshot(f.xid, z.journal_snapshot)",
        // SQLite has no TRUNCATE.
        sqlite: "SELECT $1",
    };
    const DELETE: Sql = Sql {
        postgres: "DELETE FROM signpost_feed WHERE xid <= $1::text::xid8",
        sqlite: "DELETE FROM signpost_feed WHERE id <= CAST($1 AS INTEGER)",
    };
    const WATERMARK: Sql = Sql {
        postgres: "UPDATE signpost_state SET feed_pruned_below = ($1::text::bigint + 1)::text::xid8",
        sqlite: "UPDATE signpost_state SET feed_pruned_to = CAST($1 AS INTEGER)",
    };
    const JOURNAL: Sql = Sql {
        postgres: "DELETE FROM signpost_journal WHERE written_at < now() - make_interval(secs => $1::bigint)",
        sqlite: "DELETE FROM signpost_journal WHERE written_at < CAST(strftime('%s', 'now') AS INTEGER) - $1",
    };
    let doing = "pruning the feed";
    session.begin_writing().await?;
    let may = session.first(doing, MAY_PRUNE, []).await?.map(|row| row.is_true(0)).transpose()?;
    if may != Some(true) {
        session.rollback().await;
        return Ok(());
    }
    // What piled up takes as long as it takes: one that gave up would give up for ever.
    session.unhurried(BULK_STALL_MAX).await?;
    forget_another_cluster(session).await?;
    let cutoff = session.first(doing, CUTOFF, [Value::Int(KEEP_FEED_SECS)]).await?;
    if let Some(cutoff) = cutoff.map(|row| row.int_or_null(0)).transpose()?.flatten() {
        let cutoff = Value::Text(cutoff.to_string());
        for statement in [MARK, MARK_ALL, DELETE, WATERMARK] {
            session.execute(doing, statement, [cutoff.clone()]).await?;
        }
    }
    session.execute(doing, JOURNAL, [Value::Int(KEEP_JOURNAL_SECS)]).await?;
    session.commit().await
}

/// Removes what a dump brought along from a Postgres with higher transaction ids: feed rows that would be read again
/// for ever, a watermark that no reader gets past, and snapshots that would hide gaps from the journal.
///
/// All of it lies ahead of the present snapshot, where nothing of this cluster can.
async fn forget_another_cluster(session: &mut Session) -> Result<(), StoreError> {
    const FORGET: [&str; 3] = [
        "DELETE FROM signpost_feed WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())",
        "UPDATE signpost_state SET feed_pruned_below = '0' \
         WHERE feed_pruned_below > pg_snapshot_xmin(pg_current_snapshot())",
        "UPDATE signpost_zone SET journal_snapshot = NULL \
         WHERE pg_snapshot_xmax(journal_snapshot) > pg_snapshot_xmax(pg_current_snapshot())",
    ];
    if session.is_postgres() {
        for statement in FORGET {
            session.execute("forgetting another cluster's transactions", Sql::both(statement), []).await?;
        }
    }
    Ok(())
}

/// As pruning does, for a server that starts on a database that may have been restored.
pub(crate) async fn begin(session: &mut Session) -> Result<(), StoreError> {
    if !session.is_postgres() {
        return Ok(());
    }
    session.begin_writing().await?;
    forget_another_cluster(session).await?;
    session.commit().await
}
