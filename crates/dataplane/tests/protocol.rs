//! Header, EDNS and refusals: what does not depend on a zone's data.

mod fixture;

use dataplane::answer::{Outcome, Transport, respond};
use dataplane::tail::Refusal;
use dnssec::{SigningPolicy, ZoneSigner, ZoneTable};
use fixture::{Ask, Mode, NOW, UDP, ask, asker, desk, send, show, table, zone};
use hickory_proto::op::Message;
use std::sync::Arc;
use wire::message::{IgnoreReason, Rcode};

fn served() -> Arc<ZoneTable> {
    table([zone(Mode::Nsec3, "example. 60 SOA a. b. 1 1 1 1 60\nwww.example. 60 A 192.0.2.1")])
}

#[test]
fn rfc1035_section_4_1_1_and_rfc4035_section_3_1_6_rd_and_cd_are_copied_and_ra_and_ad_never_set() {
    let asked = Ask { flags: 0x01b0, ..ask("www.example", "A") };
    assert_eq!(asked.of(&served())[0], "NOERROR aa rd cd");
    assert_eq!(ask("www.example", "A").of(&served())[0], "NOERROR aa");
}

#[test]
fn outside_of_served_zones_is_refused_with_the_reason() {
    let asked = ask("www.elsewhere", "A");
    assert_eq!(asked.of(&served()), ["REFUSED"]);
    let (octets, reply) = asked.with_do().raw(&served());
    assert_eq!(reply.refusal, Some(Refusal::NotAuthoritative));
    // RFC 8914 section 4.21: 20, Not Authoritative.
    assert!(octets.ends_with(&[0, 15, 0, 2, 0, 20]));
    assert_eq!(show(&octets), ["REFUSED do"]);
}

/// Without signatures the answer would be bogus wherever the parent has a DS.
#[test]
fn who_wants_signatures_of_a_zone_whose_keys_are_of_no_use_is_told_so() {
    let mut broken = zone(Mode::Unsigned, "example. 60 SOA a. b. 1 1 1 1 60\nwww.example. 60 A 192.0.2.1");
    broken.signer = Some(Arc::new(ZoneSigner::new(fixture::name("example"), Vec::new(), SigningPolicy::default())));
    let table = table([broken]);
    for asked in [ask("www.example", "A"), ask("none.example", "A"), ask("example", "DNSKEY")] {
        let (octets, reply) = asked.clone().with_do().raw(&table);
        assert_eq!((reply.rcode, reply.refusal), (Rcode::SERVFAIL, Some(Refusal::NoUsableKey)));
        // RFC 8914 section 4.25: 24, Invalid Data.
        assert!(octets.ends_with(b"\x00\x18no usable zone key"));
        // Who wants none gets what it would get of a zone that is well.
        assert_ne!(asked.of(&table)[0], "SERVFAIL");
    }
    assert_eq!(ask("www.example", "A").of(&table)[0], "NOERROR aa");
}

#[test]
fn other_classes_are_refused() {
    for qclass in [0, 3, 4, 254, 65_535] {
        assert_eq!(Ask { qclass, ..ask("www.example", "A") }.of(&served()), ["REFUSED"], "{qclass}");
    }
}

#[test]
fn rfc1035_section_6_2_an_answer_about_any_class_is_not_authoritative() {
    let any = |name| Ask { qclass: 255, ..ask(name, "A") }.of(&served());
    assert_eq!(any("www.example"), ["NOERROR", "answer: www.example. 60 A 192.0.2.1"]);
    assert_eq!(any("none.example"), ["NXDOMAIN", "authority: example. 60 SOA a. b. 1 1 1 1 60"]);
    assert_eq!(any("version.bind"), ["REFUSED"]);
}

#[test]
fn rfc8482_any_over_udp_is_at_most_600_octets() {
    let long = "x".repeat(250);
    let mut text = "example. 60 SOA a. b. 1 1 1 1 60\n".to_owned();
    for letter in ["a", "b", "c"] {
        text.push_str(&format!("long.example. 60 TXT \"{letter}{long}\"\n"));
    }
    let table = table([zone(Mode::Nsec3, &text)]);
    let (octets, reply) = ask("long.example", "ANY").with_do().raw(&table);
    assert!(octets.len() <= 600 && reply.is_truncated, "{}", octets.len());
    assert!(!ask("long.example", "TXT").with_do().raw(&table).1.is_truncated, "which other types may exceed");
    let (octets, reply) = ask("long.example", "ANY").with_do().over(Transport::Tcp).raw(&table);
    assert!(octets.len() > 600 && !reply.is_truncated);
}

