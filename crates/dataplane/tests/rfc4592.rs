//! Wildcards (RFC 4592), with the zone of its section 2.2.1 in full, in every signing mode.

mod fixture;

use dnssec::ZoneTable;
use fixture::{Mode, ask, name, table, zone};
use std::sync::Arc;

/// Section 2.2.1, with SOA and SRV data made up.
const EXAMPLE: &str = r#"
    example. 3600 SOA ns.example.com. host.example. 1 7200 3600 1209600 300
    example. 3600 NS ns.example.com.
    example. 3600 NS ns.example.net.
    *.example. 3600 TXT "this is a wildcard"
    *.example. 3600 MX 10 host1.example.
    sub.*.example. 3600 TXT "this is not a wildcard"
    host1.example. 3600 A 192.0.2.1
    _ssh._tcp.host1.example. 3600 SRV 0 0 22 host1.example.
    _ssh._tcp.host2.example. 3600 SRV 0 0 22 host2.example.
    subdel.example. 3600 NS ns.example.com.
    subdel.example. 3600 NS ns.example.net.
    "#;

const SOA: &str = "authority: example. 300 SOA ns.example.com. host.example. 1 7200 3600 1209600 300";
const MODES: [Mode; 3] = [Mode::Unsigned, Mode::Nsec, Mode::Nsec3];

/// The same answer in all modes, DNSSEC not asked for.
fn assert_answer(text: &str, qname: &str, qtype: &str, wanted: &[&str]) {
    for mode in MODES {
        assert_eq!(ask(qname, qtype).of(&table([zone(mode, text)])), wanted, "{qname} {qtype} {mode:?}");
    }
}

fn signed(mode: Mode, text: &str) -> Arc<ZoneTable> {
    table([zone(mode, text)])
}

/// How many records of the type are in the reply.
fn count(lines: &[String], rtype: &str) -> usize {
    lines.iter().filter(|line| line.split(' ').nth(3) == Some(rtype)).count()
}

#[test]
fn section_2_2_1_host3_mx_comes_from_the_wildcard() {
    assert_answer(EXAMPLE, "host3.example", "MX", &["NOERROR aa", "answer: host3.example. 3600 MX 10 host1.example."]);
}

#[test]
fn section_2_2_1_host3_a_is_no_error_and_no_data() {
    assert_answer(EXAMPLE, "host3.example", "A", &["NOERROR aa", SOA]);
}

#[test]
fn section_2_2_1_foo_bar_txt_comes_from_the_wildcard_though_bar_does_not_exist() {
    let wanted = ["NOERROR aa", "answer: foo.bar.example. 3600 TXT this is a wildcard"];
    assert_answer(EXAMPLE, "foo.bar.example", "TXT", &wanted);
}

#[test]
fn section_2_2_1_host1_mx_is_not_synthesised_since_host1_exists() {
    assert_answer(EXAMPLE, "host1.example", "MX", &["NOERROR aa", SOA]);
}

#[test]
fn section_2_2_1_sub_asterisk_mx_is_not_synthesised_since_it_exists() {
    assert_answer(EXAMPLE, "sub.*.example", "MX", &["NOERROR aa", SOA]);
    let wanted = ["NOERROR aa", "answer: sub.*.example. 3600 TXT this is not a wildcard"];
    assert_answer(EXAMPLE, "sub.*.example", "TXT", &wanted);
}

#[test]
fn section_2_2_1_telnet_srv_is_not_synthesised_since_its_parent_exists_without_data() {
    assert_answer(EXAMPLE, "_telnet._tcp.host1.example", "SRV", &["NXDOMAIN aa", SOA]);
}

#[test]
fn section_2_2_1_host_subdel_a_is_not_synthesised_but_referred() {
    let wanted = [
        "NOERROR",
        "authority: subdel.example. 3600 NS ns.example.com.",
        "authority: subdel.example. 3600 NS ns.example.net.",
    ];
    assert_answer(EXAMPLE, "host.subdel.example", "A", &wanted);
}

#[test]
fn section_2_2_1_ghost_asterisk_mx_is_not_synthesised_since_the_asterisk_exists() {
    assert_answer(EXAMPLE, "ghost.*.example", "MX", &["NXDOMAIN aa", SOA]);
}

