//! Extended DNS Errors: why there is no answer, for those who speak EDNS (RFC 8914).

mod fixture;

use dataplane::Profile;
use dataplane::answer::Transport;
use dataplane::profile::{Clients, Readiness};
use dataplane::tail::Refusal;
use dnssec::ZoneTable;
use fixture::{Ask, Mode, UDP, ask, options, table, zone};
use std::sync::Arc;
use wire::message::Rcode;

fn served() -> Arc<ZoneTable> {
    table([zone(Mode::Unsigned, "example. 60 SOA a. b. 1 1 1 1 60\nwww.example. 60 A 192.0.2.1")])
}

/// RCODE, and the INFO-CODE of the one option there is.
fn error(asked: Ask, profile: &Profile) -> (Rcode, Option<u16>) {
    let (reply, done) = asked.with_do().under(profile, &served());
    let options = options(&reply).unwrap();
    assert!(options.iter().all(|(code, _)| *code == 15) && options.len() < 2, "{options:?}");
    (done.rcode, options.first().map(|(_, data)| u16::from_be_bytes([data[0], data[1]])))
}

#[test]
fn section_2_no_error_for_those_without_edns() {
    let (reply, done) = ask("www.elsewhere", "A").raw(&served());
    assert_eq!((done.rcode, options(&reply)), (Rcode::REFUSED, None));
}

#[test]
fn section_2_answers_have_no_error() {
    for (name, qtype) in [("www.example", "A"), ("www.example", "AAAA"), ("none.example", "A")] {
        assert_eq!(error(ask(name, qtype), &Profile::default()).1, None, "{name} {qtype}");
    }
}

#[test]
fn section_4_15_not_ready_while_zones_are_loading() {
    let mut profile = Profile::default();
    profile.readiness = Readiness::Loading;
    assert_eq!(error(ask("www.elsewhere", "A"), &profile), (Rcode::SERVFAIL, Some(14)));
    assert_eq!(error(ask("www.example", "A"), &profile), (Rcode::NOERROR, None), "what is there is answered");
}

#[test]
fn section_4_19_prohibited_for_clients_that_are_not_answered() {
    let mut profile = Profile::default();
    profile.clients = Clients::Within(vec!["192.0.2.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()]);
    for transport in [UDP, Transport::Tcp, Transport::Tls, Transport::Https, Transport::Quic] {
        for asked in [ask("www.example", "A"), ask("www.elsewhere", "A"), Ask { qclass: 3, ..ask("id.server", "TXT") }]
        {
            let (reply, done) = asked.with_do().over(transport).under(&profile, &served());
            assert_eq!((done.rcode, done.refusal), (Rcode::REFUSED, Some(Refusal::Prohibited)));
            assert_eq!(options(&reply), Some(vec![(15, vec![0, 18])]));
        }
    }
    profile.clients = Clients::Within(vec!["127.0.0.0/8".parse().unwrap()]);
    assert_eq!(error(ask("www.example", "A"), &profile).0, Rcode::NOERROR);
}

#[test]
fn section_4_19_prohibited_for_transfers() {
    for qtype in ["AXFR", "IXFR"] {
        assert_eq!(error(ask("example", qtype), &Profile::default()), (Rcode::REFUSED, Some(18)));
    }
}

#[test]
fn section_4_21_not_authoritative_outside_of_the_zones() {
    assert_eq!(error(ask("www.elsewhere", "A"), &Profile::default()), (Rcode::REFUSED, Some(20)));
    assert_eq!(error(ask(".", "NS"), &Profile::default()), (Rcode::REFUSED, Some(20)));
}

#[test]
fn section_4_22_not_supported_for_classes_and_operations_that_there_are_not() {
    assert_eq!(error(Ask { qclass: 4, ..ask("www.example", "A") }, &Profile::default()), (Rcode::REFUSED, Some(21)));
    for qtype in ["TKEY", "MAILA", "MAILB"] {
        assert_eq!(error(ask("www.example", qtype), &Profile::default()), (Rcode::NOTIMP, Some(21)), "{qtype}");
    }
}

#[test]
fn rfc9824_section_3_5_types_that_nobody_can_ask_for_are_formerr() {
    // OPT, NXNAME, TSIG.
    for qtype in ["TYPE41", "TYPE128", "TYPE250"] {
        assert_eq!(error(ask("www.example", qtype), &Profile::default()), (Rcode::FORMERR, Some(30)), "{qtype}");
    }
}

#[test]
fn section_3_the_error_is_within_the_size_limit() {
    let label = "y".repeat(63);
    let longest = [label.as_str(), &label, &label, &"z".repeat(61)].join(".");
    let mut asked = ask(&longest, "A").with_option(10, &[1; 8]);
    asked.edns = Some((0, 0, 0));
    let (reply, _) = asked.raw(&served());
    assert!(reply.len() <= 512);
    assert_eq!(options(&reply), Some(vec![(15, vec![0, 20])]));
}
