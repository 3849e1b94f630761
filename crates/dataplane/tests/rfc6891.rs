//! EDNS: the OPT record, its size, its version and its options (RFC 6891).

mod fixture;

use dataplane::answer::Transport;
use dnssec::ZoneTable;
use fixture::{Ask, Mode, UDP, ask, options, send, show, table, zone};
use hickory_proto::op::Message;
use std::sync::Arc;
use wire::message::Rcode;

const OPT: [u8; 11] = [0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0];

fn served() -> Arc<ZoneTable> {
    let mut text = "example. 60 SOA a. b. 1 1 1 1 60\nwww.example. 60 A 192.0.2.1\n".to_owned();
    for number in 0..60 {
        text.push_str(&format!("many.example. 60 A 192.0.2.{number}\n"));
    }
    table([zone(Mode::Unsigned, &text)])
}

/// A query for www.example A with these records after the question.
fn with_records(counts: [u8; 3], records: &[&[u8]]) -> Vec<u8> {
    let mut message = ask("www.example", "A").message();
    (message[7], message[9], message[11]) = (counts[0], counts[1], counts[2]);
    records.iter().for_each(|record| message.extend_from_slice(record));
    message
}

fn rcode(message: &[u8]) -> Rcode {
    send(&served(), message, UDP).1.rcode
}

#[test]
fn section_6_1_1_more_than_one_opt_is_formerr() {
    assert_eq!(rcode(&with_records([0, 0, 1], &[&OPT])), Rcode::NOERROR);
    assert_eq!(rcode(&with_records([0, 0, 2], &[&OPT, &OPT])), Rcode::FORMERR);
}

#[test]
fn section_6_1_1_opt_may_stand_anywhere_among_the_additional_records() {
    let address = [&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4][..], &[192, 0, 2, 9]].concat();
    for records in [[&OPT[..], &address], [&address, &OPT]] {
        let (reply, done) = send(&served(), &with_records([0, 0, 2], &records), UDP);
        assert_eq!((done.rcode, options(&reply)), (Rcode::NOERROR, Some(Vec::new())));
    }
}

#[test]
fn section_6_1_1_opt_in_other_sections_is_formerr() {
    assert_eq!(rcode(&with_records([1, 0, 0], &[&OPT])), Rcode::FORMERR);
    assert_eq!(rcode(&with_records([0, 1, 0], &[&OPT])), Rcode::FORMERR);
}

#[test]
fn section_6_1_2_the_owner_of_opt_is_the_root() {
    assert_eq!(rcode(&with_records([0, 0, 1], &[&[1, b'x'], &OPT])), Rcode::FORMERR);
    assert_eq!(rcode(&with_records([0, 0, 1], &[&[0xc0, 12], &OPT[1..]])), Rcode::FORMERR);
}

#[test]
fn section_6_1_2_options_fill_the_rdata_or_it_is_formerr() {
    for options in [&[0, 3][..], &[0, 3, 0], &[0, 3, 0, 5, 1], &[0, 3, 0, 0, 0], &[0xff, 0xff, 0xff, 0xff]] {
        let opt = [&OPT[..9], &[0, options.len() as u8], options].concat();
        let (reply, done) = send(&served(), &with_records([0, 0, 1], &[&opt]), UDP);
        // Section 7: it had OPT, and so has the reply.
        assert_eq!((done.rcode, fixture::options(&reply)), (Rcode::FORMERR, Some(Vec::new())), "{options:?}");
    }
    // RDATA that ends after the message does.
    let cut = [&OPT[..9], &[0, 8, 0, 3, 0, 4]].concat();
    assert_eq!(rcode(&with_records([0, 0, 1], &[&cut])), Rcode::FORMERR);
}

#[test]
fn section_6_1_2_options_that_are_not_known_are_left_alone() {
    // Client Subnet (RFC 7871), the experimental range, and the largest.
    for code in [0, 8, 100, 65_001, 65_535] {
        let (reply, done) = ask("www.example", "A").with_option(code, &[0, 1, 24, 0, 192, 0, 2]).raw(&served());
        assert_eq!((done.rcode, options(&reply)), (Rcode::NOERROR, Some(Vec::new())), "{code}");
    }
    let many = (0..300).fold(ask("www.example", "A"), |asked, code| asked.with_option(1000 + code, b"x"));
    assert_eq!(many.raw(&served()).1.rcode, Rcode::NOERROR);
}

#[test]
fn section_6_1_3_options_of_another_version_are_not_read() {
    // NSID, and a cookie that version 0 could not have (RFC 7873 section 5.2.2).
    for (code, data) in [(3, &[][..]), (10, &[1; 7])] {
        let mut asked = ask("www.example", "A").with_option(code, data);
        asked.edns = Some((1232, 1, 0x8000));
        let (reply, done) = asked.raw(&served());
        assert_eq!((done.rcode, options(&reply)), (Rcode::BADVERS, Some(Vec::new())));
        // The highest version we have is 0, and DO comes back (section 6.1.4).
        let edns = Message::from_vec(&reply).unwrap().edns.unwrap();
        assert_eq!((edns.version(), edns.flags().dnssec_ok), (0, true));
    }
}

#[test]
fn section_6_2_3_a_size_below_512_counts_as_512() {
    let lines = |payload| {
        let mut asked = ask("many.example", "A");
        asked.edns = Some((payload, 0, 0));
        let (reply, _) = asked.raw(&served());
        (reply.len(), show(&reply)[0].clone())
    };
    assert_eq!(lines(0), lines(512));
    assert_eq!(lines(512).1, "NOERROR aa tc");
    let (octets, first) = lines(1232);
    assert_eq!((octets, first.as_str()), (12 + 18 + 60 * 16 + 11, "NOERROR aa"));
}

#[test]
fn section_6_2_5_no_reply_is_above_our_own_size() {
    let mut asked = ask("many.example", "A");
    asked.edns = Some((65_535, 0, 0));
    let (reply, done) = Ask { transport: Transport::Udp { payload_max: 600 }, ..asked }.raw(&served());
    assert!(done.is_truncated && reply.len() <= 600);
    let edns = Message::from_vec(&reply).unwrap().edns.unwrap();
    assert_eq!(edns.max_payload(), 600);
}

#[test]
fn section_7_those_without_edns_get_none() {
    for name in ["www.example", "none.example", "www.elsewhere"] {
        assert_eq!(options(&ask(name, "A").raw(&served()).0), None);
    }
}
