//! One question (RFC 9619), and what else stands in the header of a query (RFC 1035 section 4.1.1, RFC 8906).

mod fixture;

use dataplane::answer::Transport;
use dnssec::ZoneTable;
use fixture::{Ask, Mode, UDP, ask, send, table, zone};
use std::sync::Arc;
use wire::message::Rcode;

fn served() -> Arc<ZoneTable> {
    table([zone(Mode::Unsigned, "example. 60 SOA a. b. 1 1 1 1 60\nwww.example. 60 A 192.0.2.1")])
}

#[test]
fn section_4_more_than_one_question_is_formerr() {
    for count in [2_u16, 3, 256, 65_535] {
        for transport in [UDP, Transport::Tcp] {
            let mut message = ask("www.example", "A").message();
            message[4..6].copy_from_slice(&count.to_be_bytes());
            message.extend_from_slice(&ask("example", "SOA").message()[12..]);
            let (reply, done) = send(&served(), &message, transport);
            assert_eq!((done.rcode, reply.len()), (Rcode::FORMERR, 12), "{count}");
        }
    }
}

#[test]
fn section_3_no_question_is_formerr_where_no_cookie_is_asked_for() {
    let message = [7, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(send(&served(), &message, UDP).1.rcode, Rcode::FORMERR);
}

#[test]
fn rfc1035_section_4_1_1_bits_that_only_replies_have_are_ignored() {
    let plain = ask("www.example", "A").of(&served());
    // AA, TC, RA, Z, AD, and an RCODE.
    for flags in [0x0400, 0x0200, 0x0080, 0x0040, 0x0020, 0x000f] {
        assert_eq!(Ask { flags, ..ask("www.example", "A") }.of(&served()), plain, "{flags:04x}");
    }
}

#[test]
fn rfc1035_section_4_1_1_z_is_zero_in_replies() {
    for name in ["www.example", "none.example", "elsewhere"] {
        let (reply, _) = Ask { flags: 0x0040, ..ask(name, "A") }.raw(&served());
        assert_eq!(reply[3] & 0x40, 0, "{name}");
    }
}

#[test]
fn records_in_a_query_are_stepped_over_and_not_repeated() {
    let address = [&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4][..], &[192, 0, 2, 9]].concat();
    for section in [7, 9, 11] {
        let mut message = ask("www.example", "A").message();
        message[section] = 1;
        message.extend_from_slice(&address);
        let (reply, done) = send(&served(), &message, UDP);
        assert_eq!((done.rcode, &reply[4..12]), (Rcode::NOERROR, &[0, 1, 0, 1, 0, 0, 0, 0][..]));
    }
}
