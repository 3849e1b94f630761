//! RRsets, TTLs, names of any octets (RFC 2181).

mod fixture;

use fixture::{Mode, ask, name, send, show, table, zone};

const MODES: [Mode; 3] = [Mode::Unsigned, Mode::Nsec, Mode::Nsec3];

/// Sections 5.2 and 5.4.1.
#[test]
fn section_5_2_where_ttls_differ_within_an_rrset_the_least_holds() {
    let text = "
        x. 60 SOA a. b. 1 1 1 1 1
        m.x. 300 A 192.0.2.1
        m.x. 20 A 192.0.2.2
        m.x. 100 A 192.0.2.3
        ";
    for mode in MODES {
        let lines = ask("m.x", "A").of(&table([zone(mode, text)]));
        let wanted =
            ["NOERROR aa", "answer: m.x. 20 A 192.0.2.1", "answer: m.x. 20 A 192.0.2.2", "answer: m.x. 20 A 192.0.2.3"];
        assert_eq!(lines, wanted, "{mode:?}");
    }
}

/// Section 5: the records of an RRset are a set.
#[test]
fn section_5_a_record_that_is_there_twice_is_sent_once() {
    let text = "
        x. 60 SOA a. b. 1 1 1 1 1
        d.x. 60 A 192.0.2.1
        D.X. 60 A 192.0.2.1
        d.x. 60 MX 10 Mail.X.
        d.x. 60 MX 10 mail.x.
        ";
    for mode in MODES {
        let table = table([zone(mode, text)]);
        assert_eq!(ask("d.x", "A").of(&table), ["NOERROR aa", "answer: d.x. 60 A 192.0.2.1"]);
        assert_eq!(ask("d.x", "MX").of(&table).len(), 2, "{mode:?}");
    }
}

/// Section 8.
#[test]
fn section_8_ttls_of_0_and_of_31_bits_are_sent_as_they_are() {
    let text = "
        x. 2147483647 SOA a. b. 1 1 1 1 2147483647
        z.x. 0 A 192.0.2.1
        m.x. 2147483647 A 192.0.2.2
        ";
    let table = table([zone(Mode::Nsec, text)]);
    assert_eq!(ask("z.x", "A").of(&table)[1], "answer: z.x. 0 A 192.0.2.1");
    assert_eq!(ask("m.x", "A").of(&table)[1], "answer: m.x. 2147483647 A 192.0.2.2");
}

/// Section 10.1: a name with CNAME has nothing else. Where rows say otherwise the CNAME is the answer (RFC 1034 section 4.3.2, step
/// 3a, says so for any type but CNAME), except at the apex, which has to have SOA and NS; of several CNAMEs the first in canonical
/// order is followed.
#[test]
fn section_10_1_cname_beside_other_data_and_several_cnames() {
    let text = "
        x. 60 SOA a. b. 1 1 1 1 1
        x. 60 NS ns.x.
        x. 60 CNAME t.x.
        c.x. 60 CNAME t.x.
        c.x. 60 TXT \"beside\"
        t.x. 60 A 192.0.2.1
        two.x. 60 CNAME u.x.
        two.x. 60 CNAME t.x.
        u.x. 60 A 192.0.2.2
        ";
    for mode in MODES {
        let table = table([zone(mode, text)]);
        let cname = "answer: c.x. 60 CNAME t.x.";
        assert_eq!(ask("c.x", "TXT").of(&table), ["NOERROR aa", cname, "authority: x. 1 SOA a. b. 1 1 1 1 1"]);
        assert_eq!(ask("c.x", "CNAME").of(&table), ["NOERROR aa", cname]);
        assert_eq!(ask("x", "NS").of(&table), ["NOERROR aa", "answer: x. 60 NS ns.x."]);
        assert_eq!(ask("x", "SOA").of(&table), ["NOERROR aa", "answer: x. 60 SOA a. b. 1 1 1 1 1"]);
        let wanted = ["NOERROR aa", "answer: x. 60 CNAME t.x.", "answer: t.x. 60 A 192.0.2.1"];
        assert_eq!(ask("x", "A").of(&table), wanted);
        let wanted = ["NOERROR aa", "answer: c.x. 60 CNAME t.x.", "answer: t.x. 60 A 192.0.2.1"];
        assert_eq!(ask("c.x", "A").of(&table), wanted, "{mode:?}");
        let wanted = ["NOERROR aa", "answer: two.x. 60 CNAME t.x.", "answer: t.x. 60 A 192.0.2.1"];
        assert_eq!(ask("two.x", "A").of(&table), wanted, "one CNAME goes out, or resolvers refuse the answer");
        assert_eq!(ask("two.x", "CNAME").of(&table), wanted[..2]);
    }
}

/// Section 11: a label may hold any octet, dots, zeros and what looks like a wildcard's asterisk among them.
#[test]
fn section_11_labels_hold_any_octet() {
    let text = r"
        x. 60 SOA a. b. 1 1 1 1 1
        a\.b.x. 60 TXT dot
        \000\001\255.x. 60 TXT octets
        \200\195.deep.x. 60 TXT deep
        space\032tab\009.x. 60 TXT blank
        *\042.w.x. 60 TXT asterisks
        ";
    for mode in MODES {
        let table = table([zone(mode, text)]);
        for (qname, wanted) in [
            (r"a\.b.x", "NOERROR aa do"),
            ("a.b.x", "NXDOMAIN aa do"),
            (r"A\.B.x", "NOERROR aa do"),
            (r"\000\001\255.x", "NOERROR aa do"),
            (r"\000\001.x", "NXDOMAIN aa do"),
            (r"\200\195.deep.x", "NOERROR aa do"),
            // Letters alone are folded, not their neighbours with the same bits (RFC 4343 section 3).
            (r"\232\227.deep.x", "NXDOMAIN aa do"),
            (r"space\032tab\009.x", "NOERROR aa do"),
            ("q.w.x", "NXDOMAIN aa do"),
            (r"\000.x", "NXDOMAIN aa do"),
            (r"\255.x", "NXDOMAIN aa do"),
        ] {
            let asked = ask(qname, "TXT").with_do();
            let (reply, _) = asked.raw(&table);
            let lines = show(&reply);
            assert_eq!(lines[0], wanted, "{qname} {mode:?}");
            let question = name(qname);
            assert_eq!(&reply[12..12 + question.as_wire().len()], question.as_wire(), "octet for octet");
        }
    }
}

/// All 256 octets as a label of one: denied where they are not, and never taken for another.
#[test]
fn section_11_every_octet_is_a_label_of_its_own() {
    let mut text = "x. 60 SOA a. b. 1 1 1 1 1\n".to_owned();
    for octet in (0..=255_u8).filter(|octet| octet.is_multiple_of(2) && *octet != b'*') {
        text.push_str(&format!("\\{octet:03}.x. 60 A 192.0.2.1\n"));
    }
    for mode in MODES {
        let table = table([zone(mode, &text)]);
        for octet in 0..=255_u8 {
            let exists = |octet: u8| octet.is_multiple_of(2) && octet != b'*';
            let wanted =
                exists(octet.to_ascii_lowercase()) || exists(octet.to_ascii_uppercase()) && octet.is_ascii_alphabetic();
            let asked = ask(&format!("\\{octet:03}.x"), "A").with_do();
            let (reply, _) = send(&table, &asked.message(), fixture::UDP);
            let rcode = if wanted { "NOERROR aa do" } else { "NXDOMAIN aa do" };
            assert_eq!(show(&reply)[0], rcode, "{octet} {mode:?}");
        }
    }
}
