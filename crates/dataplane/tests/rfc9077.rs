//! TTLs of NSEC and NSEC3 records (RFC 9077): the lesser of the SOA's TTL and its minimum, in every mode.

mod fixture;

use fixture::{SIGNED, ask, denials, table, zone};

#[test]
fn section_3_nsec_and_nsec3_have_the_ttl_of_negative_answers() {
    for (soa_ttl, minimum, wanted) in [(3600, 300, 300), (120, 86400, 120), (0, 60, 0)] {
        let text = format!(
            "example. {soa_ttl} SOA ns1.example. host.example. 1 7200 3600 1209600 {minimum}\n\
             example. 3600 NS ns1.elsewhere.\nwww.example. 60 A 192.0.2.1"
        );
        for mode in SIGNED {
            let table = table([zone(mode, &text)]);
            for (qname, qtype) in [("nope.example", "A"), ("www.example", "MX")] {
                let (reply, _) = ask(qname, qtype).with_do().raw(&table);
                let denials = denials(&reply);
                assert!(
                    !denials.is_empty() && denials.iter().all(|(_, ttl, _)| *ttl == wanted),
                    "{mode:?} {denials:?}"
                );
            }
        }
    }
}
