//! What a zone answers, rule by rule, in every signing mode where the mode matters.

mod fixture;

use dataplane::Transport;
use dnssec::ZoneTable;
use fixture::{Ask, Mode, ask, send, show, table, zone};
use std::sync::Arc;

const EXAMPLE: &str = "
    example. 3600 SOA ns1.example. host.example. 1 7200 3600 1209600 300
    example. 3600 NS ns1.example.
    example. 3600 NS ns2.example.
    ns1.example. 3600 A 192.0.2.1
    ns1.example. 3600 AAAA 2001:db8::1
    ns2.example. 3600 A 192.0.2.2
    www.example. 60 A 192.0.2.10
    www.example. 60 A 192.0.2.11
    www.example. 60 TXT \"a text that is longer than the addresses\"
    alias.example. 70 CNAME www.example.
    out.example. 70 CNAME www.elsewhere.
    dangling.example. 70 CNAME nothing.example.
    no-aaaa.example. 70 CNAME ns2.example.
    into.example. 70 CNAME host.child.example.
    loop-a.example. 70 CNAME loop-b.example.
    loop-b.example. 70 CNAME loop-a.example.
    *.wild.example. 80 A 192.0.2.99
    *.cwild.example. 80 CNAME www.example.
    here.wild.example. 80 TXT \"here\"
    deep.ent.example. 80 A 192.0.2.98
    old.example. 90 DNAME new.example.
    host.new.example. 90 A 192.0.2.97
    child.example. 100 NS ns.child.example.
    child.example. 100 NS ns.safe.example.
    child.example. 100 NS ns1.example.
    child.example. 100 NS ns.elsewhere.
    ns.child.example. 100 A 192.0.2.50
    ns.child.example. 100 AAAA 2001:db8::50
    safe.example. 110 NS ns.safe.example.
    safe.example. 110 DS 12345 13 2 e2d3c916f6deeac73294e8268fb5885044a833fc5459588f4a9184cfc41a5766
    ns.safe.example. 110 A 192.0.2.60
    ";

fn tables() -> Vec<(Mode, Arc<ZoneTable>)> {
    [Mode::Unsigned, Mode::Nsec, Mode::Nsec3].map(|mode| (mode, table([zone(mode, EXAMPLE)]))).into()
}

/// The same answer from all three, DNSSEC not asked for.
fn assert_plain(asked: &Ask, wanted: &[&str]) {
    for (mode, table) in tables() {
        assert_eq!(asked.of(&table), wanted, "{mode:?}");
    }
}

fn signed(mode: Mode) -> Arc<ZoneTable> {
    table([zone(mode, EXAMPLE)])
}

const SOA: &str = "authority: example. 300 SOA ns1.example. host.example. 1 7200 3600 1209600 300";
const SOA_RRSIG: &str = "authority: example. 300 RRSIG SOA";

#[test]
fn rfc1034_section_4_3_2_step_3a_the_rrset() {
    let wanted = ["NOERROR aa", "answer: www.example. 60 A 192.0.2.10", "answer: www.example. 60 A 192.0.2.11"];
    assert_plain(&ask("www.example", "A"), &wanted);
}

#[test]
fn rfc4035_section_3_1_1_each_rrset_comes_with_its_rrsig_under_its_ttl() {
    for mode in [Mode::Nsec, Mode::Nsec3] {
        let wanted = [
            "NOERROR aa do",
            "answer: www.example. 60 A 192.0.2.10",
            "answer: www.example. 60 A 192.0.2.11",
            "answer: www.example. 60 RRSIG A",
        ];
        assert_eq!(ask("www.example", "A").with_do().of(&signed(mode)), wanted);
    }
    let unsigned = ["NOERROR aa do", "answer: ns2.example. 3600 A 192.0.2.2"];
    assert_eq!(ask("ns2.example", "A").with_do().of(&signed(Mode::Unsigned)), unsigned);
}

#[test]
fn rfc2308_section_3_nodata_has_the_soa_under_the_lesser_ttl() {
    assert_plain(&ask("www.example", "AAAA"), &["NOERROR aa", SOA]);
    // RFC 4592 section 2.2.2: an empty non-terminal exists.
    assert_plain(&ask("ent.example", "A"), &["NOERROR aa", SOA]);
}

