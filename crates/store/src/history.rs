//! What happened to a zone, read from the journal, and how to take it back.

use std::collections::BTreeMap;

use serde::Deserialize;
use wire::{Name, RecordType, ZoneName};

use crate::session::{Session, Sql, Value};
use crate::soa::{serial_of, with_serial};
use crate::{
    Comment, Commit, RrsetChange, RrsetEdit, RrsetFilter, Store, StoreError, StoredRecord, StoredRrset, ZoneEdit,
};

/// Entries read at once while a serial is looked for: each may hold thousands of RRsets.
const ENTRIES_AT_ONCE: u32 = 50;
/// RRsets that an undo keeps in mind, at most.
const RRSETS_MAX: usize = 100_000;
/// How often an undo is decided anew when others change the zone at the same time.
const ATTEMPTS_MAX: u32 = 5;

/// Which entries to read.
#[derive(Debug, Clone, Default)]
pub struct HistoryFilter {
    /// Only entries before this one; `None`: from the newest on.
    pub before: Option<i64>,
    /// At most so many.
    pub count_max: u32,
}

/// One change of a zone that was made through Signpost.
#[derive(Debug, Clone)]
pub struct HistoryEntry {
    /// Greater than that of every earlier entry.
    pub id: i64,
    /// Unix seconds.
    pub written_at: i64,
    /// Tells apart zones that had the same name at different times.
    pub incarnation: i64,
    /// As in [`crate::Commit::generation`].
    pub generation: u64,
    /// Who asked: `api:NAME` of the key, `pdnsutil`, and so on.
    pub actor: Option<String>,
    /// The stored serial before and after.
    pub serials: (Option<u32>, Option<u32>),
    /// Somebody may have written the zone's tables without Signpost between the entry before and this one.
    pub is_after_gap: bool,
    /// What else changed, in words: `zone created`, `kind`, `metadata NSEC3PARAM`, `key 5 removed`. Never a value.
    pub settings: Vec<String>,
    /// The RRsets that changed; `None` if there were too many to keep.
    pub rrsets: Option<Vec<HistoryRrset>>,
}

/// One RRset, before and after.
#[derive(Debug, Clone)]
pub struct HistoryRrset {
    /// Owner.
    pub name: Name,
    /// Type.
    pub rtype: RecordType,
    /// Before; empty: it was not there.
    pub old: HistoryState,
    /// After; empty: it is gone.
    pub new: HistoryState,
}

/// What an RRset held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryState {
    /// Each with its TTL.
    pub records: Vec<(StoredRecord, u32)>,
    /// Comments.
    pub comments: Vec<Comment>,
}

/// Why a zone cannot be taken back to a serial.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UndoError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No entry left the zone with it.
    #[error("no change on record left the zone at serial {0}; changes are kept for 30 days")]
    NoSuchSerial(u32),
    /// An entry's RRsets were not kept, or there are too many in between.
    #[error("the change to serial {0} was too large to be kept, or is one too many, and cannot be undone")]
    TooLarge(u32),
    /// Tables were written without Signpost.
    #[error("the zone was changed without Signpost before serial {0}: what was there before that is not known")]
    Gap(u32),
    /// An RRset is not as the newest entry left it.
    #[error("{name} {rtype} was changed without Signpost since")]
    Changed {
        /// Owner.
        name: Name,
        /// Type.
        rtype: RecordType,
    },
}

#[derive(Deserialize)]
struct JournalRrset {
    name: String,
    r#type: String,
    old: JournalState,
    new: JournalState,
}

#[derive(Deserialize)]
struct JournalState {
    records: Vec<JournalRecord>,
    #[serde(default)]
    comments: Vec<JournalComment>,
}

#[derive(Deserialize)]
struct JournalRecord {
    content: String,
    prio: i32,
    ttl: u32,
    disabled: bool,
}

#[derive(Deserialize)]
struct JournalComment {
    content: String,
    account: String,
    modified_at: Option<i64>,
}

impl From<JournalState> for HistoryState {
    fn from(state: JournalState) -> HistoryState {
        let record = |JournalRecord { content, prio, ttl, disabled }| (StoredRecord { content, prio, disabled }, ttl);
        let comment = |JournalComment { content, account, modified_at }| Comment { content, account, modified_at };
        HistoryState {
            records: state.records.into_iter().map(record).collect(),
            comments: state.comments.into_iter().map(comment).collect(),
        }
    }
}

