//! DNS cookies: what a query with one gets (RFC 7873).

mod fixture;

use dataplane::answer::{Asker, Transport};
use dataplane::cookie::CookieProof;
use dataplane::profile::CookieDemand;
use dataplane::tail::Refusal;
use dataplane::{CookieSecret, CookieSecrets, Profile};
use dnssec::ZoneTable;
use fixture::{Mode, NOW, UDP, ask, asker, options, send_under, show, table, zone};
use std::sync::Arc;
use wire::message::Rcode;

const COOKIE: u16 = 10;
const CLIENT: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

fn profile() -> Profile {
    let mut profile = Profile::default();
    profile.cookies = Some(CookieSecrets::new(CookieSecret::new([7; 16]), []));
    profile
}

fn demanding() -> Profile {
    let mut profile = profile();
    profile.cookie_demand = CookieDemand::Always;
    profile
}

fn served() -> Arc<ZoneTable> {
    table([zone(Mode::Unsigned, "example. 60 SOA a. b. 1 1 1 1 60\nwww.example. 60 A 192.0.2.1")])
}

/// The cookie that a reply carries.
fn cookie(reply: &[u8]) -> Option<Vec<u8>> {
    options(reply)?.into_iter().find(|(code, _)| *code == COOKIE).map(|(_, data)| data)
}

/// A cookie of the server's for [`CLIENT`].
fn learnt() -> Vec<u8> {
    cookie(&ask("www.example", "A").with_option(COOKIE, &CLIENT).under(&profile(), &served()).0).unwrap()
}

/// A query without question.
fn without_question(options: &[u8]) -> Vec<u8> {
    let opt = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, options.len() as u8];
    [&[7, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], &opt[..], options].concat()
}

fn option(data: &[u8]) -> Vec<u8> {
    [&[0, 10, 0, data.len() as u8], data].concat()
}

#[test]
fn section_5_2_1_no_cookie_in_the_query_none_in_the_reply() {
    let (reply, done) = ask("www.example", "A").with_do().under(&profile(), &served());
    assert_eq!((cookie(&reply), done.cookie), (None, CookieProof::None));
    assert!(options(&ask("www.example", "A").under(&profile(), &served()).0).is_none());
    // A server that demands cookies still answers those who do not know them.
    assert_eq!(ask("www.example", "A").under(&demanding(), &served()).1.rcode, Rcode::NOERROR);
}

#[test]
fn section_5_2_2_a_malformed_cookie_is_formerr() {
    for length in [0, 1, 7, 9, 15, 41, 60] {
        let (reply, done) = ask("www.example", "A").with_option(COOKIE, &vec![1; length]).under(&profile(), &served());
        assert_eq!((done.rcode, cookie(&reply)), (Rcode::FORMERR, None), "{length}");
    }
    for length in [8, 16, 24, 40] {
        let (_, done) = ask("www.example", "A").with_option(COOKIE, &vec![1; length]).under(&profile(), &served());
        assert_eq!(done.rcode, Rcode::NOERROR, "{length}");
    }
}

#[test]
fn section_5_2_of_several_cookies_the_first_counts() {
    let twice = ask("www.example", "A").with_option(COOKIE, &CLIENT).with_option(COOKIE, &[9; 8]);
    let (reply, _) = twice.under(&profile(), &served());
    let options = options(&reply).unwrap();
    assert_eq!((options.len(), &options[0].1[..8]), (1, &CLIENT[..]));
}

#[test]
fn section_5_2_3_a_client_cookie_alone_is_answered_with_a_server_cookie() {
    let (reply, done) = ask("www.example", "A").with_option(COOKIE, &CLIENT).under(&profile(), &served());
    let cookie = cookie(&reply).unwrap();
    assert_eq!((cookie.len(), &cookie[..8], done.cookie), (24, &CLIENT[..], CookieProof::ClientOnly));
    assert_eq!(show(&reply), ["NOERROR aa", "answer: www.example. 60 A 192.0.2.1"]);
}