#[test]
fn rfc4035_section_3_1_3_1_nodata_is_proved() {
    for (mode, owner) in [(Mode::Nsec, "www.example. 300 NSEC"), (Mode::Nsec3, "<hash>.example. 300 NSEC3")] {
        let wanted = [
            "NOERROR aa do".into(),
            SOA.into(),
            SOA_RRSIG.into(),
            format!("authority: {owner}"),
            format!("authority: {} RRSIG {}", owner.rsplit_once(' ').unwrap().0, owner.rsplit_once(' ').unwrap().1),
        ];
        assert_eq!(ask("www.example", "AAAA").with_do().of(&signed(mode)), wanted);
    }
}

#[test]
fn rfc2308_section_2_1_name_error_has_the_soa() {
    assert_plain(&ask("nothing.example", "A"), &["NXDOMAIN aa", SOA]);
    assert_plain(&ask("a.b.www.example", "ANY"), &["NXDOMAIN aa", SOA]);
}

#[test]
fn rfc4035_section_3_1_3_2_and_rfc5155_section_7_2_2_name_error_is_proved() {
    let nsec = ask("nothing.example", "A").with_do().of(&signed(Mode::Nsec));
    assert_eq!(nsec[0], "NXDOMAIN aa do");
    // One record covers the name, one the wildcard.
    assert_eq!(count(&nsec, " NSEC"), 2, "{nsec:#?}");
    assert_eq!(count(&nsec, "RRSIG NSEC"), 2);
    let nsec3 = ask("nothing.example", "A").with_do().of(&signed(Mode::Nsec3));
    assert_eq!(nsec3[0], "NXDOMAIN aa do");
    // Closest encloser, next closer name and wildcard; two may be in one record.
    let records = count(&nsec3, " NSEC3");
    assert!((2..=3).contains(&records), "{nsec3:#?}");
    assert_eq!(count(&nsec3, "RRSIG NSEC3"), records);
}

/// Lines that end in `end`, those of RRSIGs not taken for records of their type.
fn count(lines: &[String], end: &str) -> usize {
    lines.iter().filter(|line| line.ends_with(end) && (end.starts_with("RRSIG") || !line.contains("RRSIG"))).count()
}

#[test]
fn rfc4592_section_3_3_1_the_wildcard_answers_under_the_name_asked_for() {
    assert_plain(&ask("x.y.wild.example", "A"), &["NOERROR aa", "answer: x.y.wild.example. 80 A 192.0.2.99"]);
    // A name that exists is none of the wildcard's.
    assert_plain(&ask("here.wild.example", "A"), &["NOERROR aa", SOA]);
    assert_plain(&ask("*.wild.example", "A"), &["NOERROR aa", "answer: *.wild.example. 80 A 192.0.2.99"]);
}

#[test]
fn rfc4035_section_3_1_3_3_an_expanded_wildcard_is_proved_to_be_needed() {
    for (mode, proof) in [(Mode::Nsec, " NSEC"), (Mode::Nsec3, " NSEC3")] {
        let lines = ask("x.wild.example", "A").with_do().of(&signed(mode));
        assert_eq!(lines[1], "answer: x.wild.example. 80 A 192.0.2.99");
        assert_eq!(lines[2], "answer: x.wild.example. 80 RRSIG A");
        assert_eq!((count(&lines, proof), lines.len()), (1, 5), "{lines:#?}");
        // The wildcard asked for by its own name needs no proof.
        assert_eq!(ask("*.wild.example", "A").with_do().of(&signed(mode)).len(), 3);
    }
}

#[test]
fn rfc5155_section_7_2_5_a_wildcard_without_the_type_is_proved() {
    let nsec3 = ask("x.wild.example", "MX").with_do().of(&signed(Mode::Nsec3));
    assert_eq!(nsec3[0], "NOERROR aa do");
    assert_eq!(count(&nsec3, " NSEC3"), 3, "{nsec3:#?}");
}

#[test]
fn rfc1034_section_3_6_2_cnames_are_followed_in_the_zone() {
    assert_plain(
        &ask("alias.example", "A"),
        &[
            "NOERROR aa",
            "answer: alias.example. 70 CNAME www.example.",
            "answer: www.example. 60 A 192.0.2.10",
            "answer: www.example. 60 A 192.0.2.11",
        ],
    );
    assert_plain(&ask("alias.example", "CNAME"), &["NOERROR aa", "answer: alias.example. 70 CNAME www.example."]);
    assert_plain(&ask("out.example", "A"), &["NOERROR aa", "answer: out.example. 70 CNAME www.elsewhere."]);
}

