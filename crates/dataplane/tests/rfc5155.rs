//! NSEC3 made for each query: records that match a name or cover one hash alone (RFC 7129 appendix B), where RFC 5155 section 7.2
//! wants records.

mod fixture;

use dnssec::ZoneTable;
use fixture::{EXAMPLE, Mode, ask, denials, name, show, table, zone};
use std::sync::Arc;
use zone::Nsec3Params;
use zone::nsec3hash::{Nsec3Hash, base32hex, nsec3_hash};

fn narrow() -> Arc<ZoneTable> {
    table([zone(Mode::Narrow, EXAMPLE)])
}

fn moved(text: &str, by: i8) -> String {
    let mut hash: Nsec3Hash = nsec3_hash(&name(text), &Nsec3Params::default());
    // No name of these tests has a hash that ends in 00 or ff.
    hash[19] = hash[19].checked_add_signed(by).unwrap();
    base32hex(&hash)
}

type Record = (String, u32, String);

/// A record that matches a name: nothing lies between it and the next hash.
fn matching(text: &str, types: &str) -> Record {
    let data = format!("1 0 0 - {} {types}", moved(text, 1));
    (format!("{}.example.", moved(text, 0)), 300, data.trim_end().to_owned())
}

/// A record that covers a name's hash, and no other.
fn covering(text: &str) -> Record {
    (format!("{}.example.", moved(text, -1)), 300, format!("1 0 0 - {}", moved(text, 1)))
}

fn denied(qname: &str, qtype: &str) -> (String, Vec<Record>) {
    let (reply, _) = ask(qname, qtype).with_do().raw(&narrow());
    let lower_hash = |(owner, ttl, data): Record| {
        let mut fields: Vec<String> = data.split(' ').map(str::to_owned).collect();
        fields[4].make_ascii_lowercase();
        (owner, ttl, fields.join(" "))
    };
    (show(&reply).remove(0), denials(&reply).into_iter().map(lower_hash).collect())
}

const APEX_TYPES: &str = "NS SOA RRSIG DNSKEY";

#[test]
fn section_7_2_2_name_error() {
    let (first, records) = denied("a.nope.example", "A");
    assert_eq!(first, "NXDOMAIN aa do");
    assert_eq!(records, [matching("example", APEX_TYPES), covering("nope.example"), covering("*.example")]);
    let (_, records) = denied("nope.www.example", "A");
    let wanted = [matching("www.example", "A TXT RRSIG"), covering("nope.www.example"), covering("*.www.example")];
    assert_eq!(records, wanted);
}

#[test]
fn section_7_2_3_no_data() {
    assert_eq!(denied("www.example", "AAAA"), ("NOERROR aa do".into(), vec![matching("www.example", "A TXT RRSIG")]));
    assert_eq!(denied("ent.example", "A"), ("NOERROR aa do".into(), vec![matching("ent.example", "")]));
}

#[test]
fn section_7_2_4_no_ds_at_an_insecure_cut() {
    assert_eq!(denied("child.example", "DS"), ("NOERROR aa do".into(), vec![matching("child.example", "NS")]));
}

#[test]
fn section_7_2_5_wildcard_no_data() {
    let (_, records) = denied("any.wild.example", "TXT");
    let wanted = [matching("wild.example", ""), covering("any.wild.example"), matching("*.wild.example", "A RRSIG")];
    assert_eq!(records, wanted);
}

#[test]
fn section_7_2_6_wildcard_answer() {
    let (_, records) = denied("any.wild.example", "A");
    assert_eq!(records, [covering("any.wild.example")]);
}

#[test]
fn section_7_2_7_referral_to_an_unsigned_zone() {
    assert_eq!(denied("host.child.example", "A"), ("NOERROR do".into(), vec![matching("child.example", "NS")]));
}

#[test]
fn section_7_2_8_owners_of_nsec3_records_do_not_exist() {
    let owner = format!("{}.example", moved("www.example", 0));
    assert_eq!(denied(&owner, "NSEC3").0, "NXDOMAIN aa do");
}
