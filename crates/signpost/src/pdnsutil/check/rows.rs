//! What single rows say that their RRsets do not show: TTLs that differ, and rows that are not served.

use std::collections::{BTreeMap, BTreeSet};

use store::{ServedRecord, StoredRecord, StoredRrset};
use wire::{Name, RecordType};

use super::{Findings, described};

/// The enabled rows of a zone as a load hands them over, without their contents.
#[derive(Debug, Default)]
pub(super) struct Rows {
    sets: BTreeMap<(Name, RecordType), Set>,
    mismatches: Vec<String>,
    bad: Vec<BadRow>,
}

#[derive(Debug)]
struct Set {
    /// Of the first row.
    ttl: u32,
    rows: usize,
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
        let set = self.sets.entry((record.name.clone(), record.rtype)).or_insert(Set { ttl: record.ttl, rows: 0 });
        set.rows += 1;
        // Signatures at one name have the TTLs of what they cover.
        if set.ttl != record.ttl && record.rtype != RecordType::RRSIG {
            let (content, prio) = wire::content::from_wire(record.rtype, &record.rdata)
                .map_or_else(|_| (String::new(), 0), |content| (content.stored, content.prio));
            let stored = StoredRecord { content, prio, disabled: false };
            let record_text = described(&record.name, record.rtype, &stored);
            self.mismatches.push(format!("TTL mismatch in rrset: '{record_text}' ({} != {})", set.ttl, record.ttl));
        }
    }

    /// Takes one that is not.
    pub(super) fn take_bad(&mut self, name: String, rtype: String, reason: String) {
        self.bad.push(BadRow { name, rtype, reason });
    }

    /// Adds what is wrong with them to what was found in `rrsets`.
    pub(super) fn examine(self, zone: &Name, rrsets: &[StoredRrset], findings: &mut Findings) {
        self.mismatches.iter().for_each(|text| findings.error(text.clone()));
        let mut bad = BTreeMap::<(Name, RecordType), usize>::new();
        for row in &self.bad {
            let set = Name::parse(&row.name).ok().zip(row.rtype.parse::<RecordType>().ok());
            let set = set.map(|(name, rtype)| (name.to_lowercase(), rtype));
            let is_named = set.as_ref().is_some_and(|(name, rtype)| {
                !name.is_under(zone) || findings.unreadable.contains(&(name.clone(), *rtype))
            });
            if let Some(set) = set {
                *bad.entry(set).or_default() += 1;
            }
            if !is_named {
                findings.error(format!("Record '{}|{}' cannot be served: {}", row.name, row.rtype, row.reason));
            }
        }
        for rrset in rrsets {
            let set = (rrset.name.clone(), rrset.rtype);
            let served = self.sets.get(&set).map_or(0, |set| set.rows) + bad.get(&set).copied().unwrap_or_default();
            let unserved = rrset.records.iter().filter(|record| !record.disabled).count().saturating_sub(served);
            if unserved > 0 {
                // PowerDNS does not count them either.
                findings.records = findings.records.saturating_sub(unserved);
                findings.warning(format!(
                    "{unserved} records of '{}|{}' have NULL in the column disabled, and are not served",
                    rrset.name.to_dotless(),
                    rrset.rtype
                ));
            }
        }
    }
}

/// RRsets whose contents were found unreadable.
pub(super) type Unreadable = BTreeSet<(Name, RecordType)>;
