//! NSEC3 parameters (RFC 9276): 0 iterations and no salt are the default, and what a zone has instead is served consistently.

mod fixture;

use dataplane::Transport;
use fixture::{ask, denials, name, table, zone_denied_by};
use zone::nsec3hash::{base32hex, nsec3_hash};
use zone::{DenialMode, Nsec3Params};

const EXAMPLE: &str = "
    example. 3600 SOA ns1.example. host.example. 1 7200 3600 1209600 300
    example. 3600 NS ns1.elsewhere.
    www.example. 60 A 192.0.2.10
    ";

#[test]
fn section_3_1_the_default_is_no_iteration_and_no_salt() {
    let default = Nsec3Params::default();
    assert_eq!((default.iterations, default.salt.len(), default.opt_out), (0, 0, false));
    assert_eq!(default.nsec3param_rdata(), [1, 0, 0, 0, 0]);
}

/// RFC 5155 section 3.1.4: a salt has up to 255 octets.
#[test]
fn salts_and_iterations_are_those_of_the_zone() {
    for (iterations, salt) in [(0, vec![]), (1, vec![0xab]), (100, vec![0xcd; 255])] {
        let params = Nsec3Params { opt_out: false, iterations, salt };
        let head = params.to_string();
        for mode in [DenialMode::Nsec3(params.clone()), DenialMode::Narrow(params.clone())] {
            let table = table([zone_denied_by(mode, EXAMPLE)]);
            let (reply, _) = ask("www.example", "MX").with_do().raw(&table);
            let found = denials(&reply);
            let owner = base32hex(&nsec3_hash(&name("www.example"), &params));
            assert_eq!(
                found.iter().map(|(owner, ..)| owner.clone()).collect::<Vec<_>>(),
                [format!("{owner}.example.")]
            );
            let (reply, _) = ask("nope.example", "A").over(Transport::Tcp).with_do().raw(&table);
            for (_, _, data) in found.into_iter().chain(denials(&reply)) {
                assert!(data.to_lowercase().starts_with(&head), "{data}");
            }
        }
    }
}