#[test]
fn rfc6604_section_3_the_rcode_is_that_of_the_chains_last_name() {
    assert_plain(
        &ask("dangling.example", "A"),
        &["NXDOMAIN aa", "answer: dangling.example. 70 CNAME nothing.example.", SOA],
    );
    assert_plain(
        &ask("no-aaaa.example", "AAAA"),
        &["NOERROR aa", "answer: no-aaaa.example. 70 CNAME ns2.example.", SOA],
    );
}

#[test]
fn a_cname_from_a_wildcard_is_proved_and_followed() {
    let lines = ask("x.cwild.example", "A").with_do().of(&signed(Mode::Nsec));
    assert_eq!(
        lines[1..3],
        ["answer: x.cwild.example. 80 CNAME www.example.", "answer: x.cwild.example. 80 RRSIG CNAME"]
    );
    assert!(lines.contains(&"answer: www.example. 60 RRSIG A".to_string()));
    assert_eq!(count(&lines, " NSEC"), 1, "{lines:#?}");
}

#[test]
fn cname_loops_end_where_they_began() {
    assert_plain(
        &ask("loop-a.example", "A"),
        &[
            "NOERROR aa",
            "answer: loop-a.example. 70 CNAME loop-b.example.",
            "answer: loop-b.example. 70 CNAME loop-a.example.",
        ],
    );
}

#[test]
fn a_cname_chain_is_followed_for_sixteen_steps() {
    let mut text = "x. 1 SOA a. b. 1 1 1 1 1\n".to_string();
    for number in 0..40 {
        text.push_str(&format!("c{number}.x. 1 CNAME c{}.x.\n", number + 1));
    }
    let lines = ask("c0.x", "A").of(&table([zone(Mode::Unsigned, &text)]));
    assert_eq!(lines.len(), 1 + 16);
    assert_eq!(lines[16], "answer: c15.x. 1 CNAME c16.x.");
}

#[test]
fn rfc6672_section_3_1_dname_comes_with_an_unsigned_cname_of_the_same_ttl() {
    assert_plain(
        &ask("host.old.example", "A"),
        &[
            "NOERROR aa",
            "answer: old.example. 90 DNAME new.example.",
            "answer: host.old.example. 90 CNAME host.new.example.",
            "answer: host.new.example. 90 A 192.0.2.97",
        ],
    );
    let lines = ask("host.old.example", "A").with_do().of(&signed(Mode::Nsec3));
    assert_eq!(count(&lines, "RRSIG DNAME"), 1);
    assert_eq!(count(&lines, "RRSIG CNAME"), 0);
    assert_eq!(count(&lines, "RRSIG A"), 1);
    // The owner itself is not redirected (section 2.3).
    assert_plain(&ask("old.example", "A"), &["NOERROR aa", SOA]);
    assert_plain(
        &ask("host.old.example", "CNAME"),
        &[
            "NOERROR aa",
            "answer: old.example. 90 DNAME new.example.",
            "answer: host.old.example. 90 CNAME host.new.example.",
        ],
    );
}

#[test]
fn rfc6672_section_2_2_a_substitution_that_is_too_long_is_yxdomain() {
    let label = "l".repeat(63);
    let text = format!("x. 1 SOA a. b. 1 1 1 1 1\nd.x. 1 DNAME {label}.{label}.{label}.x.");
    let table = table([zone(Mode::Unsigned, &text)]);
    let short = ask(&format!("{}.d.x", "s".repeat(50)), "A").with_do().of(&table);
    assert_eq!((short[0].as_str(), short.len()), ("NXDOMAIN aa do", 4), "{short:#?}");
    let long = ask(&format!("{}.d.x", "s".repeat(63)), "A").of(&table);
    assert_eq!((long[0].as_str(), long.len()), ("YXDOMAIN aa", 2), "{long:#?}");
}

const CHILD_NS: [&str; 4] = [
    "authority: child.example. 100 NS ns.child.example.",
    "authority: child.example. 100 NS ns.elsewhere.",
    "authority: child.example. 100 NS ns.safe.example.",
    "authority: child.example. 100 NS ns1.example.",
];

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines[1..].sort();
    lines
}