/// Section 2.2.2.
#[test]
fn section_2_2_2_empty_non_terminals_exist_and_block_the_wildcard() {
    for ent in ["_tcp.host1.example", "_tcp.host2.example", "host2.example"] {
        assert_answer(EXAMPLE, ent, "MX", &["NOERROR aa", SOA]);
    }
}

/// Section 3.3.1's table: the closest encloser decides, and no wildcard elsewhere helps.
#[test]
fn section_3_3_1_the_table_of_closest_enclosers() {
    for (qname, is_synthesised) in [
        ("host3.example", true),
        ("_telnet._tcp.host1.example", false),
        ("_dns._udp.host2.example", false),
        ("_telnet._tcp.host3.example", true),
        ("_chat._udp.host3.example", true),
        ("foobar.*.example", false),
    ] {
        let first = format!("answer: {qname}. 3600 MX 10 host1.example.");
        let wanted: [&str; 2] = if is_synthesised { ["NOERROR aa", &first] } else { ["NXDOMAIN aa", SOA] };
        assert_answer(EXAMPLE, qname, "MX", &wanted);
    }
}

/// Section 2.1.1: only a leftmost label of one asterisk makes a wildcard.
#[test]
fn section_2_1_3_only_an_octet_42_of_its_own_and_leftmost_is_a_wildcard() {
    let text = "
        x. 300 SOA a. b. 1 1 1 1 300
        the*star.x. 300 A 192.0.2.1
        **.x. 300 A 192.0.2.2
        \\042.esc.x. 300 A 192.0.2.3
        a.*.in.x. 300 A 192.0.2.4
        ";
    let soa = "authority: x. 300 SOA a. b. 1 1 1 1 300";
    for qname in ["the-star.x", "y.x", "b.a.*.in.x"] {
        assert_answer(text, qname, "A", &["NXDOMAIN aa", soa]);
    }
    // The escape is another way to write the same octet (RFC 1035 section 5.1).
    assert_answer(text, "y.esc.x", "A", &["NOERROR aa", "answer: y.esc.x. 300 A 192.0.2.3"]);
    // An inner asterisk makes `*.in.x` an empty non-terminal, and a source of synthesis without data (section 2.2.2).
    for qname in ["b.in.x", "a.b.in.x", "*.b.in.x"] {
        assert_answer(text, qname, "A", &["NOERROR aa", soa]);
    }
    assert_answer(text, "c.*.in.x", "A", &["NXDOMAIN aa", soa]);
    assert_answer(text, "a.*.in.x", "A", &["NOERROR aa", "answer: a.*.in.x. 300 A 192.0.2.4"]);
}

/// Sections 2.1.2 and 2.3: the wildcard's own name can be asked for, and is not synthesised from anything.
#[test]
fn section_2_3_a_literal_asterisk_is_a_name_as_any_other() {
    let wanted = ["NOERROR aa", "answer: *.example. 3600 TXT this is a wildcard"];
    assert_answer(EXAMPLE, "*.example", "TXT", &wanted);
    assert_answer(EXAMPLE, "*.example", "A", &["NOERROR aa", SOA]);
    for mode in [Mode::Nsec, Mode::Nsec3] {
        let lines = ask("*.example", "TXT").with_do().of(&signed(mode, EXAMPLE));
        assert_eq!(lines.len(), 3, "no proof is needed, since nothing was expanded: {lines:#?}");
    }
}

/// A name that begins with an asterisk, under a wildcard further up: synthesised, with the proof that it does not exist.
#[test]
fn section_3_3_1_a_name_that_begins_with_an_asterisk_is_synthesised_with_its_proof() {
    for (mode, proof) in [(Mode::Nsec, "NSEC"), (Mode::Nsec3, "NSEC3")] {
        for qname in ["*.bar.example", "*.*.bar.example", "a.*.bar.example"] {
            let lines = ask(qname, "MX").with_do().of(&signed(mode, EXAMPLE));
            assert_eq!(lines[..2], ["NOERROR aa do", &format!("answer: {qname}. 3600 MX 10 host1.example.")]);
            assert_eq!(count(&lines, proof), 1, "{qname} {lines:#?}");
        }
        // The wildcard's own name under itself is the closest encloser and has no wildcard child.
        let lines = ask("*.*.example", "MX").with_do().of(&signed(mode, EXAMPLE));
        assert_eq!(lines[0], "NXDOMAIN aa do");
    }
}

