//! Server cookies that servers of all makes understand (RFC 9018).

mod fixture;

use dataplane::answer::Asker;
use dataplane::cookie::CookieProof;
use dataplane::{CookieSecret, CookieSecrets, Profile};
use dnssec::ZoneTable;
use fixture::{Mode, UDP, ask, options, send_under, table, zone};
use std::sync::Arc;

const COOKIE: u16 = 10;

/// The secret of appendices A.1 to A.3.
const FIRST: &str = "e5e973e5a6b2a43f48e7dc849e37bfcf";
/// What a client got at `ASKED` with that secret (appendix A.1).
const LEARNT: &str = "2464c4abcf10c957010000005cf79f111f8130c3eee29480";
const CLIENT: &str = "198.51.100.100";
const ASKED: u32 = 1_559_731_985;

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn secret(text: &str) -> CookieSecret {
    CookieSecret::new(hex(text).try_into().unwrap())
}

fn secrets(texts: &[&str]) -> Profile {
    let mut profile = Profile::default();
    profile.cookies = Some(CookieSecrets::new(secret(texts[0]), texts[1..].iter().map(|text| secret(text))));
    profile
}

fn served() -> Arc<ZoneTable> {
    table([zone(Mode::Unsigned, "example. 60 SOA a. b. 1 1 1 1 60\nwww.example. 60 A 192.0.2.1")])
}

/// What a query with this cookie shows, and the cookie that comes back.
fn returned(profile: &Profile, cookie: &str, from: &str, now: u32) -> (CookieProof, String) {
    let message = ask("www.example", "A").with_option(COOKIE, &hex(cookie)).message();
    let asker = Asker { address: from.parse().unwrap(), transport: UDP };
    let (reply, done) = send_under(profile, &served(), &message, asker, now);
    let options = options(&reply).unwrap();
    assert_eq!((options.len(), options[0].0), (1, COOKIE));
    (done.cookie, options[0].1.iter().map(|octet| format!("{octet:02x}")).collect())
}

#[test]
fn appendix_a_1_learning_a_new_server_cookie() {
    let reply = returned(&secrets(&[FIRST]), "2464c4abcf10c957", CLIENT, ASKED);
    assert_eq!(reply, (CookieProof::ClientOnly, LEARNT.into()));
}

#[test]
fn appendix_a_2_the_same_client_learning_a_renewed_server_cookie() {
    let reply = returned(&secrets(&[FIRST]), LEARNT, CLIENT, 1_559_734_385);
    assert_eq!(reply, (CookieProof::Valid, "2464c4abcf10c957010000005cf7a871d4a564a1442aca77".into()));
}

#[test]
fn appendix_a_3_another_client_learning_a_renewed_server_cookie() {
    let (sent, from) = ("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", "203.0.113.203");
    // As the example has it, more than an hour later: it is renewed, but is no proof.
    let reply = returned(&secrets(&[FIRST]), sent, from, 1_559_734_700);
    assert_eq!(reply, (CookieProof::Invalid, "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e".into()));
    // Reserved octets that another server set are hashed as they are (section 4.2).
    assert_eq!(returned(&secrets(&[FIRST]), sent, from, 0x5cf7_8f71 + 3600).0, CookieProof::Valid);
}

#[test]
fn appendix_a_4_an_ipv6_query_with_a_rolled_over_secret() {
    let (old, new) = ("dd3bdf9344b678b185a6f5cb60fca715", "445536bcd2513298075a5d379663c962");
    let (sent, from) = ("22681ab97d52c298010000005cf7c57926556bd0934c72f8", "2001:db8:220:1:59de:d0f4:8769:82b8");
    let renewed = "22681ab97d52c298010000005cf7c609a6bb79d16625507a";
    assert_eq!(returned(&secrets(&[new, old]), sent, from, 1_559_741_961), (CookieProof::Valid, renewed.into()));
    assert_eq!(returned(&secrets(&[new]), sent, from, 1_559_741_961), (CookieProof::Invalid, renewed.into()));
}

#[test]
fn section_4_3_a_cookie_is_a_proof_for_an_hour_and_up_to_five_minutes_ahead() {
    let proof = |now| returned(&secrets(&[FIRST]), LEARNT, CLIENT, now).0;
    assert_eq!(proof(ASKED + 3600), CookieProof::Valid);
    assert_eq!(proof(ASKED + 3601), CookieProof::Invalid);
    assert_eq!(proof(ASKED - 300), CookieProof::Valid);
    assert_eq!(proof(ASKED - 301), CookieProof::Invalid);
}

#[test]
fn section_4_3_a_cookie_older_than_half_an_hour_is_replaced_and_a_younger_one_kept() {
    let cookie = |now| returned(&secrets(&[FIRST]), LEARNT, CLIENT, now).1;
    assert_eq!(cookie(ASKED + 1800), LEARNT);
    assert_ne!(cookie(ASKED + 1801), LEARNT);
    // One from the future would come back for too long.
    assert_ne!(cookie(ASKED - 1), LEARNT);
}

#[test]
fn section_4_3_time_is_compared_by_serial_arithmetic() {
    let profile = secrets(&[FIRST]);
    let before = u32::MAX - 10;
    let (_, cookie) = returned(&profile, "0102030405060708", CLIENT, before);
    assert_eq!(returned(&profile, &cookie, CLIENT, 20).0, CookieProof::Valid);
}

#[test]
fn section_4_4_the_hash_is_of_client_cookie_and_address() {
    let proof = |cookie: &str, from| returned(&secrets(&[FIRST]), cookie, from, ASKED).0;
    assert_eq!(proof(LEARNT, "198.51.100.101"), CookieProof::Invalid);
    assert_eq!(proof(&LEARNT.replace("2464", "2465"), CLIENT), CookieProof::Invalid);
    assert_eq!(proof(&LEARNT.replace("9480", "9481"), CLIENT), CookieProof::Invalid);
}

#[test]
fn section_4_1_another_version_or_length_is_no_cookie_of_ours() {
    let proof = |cookie: &str| returned(&secrets(&[FIRST]), cookie, CLIENT, ASKED).0;
    assert_eq!(proof(&LEARNT.replace("c95701", "c95702")), CookieProof::Invalid);
    assert_eq!(proof(&LEARNT[..32]), CookieProof::Invalid);
    assert_eq!(proof(&format!("{LEARNT}00")), CookieProof::Invalid);
}

#[test]
fn section_5_a_secret_rolls_over_without_a_gap() {
    let (old, new) = ("dd3bdf9344b678b185a6f5cb60fca715", "445536bcd2513298075a5d379663c962");
    // A replica at each stage: it knows the new one, makes cookies with it, has forgotten the old one.
    let stages = [secrets(&[old]), secrets(&[old, new]), secrets(&[new, old]), secrets(&[new])];
    for pair in stages.windows(2) {
        for (maker, judge) in [(&pair[0], &pair[1]), (&pair[1], &pair[0])] {
            let (_, cookie) = returned(maker, "0102030405060708", CLIENT, ASKED);
            assert_eq!(returned(judge, &cookie, CLIENT, ASKED).0, CookieProof::Valid);
        }
    }
}