#[test]
fn rfc1034_section_4_3_2_step_3b_a_referral_has_ns_and_glue_and_no_aa() {
    for (mode, table) in tables() {
        for asked in [ask("a.b.child.example", "A"), ask("child.example", "NS"), ask("ns.child.example", "A")] {
            let mut wanted = vec!["NOERROR"];
            wanted.extend([
                "additional: ns.child.example. 100 A 192.0.2.50",
                "additional: ns.child.example. 100 AAAA 2001:db8::50",
                "additional: ns.safe.example. 110 A 192.0.2.60",
                "additional: ns1.example. 3600 A 192.0.2.1",
                "additional: ns1.example. 3600 AAAA 2001:db8::1",
            ]);
            wanted.extend(CHILD_NS);
            assert_eq!(sorted(asked.of(&table)), wanted, "{mode:?}");
        }
    }
}

#[test]
fn rfc4035_section_3_1_4_a_referral_proves_that_there_is_no_ds() {
    for (mode, proof) in [(Mode::Nsec, " NSEC"), (Mode::Nsec3, " NSEC3")] {
        let lines = ask("a.child.example", "A").with_do().of(&signed(mode));
        assert_eq!(lines[0], "NOERROR do");
        assert_eq!(count(&lines, proof), 1, "{lines:#?}");
        assert_eq!(count(&lines, "RRSIG NS"), 0, "NS at a cut is not ours to sign");
        // Section 3.1.1: addresses that are our own data are signed, glue is not.
        assert_eq!(lines.iter().filter(|line| line.starts_with("additional: ns1.example. 3600 RRSIG")).count(), 2);
        assert!(!lines.iter().any(|line| line.contains("ns.child.example. 100 RRSIG")));
    }
}

#[test]
fn rfc4035_section_3_1_4_a_referral_carries_the_ds() {
    for mode in [Mode::Nsec, Mode::Nsec3] {
        let lines = ask("a.safe.example", "A").with_do().of(&signed(mode));
        assert_eq!(
            lines,
            [
                "NOERROR do",
                "authority: safe.example. 110 NS ns.safe.example.",
                "authority: safe.example. 110 DS 36 octets",
                "authority: safe.example. 110 RRSIG DS",
                "additional: ns.safe.example. 110 A 192.0.2.60",
            ]
        );
    }
}

#[test]
fn rfc4035_section_3_1_4_1_ds_is_answered_by_the_parents_side() {
    let lines = ask("safe.example", "DS").with_do().of(&signed(Mode::Nsec));
    assert_eq!(
        lines,
        ["NOERROR aa do", "answer: safe.example. 110 DS 36 octets", "answer: safe.example. 110 RRSIG DS"]
    );
    let lines = ask("child.example", "DS").with_do().of(&signed(Mode::Nsec3));
    assert_eq!((lines[0].as_str(), count(&lines, " NSEC3"), count(&lines, "RRSIG SOA")), ("NOERROR aa do", 1, 1));
}

const SAFE: &str = "
    safe.example. 500 SOA ns.safe.example. host.example. 7 7200 3600 1209600 50
    safe.example. 500 NS ns.safe.example.
    ns.safe.example. 500 A 192.0.2.60
    ";
const SAFE_SOA: &str = "authority: safe.example. 50 SOA ns.safe.example. host.example. 7 7200 3600 1209600 50";

#[test]
fn rfc4035_section_3_1_4_1_with_both_sides_served_each_answers_its_own() {
    let both = table([zone(Mode::Nsec, EXAMPLE), zone(Mode::Nsec, SAFE)]);
    assert_eq!(ask("safe.example", "DS").of(&both), ["NOERROR aa", "answer: safe.example. 110 DS 36 octets"]);
    assert_eq!(ask("safe.example", "NS").of(&both), ["NOERROR aa", "answer: safe.example. 500 NS ns.safe.example."]);
    assert_eq!(ask("ns.safe.example", "A").of(&both), ["NOERROR aa", "answer: ns.safe.example. 500 A 192.0.2.60"]);
    // DS below the child's apex is the child's.
    assert_eq!(ask("ns.safe.example", "DS").of(&both), ["NOERROR aa", SAFE_SOA]);
}

