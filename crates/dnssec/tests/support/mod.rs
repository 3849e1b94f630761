//! What the suites share: zones out of text, and a validator's view of a proof.

// Each suite is a crate of its own and uses a part of this.
#![allow(dead_code)]

pub(crate) mod checker;

use dnssec::{Proof, Workbench, prove};
use wire::{Name, RecordType, rdata};
use zone::{DenialMode, Found, Zone, ZoneBuilder};

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// Records out of lines `owner ttl type rdata`, names absolute, fields apart by any number of spaces.
pub(crate) fn records(lines: &str) -> Vec<(Name, u32, RecordType, Vec<u8>)> {
    let field = |text: &mut &str| {
        let (field, rest) = text.trim_start().split_once(char::is_whitespace).unwrap();
        let field = field.to_owned();
        *text = &text[text.len() - rest.len()..];
        field
    };
    let record = |mut line: &str| {
        let (owner, ttl, rtype) = (field(&mut line), field(&mut line), field(&mut line));
        let rtype = rtype.parse::<RecordType>().unwrap();
        let rdata = rdata::parse(rtype, line.trim(), None).unwrap_or_else(|error| panic!("{rtype} {line}: {error}"));
        (name(&owner), ttl.parse().unwrap(), rtype, rdata)
    };
    lines.lines().filter(|line| !line.trim().is_empty()).map(record).collect()
}

pub(crate) fn zone(apex: &str, mode: DenialMode, lines: &str) -> Zone {
    let mut builder = ZoneBuilder::new(name(apex), mode);
    for (owner, ttl, rtype, rdata) in records(lines) {
        builder.add(&owner, rtype, ttl, &rdata);
    }
    assert_eq!(builder.ignored(), 0);
    builder.finish().unwrap()
}

/// The proof for a question, and the owners of its records as text.
pub(crate) fn ask<'z>(zone: &'z Zone, qname: &str, rtype: RecordType) -> (Found<'z>, Vec<String>) {
    let qname = name(qname).to_lowercase();
    let found = zone.lookup(qname.as_wire(), rtype);
    let proof = prove(zone, qname.as_wire(), &found, &Workbench::default());
    (found, owners(&proof))
}

pub(crate) fn owners(proof: &Proof<'_>) -> Vec<String> {
    proof.iter().map(|record| record.owner().to_string()).collect()
}
