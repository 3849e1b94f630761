//! The algorithm of RFC 1034 section 4.3.2 where it meets more than one zone: chains across zones, cuts and their glue, both sides of
//! a cut, and the root as a zone.

mod fixture;

use dnssec::ZoneTable;
use fixture::{Mode, ask, table, zone};
use std::sync::Arc;

const EXAMPLE: &str = "
    example. 3600 SOA ns1.example. host.example. 1 7200 3600 1209600 300
    example. 3600 NS ns1.example.
    ns1.example. 3600 A 192.0.2.1
    over.example. 70 CNAME www.other.
    gone.example. 70 CNAME nothing.other.
    no-type.example. 70 CNAME www.other.
    deleg.example. 70 CNAME a.sub.other.
    away.example. 70 CNAME www.nowhere.
    ping.example. 70 CNAME pong.other.
    there.example. 70 CNAME back.other.
    here.example. 70 A 192.0.2.7
    *.w.example. 70 CNAME v.w.other.
    d.example. 70 DNAME d.other.
    down.example. 70 CNAME www.child.example.
    ds.example. 70 CNAME child.example.
    child.example. 100 NS ns.child.example.
    child.example. 100 DS 12345 13 2 e2d3c916f6deeac73294e8268fb5885044a833fc5459588f4a9184cfc41a5766
    ns.child.example. 100 A 192.0.2.50
    ";
const OTHER: &str = "
    other. 3600 SOA ns1.other. host.other. 1 7200 3600 1209600 200
    other. 3600 NS ns1.other.
    ns1.other. 3600 A 192.0.2.1
    www.other. 60 A 192.0.2.10
    pong.other. 60 CNAME ping.example.
    back.other. 60 CNAME here.example.
    *.w.other. 60 A 192.0.2.11
    d.other. 60 DNAME e.other.
    q.e.other. 60 A 192.0.2.12
    sub.other. 60 NS ns.sub.other.
    ns.sub.other. 60 A 192.0.2.60
    ";
const CHILD: &str = "
    child.example. 3600 SOA ns.child.example. host.child.example. 1 7200 3600 1209600 100
    child.example. 3600 NS ns.child.example.
    ns.child.example. 3600 A 192.0.2.50
    www.child.example. 50 A 192.0.2.51
    ";
const MODES: [Mode; 3] = [Mode::Unsigned, Mode::Nsec, Mode::Nsec3];
const OTHER_SOA: &str = "authority: other. 200 SOA ns1.other. host.other. 1 7200 3600 1209600 200";

fn all(mode: Mode) -> Arc<ZoneTable> {
    table([EXAMPLE, OTHER, CHILD].map(|text| zone(mode, text)))
}

fn assert_answer(qname: &str, qtype: &str, wanted: &[&str]) {
    for mode in MODES {
        assert_eq!(ask(qname, qtype).of(&all(mode)), wanted, "{qname} {qtype} {mode:?}");
    }
}

#[test]
fn section_4_3_2_step_3a_goes_back_to_step_1_into_whichever_zone_is_served() {
    let wanted = ["NOERROR aa", "answer: over.example. 70 CNAME www.other.", "answer: www.other. 60 A 192.0.2.10"];
    assert_answer("over.example", "A", &wanted);
    let wanted = [
        "NOERROR aa",
        "answer: there.example. 70 CNAME back.other.",
        "answer: back.other. 60 CNAME here.example.",
        "answer: here.example. 70 A 192.0.2.7",
    ];
    assert_answer("there.example", "A", &wanted);
    assert_answer("away.example", "A", &["NOERROR aa", "answer: away.example. 70 CNAME www.nowhere."]);
}

/// The nearest zone answers (step 2), not the parent with a referral.
#[test]
fn section_4_3_2_step_2_a_chain_into_a_child_that_is_served_is_answered_by_it() {
    let wanted = [
        "NOERROR aa",
        "answer: down.example. 70 CNAME www.child.example.",
        "answer: www.child.example. 50 A 192.0.2.51",
    ];
    assert_answer("down.example", "A", &wanted);
}