#[test]
fn rfc4035_section_3_1_4_1_without_the_parent_ds_at_the_apex_is_nodata() {
    let child = table([zone(Mode::Nsec, SAFE)]);
    let lines = ask("safe.example", "DS").with_do().of(&child);
    assert_eq!((lines[0].as_str(), lines[1].as_str(), count(&lines, " NSEC")), ("NOERROR aa do", SAFE_SOA, 1));
    // A grandparent can only refer, and does not make the answer.
    let root = ". 1 SOA a. b. 1 1 1 1 1\nexample. 1 NS ns.example.";
    let grandparent = table([zone(Mode::Nsec, SAFE), zone(Mode::Unsigned, root)]);
    assert_eq!(ask("safe.example", "DS").of(&grandparent), ["NOERROR aa", SAFE_SOA]);
    // Nor does a parent that knows nothing of the child: its NXDOMAIN would deny the whole child (RFC 8020).
    let unaware = table([zone(Mode::Nsec, SAFE), zone(Mode::Unsigned, "example. 1 SOA a. b. 1 1 1 1 1")]);
    assert_eq!(ask("safe.example", "DS").of(&unaware), ["NOERROR aa", SAFE_SOA]);
}

#[test]
fn a_chain_into_a_cut_ends_in_a_referral_with_aa() {
    let lines = ask("into.example", "A").of(&signed(Mode::Unsigned));
    assert_eq!(lines[..2], ["NOERROR aa", "answer: into.example. 70 CNAME host.child.example."]);
    assert_eq!(lines.iter().filter(|line| line.starts_with("authority: child.example. 100 NS")).count(), 4);
}

#[test]
fn rfc8482_section_4_1_any_over_udp_is_one_rrset_and_over_tcp_all() {
    assert_plain(
        &ask("www.example", "ANY"),
        &["NOERROR aa", "answer: www.example. 60 A 192.0.2.10", "answer: www.example. 60 A 192.0.2.11"],
    );
    let lines = ask("www.example", "ANY").with_do().over(Transport::Tcp).of(&signed(Mode::Nsec));
    assert_eq!(lines.len(), 8, "{lines:#?}");
    assert_eq!((count(&lines, "RRSIG A"), count(&lines, "RRSIG TXT"), count(&lines, "RRSIG NSEC")), (1, 1, 1));
    assert_plain(&ask("ent.example", "ANY"), &["NOERROR aa", SOA]);
    assert_plain(&ask("alias.example", "ANY"), &["NOERROR aa", "answer: alias.example. 70 CNAME www.example."]);
    assert_plain(&ask("q.wild.example", "ANY"), &["NOERROR aa", "answer: q.wild.example. 80 A 192.0.2.99"]);
}

#[test]
fn rfc8482_section_4_rrsig_over_udp_is_that_of_one_rrset() {
    assert_eq!(ask("www.example", "RRSIG").of(&signed(Mode::Nsec)), ["NOERROR aa", "answer: www.example. 60 RRSIG A"]);
    let all = ask("www.example", "RRSIG").over(Transport::Tcp).of(&signed(Mode::Nsec));
    assert_eq!((all.len(), count(&all, "RRSIG NSEC")), (4, 1));
    assert_eq!(ask("www.example", "RRSIG").of(&signed(Mode::Unsigned)), ["NOERROR aa", SOA]);
}

#[test]
fn rfc4035_section_3_1_3_3_what_a_wildcard_has_besides_needs_no_proof_that_it_has_not_the_type() {
    for rtype in ["NSEC", "RRSIG", "ANY"] {
        let lines = ask("x.wild.example", rtype).with_do().of(&signed(Mode::Nsec));
        let proof: Vec<&String> = lines.iter().filter(|line| line.starts_with("authority")).collect();
        let wanted = ["authority: here.wild.example. 300 NSEC", "authority: here.wild.example. 300 RRSIG NSEC"];
        assert_eq!(proof, wanted, "{rtype}: {lines:#?}");
    }
}

#[test]
fn rfc4034_section_4_nsec_can_be_asked_for() {
    let lines = ask("www.example", "NSEC").with_do().of(&signed(Mode::Nsec));
    assert_eq!(lines, ["NOERROR aa do", "answer: www.example. 300 NSEC", "answer: www.example. 300 RRSIG NSEC"]);
    // RFC 5155 section 7.2.8: owners of NSEC3 records are no names.
    let lines = ask("www.example", "NSEC").of(&signed(Mode::Nsec3));
    assert_eq!(lines, ["NOERROR aa", SOA]);
}

#[test]
fn dnskey_stands_at_the_apex_and_is_signed() {
    let lines = ask("example", "DNSKEY").with_do().of(&signed(Mode::Nsec3));
    assert_eq!(
        lines,
        ["NOERROR aa do", "answer: example. 3600 DNSKEY 68 octets", "answer: example. 3600 RRSIG DNSKEY"]
    );
}

