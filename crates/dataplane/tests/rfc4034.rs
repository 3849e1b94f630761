//! RFC 4034: what the records of DNSSEC hold as they are served.

mod fixture;

use dnssec::rrsig::RrsigFields;
use fixture::{Mode, ask, table, zone};
use hickory_proto::op::Message;
use hickory_proto::rr::{RData, Record};
use wire::{Name, RecordType};

const EXAMPLE: &str = "
    example. 3600 SOA ns1.example. host.example. 1 7200 3600 1209600 300
    example. 3600 NS ns1.example.
    ns1.example. 3600 A 192.0.2.1
    alias.example. 60 CNAME ns1.example.
    moved.example. 60 DNAME other.example.
    plain.example. 60 NS ns.plain.example.
    ns.plain.example. 60 A 192.0.2.2
    ns.plain.example. 60 TXT \"not glue\"
    safe.example. 60 NS ns1.example.
    safe.example. 60 DS 12345 13 2 e2d3c916f6deeac73294e8268fb5885044a833fc5459588f4a9184cfc41a5766
    safe.example. 60 A 192.0.2.3
    odd.example. 60 TYPE1234 \\# 1 00
    odd.example. 60 TYPE65280 \\# 1 00
    ";

/// The records of all sections as type and RDATA, as they came over the wire.
fn records(name: &str, qtype: &str, mode: Mode) -> Vec<(RecordType, Vec<u8>)> {
    let table = table([zone(mode, EXAMPLE)]);
    let message = Message::from_vec(&ask(name, qtype).with_do().raw(&table).0).unwrap();
    let record = |record: &Record| match &record.data {
        RData::Unknown { rdata, .. } => Some((RecordType(record.record_type().into()), rdata.anything.to_vec())),
        _ => None,
    };
    message.answers.iter().chain(&message.authorities).chain(&message.additionals).filter_map(record).collect()
}

/// The types in the bitmap of the denial record that comes with the NODATA or referral for `name`.
fn types_at(name: &str, qtype: &str, mode: Mode) -> String {
    let rtype = if mode == Mode::Nsec { RecordType::NSEC } else { RecordType::NSEC3 };
    let records = records(name, qtype, mode);
    let found = records.iter().find(|(other, _)| *other == rtype);
    let (_, rdata) = found.unwrap_or_else(|| panic!("{name} {qtype} {mode:?}: {records:?}"));
    let text = wire::rdata::print(rtype, rdata).unwrap();
    // After the next name; of NSEC3, after hash, flags, iterations, salt and next hash.
    text.split(' ').skip(if mode == Mode::Nsec { 1 } else { 5 }).collect::<Vec<_>>().join(" ")
}

#[test]
fn section_4_1_2_bitmaps_hold_what_is_there_and_no_more() {
    for (name, qtype, nsec, nsec3) in [
        ("example", "MX", "NS SOA RRSIG NSEC DNSKEY", "NS SOA RRSIG DNSKEY"),
        ("ns1.example", "MX", "A RRSIG NSEC", "A RRSIG"),
        ("moved.example", "MX", "DNAME RRSIG NSEC", "DNAME RRSIG"),
        // At a cut: NS, and DS where there is one; the child's data is none of ours, and unsigned NS need no RRSIG.
        ("host.plain.example", "A", "NS RRSIG NSEC", "NS"),
        ("plain.example", "DS", "NS RRSIG NSEC", "NS"),
        // Windows of 256 types: 1234 is in window 4, 65280 in window 255, and those between are not there.
        ("odd.example", "MX", "RRSIG NSEC TYPE1234 TYPE65280", "RRSIG TYPE1234 TYPE65280"),
    ] {
        assert_eq!(types_at(name, qtype, Mode::Nsec), nsec, "{name} {qtype}");
        assert_eq!(types_at(name, qtype, Mode::Nsec3), nsec3, "{name} {qtype}");
    }
    // What cannot be had by a NODATA is asked for by its type.
    assert_eq!(types_at("alias.example", "NSEC", Mode::Nsec), "CNAME RRSIG NSEC");
    // The record of a secure cut is seen where it denies a name behind it.
    assert_eq!(types_at("t.example", "A", Mode::Nsec), "NS DS RRSIG NSEC");
}

#[test]
fn section_3_1_7_and_4_1_1_names_are_not_compressed() {
    let (mut signatures, mut nexts) = (0, 0);
    for (name, qtype) in [("ns1.example", "A"), ("nothing.example", "A"), ("host.plain.example", "A")] {
        for (rtype, rdata) in records(name, qtype, Mode::Nsec) {
            match rtype {
                // A pointer would be no label of at most 63 octets, and the names would not be read.
                RecordType::RRSIG => {
                    let (fields, signature) = RrsigFields::parse(&rdata).unwrap();
                    assert_eq!((fields.signer, signature.len()), (fixture::name("example."), 64));
                    signatures += 1;
                }
                RecordType::NSEC => {
                    let (next, bitmap) = Name::split_wire(&rdata).unwrap();
                    assert!(next.is_under(&fixture::name("example.")) && !bitmap.is_empty());
                    nexts += 1;
                }
                _ => {}
            }
        }
    }
    assert!(signatures >= 4 && nexts >= 3, "{signatures} {nexts}");
}