/// Entries of all zones that have or had this name, the newest first.
pub(crate) async fn read(
    session: &mut Session,
    zone: &ZoneName,
    filter: &HistoryFilter,
) -> Result<Vec<HistoryEntry>, StoreError> {
    const HISTORY: Sql = Sql {
        postgres: "SELECT id, extract(epoch FROM written_at)::bigint, incarnation, generation, actor, serial_before, \
                   serial_after, is_after_gap, settings, changes FROM signpost_journal \
                   WHERE (domain_id, incarnation) IN (SELECT d.id, z.incarnation FROM domains d \
                   JOIN signpost_zone z ON z.domain_id = d.id WHERE d.name = $1 \
                   UNION SELECT domain_id, incarnation FROM signpost_journal WHERE zone = $1) \
                   AND id < $2 ORDER BY id DESC LIMIT $3",
        sqlite: "SELECT id, written_at, incarnation, generation, actor, serial_before, \
                 serial_after, is_after_gap, settings, changes FROM signpost_journal \
                 WHERE (domain_id, incarnation) IN (SELECT d.id, z.incarnation FROM domains d \
                 JOIN signpost_zone z ON z.domain_id = d.id WHERE d.name = $1 \
                 UNION SELECT domain_id, incarnation FROM signpost_journal WHERE zone = $1) \
                 AND id < $2 ORDER BY id DESC LIMIT $3",
    };
    let values = [
        Value::Text(zone.to_dotless()),
        Value::Int(filter.before.unwrap_or(i64::MAX)),
        Value::Int(i64::from(filter.count_max)),
    ];
    let mut entries = Vec::new();
    for row in session.rows("reading the journal", HISTORY, values).await? {
        let serial =
            |column| Ok::<_, StoreError>(row.int_or_null(column)?.and_then(|serial| u32::try_from(serial).ok()));
        entries.push(HistoryEntry {
            id: row.int(0)?,
            written_at: row.int(1)?,
            incarnation: row.int(2)?,
            generation: row.int(3)? as u64,
            actor: row.text_or_null(4)?.map(str::to_owned),
            serials: (serial(5)?, serial(6)?),
            is_after_gap: row.is_true(7)?,
            settings: row.text_or_null(8)?.map(parse_settings).unwrap_or_default(),
            rrsets: row.text_or_null(9)?.map(parse_changes).transpose()?,
        });
    }
    Ok(entries)
}

fn parse_settings(text: &str) -> Vec<String> {
    serde_json::from_str(text).unwrap_or_default()
}

fn parse_changes(text: &str) -> Result<Vec<HistoryRrset>, StoreError> {
    let malformed = |why: String| StoreError::Malformed(format!("a change in signpost_journal: {why}"));
    let rrsets: Vec<JournalRrset> = serde_json::from_str(text).map_err(|why| malformed(why.to_string()))?;
    let rrset = |rrset: JournalRrset| {
        Ok(HistoryRrset {
            name: Name::parse(&rrset.name).map_err(|why| malformed(why.to_string()))?,
            rtype: rrset.r#type.parse().map_err(|_| malformed(format!("unknown type {}", rrset.r#type)))?,
            old: rrset.old.into(),
            new: rrset.new.into(),
        })
    };
    rrsets.into_iter().map(rrset).collect()
}

/// Takes records and comments of a zone back to how they were at `serial`, as a new change with a new serial; with
/// `is_trial` it only tells. Returns the changes and, unless there was nothing to change, what was committed.
///
/// # Errors
///
/// [`UndoError`]; nothing is changed then.
pub async fn undo_to(
    store: &dyn Store,
    zone: &ZoneName,
    serial: u32,
    actor: &str,
    is_trial: bool,
) -> Result<(Vec<RrsetChange>, Option<Commit>), UndoError> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let summary = store.zone(zone).await?.ok_or(StoreError::NotFound { what: "zone" })?;
        let entries = back_to(store, zone, serial).await?;
        let present = store.rrsets(summary.id, &RrsetFilter::default()).await?;
        let changes = undo(&entries, serial, &present)?;
        if is_trial || changes.is_empty() {
            return Ok((changes, None));
        }
        let edit = ZoneEdit {
            rrsets: RrsetEdit::Patch(changes.clone()),
            expects_generation: entries.first().map(|entry| entry.generation),
            actor: Some(format!("{actor}, undo to {serial}")),
            ..ZoneEdit::default()
        };
        match store.edit_zone(zone, edit).await {
            Err(StoreError::Changed { .. }) if attempt < ATTEMPTS_MAX => {}
            done => return Ok((changes, Some(done?))),
        }
    }
}

