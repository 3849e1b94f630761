//! The zone's generation, and the journal of what each one changed.

use serde::Serialize;
use wire::{Name, RecordType};

use crate::rrsets::RrsetState;
use crate::session::{Session, Sql, Value};
use crate::{Comment, StoreError, StoredRecord};

/// A change of more RRsets than this is noted without them: what reads the journal falls back to the whole zone.
const RRSETS_MAX: usize = 10_000;

/// An RRset that an edit changed.
#[derive(Debug)]
pub(crate) struct ChangedRrset {
    pub(crate) name: Name,
    pub(crate) rtype: RecordType,
    pub(crate) before: RrsetState,
    pub(crate) after: RrsetState,
}

/// What there is to note of an edit.
pub(crate) struct Entry<'a> {
    pub(crate) zone: i64,
    pub(crate) actor: Option<&'a str>,
    pub(crate) serials: (Option<u32>, Option<u32>),
    /// Set where the zone comes or goes: entries of its number are then found by its name.
    pub(crate) name: Option<String>,
    /// What changed beside records, in words.
    pub(crate) settings: Vec<String>,
    pub(crate) changed: &'a [ChangedRrset],
}

#[derive(Serialize)]
struct JournalRrset<'a> {
    name: String,
    r#type: String,
    old: JournalState<'a>,
    new: JournalState<'a>,
}

#[derive(Serialize)]
struct JournalState<'a> {
    records: Vec<JournalRecord<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    comments: Vec<JournalComment<'a>>,
}

#[derive(Serialize)]
struct JournalRecord<'a> {
    content: &'a str,
    prio: i32,
    ttl: u32,
    disabled: bool,
}

#[derive(Serialize)]
struct JournalComment<'a> {
    content: &'a str,
    account: &'a str,
    modified_at: Option<i64>,
}

impl<'a> JournalState<'a> {
    fn of(state: &'a RrsetState) -> JournalState<'a> {
        let record = |(record, ttl): &'a (StoredRecord, u32)| JournalRecord {
            content: &record.content,
            prio: record.prio,
            ttl: *ttl,
            disabled: record.disabled,
        };
        let comment = |comment: &'a Comment| JournalComment {
            content: &comment.content,
            account: &comment.account,
            modified_at: comment.modified_at,
        };
        JournalState {
            records: state.records.iter().map(record).collect(),
            comments: state.comments.iter().map(comment).collect(),
        }
    }
}

/// Raises the zone's generation, appends the entry, and returns the new generation.
pub(crate) async fn append(session: &mut Session, entry: &Entry<'_>) -> Result<u64, StoreError> {
    // One statement sees one state: a foreign commit is either in the gap's test or in the new snapshot. In order, and by a range of
    // one zone: only the index of foreign rows gives that. Else a planner hopes to come upon one soon, and reads all of the feed.
    const RAISE: Sql = Sql {
        postgres: "WITH before AS (SELECT incarnation, generation, journal_snapshot IS NULL OR has_gap \
                   OR coalesce((SELECT TRUE FROM signpost_feed f WHERE f.zone_id >= $1 AND f.zone_id <= $1 AND NOT f.own \
                   AND NOT pg_visible_in_snapshot(f.xid, journal_snapshot) ORDER BY f.zone_id LIMIT 1), FALSE) \
                   OR coalesce((SELECT TRUE FROM signpost_feed f WHERE f.zone_id IS NULL AND NOT f.own \
                   AND f.kind <> 'tsig' AND NOT pg_visible_in_snapshot(f.xid, journal_snapshot) \
                   ORDER BY f.zone_id LIMIT 1), FALSE) AS is_after_gap \
                   FROM signpost_zone WHERE domain_id = $1) \
                   UPDATE signpost_zone z SET generation = before.generation + 1, has_gap = FALSE, \
                   journal_snapshot = pg_current_snapshot() FROM before WHERE z.domain_id = $1 \
                   RETURNING z.generation, z.incarnation, before.is_after_gap",
        sqlite: "SELECT generation + 1, incarnation, journal_feed_id IS NULL OR has_gap \
                 OR EXISTS (SELECT 1 FROM signpost_feed f WHERE (f.zone_id = $1 OR f.zone_id IS NULL) AND f.own = 0 \
                 AND f.kind <> 'tsig' AND f.id > journal_feed_id) FROM signpost_zone WHERE domain_id = $1",
    };
    const APPEND: Sql = Sql::both(
        "INSERT INTO signpost_journal \
         (domain_id, incarnation, generation, actor, serial_before, serial_after, is_after_gap, changes, zone, settings) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    );
    let doing = "raising the zone's generation";
    let row = session
        .first(doing, RAISE, [Value::Int(entry.zone)])
        .await?
        .ok_or_else(|| StoreError::Malformed("the zone has no row in signpost_zone".to_owned()))?;
    let (generation, incarnation, is_after_gap) = (row.int(0)?, row.int(1)?, row.is_true(2)?);
    if !session.is_postgres() {
        const RAISE_SQLITE: Sql = Sql::both(
            "UPDATE signpost_zone SET generation = $2, has_gap = 0, journal_feed_id = \
             coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'signpost_feed'), 0) WHERE domain_id = $1",
        );
        session.execute(doing, RAISE_SQLITE, [Value::Int(entry.zone), Value::Int(generation)]).await?;
    }
    let changes = (entry.changed.len() <= RRSETS_MAX).then(|| {
        let rrsets: Vec<JournalRrset<'_>> = entry
            .changed
            .iter()
            .map(|changed| JournalRrset {
                name: changed.name.to_string(),
                r#type: changed.rtype.to_string(),
                old: JournalState::of(&changed.before),
                new: JournalState::of(&changed.after),
            })
            .collect();
        text_of(&rrsets)
    });
    let serial = |serial: Option<u32>| Value::IntOrNull(serial.map(i64::from));
    let values = [
        Value::Int(entry.zone),
        Value::Int(incarnation),
        Value::Int(generation),
        Value::TextOrNull(entry.actor.map(str::to_owned)),
        serial(entry.serials.0),
        serial(entry.serials.1),
        Value::Bool(is_after_gap),
        Value::TextOrNull(changes),
        Value::TextOrNull(entry.name.clone()),
        Value::TextOrNull((!entry.settings.is_empty()).then(|| text_of(&entry.settings))),
    ];
    session.execute("writing the journal", APPEND, values).await?;
    Ok(generation as u64)
}

fn text_of<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("strings and numbers always serialise")
}