#[test]
fn names_with_any_octet_are_denied_and_not_failed() {
    // RFC 2181 section 11.
    for text in ["\\000.example", "\\255\\128x.example", "a\\.b.example", "*.*.example"] {
        for (mode, table) in tables() {
            let lines = ask(text, "A").with_do().of(&table);
            assert_eq!(lines[0], "NXDOMAIN aa do", "{mode:?} {text}");
        }
    }
}

#[test]
fn rfc4343_case_of_the_question_is_repeated_and_ignored() {
    let asked = ask("wWw.ExAmPle", "A");
    let (reply, _) = asked.raw(&signed(Mode::Nsec));
    assert_eq!(reply[12..12 + 13 + 4], asked.message()[12..12 + 13 + 4]);
    assert_eq!(show(&reply)[1].to_lowercase(), "answer: www.example. 60 a 192.0.2.10");
}

/// RFC 9471 section 3.1: all in-domain glue, or TC.
#[test]
fn rfc9471_section_3_1_in_domain_glue_that_does_not_fit_sets_tc() {
    let mut text = "x. 1 SOA a. b. 1 1 1 1 1\n".to_string();
    for number in 0..20 {
        text.push_str(&format!("c.x. 1 NS n{number}.c.x.\nn{number}.c.x. 1 A 192.0.2.1\n"));
        text.push_str(&format!("s.x. 1 NS n{number}.sibling.x.\nn{number}.sibling.x. 1 A 192.0.2.1\n"));
    }
    text.push_str("sibling.x. 1 NS n0.sibling.x.\n");
    let table = table([zone(Mode::Unsigned, &text)]);
    let required = ask("www.c.x", "A").of(&table);
    assert_eq!(required[0], "NOERROR tc");
    // Sibling glue may be left out (section 3.2).
    let optional = ask("www.s.x", "A").of(&table);
    assert_eq!(optional[0], "NOERROR");
    assert!(optional.len() < 1 + 40, "{}", optional.len());
    let stream = ask("www.c.x", "A").over(Transport::Tcp).of(&table);
    assert_eq!((stream[0].as_str(), stream.len()), ("NOERROR", 1 + 40));
}

/// RFC 2181 section 9, RFC 6891 section 7.
#[test]
fn an_answer_that_does_not_fit_is_tc_with_question_and_opt_only() {
    let mut text = "x. 1 SOA a. b. 1 1 1 1 1\n".to_string();
    for number in 0..60 {
        text.push_str(&format!("many.x. 1 A 192.0.2.{number}\n"));
    }
    let table = table([zone(Mode::Nsec, &text)]);
    let asked = ask("many.x", "A");
    let (octets, reply) = asked.raw(&table);
    assert!(reply.is_truncated);
    assert_eq!((show(&octets), octets.len()), (vec!["NOERROR aa tc".to_string()], asked.message().len()));
    let (octets, _) = asked.clone().with_do().raw(&table);
    assert!(octets.len() <= 1232);
    assert_eq!(show(&octets).len(), 1 + 61, "fits into 1232 with its signature");
    let tight = Ask { edns: Some((1000, 0, 0x8000)), ..asked.clone() };
    assert_eq!(show(&tight.raw(&table).0), ["NOERROR aa tc do"]);
    let ours = Ask { edns: Some((4096, 0, 0x8000)), transport: Transport::Udp { payload_max: 800 }, ..asked.clone() };
    assert_eq!(show(&ours.raw(&table).0), ["NOERROR aa tc do"]);
    assert_eq!(asked.over(Transport::Tcp).of(&table).len(), 1 + 60);
}

#[test]
fn the_root_can_be_a_zone() {
    let table = table([zone(Mode::Nsec3, ". 1 SOA a. b. 1 1 1 1 1\na. 1 A 192.0.2.1\n*.w. 1 A 192.0.2.2")]);
    assert_eq!(ask("a", "A").of(&table), ["NOERROR aa", "answer: a. 1 A 192.0.2.1"]);
    assert_eq!(ask(".", "SOA").of(&table), ["NOERROR aa", "answer: . 1 SOA a. b. 1 1 1 1 1"]);
    assert_eq!(ask("x.y", "A").with_do().of(&table)[0], "NXDOMAIN aa do");
    let (octets, _) = send(&table, &ask("q.w", "A").message(), fixture::UDP);
    assert_eq!(show(&octets)[1], "answer: q.w. 1 A 192.0.2.2");
}
