//! SVCB and HTTPS (RFC 9460): what goes along in the additional section.

mod fixture;

use fixture::{Mode, ask, table, zone};

const EXAMPLE: &str = "
    x. 60 SOA a. b. 1 1 1 1 1
    x. 60 NS ns.x.
    ns.x. 60 A 192.0.2.9
    x. 60 HTTPS 1 . alpn=h2
    x. 60 A 192.0.2.1
    x. 60 MX 10 ns.x.
    alias.x. 60 HTTPS 0 svc.x.
    svc.x. 60 HTTPS 1 Host.x. alpn=h2
    host.x. 60 A 192.0.2.2
    host.x. 60 AAAA 2001:db8::2
    none.x. 60 HTTPS 0 .
    none.x. 60 A 192.0.2.3
    out.x. 60 SVCB 1 www.elsewhere. port=8443
    cut.x. 60 SVCB 1 ns.child.x. port=8443
    child.x. 60 NS ns.child.x.
    ns.child.x. 60 A 192.0.2.5
    *.w.x. 60 HTTPS 1 host.x.
    many.x. 60 SVCB 1 host.x.
    many.x. 60 SVCB 2 host.x. port=8443
    _s._tcp.x. 60 SRV 0 0 1 host.x.
    ";

/// The additional section, and whether anything stands in authority.
fn additional(qname: &str, qtype: &str) -> Vec<String> {
    let lines = ask(qname, qtype).of(&table([zone(Mode::Nsec, EXAMPLE)]));
    assert_eq!(lines[0], "NOERROR aa");
    lines.into_iter().filter_map(|line| Some(line.strip_prefix("additional: ")?.to_owned())).collect()
}

#[test]
fn section_4_1_addresses_of_targets_in_the_zone_go_along() {
    assert_eq!(additional("svc.x", "HTTPS"), ["host.x. 60 A 192.0.2.2", "host.x. 60 AAAA 2001:db8::2"]);
    // Section 2.5.2: "." in ServiceMode is the owner.
    assert_eq!(additional("x", "HTTPS"), ["x. 60 A 192.0.2.1"]);
    // Each once.
    assert_eq!(additional("many.x", "SVCB").len(), 2);
    assert_eq!(additional("q.w.x", "HTTPS").len(), 2);
}

#[test]
fn section_4_1_alias_mode_brings_the_targets_own_records() {
    let lines = additional("alias.x", "HTTPS");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("svc.x. 60 HTTPS"), "{lines:?}");
}

#[test]
fn section_2_5_1_no_such_service_brings_nothing() {
    assert_eq!(additional("none.x", "HTTPS"), [""; 0]);
}

#[test]
fn what_is_not_this_zones_own_data_does_not_go_along() {
    assert_eq!(additional("out.x", "SVCB"), [""; 0]);
    assert_eq!(additional("cut.x", "SVCB"), [""; 0]);
}

#[test]
fn section_4_1_addresses_come_with_their_signatures() {
    let lines = ask("svc.x", "HTTPS").with_do().of(&table([zone(Mode::Nsec3, EXAMPLE)]));
    let signatures = lines.iter().filter(|line| line.starts_with("additional: host.x. 60 RRSIG")).count();
    assert_eq!((signatures, lines.len()), (2, 1 + 2 + 4), "{lines:#?}");
}

/// Where there is no room they are left out, and TC is not set for them (RFC 2181 section 9).
#[test]
fn what_does_not_fit_is_left_out_without_tc() {
    let mut text = "x. 60 SOA a. b. 1 1 1 1 1\nx. 60 HTTPS 1 h.x.\n".to_owned();
    for number in 0..200 {
        text.push_str(&format!("h.x. 60 A 192.0.2.{number}\n"));
    }
    let lines = ask("x", "HTTPS").of(&table([zone(Mode::Unsigned, &text)]));
    assert_eq!((lines[0].as_str(), lines.len()), ("NOERROR aa", 2));
}

/// Resolvers ask for what they need; answers stay short.
#[test]
fn mx_srv_and_ns_bring_no_addresses() {
    for (qname, qtype) in [("x", "MX"), ("x", "NS"), ("_s._tcp.x", "SRV")] {
        assert_eq!(additional(qname, qtype), [""; 0], "{qtype}");
    }
}
