//! DNAME (RFC 6672): redirection of a subtree, in every signing mode.

mod fixture;

use dataplane::Transport;
use fixture::{Mode, ask, name, table, zone};

const EXAMPLE: &str = "
    example. 3600 SOA ns1.example. host.example. 1 7200 3600 1209600 300
    example. 3600 NS ns1.example.
    ns1.example. 3600 A 192.0.2.1
    d.example. 90 DNAME t.example.
    d.example. 80 A 192.0.2.2
    under.d.example. 80 A 192.0.2.3
    q.t.example. 70 A 192.0.2.4
    c.t.example. 70 CNAME q.t.example.
    d2.example. 60 DNAME d.example.
    out.example. 60 DNAME elsewhere.
    root.example. 60 DNAME .
    a.loop.example. 60 DNAME b.loop.example.
    b.loop.example. 60 DNAME a.loop.example.
    grow.example. 60 DNAME x.grow.example.
    back.example. 60 DNAME back-t.example.
    q.back-t.example. 60 CNAME back.example.
    back.example. 60 A 192.0.2.5
    *.w.example. 60 CNAME q.d.example.
    cut.example. 60 NS ns.dn-glue.example.
    dn-glue.example. 60 DNAME elsewhere.
    ns.dn-glue.example. 60 A 192.0.2.66
    ";
const SOA: &str = "authority: example. 300 SOA ns1.example. host.example. 1 7200 3600 1209600 300";
const MODES: [Mode; 3] = [Mode::Unsigned, Mode::Nsec, Mode::Nsec3];

fn assert_answer(text: &str, qname: &str, qtype: &str, wanted: &[&str]) {
    for mode in MODES {
        assert_eq!(ask(qname, qtype).of(&table([zone(mode, text)])), wanted, "{qname} {qtype} {mode:?}");
    }
}

#[test]
fn section_2_2_names_below_are_substituted() {
    let wanted = [
        "NOERROR aa",
        "answer: d.example. 90 DNAME t.example.",
        "answer: q.d.example. 90 CNAME q.t.example.",
        "answer: q.t.example. 70 A 192.0.2.4",
    ];
    assert_answer(EXAMPLE, "q.d.example", "A", &wanted);
    // Section 2.2's table: the root as target.
    let wanted =
        ["NOERROR aa", "answer: root.example. 60 DNAME .", "answer: www.gone.root.example. 60 CNAME www.gone."];
    assert_answer(EXAMPLE, "www.gone.root.example", "A", &wanted);
}

/// Section 2.3: the owner itself is not redirected.
#[test]
fn section_2_3_the_owner_is_not_redirected_and_may_have_other_data() {
    assert_answer(EXAMPLE, "d.example", "A", &["NOERROR aa", "answer: d.example. 80 A 192.0.2.2"]);
    assert_answer(EXAMPLE, "d.example", "AAAA", &["NOERROR aa", SOA]);
    assert_answer(EXAMPLE, "d.example", "DNAME", &["NOERROR aa", "answer: d.example. 90 DNAME t.example."]);
}

/// Section 2.4: what stands below a DNAME is as if it did not.
#[test]
fn section_2_4_names_below_the_owner_are_occluded() {
    let wanted = [
        "NXDOMAIN aa",
        "answer: d.example. 90 DNAME t.example.",
        "answer: under.d.example. 90 CNAME under.t.example.",
        SOA,
    ];
    assert_answer(EXAMPLE, "under.d.example", "A", &wanted);
    for mode in [Mode::Nsec, Mode::Nsec3] {
        let served = zone(mode, EXAMPLE);
        let signed: Vec<String> = served.zone.signable().map(|(owner, _)| owner.to_string()).collect();
        assert!(!signed.iter().any(|owner| owner == "under.d.example."), "occluded names have no place in the chain");
    }
}

/// An occluded address is no glue either.
#[test]
fn section_2_4_there_is_no_glue_below_a_dname() {
    assert_answer(EXAMPLE, "a.cut.example", "A", &["NOERROR", "authority: cut.example. 60 NS ns.dn-glue.example."]);
}

/// Section 3.1: the DNAME is signed, the CNAME is not and has its TTL.
#[test]
fn section_3_1_the_synthesised_cname_has_the_dnames_ttl_and_no_signature() {
    for mode in [Mode::Nsec, Mode::Nsec3] {
        let lines = ask("q.d.example", "A").with_do().of(&table([zone(mode, EXAMPLE)]));
        let wanted = [
            "NOERROR aa do",
            "answer: d.example. 90 DNAME t.example.",
            "answer: d.example. 90 RRSIG DNAME",
            "answer: q.d.example. 90 CNAME q.t.example.",
            "answer: q.t.example. 70 A 192.0.2.4",
            "answer: q.t.example. 70 RRSIG A",
        ];
        assert_eq!(lines, wanted, "{mode:?}");
    }
}