#[test]
fn a_signature_on_a_query_is_stepped_over() {
    // TSIG is not checked yet: the reply is unsigned, which whoever signed the query takes for none (RFC 8945 section 5.3).
    let mut message = ask("www.example", "A").message();
    message[11] = 1;
    message.extend_from_slice(b"\x03key\0\0\xfa\0\xff\0\0\0\0\0\x1d");
    message.extend_from_slice(b"\x0bhmac-sha256\0\0\0\0\0\0\x01\x01\x2c\0\0\0\0\0\0\0\0");
    let (octets, _) = send(&served(), &message, UDP);
    assert_eq!(show(&octets), ["NOERROR aa", "answer: www.example. 60 A 192.0.2.1"]);
}

#[test]
fn zone_transfers_are_refused_on_every_transport() {
    for transport in [UDP, Transport::Tcp] {
        for qtype in ["AXFR", "IXFR"] {
            assert_eq!(ask("example", qtype).over(transport).of(&served()), ["REFUSED"]);
        }
    }
}

#[test]
fn nobody_may_notify_or_update() {
    for opcode in [4, 5_u16] {
        let asked = Ask { flags: opcode << 11, ..ask("example", "SOA").with_do() };
        let (octets, reply) = asked.raw(&served());
        assert_eq!((reply.rcode, octets[2] >> 3 & 0xf), (Rcode::REFUSED, opcode as u8));
        // RFC 1996 section 4.7 and RFC 2136 section 3.8: the question, or zone section, comes back. RFC 8914: Prohibited.
        assert_eq!(octets[12..12 + 13], asked.message()[12..12 + 13]);
        assert_eq!(fixture::options(&octets).unwrap(), [(15, vec![0, 18])]);
    }
}

#[test]
fn other_opcodes_are_not_implemented() {
    for opcode in (1..16_u16).filter(|opcode| !matches!(opcode, 4 | 5)) {
        let asked = Ask { flags: opcode << 11, ..ask("example", "SOA") };
        let (octets, reply) = asked.raw(&served());
        assert_eq!(reply.rcode, Rcode::NOTIMP);
        assert_eq!(octets[..4], [0x12, 0x34, 0x80 | (opcode << 3) as u8, 4]);
        assert_eq!(octets.len(), 12);
    }
}

#[test]
fn rfc6891_section_6_1_3_another_version_is_badvers_with_our_version() {
    let (octets, reply) = Ask { edns: Some((1232, 1, 0x8000)), ..ask("www.example", "A") }.raw(&served());
    assert_eq!(reply.refusal, Some(Refusal::EdnsVersion(1)));
    let message = Message::from_vec(&octets).unwrap();
    let edns = message.edns.unwrap();
    assert_eq!((edns.rcode_high(), edns.version(), octets[3] & 0xf, message.answers.len()), (1, 0, 0, 0));
}

#[test]
fn rfc6891_section_6_1_1_opt_for_those_who_sent_one() {
    assert!(Message::from_vec(&ask("www.example", "A").raw(&served()).0).unwrap().edns.is_none());
    let (octets, _) = Ask { edns: Some((4096, 0, 0x7fff)), ..ask("www.example", "A") }.raw(&served());
    let edns = Message::from_vec(&octets).unwrap().edns.unwrap();
    // Our size, and no flag but DO comes back (section 6.1.4).
    assert_eq!((edns.max_payload(), edns.flags().dnssec_ok, edns.flags().z), (1232, false, 0));
}

#[test]
fn malformed_queries_get_formerr_with_as_much_as_was_readable() {
    let good = ask("www.example", "A").with_do().message();
    let two_questions = [&good[..4], &[0, 2], &good[6..]].concat();
    let (octets, _) = send(&served(), &two_questions, UDP);
    assert_eq!((octets[3] & 0xf, octets.len()), (1, 12));
    let trailing = [&good[..], &[0]].concat();
    let (octets, _) = send(&served(), &trailing, UDP);
    // RFC 6891 section 7: with OPT, since there was one.
    assert_eq!((octets[3] & 0xf, octets[11], octets.len()), (1, 1, 12 + 13 + 4 + 11));
    let none = [&good[..4], &[0, 0, 0, 0, 0, 0, 0, 0]].concat();
    assert_eq!(send(&served(), &none, Transport::Tcp).1.rcode, Rcode::FORMERR);
}

#[test]
fn replies_and_fragments_of_headers_are_not_answered() {
    let mut reply = [0; 512];
    let zones = served().view();
    let mut response = ask("www.example", "A").message();
    response[2] |= 0x80;
    for transport in [UDP, Transport::Tcp] {
        let outcome = respond(desk(&zones), &response, asker(transport), NOW, &mut reply);
        assert_eq!(outcome, Outcome::Ignored(IgnoreReason::Response));
        let outcome = respond(desk(&zones), &response[..11], asker(transport), NOW, &mut reply);
        assert_eq!(outcome, Outcome::Ignored(IgnoreReason::Short));
    }
    assert_eq!(dataplane::answer::answer(desk(&zones), &response, asker(UDP), NOW, &mut reply), None);
}
