//! Types that exist and cannot be answered (LUA, ALIAS): SERVFAIL with the reason, and no denial of them.

mod fixture;

use dnssec::ServedZone;
use fixture::{Mode, ask, name, table, zone};
use std::sync::Arc;
use wire::RecordType;
use zone::{Rrset, Supply, WithheldReason, ZoneEditor};

const EXAMPLE: &str = "
    x. 60 SOA a. b. 1 1 1 1 1
    x. 60 NS ns.x.
    x. 60 LUA A \"return 1\"
    only.x. 60 LUA AAAA \"return 1\"
    beside.x. 60 LUA A \"return 1\"
    beside.x. 60 TXT \"here\"
    stored.x. 60 LUA A \"return 1\"
    stored.x. 60 A 192.0.2.1
    *.w.x. 60 LUA A \"return 1\"
    c.x. 60 LUA CNAME \"return 1\"
    c.x. 60 TXT \"here\"
    to.x. 60 CNAME only.x.
    a.ent.only.x. 60 TXT \"below\"
    ";
const SOA: &str = "authority: x. 1 SOA a. b. 1 1 1 1 1";
const MODES: [Mode; 5] = [Mode::Unsigned, Mode::Nsec, Mode::Nsec3, Mode::Narrow, Mode::Compact];

#[test]
fn what_a_lua_record_would_make_is_servfail_and_all_else_is_answered() {
    for (qname, qtype, wanted) in [
        ("x", "A", &["SERVFAIL"][..]),
        ("x", "NS", &["NOERROR aa", "answer: x. 60 NS ns.x."]),
        ("x", "AAAA", &["NOERROR aa", SOA]),
        ("only.x", "AAAA", &["SERVFAIL"]),
        ("only.x", "A", &["NOERROR aa", SOA]),
        ("only.x", "ANY", &["SERVFAIL"]),
        ("only.x", "LUA", &["NOERROR aa", SOA]),
        ("beside.x", "A", &["SERVFAIL"]),
        ("beside.x", "ANY", &["NOERROR aa", "answer: beside.x. 60 TXT here"]),
        ("stored.x", "A", &["NOERROR aa", "answer: stored.x. 60 A 192.0.2.1"]),
        ("q.w.x", "A", &["SERVFAIL"]),
        ("q.w.x", "TXT", &["NOERROR aa", SOA]),
        ("c.x", "A", &["SERVFAIL"]),
        ("c.x", "TXT", &["NOERROR aa", "answer: c.x. 60 TXT here"]),
        // A resolver that got the CNAME alone would only ask once more.
        ("to.x", "AAAA", &["SERVFAIL"]),
        ("to.x", "CNAME", &["NOERROR aa", "answer: to.x. 60 CNAME only.x."]),
        ("q.only.x", "A", &["NXDOMAIN aa", SOA]),
    ] {
        for mode in MODES {
            assert_eq!(ask(qname, qtype).of(&table([zone(mode, EXAMPLE)])), wanted, "{qname} {qtype} {mode:?}");
        }
    }
}

/// RFC 8914: the reason goes along for those who speak EDNS.
#[test]
fn rfc8914_the_reason_is_told() {
    let table = table([zone(Mode::Nsec, EXAMPLE)]);
    let (reply, seen) = ask("only.x", "AAAA").with_do().raw(&table);
    let option = [&[0, 15, 0, 25, 0, 21][..], b"LUA records are not run"].concat();
    assert!(reply.windows(option.len()).any(|octets| octets == option), "{reply:?}");
    assert_eq!(seen.refusal.unwrap().to_string(), "what was asked for exists and cannot be answered");
}

/// RFC 8198: whoever believes the chain must not conclude that the type is not there.
#[test]
fn rfc4034_section_4_1_2_the_bitmap_has_the_types_that_are_withheld() {
    let served = zone(Mode::Nsec, EXAMPLE);
    let types = |owner: &str| {
        let (found, nsec) = served.zone.nsec_at_or_before(&name(owner)).unwrap();
        assert_eq!(found, &name(owner));
        let text = wire::rdata::print(RecordType::NSEC, nsec.rdatas().next().unwrap()).unwrap();
        text.split_once(' ').unwrap().1.to_owned()
    };
    assert_eq!(types("only.x"), "AAAA RRSIG NSEC");
    assert_eq!(types("beside.x"), "A TXT RRSIG NSEC");
    assert_eq!(types("stored.x"), "A RRSIG NSEC");
    assert_eq!(types("c.x"), "CNAME TXT RRSIG NSEC");
    assert_eq!(types("*.w.x"), "A RRSIG NSEC");
    assert_eq!(types("x"), "A NS SOA RRSIG NSEC DNSKEY");
}