/// Section 3.2, step 3c: the CNAME is the answer to a query for CNAME (or ANY), and is not followed.
#[test]
fn section_3_2_a_query_for_cname_is_answered_by_the_synthesised_one() {
    let wanted = ["NOERROR aa", "answer: d.example. 90 DNAME t.example.", "answer: c.d.example. 90 CNAME c.t.example."];
    assert_answer(EXAMPLE, "c.d.example", "CNAME", &wanted);
    assert_answer(EXAMPLE, "c.d.example", "ANY", &wanted);
    // DNAME of a name below is that of its target.
    let wanted =
        ["NOERROR aa", "answer: d.example. 90 DNAME t.example.", "answer: q.d.example. 90 CNAME q.t.example.", SOA];
    assert_answer(EXAMPLE, "q.d.example", "DNAME", &wanted);
}

#[test]
fn section_3_2_dname_leads_to_dname_and_to_cname() {
    let wanted = [
        "NOERROR aa",
        "answer: d2.example. 60 DNAME d.example.",
        "answer: c.d2.example. 60 CNAME c.d.example.",
        "answer: d.example. 90 DNAME t.example.",
        "answer: c.d.example. 90 CNAME c.t.example.",
        "answer: c.t.example. 70 CNAME q.t.example.",
        "answer: q.t.example. 70 A 192.0.2.4",
    ];
    assert_answer(EXAMPLE, "c.d2.example", "A", &wanted);
    // The way back to the owner of a DNAME that was used is no loop.
    let wanted = [
        "NOERROR aa",
        "answer: back.example. 60 DNAME back-t.example.",
        "answer: q.back.example. 60 CNAME q.back-t.example.",
        "answer: q.back-t.example. 60 CNAME back.example.",
        "answer: back.example. 60 A 192.0.2.5",
    ];
    assert_answer(EXAMPLE, "q.back.example", "A", &wanted);
    // From a wildcard.
    let wanted = [
        "NOERROR aa",
        "answer: z.w.example. 60 CNAME q.d.example.",
        "answer: d.example. 90 DNAME t.example.",
        "answer: q.d.example. 90 CNAME q.t.example.",
        "answer: q.t.example. 70 A 192.0.2.4",
    ];
    assert_answer(EXAMPLE, "z.w.example", "A", &wanted);
}

/// Section 2.2: YXDOMAIN, with the DNAME that is the reason.
#[test]
fn section_2_2_a_target_of_more_than_255_octets_is_yxdomain() {
    let label = "a".repeat(63);
    let text = format!("x. 60 SOA a. b. 1 1 1 1 1\nd.x. 60 DNAME {label}.{label}.x.");
    let dname = format!("answer: d.x. 60 DNAME {label}.{label}.x.");
    assert_answer(&text, &format!("{label}.{label}.d.x"), "A", &["YXDOMAIN aa", &dname]);
    // 63 octets less are a name.
    assert_eq!(ask(&format!("{label}.d.x"), "A").of(&table([zone(Mode::Nsec, &text)]))[0], "NXDOMAIN aa");
    let lines = ask(&format!("{label}.{label}.d.x"), "A").with_do().of(&table([zone(Mode::Nsec3, &text)]));
    assert_eq!(lines, ["YXDOMAIN aa do", &dname, "answer: d.x. 60 RRSIG DNAME"]);
}

#[test]
fn section_2_3_dname_at_the_apex_redirects_all_names_below() {
    let text = "
        x. 60 SOA a. b. 1 1 1 1 1
        x. 60 NS ns.x.
        x. 60 DNAME y.
        x. 60 TXT \"apex\"
        ns.x. 60 A 192.0.2.1
        cut.x. 60 NS ns.x.
        ";
    let wanted = ["NOERROR aa", "answer: x. 60 DNAME y.", "answer: a.cut.x. 60 CNAME a.cut.y."];
    assert_answer(text, "a.cut.x", "A", &wanted);
    assert_answer(text, "x", "TXT", &["NOERROR aa", "answer: x. 60 TXT apex"]);
    assert_answer(text, "x", "NS", &["NOERROR aa", "answer: x. 60 NS ns.x."]);
    let soa = "authority: x. 1 SOA a. b. 1 1 1 1 1";
    assert_answer(text, "x", "A", &["NOERROR aa", soa]);
}

