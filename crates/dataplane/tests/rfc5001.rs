//! Which server this is: NSID (RFC 5001), and class CH (RFC 4892).

mod fixture;

use dataplane::Profile;
use dataplane::answer::Transport;
use dataplane::profile::Label;
use dataplane::tail::Refusal;
use dnssec::ZoneTable;
use fixture::{Ask, Mode, UDP, ask, options, show, table, zone};
use std::sync::Arc;
use wire::message::Rcode;

const NSID: u16 = 3;

fn profile() -> Profile {
    let mut profile = Profile::default();
    profile.server_id = Some(Label::new("ns-7").unwrap());
    profile.version = Some(Label::new("Something 1.2").unwrap());
    profile
}

fn served() -> Arc<ZoneTable> {
    table([zone(Mode::Unsigned, "example. 60 SOA a. b. 1 1 1 1 60\nwww.example. 60 A 192.0.2.1")])
}

fn chaos(name: &str, qtype: &str) -> Ask {
    Ask { qclass: 3, ..ask(name, qtype) }
}

#[test]
fn section_2_2_the_id_comes_back_to_those_who_ask() {
    for name in ["www.example", "none.example", "www.elsewhere"] {
        let (reply, _) = ask(name, "A").with_option(NSID, &[]).under(&profile(), &served());
        let options = options(&reply).unwrap();
        assert!(options.contains(&(NSID, b"ns-7".to_vec())), "{name}: {options:?}");
    }
}

#[test]
fn section_2_2_and_to_nobody_else() {
    let (reply, _) = ask("www.example", "A").with_do().under(&profile(), &served());
    assert_eq!(options(&reply), Some(Vec::new()));
    let (reply, _) = ask("www.example", "A").with_option(NSID, &[]).under(&Profile::default(), &served());
    assert_eq!(options(&reply), Some(Vec::new()), "it can be turned off");
}

#[test]
fn section_2_1_what_a_client_puts_there_is_left_alone() {
    let (reply, done) = ask("www.example", "A").with_option(NSID, b"hello").under(&profile(), &served());
    assert_eq!((done.rcode, options(&reply)), (Rcode::NOERROR, Some(vec![(NSID, b"ns-7".to_vec())])));
}

#[test]
fn an_id_for_which_there_is_no_room_is_left_out_and_the_reply_is_within_its_limit() {
    let mut profile = profile();
    profile.server_id = Some(Label::new(&"x".repeat(255)).unwrap());
    let label = "y".repeat(63);
    let longest = [label.as_str(), &label, &label, &"z".repeat(53), "example"].join(".");
    let mut asked = ask(&longest, "A").with_option(NSID, &[]);
    asked.edns = Some((512, 0, 0));
    let (reply, done) = asked.under(&profile, &served());
    assert!(reply.len() <= 512 && !done.is_truncated, "{}", reply.len());
    assert_eq!(show(&reply).len(), 2, "the SOA has precedence");
    assert_eq!(options(&reply), Some(Vec::new()));
    let (reply, _) = ask("www.example", "A").with_option(NSID, &[]).under(&profile, &served());
    assert_eq!(options(&reply).unwrap()[0].1.len(), 255);
}

#[test]
fn rfc4892_section_3_id_server_is_told_in_class_chaos() {
    for name in ["id.server", "hostname.bind", "HostName.BIND"] {
        for transport in [UDP, Transport::Tcp] {
            let (reply, _) = chaos(name, "TXT").over(transport).under(&profile(), &served());
            // TTL 0 and class CH; owner and answer come back in the question's case.
            let question = &chaos(name, "TXT").message()[12..];
            let wanted = [
                &[0x12, 0x34, 0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0][..],
                question,
                b"\xc0\x0c\0\x10\0\x03\0\0\0\0\0\x05\x04ns-7",
            ];
            assert_eq!(reply, wanted.concat(), "{name}");
        }
    }
}

#[test]
fn the_version_is_told_in_class_chaos() {
    for name in ["version.bind", "version.server", "version.pdns"] {
        for qtype in ["TXT", "ANY"] {
            let (reply, done) = chaos(name, qtype).with_do().under(&profile(), &served());
            assert!(reply.windows(14).any(|octets| octets == b"\x0dSomething 1.2"), "{name}");
            assert_eq!((done.rcode, options(&reply)), (Rcode::NOERROR, Some(Vec::new())));
        }
    }
}

#[test]
fn other_types_have_no_data_there() {
    let (reply, _) = chaos("version.bind", "A").under(&profile(), &served());
    assert_eq!(show(&reply), ["NOERROR aa"]);
}

#[test]
fn what_is_not_told_is_refused() {
    for name in ["version.bind", "id.server", "hostname.bind"] {
        let (reply, done) = chaos(name, "TXT").with_do().under(&Profile::default(), &served());
        assert_eq!((done.rcode, done.refusal), (Rcode::REFUSED, Some(Refusal::Undisclosed)), "{name}");
        assert_eq!(options(&reply), Some(vec![(15, vec![0, 18])]));
    }
    for name in ["authors.bind", "bind", "www.example", "sub.version.bind"] {
        let (_, done) = chaos(name, "TXT").under(&profile(), &served());
        assert_eq!((done.rcode, done.refusal), (Rcode::REFUSED, Some(Refusal::NotAuthoritative)), "{name}");
    }
}

#[test]
fn nothing_of_it_is_told_in_class_in() {
    let (_, done) = ask("version.bind", "TXT").under(&profile(), &served());
    assert_eq!(done.rcode, Rcode::REFUSED);
}
