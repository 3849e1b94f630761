//! Compact denial (RFC 9824; its type NXNAME is 128): one NSEC record at the very name that was asked for, signed when it is asked for.

mod fixture;

use dnssec::ZoneTable;
use fixture::{EXAMPLE, Mode, ask, denials, send, show, table, zone};
use std::sync::Arc;

fn compact() -> Arc<ZoneTable> {
    table([zone(Mode::Compact, EXAMPLE)])
}

/// First line of the reply, and its NSEC records.
fn denied(qname: &str, qtype: &str) -> (String, Vec<String>) {
    let (reply, _) = ask(qname, qtype).with_do().raw(&compact());
    let nsec = denials(&reply).into_iter().map(|(owner, ttl, data)| format!("{owner} {ttl} {data}")).collect();
    (show(&reply).remove(0), nsec)
}

fn one(nsec: &str) -> (String, Vec<String>) {
    ("NOERROR aa do".into(), vec![nsec.into()])
}

#[test]
fn section_3_1_a_name_that_does_not_exist_has_nxname() {
    let wanted = one("nope.example. 300 \\000.nope.example. RRSIG NSEC TYPE128");
    assert_eq!(denied("nope.example", "A"), wanted);
    // The owner is the question's, whose case is kept.
    let as_asked = one("NoPe.example. 300 \\000.nope.example. RRSIG NSEC TYPE128");
    assert_eq!(denied("NoPe.example", "TYPE65280"), as_asked);
    let deep = one("a.b.www.example. 300 \\000.a.b.www.example. RRSIG NSEC TYPE128");
    assert_eq!(denied("a.b.www.example", "A"), deep);
    let reply = ask("nope.example", "A").with_do().of(&compact());
    let wanted = [
        "NOERROR aa do",
        "authority: example. 300 SOA ns1.example. host.example. 1 7200 3600 1209600 300",
        "authority: example. 300 RRSIG SOA",
        "authority: nope.example. 300 NSEC",
        "authority: nope.example. 300 RRSIG NSEC",
    ];
    assert_eq!(reply, wanted);
}

#[test]
fn section_3_1_without_do_the_rcode_is_nxdomain() {
    let soa = "authority: example. 300 SOA ns1.example. host.example. 1 7200 3600 1209600 300";
    assert_eq!(ask("nope.example", "A").of(&compact()), ["NXDOMAIN aa", soa]);
    assert_eq!(ask("ent.example", "A").of(&compact()), ["NOERROR aa", soa]);
}

#[test]
fn section_3_2_a_type_that_does_not_exist() {
    assert_eq!(denied("www.example", "AAAA"), one("www.example. 300 \\000.www.example. A TXT RRSIG NSEC"));
    assert_eq!(denied("example", "MX"), one("example. 300 \\000.example. NS SOA RRSIG NSEC DNSKEY"));
}

/// An empty non-terminal exists, so NXNAME is not among its types.
#[test]
fn section_3_2_an_empty_non_terminal() {
    assert_eq!(denied("ent.example", "A"), one("ent.example. 300 \\000.ent.example. RRSIG NSEC"));
}

/// Signed as if the name existed: the labels field counts all labels of the name, and nothing has to be denied.
#[test]
fn section_3_3_a_wildcard_match_is_signed_under_the_name() {
    let table = compact();
    let wanted = ["NOERROR aa do", "answer: any.wild.example. 80 A 192.0.2.99", "answer: any.wild.example. 80 RRSIG A"];
    assert_eq!(ask("any.wild.example", "A").with_do().of(&table), wanted);
    assert_eq!(ask("any.wild.example", "ANY").with_do().of(&table), wanted);
    let (raw, _) = ask("any.wild.example", "A").with_do().raw(&table);
    // Of the RRSIG: type covered A, algorithm 13, three labels.
    assert!(raw.windows(4).any(|octets| octets == [0, 1, 13, 3]));
    let chain = ask("any.cwild.example", "A").with_do().of(&table);
    let wanted = [
        "NOERROR aa do",
        "answer: any.cwild.example. 80 CNAME www.example.",
        "answer: any.cwild.example. 80 RRSIG CNAME",
        "answer: www.example. 60 A 192.0.2.10",
        "answer: www.example. 60 RRSIG A",
    ];
    assert_eq!(chain, wanted);
    assert_eq!(denied("any.wild.example", "TXT"), one("any.wild.example. 300 \\000.any.wild.example. A RRSIG NSEC"));
}