/// The entries down to the one that left the zone at `serial`, or all there are, the newest first.
async fn back_to(store: &dyn Store, zone: &ZoneName, serial: u32) -> Result<Vec<HistoryEntry>, UndoError> {
    let mut entries: Vec<HistoryEntry> = Vec::new();
    let mut rrsets = 0;
    loop {
        let filter = HistoryFilter { before: entries.last().map(|entry| entry.id), count_max: ENTRIES_AT_ONCE };
        let page = store.history(zone, &filter).await?;
        if page.is_empty() {
            return Ok(entries);
        }
        for entry in page {
            let is_found = entry.serials.1 == Some(serial);
            rrsets += entry.rrsets.as_ref().map_or(0, Vec::len);
            if rrsets > RRSETS_MAX {
                return Err(UndoError::TooLarge(entry.serials.1.unwrap_or_default()));
            }
            entries.push(entry);
            if is_found {
                return Ok(entries);
            }
        }
    }
}

/// The changes that take records and comments back to how they were at `serial`. `entries` are a zone's, the newest first,
/// `present` its RRsets as they are. The serial itself goes on: secondaries would not follow it back.
///
/// # Errors
///
/// [`UndoError`] if what was there then is not known, or not what history left is there now.
pub fn undo(entries: &[HistoryEntry], serial: u32, present: &[StoredRrset]) -> Result<Vec<RrsetChange>, UndoError> {
    let incarnation = entries.first().map(|entry| entry.incarnation);
    let count =
        entries.iter().position(|entry| entry.serials.1 == Some(serial) && Some(entry.incarnation) == incarnation);
    let undone = &entries[..count.ok_or(UndoError::NoSuchSerial(serial))?];
    let mut states = BTreeMap::<(&Name, RecordType), (&HistoryState, &HistoryState)>::new();
    for entry in undone {
        let at = entry.serials.1.unwrap_or_default();
        if entry.is_after_gap {
            return Err(UndoError::Gap(at));
        }
        for rrset in entry.rrsets.as_ref().ok_or(UndoError::TooLarge(at))? {
            // The newest entry says what is there now, the oldest what was there then.
            let newest = states.get(&(&rrset.name, rrset.rtype)).map_or(&rrset.new, |(_, newest)| newest);
            states.insert((&rrset.name, rrset.rtype), (&rrset.old, newest));
        }
    }
    let mut changes = Vec::new();
    for ((name, rtype), (old, new)) in states {
        let there = present.iter().find(|rrset| rrset.name == *name && rrset.rtype == rtype);
        let is_soa = rtype == RecordType::SOA;
        if !is_soa && !is_as_left(there, new) {
            return Err(UndoError::Changed { name: name.clone(), rtype });
        }
        let mut records: Vec<StoredRecord> = old.records.iter().map(|(record, _)| record.clone()).collect();
        if is_soa {
            let Some(now) = there.and_then(|rrset| rrset.records.first()) else { continue };
            let serial = serial_of(&now.content).unwrap_or(serial);
            records.iter_mut().for_each(|soa| soa.content = with_serial(&soa.content, serial));
            if records.is_empty() || records == [now.clone()] {
                continue;
            }
        }
        let is_gone = records.is_empty() && old.comments.is_empty();
        changes.push(match is_gone {
            true => RrsetChange::Delete { name: name.clone(), rtype },
            false => RrsetChange::Replace {
                name: name.clone(),
                rtype,
                ttl: old.records.iter().map(|(_, ttl)| *ttl).min().unwrap_or_default(),
                records: Some(records),
                comments: Some(old.comments.clone()),
            },
        });
    }
    // What is deleted makes way for what comes back: a CNAME and others swap places.
    changes.sort_by_key(|change| !matches!(change, RrsetChange::Delete { .. }));
    Ok(changes)
}