#[test]
fn section_5_2_4_a_bad_server_cookie_is_answered_with_a_good_one() {
    let (reply, done) = ask("www.example", "A").with_option(COOKIE, &[1; 24]).under(&profile(), &served());
    assert_eq!((done.rcode, done.cookie), (Rcode::NOERROR, CookieProof::Invalid));
    let again = ask("www.example", "A").with_option(COOKIE, &cookie(&reply).unwrap());
    assert_eq!(again.under(&profile(), &served()).1.cookie, CookieProof::Valid);
}

#[test]
fn section_5_2_3_where_cookies_are_demanded_badcookie_carries_a_good_one() {
    for sent in [&CLIENT[..], &[1; 24]] {
        let (reply, done) = ask("www.example", "A").with_option(COOKIE, sent).under(&demanding(), &served());
        assert_eq!((done.rcode, done.refusal), (Rcode::BADCOOKIE, Some(Refusal::BadCookie)));
        assert_eq!(reply[12..29], ask("www.example", "A").message()[12..29]);
        let again = ask("www.example", "A").with_option(COOKIE, &cookie(&reply).unwrap());
        assert_eq!(again.under(&demanding(), &served()).1.rcode, Rcode::NOERROR);
    }
    // A connection proves the address by itself (section 5.2.3).
    for transport in [Transport::Tcp, Transport::Tls, Transport::Https, Transport::Quic] {
        let asked = ask("www.example", "A").with_option(COOKIE, &CLIENT).over(transport);
        assert_eq!(asked.under(&demanding(), &served()).1.rcode, Rcode::NOERROR);
    }
}

#[test]
fn section_5_2_refusals_carry_cookies_too() {
    let (reply, done) = ask("www.elsewhere", "A").with_option(COOKIE, &CLIENT).under(&profile(), &served());
    assert_eq!((done.rcode, done.cookie), (Rcode::REFUSED, CookieProof::ClientOnly));
    assert_eq!(cookie(&reply).unwrap()[..8], CLIENT);
}

#[test]
fn section_5_4_a_query_without_question_gets_a_cookie() {
    let sent = |data: &[u8]| send_under(&profile(), &served(), &without_question(&option(data)), asker(UDP), NOW);
    let (reply, done) = sent(&CLIENT);
    assert_eq!((done.rcode, done.refusal), (Rcode::NOERROR, Some(Refusal::CookieAlone)));
    assert_eq!(reply[4..12], [0, 0, 0, 0, 0, 0, 0, 1]);
    let good = cookie(&reply).unwrap();
    assert_eq!(good, learnt());
    assert_eq!(sent(&good).1.rcode, Rcode::NOERROR);
    let (reply, done) = sent(&[&CLIENT[..], &[1; 16]].concat());
    assert_eq!((done.rcode, cookie(&reply).unwrap()), (Rcode::BADCOOKIE, good));
}

#[test]
fn section_5_4_without_a_cookie_or_where_there_are_none_a_question_is_missing() {
    let rcode = |profile: &Profile, options: &[u8]| {
        send_under(profile, &served(), &without_question(options), asker(UDP), NOW).1.rcode
    };
    assert_eq!(rcode(&profile(), &[]), Rcode::FORMERR);
    assert_eq!(rcode(&profile(), &[0, 3, 0, 0]), Rcode::FORMERR);
    assert_eq!(rcode(&profile(), &option(&[1; 9])), Rcode::FORMERR);
    assert_eq!(rcode(&Profile::default(), &option(&CLIENT)), Rcode::FORMERR);
}

#[test]
fn section_5_a_server_without_secrets_leaves_cookies_alone() {
    let (reply, done) = ask("www.example", "A").with_option(COOKIE, &CLIENT).under(&Profile::default(), &served());
    assert_eq!((done.rcode, done.cookie, options(&reply)), (Rcode::NOERROR, CookieProof::None, Some(Vec::new())));
}

#[test]
fn section_6_a_cookie_is_bound_to_the_address() {
    let message = ask("www.example", "A").with_option(COOKIE, &learnt()).message();
    let proof = |address: &str| {
        let asker = Asker { address: address.parse().unwrap(), transport: UDP };
        send_under(&profile(), &served(), &message, asker, NOW).1.cookie
    };
    assert_eq!(
        [proof("127.0.0.1"), proof("127.0.0.2"), proof("::1")],
        [CookieProof::Valid, CookieProof::Invalid, CookieProof::Invalid]
    );
}
