//! The change feed and what loading hands over (DESIGN section 3).

use crate::{StoredKey, StoredViews, ZoneId};
use wire::{Name, RecordType, ZoneName};

/// Which zones to load.
#[derive(Debug, Clone)]
pub enum LoadZones {
    /// All.
    All,
    /// These.
    Some(Vec<ZoneId>),
}

/// What a zone needs to be served besides its records.
#[derive(Debug, Clone)]
pub struct ZoneHeader {
    /// Row id.
    pub id: ZoneId,
    /// Distinguishes zones that had the same id (SQLite reuses ids).
    pub incarnation: u64,
    /// Counts the changes made through [`crate::Store::edit_zone`]; read with the rest, so this and later
    /// [`crate::Commit::generation`]s up to it are contained.
    pub generation: u64,
    /// Its name.
    pub name: ZoneName,
    /// Metadata by kind.
    pub metadata: Vec<(String, Vec<String>)>,
    /// Keys.
    pub keys: Vec<StoredKey>,
}

impl ZoneHeader {
    /// The first value of a kind of metadata, "" if there is none.
    pub fn first(&self, kind: &str) -> &str {
        let values = self.metadata.iter().find(|(name, _)| name.eq_ignore_ascii_case(kind)).map(|(_, values)| values);
        values.and_then(|values| values.first()).map(String::as_str).unwrap_or_default()
    }

    /// Whether the zone was signed elsewhere, and its signatures are stored.
    pub fn is_presigned(&self) -> bool {
        self.first("PRESIGNED") == "1"
    }
}

/// One item of a load, in the order `Zone`, `Record`…, `EndOfZone`; of a load of all zones `Views` is the first.
#[derive(Debug)]
pub enum LoadItem {
    /// Who sees which variants.
    Views(StoredViews),
    /// A zone begins.
    Zone(ZoneHeader),
    /// An enabled record of it, in wire format.
    Record(ServedRecord),
    /// A row that cannot be served: counted and logged, never fatal.
    BadRow {
        /// As stored.
        name: String,
        /// As stored.
        rtype: String,
        /// Why.
        reason: String,
    },
    /// It is complete.
    EndOfZone,
}

/// An enabled record in wire format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedRecord {
    /// Lower case.
    pub name: Name,
    /// Type.
    pub rtype: RecordType,
    /// Seconds.
    pub ttl: u32,
    /// Wire format.
    pub rdata: Vec<u8>,
}

/// Where a reader of the feed stands. Opaque outside the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedCursor {
    /// Postgres: `xmin` of the last snapshot. SQLite: highest id applied.
    pub(crate) low: i64,
    /// Postgres: ids applied at or above `low`.
    pub(crate) applied: std::collections::BTreeSet<i64>,
    /// Which database and, for Postgres, which timeline.
    pub(crate) database: String,
    /// Postgres: when its server started, in microseconds. SQLite: 0.
    pub(crate) started: i64,
}

impl FeedCursor {
    /// Where a reader goes on who has to hear again of everything that either cursor has not seen.
    #[must_use]
    pub fn meet(self, other: &FeedCursor) -> FeedCursor {
        FeedCursor {
            low: self.low.min(other.low),
            // An id that the one with the higher `low` need not list is read twice, which does no harm.
            applied: self.applied.intersection(&other.applied).copied().collect(),
            // Cursors of two databases have nothing in common: no database is called so, and everything is loaded afresh.
            database: if self.database == other.database { self.database } else { String::new() },
            // As for any restart in between.
            started: if self.started == other.started { self.started } else { -1 },
        }
    }
}

/// What changed to one zone.
#[derive(Debug)]
pub enum ZoneChange {
    /// These names changed: all their enabled data as it is now (no records: the name has none).
    Names {
        /// Which zone.
        zone: ZoneId,
        /// Incarnation the change belongs to.
        incarnation: u64,
        /// As in [`ZoneHeader::generation`].
        generation: u64,
        /// Name and data; bad rows left out and logged.
        names: Vec<(Name, Vec<ServedRecord>)>,
    },
    /// Load the zone of this name afresh: created, or too much to list.
    Reload(ZoneId, ZoneName),
    /// Keys or metadata changed, records did not: the header is all that is needed.
    Header(ZoneHeader),
    /// It is gone.
    Gone(ZoneId),
}

/// What [`crate::Store::changes`] returns.
#[derive(Debug)]
pub enum FeedBatch {
    /// In commit order per zone.
    Changes {
        /// Possibly none.
        changes: Vec<ZoneChange>,
        /// Present if any view or network changed: all of them as they are now.
        views: Option<StoredViews>,
        /// Where to go on.
        cursor: FeedCursor,
        /// Rows and names among the changes that cannot be served; each is logged.
        bad_rows: u64,
    },
    /// The cursor is too old, or this is another database: load everything afresh.
    LoadAll,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(low: i64, applied: &[i64]) -> FeedCursor {
        FeedCursor { low, applied: applied.iter().copied().collect(), database: "here".into(), started: 7 }
    }

    #[test]
    fn where_two_cursors_meet_nothing_is_skipped_that_one_has_not_seen() {
        assert_eq!(cursor(10, &[31, 32]).meet(&cursor(12, &[32, 33])), cursor(10, &[32]));
        assert_eq!(cursor(12, &[]).meet(&cursor(10, &[31])), cursor(10, &[]));
        let restarted = FeedCursor { started: 8, ..cursor(10, &[]) };
        assert_eq!(cursor(10, &[]).meet(&restarted).started, -1);
        let elsewhere = FeedCursor { database: "there".into(), ..cursor(10, &[]) };
        assert_eq!(cursor(10, &[]).meet(&elsewhere).database, "");
    }
}