#[test]
fn section_3_4_a_referral_to_an_unsigned_zone() {
    let (first, nsec) = denied("host.child.example", "A");
    let wanted = ["child.example. 300 child\\000.example. NS RRSIG NSEC"];
    assert_eq!(first, "NOERROR do");
    assert_eq!(nsec, wanted);
    assert_eq!(denied("child.example", "DS").1, wanted);
    let (_, nsec) = denied("host.safe.example", "A");
    assert!(nsec.is_empty(), "a DS needs no proof: {nsec:?}");
}

#[test]
fn section_3_5_nxname_cannot_be_asked_for() {
    assert_eq!(ask("www.example", "TYPE128").with_do().of(&compact())[0], "FORMERR do");
}

/// The record that every name has, and that would deny itself.
#[test]
fn nsec_asked_for_is_an_answer() {
    for (qname, types) in [
        ("www.example", "A TXT RRSIG NSEC"),
        ("nope.example", "RRSIG NSEC TYPE128"),
        ("alias.example", "CNAME RRSIG NSEC"),
    ] {
        let (reply, _) = ask(qname, "NSEC").with_do().raw(&compact());
        let lines = show(&reply);
        assert_eq!(lines[..2], ["NOERROR aa do".to_owned(), format!("answer: {qname}. 300 NSEC")]);
        assert_eq!(denials(&reply)[0].2, format!("\\000.{qname}. {types}"));
    }
}

/// The flag CO is the bit after DO. The reply has it, and the RCODE is that of a name that does not exist.
#[test]
fn section_5_1_the_rcode_is_restored_for_those_who_know() {
    let table = compact();
    let co = |qname: &str, flags: u16| {
        let mut asked = ask(qname, "A");
        asked.edns = Some((1232, 0, flags));
        let (reply, done) = send(&table, &asked.message(), asked.transport);
        let opt = reply.windows(3).position(|octets| octets == [0, 0, 41]).unwrap();
        (done.rcode.0, u16::from_be_bytes([reply[opt + 7], reply[opt + 8]]), denials(&reply).len())
    };
    assert_eq!(co("nope.example", 0xc000), (3, 0xc000, 1));
    assert_eq!(co("nope.example", 0x8000), (0, 0x8000, 1));
    assert_eq!(co("ent.example", 0xc000), (0, 0xc000, 1));
    assert_eq!(co("www.example", 0xc000), (0, 0xc000, 0));
    // Without DO nobody gets compact answers, and nobody is told of them.
    assert_eq!(co("nope.example", 0x4000), (3, 0, 0));
    // Nor where the zone has a chain.
    let table = fixture::table([zone(Mode::Nsec, EXAMPLE)]);
    let mut asked = ask("nope.example", "A");
    asked.edns = Some((1232, 0, 0xc000));
    assert_eq!(asked.of(&table)[0], "NXDOMAIN aa do");
}

/// RFC 4471: at 255 octets there is no room for `\000` below the name.
#[test]
fn the_longest_names_are_denied_too() {
    let long = format!("{}.{}.{}.{}.example", "b".repeat(63), "c".repeat(63), "d".repeat(63), "e".repeat(53));
    let (first, nsec) = denied(&long, "A");
    assert_eq!(first, "NOERROR aa do");
    let wanted = format!("{long}. 300 {}c.{}. RRSIG NSEC TYPE128", "b".repeat(62), &long[64..]);
    assert_eq!(nsec, [wanted]);
}