#[test]
fn section_4_1_soa_and_ns_of_the_apex_are_not_synthesised_below_it() {
    assert_answer(EXAMPLE, "host3.example", "SOA", &["NOERROR aa", SOA]);
    assert_answer(EXAMPLE, "host3.example", "NS", &["NOERROR aa", SOA]);
}

/// Section 4.2 leaves open what it means, and BIND's validator takes no signature over it. It is left out; all else is served.
#[test]
fn section_4_2_ns_at_a_wildcard_is_left_out() {
    let text = "
        x. 300 SOA a. b. 1 1 1 1 300
        *.w.x. 300 NS ns.y.
        *.w.x. 300 A 192.0.2.1
        deep.*.w.x. 300 A 192.0.2.2
        ";
    let soa = "authority: x. 300 SOA a. b. 1 1 1 1 300";
    assert_answer(text, "q.w.x", "NS", &["NOERROR aa", soa]);
    assert_answer(text, "q.w.x", "A", &["NOERROR aa", "answer: q.w.x. 300 A 192.0.2.1"]);
    assert_answer(text, "*.w.x", "A", &["NOERROR aa", "answer: *.w.x. 300 A 192.0.2.1"]);
    assert_answer(text, "deep.*.w.x", "A", &["NOERROR aa", "answer: deep.*.w.x. 300 A 192.0.2.2"]);
    let served = zone(Mode::Nsec, text);
    let (owner, nsec) = served.zone.nsec_at_or_before(&name("*.w.x")).unwrap();
    let nsec = wire::rdata::print(wire::RecordType::NSEC, nsec.rdatas().next().unwrap()).unwrap();
    assert_eq!((owner, nsec.as_str()), (&name("*.w.x"), "deep.*.w.x. A RRSIG NSEC"));
}

/// Section 4.3.
#[test]
fn section_4_3_a_wildcard_cname_is_synthesised_and_followed() {
    let text = "
        x. 300 SOA a. b. 1 1 1 1 300
        *.c.x. 300 CNAME target.x.
        *.self.x. 300 CNAME y.self.x.
        target.x. 300 A 192.0.2.1
        ";
    let cname = "answer: q.c.x. 300 CNAME target.x.";
    assert_answer(text, "q.c.x", "A", &["NOERROR aa", cname, "answer: target.x. 300 A 192.0.2.1"]);
    assert_answer(text, "q.c.x", "CNAME", &["NOERROR aa", cname]);
    // One that leads to itself ends.
    let wanted = ["NOERROR aa", "answer: q.self.x. 300 CNAME y.self.x.", "answer: y.self.x. 300 CNAME y.self.x."];
    assert_answer(text, "q.self.x", "A", &wanted);
    for (mode, proof) in [(Mode::Nsec, "NSEC"), (Mode::Nsec3, "NSEC3")] {
        let lines = ask("q.c.x", "A").with_do().of(&signed(mode, text));
        assert_eq!((count(&lines, "RRSIG"), count(&lines, proof)), (3, 1), "{lines:#?}");
        // NODATA at the target: the expansion's proof and the denial.
        let lines = ask("q.c.x", "AAAA").with_do().of(&signed(mode, text));
        assert!(count(&lines, proof) >= 1 && count(&lines, "SOA") == 1, "{lines:#?}");
    }
}