fn is_as_left(there: Option<&StoredRrset>, new: &HistoryState) -> bool {
    let key = |record: &StoredRecord| (record.content.clone(), record.prio, record.disabled);
    let mut wanted: Vec<_> = new.records.iter().map(|(record, _)| key(record)).collect();
    let mut found: Vec<_> = there.iter().flat_map(|rrset| &rrset.records).map(key).collect();
    wanted.sort();
    found.sort();
    wanted == found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(contents: &[&str]) -> HistoryState {
        let record = |content: &&str| (StoredRecord { content: (*content).to_owned(), prio: 0, disabled: false }, 60);
        HistoryState { records: contents.iter().map(record).collect(), comments: Vec::new() }
    }

    fn rrset(name: &str, rtype: &str, old: &[&str], new: &[&str]) -> HistoryRrset {
        let (old, new) = (state(old), state(new));
        HistoryRrset { name: Name::parse(name).unwrap(), rtype: rtype.parse().unwrap(), old, new }
    }

    fn entry(serial: u32, rrsets: Vec<HistoryRrset>) -> HistoryEntry {
        HistoryEntry {
            id: i64::from(serial),
            written_at: 0,
            incarnation: 1,
            generation: u64::from(serial),
            actor: None,
            serials: (Some(serial - 1), Some(serial)),
            is_after_gap: false,
            settings: Vec::new(),
            rrsets: Some(rrsets),
        }
    }

    fn present(name: &str, rtype: &str, contents: &[&str]) -> StoredRrset {
        let records = state(contents).records.into_iter().map(|(record, _)| record).collect();
        let (name, rtype) = (Name::parse(name).unwrap(), rtype.parse().unwrap());
        StoredRrset { name, rtype, ttl: 60, records, comments: Vec::new() }
    }

    /// Each change as `-name type` or `name type content`.
    fn shown(changes: &[RrsetChange]) -> Vec<String> {
        let line = |change: &RrsetChange| match change {
            RrsetChange::Delete { name, rtype } => format!("-{name} {rtype}"),
            RrsetChange::Replace { name, rtype, records: Some(records), .. } => {
                let contents: Vec<&str> = records.iter().map(|record| record.content.as_str()).collect();
                format!("{name} {rtype} {}", contents.join(","))
            }
            other => format!("{other:?}"),
        };
        changes.iter().map(line).collect()
    }

    #[test]
    fn changes_are_taken_back_to_the_oldest_state() {
        let entries = [
            entry(5, vec![rrset("a.x.", "A", &["2"], &["3"]), rrset("c.x.", "CNAME", &[], &["d.x"])]),
            entry(4, vec![rrset("a.x.", "A", &["1"], &["2"]), rrset("c.x.", "A", &["9"], &[])]),
            entry(3, vec![rrset("b.x.", "A", &[], &["1"])]),
        ];
        let now = [present("a.x.", "A", &["3"]), present("b.x.", "A", &["1"]), present("c.x.", "CNAME", &["d.x"])];
        assert_eq!(shown(&undo(&entries, 3, &now).unwrap()), ["-c.x. CNAME", "a.x. A 1", "c.x. A 9"]);
        assert_eq!(shown(&undo(&entries, 4, &now).unwrap()), ["-c.x. CNAME", "a.x. A 2"]);
        assert!(undo(&entries, 5, &now).unwrap().is_empty(), "nothing happened since");
        assert!(matches!(undo(&entries, 2, &now), Err(UndoError::NoSuchSerial(2))));
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        let mut entries = [entry(5, vec![rrset("a.x.", "A", &["1"], &["2"])]), entry(4, Vec::new())];
        let other = [present("a.x.", "A", &["7"])];
        assert_eq!(undo(&entries, 4, &other).unwrap_err().to_string(), "a.x. A was changed without Signpost since");
        entries[0].is_after_gap = true;
        assert!(matches!(undo(&entries, 4, &other), Err(UndoError::Gap(5))));
        entries[0] = HistoryEntry { is_after_gap: false, rrsets: None, ..entries[0].clone() };
        assert!(matches!(undo(&entries, 4, &other), Err(UndoError::TooLarge(5))));
        entries[1].incarnation = 0;
        assert!(matches!(undo(&entries, 4, &other), Err(UndoError::NoSuchSerial(4))), "another zone of that name");
    }

    #[test]
    fn the_serial_goes_on_and_the_rest_of_the_soa_goes_back() {
        let soa = |serial: u32, refresh: u32| format!("ns.x hm.x {serial} {refresh} 2 3 4");
        let (old, new) = (soa(4, 1), soa(5, 9));
        let entries = [entry(5, vec![rrset("x.", "SOA", &[&old], &[&new])]), entry(4, Vec::new())];
        let changes = undo(&entries, 4, &[present("x.", "SOA", &[&new])]).unwrap();
        assert_eq!(shown(&changes), ["x. SOA ns.x hm.x 5 1 2 3 4"]);
        let only_serial = soa(5, 1);
        let entries = [entry(5, vec![rrset("x.", "SOA", &[&old], &[&only_serial])]), entry(4, Vec::new())];
        assert!(undo(&entries, 4, &[present("x.", "SOA", &[&only_serial])]).unwrap().is_empty());
    }
}
