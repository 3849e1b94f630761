//! A piece of a zone as it is edited: the rows of some names, and their comments.

use std::collections::{BTreeMap, HashMap};

use wire::{Name, RecordType};

use crate::{Comment, StoredRecord};

/// A type that stands for no row we can read: the row is kept, counts as data, and is never changed.
pub(crate) const UNREADABLE: RecordType = RecordType(0);

/// A row of `records`.
#[derive(Debug, Clone)]
pub(crate) struct RecordRow {
    /// `None`: not written yet.
    pub(crate) id: Option<i64>,
    /// `None`: an empty non-terminal.
    pub(crate) rtype: Option<RecordType>,
    pub(crate) content: String,
    pub(crate) prio: i32,
    pub(crate) ttl: u32,
    pub(crate) is_disabled: bool,
    pub(crate) ordername: Option<String>,
    pub(crate) auth: Option<bool>,
}

impl RecordRow {
    /// Whether it says something about its name to DNS.
    pub(crate) fn is_data(&self) -> bool {
        self.rtype.is_some() && !self.is_disabled
    }

    /// Whether it is enabled and of this type.
    pub(crate) fn is_enabled(&self, rtype: RecordType) -> bool {
        self.rtype == Some(rtype) && !self.is_disabled
    }

    pub(crate) fn is_same_record(&self, record: &StoredRecord, ttl: u32) -> bool {
        self.content == record.content
            && self.prio == record.prio
            && self.is_disabled == record.disabled
            && self.ttl == ttl
    }
}

/// Rows by name.
pub(crate) type Rows = HashMap<Name, Vec<RecordRow>>;

/// One RRset in an edit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RrsetState {
    /// Records with their TTLs: old databases hold RRsets of several.
    pub(crate) records: Vec<(StoredRecord, u32)>,
    pub(crate) comments: Vec<Comment>,
}

impl RrsetState {
    /// Whether DNS sees any of it.
    pub(crate) fn is_enabled(&self) -> bool {
        self.records.iter().any(|(record, _)| !record.disabled)
    }

    /// Whether both hold the same, whatever the order. A comment without time is as new as the one it equals.
    pub(crate) fn is_same(&self, other: &RrsetState) -> bool {
        let sorted = |state: &RrsetState| {
            let mut records: Vec<_> = state
                .records
                .iter()
                .map(|(record, ttl)| (record.content.clone(), record.prio, record.disabled, *ttl))
                .collect();
            records.sort();
            records
        };
        self.records.len() == other.records.len()
            && self.has_same_comments(other)
            && (self.records == other.records || sorted(self) == sorted(other))
    }

    /// Whether both hold the same comments.
    pub(crate) fn has_same_comments(&self, other: &RrsetState) -> bool {
        let sorted = |state: &RrsetState| {
            let mut comments = state.comments.clone();
            comments
                .sort_by(|a, b| (&a.content, &a.account, a.modified_at).cmp(&(&b.content, &b.account, b.modified_at)));
            comments
        };
        self.comments.len() == other.comments.len()
            && sorted(self).iter().zip(&sorted(other)).all(|(ours, theirs)| {
                ours.content == theirs.content
                    && ours.account == theirs.account
                    && (ours.modified_at == theirs.modified_at
                        || ours.modified_at.is_none()
                        || theirs.modified_at.is_none())
            })
    }
}

/// RRsets by name and type.
pub(crate) type Rrsets = BTreeMap<Name, BTreeMap<RecordType, RrsetState>>;

/// The RRsets that rows make up; empty non-terminals and unreadable rows are none.
pub(crate) fn rrsets_of(rows: &Rows) -> Rrsets {
    let mut rrsets = Rrsets::new();
    for (name, rows) in rows {
        for row in rows {
            let Some(rtype) = row.rtype.filter(|&rtype| rtype != UNREADABLE) else { continue };
            let record = StoredRecord { content: row.content.clone(), prio: row.prio, disabled: row.is_disabled };
            let rrset = rrsets.entry(name.clone()).or_default().entry(rtype).or_default();
            rrset.records.push((record, row.ttl));
        }
    }
    rrsets
}
