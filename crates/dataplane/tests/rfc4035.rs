//! RFC 4035 section 3: what goes along with answers, and what is said when it does not fit.

mod fixture;

use dnssec::ZoneTable;
use fixture::{Ask, Mode, ask, table, zone};
use std::sync::Arc;

/// Denial in both modes, since each takes its own room.
const MODES: [Mode; 2] = [Mode::Nsec, Mode::Nsec3];

fn example(mode: Mode, more: &str) -> Arc<ZoneTable> {
    let text = "example. 3600 SOA ns1.example. host.example. 1 7200 3600 1209600 300\n\
        example. 3600 NS ns1.example.\nns1.example. 3600 A 192.0.2.1\nwww.example. 60 A 192.0.2.10\n";
    table([zone(mode, &(text.to_owned() + more))])
}

/// With DO and this payload.
fn within(asked: &Ask, payload: u16) -> Ask {
    let mut asked = asked.clone().with_do();
    asked.edns = Some((payload, 0, 0x8000));
    asked
}

/// The reply when everything fits, and its length.
fn whole(asked: &Ask, table: &ZoneTable) -> (Vec<String>, u16) {
    let asked = asked.clone().with_do();
    (asked.of(table), u16::try_from(asked.raw(table).0.len()).unwrap())
}

#[test]
fn section_3_without_do_dnssec_types_are_data_like_others() {
    for mode in MODES {
        let table = example(mode, "*.wild.example. 60 A 192.0.2.11\n");
        let has_dnssec = |lines: &[String]| lines.iter().any(|line| line.contains(" RRSIG") || line.contains(" NSEC"));
        for (name, qtype) in [
            ("www.example", "A"),
            ("www.example", "MX"),
            ("nothing.example", "A"),
            ("x.wild.example", "A"),
            ("example", "DNSKEY"),
        ] {
            let mut without_do = ask(name, qtype);
            assert!(!has_dnssec(&without_do.of(&table)), "{name} {qtype}");
            without_do.edns = Some((1232, 0, 0));
            assert!(!has_dnssec(&without_do.of(&table)), "{name} {qtype}");
        }
        // Asked for by its type it is data, and comes without its own signature.
        assert_eq!(ask("example", "DNSKEY").of(&table).len(), 2);
        let signatures = ask("www.example", "RRSIG").of(&table);
        assert_eq!(signatures[1..], ["answer: www.example. 60 RRSIG A"]);
    }
    let nsec = ask("www.example", "NSEC").of(&example(Mode::Nsec, ""));
    assert_eq!(nsec[1..], ["answer: www.example. 300 NSEC"]);
}

#[test]
fn section_3_1_1_signatures_that_do_not_fit_set_tc() {
    // One RRset of about 500 octets: it would fit without its signature.
    let texts: String = (0..7).map(|number| format!("many.example. 60 TXT \"{number}{}\"\n", "x".repeat(50))).collect();
    for mode in MODES {
        let table = example(mode, &texts);
        for (name, qtype) in
            [("many.example", "TXT"), ("nothing.example", "A"), ("many.example", "MX"), ("example", "NS")]
        {
            let asked = ask(name, qtype);
            let (lines, length) = whole(&asked, &table);
            assert!(!lines[0].contains(" tc") && lines.iter().any(|line| line.contains(" RRSIG")), "{lines:#?}");
            if length <= 512 {
                continue;
            }
            assert_eq!(within(&asked, length).of(&table), lines, "{name} {qtype}");
            // One octet less, and a signature does not fit; nothing is left that could be relied on.
            let truncated = within(&asked, length - 1).of(&table);
            assert!(truncated[0].contains(" tc") && truncated.len() == 1, "{truncated:#?}");
        }
    }
}

#[test]
fn section_3_1_4_a_referral_without_room_for_its_ds_sets_tc() {
    // Six DS of SHA-384 take 360 octets, the proof of an NSEC3 zone's insecure cut takes about 180.
    let servers: String =
        (0..9).map(|number| format!("NAME.example. 60 NS {number}{}.elsewhere.\n", "x".repeat(40))).collect();
    let ds: String = (0..6).map(|number| format!("safe.example. 60 DS {number} 13 4 {}\n", "ab".repeat(48))).collect();
    let text = servers.replace("NAME", "safe") + &ds + &servers.replace("NAME", "plain");
    for mode in MODES {
        let table = example(mode, &text);
        for name in ["host.safe.example", "host.plain.example"] {
            let asked = ask(name, "A");
            let (lines, length) = whole(&asked, &table);
            assert!(length > 512 && !lines[0].contains(" tc"), "{name}: {length} {lines:#?}");
            let truncated = within(&asked, length - 1).of(&table);
            assert!(truncated[0].contains(" tc"), "{truncated:#?}");
        }
    }
}

#[test]
fn section_3_1_1_additional_data_that_does_not_fit_sets_no_tc() {
    // The servers' addresses are this zone's own, signed, and needed by nobody.
    let mut text = String::new();
    for number in 0..6 {
        text += &format!("child.example. 60 NS host{number}.example.\nhost{number}.example. 60 A 192.0.2.{number}\n");
    }
    for mode in MODES {
        let table = example(mode, &text);
        let asked = ask("www.child.example", "A");
        let (lines, length) = whole(&asked, &table);
        let additional = |lines: &[String]| lines.iter().filter(|line| line.starts_with("additional:")).count();
        assert_eq!((additional(&lines), length > 512), (12, true), "{lines:#?}");
        let shorter = within(&asked, 600).of(&table);
        assert!(!shorter[0].contains(" tc") && additional(&shorter) < 12, "{shorter:#?}");
        // What is there is there with its signature.
        let signed = shorter.iter().filter(|line| line.starts_with("additional:") && line.contains(" RRSIG ")).count();
        assert_eq!(additional(&shorter), 2 * signed, "{shorter:#?}");
    }
}