/// Section 4.4, and RFC 6672 section 3.3: what it means below the names it is expanded to is open; it redirects below its own name.
#[test]
fn section_4_4_dname_at_a_wildcard_is_data_of_expanded_names() {
    let text = "
        x. 300 SOA a. b. 1 1 1 1 300
        *.d.x. 300 DNAME target.x.
        q.target.x. 300 A 192.0.2.1
        ";
    let soa = "authority: x. 300 SOA a. b. 1 1 1 1 300";
    assert_answer(text, "q.d.x", "DNAME", &["NOERROR aa", "answer: q.d.x. 300 DNAME target.x."]);
    assert_answer(text, "q.d.x", "A", &["NOERROR aa", soa]);
    assert_answer(text, "z.q.d.x", "A", &["NOERROR aa", soa]);
    let wanted = [
        "NOERROR aa",
        "answer: *.d.x. 300 DNAME target.x.",
        "answer: q.*.d.x. 300 CNAME q.target.x.",
        "answer: q.target.x. 300 A 192.0.2.1",
    ];
    assert_answer(text, "q.*.d.x", "A", &wanted);
}

/// Section 4.5: SRV is nothing special.
#[test]
fn section_4_5_srv_at_a_wildcard_is_synthesised() {
    let text = "x. 300 SOA a. b. 1 1 1 1 300\n*.x. 300 SRV 0 0 1 h.x.";
    assert_answer(text, "_s._tcp.x", "SRV", &["NOERROR aa", "answer: _s._tcp.x. 300 SRV 0 0 1 h.x."]);
}

/// Section 4.6: DS is looked for on the parent's side, where a name that a wildcard makes is no cut.
#[test]
fn section_4_6_ds_under_a_wildcard_is_nodata() {
    assert_answer(EXAMPLE, "host3.example", "DS", &["NOERROR aa", SOA]);
}

/// Section 4.8: an empty non-terminal that begins with an asterisk is the source of synthesis, and has no data.
#[test]
fn section_4_8_an_empty_asterisk_denies_the_type_and_not_the_name() {
    let text = "
        x. 300 SOA a. b. 1 1 1 1 300
        *.x. 300 A 192.0.2.1
        data.*.e.x. 300 A 192.0.2.2
        ";
    let soa = "authority: x. 300 SOA a. b. 1 1 1 1 300";
    assert_answer(text, "q.e.x", "A", &["NOERROR aa", soa]);
    for (mode, records) in [(Mode::Nsec, 1..=2), (Mode::Nsec3, 2..=3)] {
        let lines = ask("q.e.x", "A").with_do().of(&signed(mode, text));
        let proof = if mode == Mode::Nsec { "NSEC" } else { "NSEC3" };
        assert_eq!(lines[0], "NOERROR aa do");
        assert!(records.contains(&count(&lines, proof)), "{mode:?} {lines:#?}");
    }
}

/// A wildcard is found for the longest names there are, and no buffer is too short for one.
#[test]
fn names_of_255_octets_are_synthesised_and_denied() {
    let label = "a".repeat(63);
    // 3 * 64 + 60 + 3 = 255 octets.
    let long = format!("{label}.{label}.{label}.{}.x", "b".repeat(59));
    assert_eq!(name(&long).as_wire().len(), 255);
    for mode in MODES {
        let wild = signed(mode, "x. 300 SOA a. b. 1 1 1 1 300\n*.x. 300 A 192.0.2.1");
        let lines = ask(&long, "A").with_do().of(&wild);
        assert_eq!(lines[..2], ["NOERROR aa do", &format!("answer: {long}. 300 A 192.0.2.1")], "{mode:?}");
        let tame = signed(mode, "x. 300 SOA a. b. 1 1 1 1 300\nc.x. 300 A 192.0.2.1");
        assert_eq!(ask(&long, "A").with_do().of(&tame)[0], "NXDOMAIN aa do", "{mode:?}");
        // The closest encloser is so long that no wildcard has room below it.
        let parent = long.split_once('.').unwrap().1;
        let deep = format!("x. 300 SOA a. b. 1 1 1 1 300\n{parent}. 300 A 192.0.2.1");
        assert_eq!(ask(&long, "A").with_do().of(&signed(mode, &deep))[0], "NXDOMAIN aa do", "{mode:?}");
        let full = format!("x. 300 SOA a. b. 1 1 1 1 300\n{long}. 300 A 192.0.2.1");
        assert_eq!(ask(&long, "AAAA").with_do().of(&signed(mode, &full))[0], "NOERROR aa do", "{mode:?}");
    }
}
