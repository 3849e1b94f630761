//! What the records of one RRset, and the RRsets of one request, must keep among themselves (PDNS-DIALECT 6.3).

use std::collections::{HashMap, HashSet};

use store::{RECORD_HEAD_OCTETS, RRSET_OCTETS_MAX, rrset_too_large};
use wire::{Name, RecordType};

use crate::rrset_input::{InputRecord, RrsetContext, RrsetKey};

/// Whether targets that must be hostnames may hold underscores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hostnames {
    /// Letters, digits and inner hyphens (RFC 1123 section 2.1).
    Strict,
    /// Underscores too: metadata RFC1123-CONFORMANCE is "0".
    Underscores,
}

/// How a fault begins that RFC1123-CONFORMANCE may forgive.
pub(crate) const NON_HOSTNAME: &str = "non-hostname content";

/// Everything wrong with the records of one RRset, each as the client is told.
pub(crate) fn faults(key: &RrsetKey, records: &[InputRecord], context: &RrsetContext<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    if matches!(key.rtype, RecordType::CNAME | RecordType::DNAME | RecordType::SOA) && records.len() > 1 {
        faults.push(key.text("only one such record allowed"));
    }
    let mut seen = HashSet::new();
    for record in records {
        if !seen.insert((record.content.prio, record.content.stored.as_str())) {
            faults.push(key.text(&format!("duplicate record with content \"{}\"", shown(key, record))));
        }
    }
    let enabled = records.iter().filter(|record| !record.disabled);
    let octets: usize = enabled.map(|record| RECORD_HEAD_OCTETS + record.content.wire.len()).sum();
    if octets > RRSET_OCTETS_MAX {
        faults.push(key.text(&rrset_too_large(octets)));
    }
    if !records.is_empty() {
        let is_apex = key.name == *context.zone;
        match key.rtype {
            RecordType::DS if is_apex => faults.push(key.text("is not allowed at apex")),
            RecordType::SOA | RecordType::DNSKEY if !is_apex => faults.push(key.text("is only allowed at apex")),
            _ => {}
        }
    }
    for record in records {
        if let Some(target) = target(key.rtype, &record.content.wire)
            && !is_hostname(&target, key.rtype, context.hostnames)
        {
            faults.push(key.text(&format!("{NON_HOSTNAME} {target}")));
        }
    }
    faults
}

/// The stored form with its preference, as one text.
fn shown(key: &RrsetKey, record: &InputRecord) -> String {
    match key.rtype {
        RecordType::MX | RecordType::SRV => format!("{} {}", record.content.prio, record.content.stored),
        _ => record.content.stored.clone(),
    }
}

/// The name that must be a hostname, of types that have one.
fn target(rtype: RecordType, rdata: &[u8]) -> Option<Name> {
    let before = match rtype {
        RecordType::NS => 0,
        RecordType::MX => 2,
        RecordType::SRV => 6,
        _ => return None,
    };
    Name::from_wire(rdata.get(before..)?).ok()
}

fn is_hostname(name: &Name, rtype: RecordType, hostnames: Hostnames) -> bool {
    if name.is_root() {
        // RFC 7505, and RFC 2782's "." target.
        return rtype != RecordType::NS;
    }
    let is_legal = |octet: &u8| {
        octet.is_ascii_alphanumeric() || *octet == b'-' || (*octet == b'_' && hostnames == Hostnames::Underscores)
    };
    name.labels().all(|label| label.iter().all(is_legal) && label.first() != Some(&b'-') && label.last() != Some(&b'-'))
}

/// What RRsets that make up a whole zone must keep among themselves: a CNAME stands alone (RFC 2181 section 10.1). Disabled
/// records do not count.
pub(crate) fn faults_between<'a>(rrsets: impl Iterator<Item = (&'a RrsetKey, &'a [InputRecord])>) -> Vec<String> {
    let mut by_name: HashMap<&Name, Vec<RecordType>> = HashMap::new();
    for (key, records) in rrsets {
        if records.iter().any(|record| !record.disabled) {
            by_name.entry(&key.name).or_default().push(key.rtype);
        }
    }
    let mut faults = Vec::new();
    for (name, types) in by_name {
        let other = types.iter().find(|&&rtype| rtype != RecordType::CNAME);
        if let Some(other) = other.filter(|_| types.contains(&RecordType::CNAME)) {
            let key = RrsetKey { name: name.clone(), rtype: RecordType::CNAME };
            faults.push(key.text(&format!("conflicts with existing {other} RRset of the same name")));
        }
    }
    faults.sort();
    faults
}