/// A name of which an ALIAS makes nothing is there: a wildcard does not answer for it, and its proof is that of NODATA.
#[test]
fn rfc4592_section_2_2_1_a_name_that_makes_nothing_now_keeps_the_wildcard_away() {
    let text = format!("{EXAMPLE}\n*.x. 60 A 192.0.2.7\n*.x. 60 AAAA 2001:db8::7\n");
    for mode in MODES {
        let mut served = zone(mode, &text);
        let signer = served.signer.clone();
        let mut put = |edit: &dyn Fn(&mut ZoneEditor)| {
            let mut editor = ZoneEditor::new(&served.zone);
            edit(&mut editor);
            served.zone = Arc::new(editor.finish().unwrap());
            table([ServedZone::new(Arc::clone(&served.zone), signer.clone())])
        };
        let wildcard = ["NOERROR aa", "answer: held.x. 60 A 192.0.2.7"];
        let held = put(&|editor| {
            editor.supply(&name("held.x"), RecordType::A, Supply::Withheld(WithheldReason::AliasPending));
            editor.supply(&name("held.x"), RecordType::A, Supply::Nothing);
            editor.supply(&name("held.x"), RecordType::AAAA, Supply::Nothing);
        });
        for qtype in ["A", "AAAA", "TXT"] {
            assert_eq!(ask("held.x", qtype).of(&held), ["NOERROR aa", SOA], "{qtype} {mode:?}");
        }
        // What the NSEC says of itself is there too.
        for qtype in ["ANY", "RRSIG"] {
            let reply = ask("held.x", qtype).with_do().of(&held);
            let has_nsec = reply.iter().any(|line| line.starts_with("answer: held.x. 1") && line.contains("NSEC"));
            assert_eq!(
                has_nsec,
                mode == Mode::Nsec || (mode == Mode::Compact && qtype == "RRSIG"),
                "{qtype} {mode:?} {reply:?}"
            );
        }
        assert_eq!(ask("q.held.x", "A").of(&held), ["NXDOMAIN aa", SOA], "{mode:?}");
        if mode == Mode::Nsec {
            let proof = ask("held.x", "A").with_do().of(&held);
            assert!(proof.iter().any(|line| line == "authority: held.x. 1 NSEC"), "{proof:?}");
        }
        // With a record of its own it is like any other name; without the ALIAS it is gone.
        let a = || Rrset::new(RecordType::A, 30, vec![vec![192, 0, 2, 9]]);
        let found = put(&|editor| editor.supply(&name("held.x"), RecordType::A, Supply::Rrset(a())));
        assert_eq!(ask("held.x", "A").of(&found), ["NOERROR aa", "answer: held.x. 30 A 192.0.2.9"]);
        let held = put(&|editor| editor.supply(&name("held.x"), RecordType::A, Supply::Nothing));
        assert_eq!(ask("held.x", "A").of(&held), ["NOERROR aa", SOA], "{mode:?}");
        let gone = put(&|editor| editor.replace_name(&name("held.x"), Vec::new()));
        assert_eq!(ask("held.x", "A").of(&gone), wildcard, "{mode:?}");
    }
}

#[test]
fn what_is_withheld_can_be_supplied_later_and_taken_back() {
    for mode in MODES {
        let mut served = zone(mode, EXAMPLE);
        let signer = served.signer.clone();
        let mut step = |owner: &str, supply: Supply| {
            let mut editor = ZoneEditor::new(&served.zone);
            editor.supply(&name(owner), RecordType::A, supply);
            served.zone = Arc::new(editor.finish().unwrap());
            let served = ServedZone::new(Arc::clone(&served.zone), signer.clone());
            ask(owner, "A").with_do().of(&table([served]))
        };
        let a = || Supply::Rrset(Rrset::new(RecordType::A, 30, vec![vec![192, 0, 2, 9]]));
        let pending = || Supply::Withheld(WithheldReason::AliasPending);
        let data = ["NOERROR aa do", "answer: beside.x. 30 A 192.0.2.9"];
        assert_eq!(step("beside.x", a())[..2], data);
        assert_eq!(step("beside.x", Supply::Nothing)[..2], ["NOERROR aa do", SOA]);
        // A name comes for something withheld, and is there when that makes nothing.
        assert_eq!(step("new.ent2.x", pending()), ["SERVFAIL do"]);
        assert_eq!(step("new.ent2.x", Supply::Nothing)[..2], ["NOERROR aa do", SOA]);
        // The name's other data stays, and so does what is withheld of it.
        assert_eq!(step("only.x", pending()), ["SERVFAIL do"]);
        assert_eq!(step("only.x", Supply::Nothing)[0], "NOERROR aa do");
        let node = served.zone.node(name("only.x").as_wire()).unwrap();
        assert_eq!(node.withheld().iter().map(|withheld| withheld.rtype).collect::<Vec<_>>(), [RecordType::AAAA]);
    }
}