/// RFC 6604 section 3, RFC 2308 section 2: RCODE and SOA are those of the zone in which the chain ends.
#[test]
fn a_chain_ends_with_the_denial_of_the_last_zone() {
    let cname = "answer: gone.example. 70 CNAME nothing.other.";
    assert_answer("gone.example", "A", &["NXDOMAIN aa", cname, OTHER_SOA]);
    let cname = "answer: no-type.example. 70 CNAME www.other.";
    assert_answer("no-type.example", "AAAA", &["NOERROR aa", cname, OTHER_SOA]);
}

/// AA is the first owner's (RFC 1035 section 4.1.1).
#[test]
fn a_chain_into_another_zones_cut_ends_in_its_referral_with_aa() {
    let wanted = [
        "NOERROR aa",
        "answer: deleg.example. 70 CNAME a.sub.other.",
        "authority: sub.other. 60 NS ns.sub.other.",
        "additional: ns.sub.other. 60 A 192.0.2.60",
    ];
    assert_answer("deleg.example", "A", &wanted);
}

#[test]
fn a_loop_across_zones_ends() {
    let wanted =
        ["NOERROR aa", "answer: ping.example. 70 CNAME pong.other.", "answer: pong.other. 60 CNAME ping.example."];
    assert_answer("ping.example", "A", &wanted);
}

#[test]
fn dname_leads_across_zones_too() {
    let wanted = [
        "NOERROR aa",
        "answer: d.example. 70 DNAME d.other.",
        "answer: q.d.example. 70 CNAME q.d.other.",
        "answer: d.other. 60 DNAME e.other.",
        "answer: q.d.other. 60 CNAME q.e.other.",
        "answer: q.e.other. 60 A 192.0.2.12",
    ];
    assert_answer("q.d.example", "A", &wanted);
}

/// Each zone signs what is its own, and proves its own wildcard.
#[test]
fn rfc4035_section_3_1_each_zone_of_a_chain_signs_and_proves_for_itself() {
    for (mode, proof) in [(Mode::Nsec, "NSEC"), (Mode::Nsec3, "NSEC3")] {
        let lines = ask("x.w.example", "A").with_do().of(&all(mode));
        let wanted = [
            "NOERROR aa do",
            "answer: x.w.example. 70 CNAME v.w.other.",
            "answer: x.w.example. 70 RRSIG CNAME",
            "answer: v.w.other. 60 A 192.0.2.11",
            "answer: v.w.other. 60 RRSIG A",
        ];
        assert_eq!(lines[..5], wanted);
        for apex in ["example.", "other."] {
            let is_proof = |line: &&String| {
                let fields: Vec<&str> = line.split(' ').collect();
                fields[1].ends_with(apex) && fields[3] == proof
            };
            assert_eq!(lines.iter().filter(is_proof).count(), 1, "{apex} {lines:#?}");
        }
        assert_eq!(lines.len(), 5 + 4, "{lines:#?}");
        let lines = ask("gone.example", "A").with_do().of(&all(mode));
        assert!(lines.contains(&"authority: other. 200 RRSIG SOA".to_owned()), "{lines:#?}");
        assert!(!lines.iter().any(|line| line.starts_with("authority: example.")), "{lines:#?}");
    }
    // One of them unsigned: the other's signatures go along all the same.
    let mixed = table([zone(Mode::Unsigned, EXAMPLE), zone(Mode::Nsec, OTHER)]);
    let wanted = [
        "NOERROR aa do",
        "answer: over.example. 70 CNAME www.other.",
        "answer: www.other. 60 A 192.0.2.10",
        "answer: www.other. 60 RRSIG A",
    ];
    assert_eq!(ask("over.example", "A").with_do().of(&mixed), wanted);
    let mixed = table([zone(Mode::Nsec3, EXAMPLE), zone(Mode::Unsigned, OTHER)]);
    let wanted = [
        "NXDOMAIN aa do",
        "answer: gone.example. 70 CNAME nothing.other.",
        "answer: gone.example. 70 RRSIG CNAME",
        OTHER_SOA,
    ];
    assert_eq!(ask("gone.example", "A").with_do().of(&mixed), wanted);
}

/// RFC 4035 section 3.1.4.1 holds for the name at which a chain arrives.
#[test]
fn rfc4035_section_3_1_4_1_a_chain_to_an_apex_finds_ds_on_the_parents_side() {
    let wanted =
        ["NOERROR aa", "answer: ds.example. 70 CNAME child.example.", "answer: child.example. 100 DS 36 octets"];
    assert_answer("ds.example", "DS", &wanted);
}

