//! Negative answers (RFC 2308) and their TTL (RFC 9077), in chains and at every kind of name.

mod fixture;

use fixture::{Mode, ask, table, zone};

const MODES: [Mode; 3] = [Mode::Unsigned, Mode::Nsec, Mode::Nsec3];

fn zone_text(soa_ttl: u32, minimum: u32) -> String {
    format!(
        "x. {soa_ttl} SOA a. b. 1 7200 3600 1209600 {minimum}
         a.b.x. 60 A 192.0.2.1
         c.x. 60 CNAME nothing.x.
         e.x. 60 CNAME a.b.x."
    )
}

/// Section 3 and RFC 9077 section 3: the lesser of the SOA's TTL and its minimum, for the SOA, for NSEC and for NSEC3.
#[test]
fn section_3_the_ttl_is_the_lesser_of_soa_ttl_and_minimum() {
    for (soa_ttl, minimum, wanted) in [(3600, 300, 300), (100, 300, 100), (0, 300, 0), (3600, 0, 0)] {
        for mode in MODES {
            let table = table([zone(mode, &zone_text(soa_ttl, minimum))]);
            for (qname, qtype) in [("nothing.x", "A"), ("a.b.x", "AAAA"), ("b.x", "A"), ("c.x", "A"), ("e.x", "TXT")] {
                let lines = ask(qname, qtype).with_do().of(&table);
                let authority: Vec<&String> = lines.iter().filter(|line| line.starts_with("authority: ")).collect();
                assert!(authority.len() >= if mode == Mode::Unsigned { 1 } else { 4 }, "{lines:#?}");
                for line in authority {
                    assert_eq!(line.split(' ').nth(2), Some(wanted.to_string().as_str()), "{mode:?} {line}");
                }
            }
            // Asked for itself it has its own.
            assert_eq!(ask("x", "SOA").of(&table)[1].split(' ').nth(2), Some(soa_ttl.to_string().as_str()));
        }
    }
}

/// Sections 2.1 and 2.2: no NS in the authority section, which would look like a referral to old resolvers (type 3, section 2.2).
#[test]
fn sections_2_1_and_2_2_the_authority_section_is_soa_alone() {
    let table = table([zone(Mode::Unsigned, &(zone_text(60, 30) + "\nx. 60 NS ns.y."))]);
    for (qname, qtype, rcode) in [("nothing.x", "A", "NXDOMAIN aa"), ("a.b.x", "MX", "NOERROR aa")] {
        let soa = "authority: x. 30 SOA a. b. 1 7200 3600 1209600 30";
        assert_eq!(ask(qname, qtype).of(&table), [rcode, soa]);
    }
}

/// Section 2.1: after a CNAME the RCODE is said of its target; RFC 6604 section 3 the same.
#[test]
fn section_2_1_and_rfc6604_section_3_nxdomain_after_a_cname() {
    for mode in MODES {
        let lines = ask("c.x", "A").of(&table([zone(mode, &zone_text(60, 30))]));
        assert_eq!(lines[..2], ["NXDOMAIN aa", "answer: c.x. 60 CNAME nothing.x."]);
    }
}

/// RFC 8020 section 2: NXDOMAIN says that nothing is below either, so an empty non-terminal must not get it.
#[test]
fn rfc8020_section_2_an_empty_non_terminal_is_nodata() {
    for mode in MODES {
        assert_eq!(ask("b.x", "A").of(&table([zone(mode, &zone_text(60, 30))]))[0], "NOERROR aa");
    }
}
