//! What single rows say that their RRsets do not show: TTLs that differ, and rows that are not served.

use std::collections::{BTreeMap, BTreeSet};

use store::{ServedRecord, StoredRecord};
use wire::{Name, RecordType};

use super::{Findings, described};

/// The enabled rows of a zone as a load hands them over, without their contents.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// The TTL of each RRset's first row.
    ttls: BTreeMap<(Name, RecordType), u32>,
    mismatches: Vec<String>,
    bad: Vec<BadRow>,
}

#[derive(Debug)]
struct BadRow {
    name: String,
    rtype: String,
    reason: String,
}

impl Rows {
    /// Takes a row that is served.
    pub(super) fn take(&mut self, record: &ServedRecord) {
        let ttl = *self.ttls.entry((record.name.clone(), record.rtype)).or_insert(record.ttl);
        // Signatures at one name have the TTLs of what they cover.
        if ttl != record.ttl && record.rtype != RecordType::RRSIG {
            let (content, prio) = wire::content::from_wire(record.rtype, &record.rdata)
                .map_or_else(|_| (String::new(), 0), |content| (content.stored, content.prio));
            let stored = StoredRecord { content, prio, disabled: false };
            let record_text = described(&record.name, record.rtype, &stored);
            self.mismatches.push(format!("TTL mismatch in rrset: '{record_text}' ({ttl} != {})", record.ttl));
        }
    }

    /// Takes one that is not.
    pub(super) fn take_bad(&mut self, name: String, rtype: String, reason: String) {
        self.bad.push(BadRow { name, rtype, reason });
    }

    /// Adds what is wrong with them to what was found.
    pub(super) fn examine(self, zone: &Name, findings: &mut Findings) {
        self.mismatches.iter().for_each(|text| findings.error(text.clone()));
        for row in &self.bad {
            let set = Name::parse(&row.name).ok().zip(row.rtype.parse::<RecordType>().ok());
            let set = set.map(|(name, rtype)| (name.to_lowercase(), rtype));
            let is_named = set.as_ref().is_some_and(|(name, rtype)| {
                !name.is_under(zone) || findings.unreadable.contains(&(name.clone(), *rtype))
            });
            if !is_named {
                findings.error(format!("Record '{}|{}' cannot be served: {}", row.name, row.rtype, row.reason));
            }
        }
    }
}

/// RRsets whose contents were found unreadable.
pub(super) type Unreadable = BTreeSet<(Name, RecordType)>;