/// Sixteen steps, wherever they lead; resolvers go on from the last target.
#[test]
fn a_chain_of_more_than_16_steps_is_cut_off() {
    let chain = |count: usize| {
        let mut texts =
            [("x", "x. 60 SOA a. b. 1 1 1 1 1\n".to_owned()), ("y", "y. 60 SOA a. b. 1 1 1 1 1\n".to_owned())];
        for number in 0..count {
            let target = texts[(number + 1) % 2].0;
            let (apex, text) = &mut texts[number % 2];
            text.push_str(&format!("c{number}.{apex}. 60 CNAME c{}.{target}.\n", number + 1));
        }
        let (apex, text) = &mut texts[count % 2];
        text.push_str(&format!("c{count}.{apex}. 60 A 192.0.2.1\n"));
        table([zone(Mode::Nsec, &texts[0].1), zone(Mode::Nsec3, &texts[1].1)])
    };
    let whole = ask("c0.x", "A").of(&chain(16));
    assert_eq!((whole.len(), whole[17].as_str()), (18, "answer: c16.x. 60 A 192.0.2.1"));
    let cut = ask("c0.x", "A").of(&chain(17));
    assert_eq!((cut.len(), cut[16].as_str()), (17, "answer: c15.y. 60 CNAME c16.x."));
    assert_eq!(cut[0], "NOERROR aa");
}

/// Section 4.2.1: glue within the delegated zone, in a sibling, in our own data, and what is out of our hands.
#[test]
fn section_4_2_1_glue_of_every_kind() {
    let text = "
        x. 60 SOA a. b. 1 1 1 1 1
        c.x. 60 NS ns.c.x.
        c.x. 60 NS NS.S.x.
        c.x. 60 NS own.x.
        c.x. 60 NS missing.x.
        c.x. 60 NS ns.elsewhere.
        c.x. 60 TXT \"occluded\"
        ns.c.x. 60 A 192.0.2.1
        ns.c.x. 60 TXT \"occluded\"
        deep.ns.c.x. 60 NS ns.c.x.
        s.x. 60 NS ns.s.x.
        ns.s.x. 60 AAAA 2001:db8::2
        own.x. 60 A 192.0.2.3
        ";
    for mode in MODES {
        let table = table([zone(mode, text)]);
        for (qname, qtype) in [
            ("c.x", "A"),
            ("c.x", "NS"),
            ("c.x", "TXT"),
            ("c.x", "ANY"),
            ("c.x", "RRSIG"),
            ("c.x", "NSEC"),
            ("c.x", "SOA"),
            ("ns.c.x", "A"),
            ("ns.c.x", "TXT"),
            ("a.deep.ns.c.x", "A"),
            ("nothing.c.x", "DS"),
            ("ns.c.x", "DS"),
        ] {
            let mut lines = ask(qname, qtype).of(&table);
            // An owner that is written before in other letters is a pointer to them.
            lines[1..].iter_mut().for_each(|line| *line = line.replace("NS.S.x", "ns.s.x"));
            lines[1..].sort();
            let wanted = [
                "NOERROR",
                "additional: ns.c.x. 60 A 192.0.2.1",
                "additional: ns.s.x. 60 AAAA 2001:db8::2",
                "additional: own.x. 60 A 192.0.2.3",
                "authority: c.x. 60 NS missing.x.",
                "authority: c.x. 60 NS ns.c.x.",
                "authority: c.x. 60 NS ns.elsewhere.",
                "authority: c.x. 60 NS ns.s.x.",
                "authority: c.x. 60 NS own.x.",
            ];
            assert_eq!(lines, wanted, "{qname} {qtype} {mode:?}");
        }
        // DS at the cut is the parent's to answer.
        assert_eq!(ask("c.x", "DS").of(&table), ["NOERROR aa", "authority: x. 1 SOA a. b. 1 1 1 1 1"]);
    }
}

const ROOT: &str = "
    . 60 SOA a. b. 1 1 1 1 1
    . 60 NS a.ns.
    a.ns. 60 A 192.0.2.1
    example. 60 NS ns1.example.
    ns1.example. 60 A 192.0.2.2
    alias. 60 CNAME www.other.
    *.wild. 60 A 192.0.2.3
    ";