/// Section 5.2 of RFC 6672 leaves it to the resolver; what matters is that it ends.
#[test]
fn loops_end_and_repeat_nothing() {
    let wanted = [
        "NOERROR aa",
        "answer: a.loop.example. 60 DNAME b.loop.example.",
        "answer: q.a.loop.example. 60 CNAME q.b.loop.example.",
        "answer: b.loop.example. 60 DNAME a.loop.example.",
        "answer: q.b.loop.example. 60 CNAME q.a.loop.example.",
    ];
    assert_answer(EXAMPLE, "q.a.loop.example", "A", &wanted);
    // One that makes names longer and longer stops at the bound of chains, with one DNAME and no step twice.
    let lines = ask("q.grow.example", "A").of(&table([zone(Mode::Nsec, EXAMPLE)]));
    assert_eq!((lines.len(), lines[0].as_str()), (1 + 1 + 16, "NOERROR aa"), "{lines:#?}");
}

/// RFC 2181 section 5: no record stands twice in an answer.
#[test]
fn a_dname_that_leads_to_its_own_owner_is_given_once() {
    let text = format!("{EXAMPLE}\nhere.example. 60 DNAME example.\nhere.example. 60 A 192.0.2.7\n");
    let wanted =
        ["NOERROR aa", "answer: here.example. 60 DNAME example.", "answer: here.here.example. 60 CNAME here.example."];
    assert_answer(&text, "here.here.example", "DNAME", &wanted);
    for mode in [Mode::Nsec, Mode::Nsec3] {
        let zones = table([zone(mode, &text)]);
        for (rtype, transport) in [("DNAME", Transport::Tcp), ("RRSIG", Transport::Tcp)] {
            let lines = ask("here.here.example", rtype).with_do().over(transport).of(&zones);
            let signatures = lines.iter().filter(|line| line.ends_with("RRSIG DNAME")).count();
            assert_eq!(signatures, 1, "{rtype} {mode:?}: {lines:#?}");
        }
        // Without DO the chain has no signatures; asked for, they come.
        let lines = ask("here.here.example", "RRSIG").over(Transport::Tcp).of(&zones);
        assert!(lines.contains(&"answer: here.example. 60 RRSIG DNAME".to_owned()), "{lines:#?}");
    }
}

/// With the longest names the same loop ends earlier: the next step has no name.
#[test]
fn a_chain_that_outgrows_names_is_yxdomain_with_what_led_there() {
    let label = "a".repeat(60);
    let text = format!("x. 60 SOA a. b. 1 1 1 1 1\ngrow.x. 60 DNAME {label}.grow.x.");
    let lines = ask("q.grow.x", "A").of(&table([zone(Mode::Unsigned, &text)]));
    assert_eq!((lines.len(), lines[0].as_str()), (1 + 1 + 4, "YXDOMAIN aa"), "{lines:#?}");
    assert!(name("q.grow.x").as_wire().len() + 4 * 61 < 256);
}

/// RFC 1034 section 3.6.2 forbids it and section 2.4 of RFC 6672 too; both are there, so that each is answered for its own.
#[test]
fn cname_beside_dname_is_answered_for_the_owner_and_dname_for_names_below() {
    let text = "
        x. 60 SOA a. b. 1 1 1 1 1
        both.x. 60 CNAME c.x.
        both.x. 60 DNAME d.x.
        c.x. 60 A 192.0.2.1
        q.d.x. 60 A 192.0.2.2
        ";
    let wanted = ["NOERROR aa", "answer: both.x. 60 CNAME c.x.", "answer: c.x. 60 A 192.0.2.1"];
    assert_answer(text, "both.x", "A", &wanted);
    let wanted = [
        "NOERROR aa",
        "answer: both.x. 60 DNAME d.x.",
        "answer: q.both.x. 60 CNAME q.d.x.",
        "answer: q.d.x. 60 A 192.0.2.2",
    ];
    assert_answer(text, "q.both.x", "A", &wanted);
}

/// NS beside DNAME, not at the apex: the cut comes first, since what is below is another zone's (section 2.4).
#[test]
fn dname_beside_ns_is_a_cut() {
    let text = "
        x. 60 SOA a. b. 1 1 1 1 1
        both.x. 60 NS ns.y.
        both.x. 60 DNAME d.x.
        ";
    for qname in ["both.x", "q.both.x"] {
        assert_answer(text, qname, "A", &["NOERROR", "authority: both.x. 60 NS ns.y."]);
    }
    assert_answer(text, "both.x", "DNAME", &["NOERROR", "authority: both.x. 60 NS ns.y."]);
}