#[test]
fn the_root_is_a_zone_as_any_other() {
    for mode in MODES {
        let table = table([zone(mode, ROOT), zone(mode, OTHER)]);
        for (qname, qtype, wanted) in [
            (".", "NS", &["NOERROR aa", "answer: . 60 NS a.ns."][..]),
            (".", "A", &["NOERROR aa", "authority: . 1 SOA a. b. 1 1 1 1 1"]),
            // Nothing is above the root: DS there has no parent's side.
            (".", "DS", &["NOERROR aa", "authority: . 1 SOA a. b. 1 1 1 1 1"]),
            ("nothing", "A", &["NXDOMAIN aa", "authority: . 1 SOA a. b. 1 1 1 1 1"]),
            ("x.wild", "A", &["NOERROR aa", "answer: x.wild. 60 A 192.0.2.3"]),
            ("alias", "A", &["NOERROR aa", "answer: alias. 60 CNAME www.other.", "answer: www.other. 60 A 192.0.2.10"]),
            (
                "www.example",
                "A",
                &["NOERROR", "authority: example. 60 NS ns1.example.", "additional: ns1.example. 60 A 192.0.2.2"],
            ),
            ("www.other", "A", &["NOERROR aa", "answer: www.other. 60 A 192.0.2.10"]),
        ] {
            assert_eq!(ask(qname, qtype).of(&table), wanted, "{qname} {qtype} {mode:?}");
        }
    }
}

/// Names are not read past their labels: DNAME from and to the root.
#[test]
fn dname_at_the_root_and_to_the_root() {
    let text = "
        . 60 SOA a. b. 1 1 1 1 1
        . 60 DNAME other.
        ";
    for mode in MODES {
        let table = table([zone(mode, text), zone(mode, OTHER)]);
        let wanted = [
            "NOERROR aa",
            "answer: . 60 DNAME other.",
            "answer: www. 60 CNAME www.other.",
            "answer: www.other. 60 A 192.0.2.10",
        ];
        assert_eq!(ask("www", "A").of(&table), wanted, "{mode:?}");
        assert_eq!(ask(".", "DNAME").of(&table), ["NOERROR aa", "answer: . 60 DNAME other."], "{mode:?}");
    }
}

/// DS queries with every set of served sides (RFC 4035 section 3.1.4.1; RFC 6840 section 4.4 for the grandparent).
#[test]
fn ds_with_both_sides_one_side_and_neither() {
    let child_soa = "authority: child.example. 100 SOA ns.child.example. host.child.example. 1 7200 3600 1209600 100";
    let ds = "answer: child.example. 100 DS 36 octets";
    let referral = ["NOERROR", "authority: example. 60 NS ns1.example.", "additional: ns1.example. 60 A 192.0.2.2"];
    for (zones, wanted) in [
        (&[EXAMPLE, CHILD][..], &["NOERROR aa", ds][..]),
        (&[EXAMPLE], &["NOERROR aa", ds]),
        (&[CHILD], &["NOERROR aa", child_soa]),
        (&[ROOT, CHILD], &["NOERROR aa", child_soa]),
        (&[ROOT, EXAMPLE, CHILD], &["NOERROR aa", ds]),
        (&[ROOT], &referral),
    ] {
        for mode in MODES {
            let table = table(zones.iter().map(|text| zone(mode, text)));
            assert_eq!(ask("child.example", "DS").of(&table), wanted, "{mode:?}");
        }
    }
}

/// RFC 4035 section 2.4: a DS at a zone's own apex says nothing. Nor does a SOA below it.
#[test]
fn ds_at_the_apex_and_soa_below_it_are_left_out() {
    let text = "
        x. 60 SOA a. b. 1 1 1 1 1
        x. 60 DS 12345 13 2 e2d3c916f6deeac73294e8268fb5885044a833fc5459588f4a9184cfc41a5766
        below.x. 60 SOA a. b. 2 1 1 1 1
        below.x. 60 A 192.0.2.1
        ";
    let soa = "authority: x. 1 SOA a. b. 1 1 1 1 1";
    for mode in MODES {
        let table = table([zone(mode, text)]);
        assert_eq!(ask("x", "DS").of(&table), ["NOERROR aa", soa], "{mode:?}");
        assert_eq!(ask("below.x", "SOA").of(&table), ["NOERROR aa", soa], "{mode:?}");
    }
}
