//! `ordername`, `auth` and empty non-terminals against their reference: `pdnsutil rectify-zone` on the same database.

use store::{KeyChange, Rectify, ZoneEdit};
use wire::RecordType;

use crate::bench::{Bench, KEY, new_zone, patch, replace, zone_name};

const STEPS: usize = 40;

/// Names that are below one another, with gaps that are empty non-terminals, and wildcards.
const OWNERS: [&str; 14] = [
    "a.z.test",
    "b.a.z.test",
    "d.c.b.a.z.test",
    "e.d.c.b.a.z.test",
    "f.z.test",
    "h.g.f.z.test",
    "i.h.g.f.z.test",
    "k.j.i.h.g.f.z.test",
    "*.a.z.test",
    "l.*.f.z.test",
    "n.m.z.test",
    "o.m.z.test",
    "a-very-long-label-that-fills-more-than-half.of-what-the-index-of-sqlite-holds-of-a-name.p.z.test",
    "q.a-very-long-label-that-fills-more-than-half.of-what-the-index-of-sqlite-holds-of-a-name.p.z.test",
];

const TYPES: [(RecordType, &str); 6] = [
    (RecordType::A, "192.0.2.1"),
    (RecordType::AAAA, "2001:db8::1"),
    (RecordType::TXT, "\"t\""),
    (RecordType::NS, "ns.example.net"),
    (RecordType::NS, "ns2.example.net"),
    (RecordType::DS, "1 13 2 0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"),
];

/// A small generator whose seed a failure prints.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }
}

/// Random edits, each compared with what `pdnsutil` makes of the same rows.
async fn random_edits(bench: &Bench, seed: u64, nsec3param: Option<&str>, is_signed: bool, is_narrow: bool) {
    bench.store.create_zone(new_zone("z.test")).await.unwrap();
    bench.assert_rectified("z.test", "creation");
    let mut metadata = Vec::new();
    if let Some(nsec3param) = nsec3param {
        metadata.push(("NSEC3PARAM".to_owned(), vec![nsec3param.to_owned()]));
    }
    if is_narrow {
        metadata.push(("NSEC3NARROW".to_owned(), vec!["1".to_owned()]));
    }
    let key = KeyChange::Add { flags: 257, active: true, published: true, content: KEY.to_owned() };
    let keys = if is_signed { vec![key] } else { Vec::new() };
    bench.store.edit_zone(&zone_name("z.test"), ZoneEdit { metadata, keys, ..ZoneEdit::default() }).await.unwrap();
    bench.assert_rectified("z.test", "securing");

    let mut dice = Dice(seed);
    let mut history = Vec::new();
    for _ in 0..STEPS {
        let mut changes = Vec::new();
        for _ in 0..=dice.below(3) {
            let owner = OWNERS[dice.below(OWNERS.len())];
            let (rtype, content) = TYPES[dice.below(TYPES.len())];
            let contents: &[&str] = if dice.below(3) == 0 { &[] } else { &[content] };
            history.push(format!("{owner} {rtype} {contents:?}"));
            changes.push(replace(owner, rtype, contents));
        }
        history.push("|".to_owned());
        bench.store.edit_zone(&zone_name("z.test"), patch(changes)).await.unwrap();
        bench.assert_rectified("z.test", &format!("seed {seed}: {history:#?}"));
    }
}

pub(crate) async fn unsigned(bench: Bench) {
    random_edits(&bench, 11, None, false, false).await;
}

pub(crate) async fn nsec(bench: Bench) {
    random_edits(&bench, 22, None, true, false).await;
}

pub(crate) async fn nsec3(bench: Bench) {
    random_edits(&bench, 33, Some("1 0 0 -"), true, false).await;
}

pub(crate) async fn narrow(bench: Bench) {
    random_edits(&bench, 44, Some("1 0 1 ab"), true, true).await;
}

pub(crate) async fn opt_out(bench: Bench) {
    random_edits(&bench, 55, Some("1 1 0 -"), true, false).await;
}

pub(crate) async fn opt_out_narrow(bench: Bench) {
    random_edits(&bench, 66, Some("1 1 0 -"), true, true).await;
}

fn a_bit_of_everything() -> Vec<store::RrsetChange> {
    vec![
        replace("www.z.test", RecordType::A, &["192.0.2.1"]),
        replace("b.a.z.test", RecordType::TXT, &["\"x\""]),
        replace("sub.z.test", RecordType::NS, &["ns1.sub.z.test"]),
        replace("ns1.sub.z.test", RecordType::A, &["192.0.2.2"]),
        replace("safe.x.z.test", RecordType::NS, &["ns.example.net"]),
        replace(
            "safe.x.z.test",
            RecordType::DS,
            &["1 13 2 0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"],
        ),
        replace("*.w.z.test", RecordType::A, &["192.0.2.3"]),
    ]
}

pub(crate) async fn a_change_of_denial_rectifies_the_whole_zone(bench: Bench) {
    let zone = zone_name("z.test");
    bench.store.create_zone(new_zone("z.test")).await.unwrap();
    bench.store.edit_zone(&zone, patch(a_bit_of_everything())).await.unwrap();
    let key = KeyChange::Add { flags: 257, active: true, published: true, content: KEY.to_owned() };
    let commit = bench.store.edit_zone(&zone, ZoneEdit { keys: vec![key], ..ZoneEdit::default() }).await.unwrap();
    assert!(commit.rectified_rows > 5, "{commit:?}");
    bench.assert_rectified("z.test", "adding a key");
    for (param, narrow) in [("1 0 0 -", false), ("1 0 0 -", true), ("1 1 5 ab", false), ("", false)] {
        let values = |text: &str| if text.is_empty() { Vec::new() } else { vec![text.to_owned()] };
        let metadata = vec![
            ("NSEC3PARAM".to_owned(), values(param)),
            ("NSEC3NARROW".to_owned(), values(if narrow { "1" } else { "" })),
        ];
        let edit = ZoneEdit { metadata, ..ZoneEdit::default() };
        let commit = bench.store.edit_zone(&zone, edit).await.unwrap();
        assert!(commit.rectified_rows > 5, "{param}: {commit:?}");
        bench.assert_rectified("z.test", param);
    }
    // Somebody wrote without rectifying: asked to, we do.
    bench.sql("UPDATE records SET ordername = 'x', auth = FALSE");
    let edit = ZoneEdit { rectify: Rectify::Whole, ..ZoneEdit::default() };
    let commit = bench.store.edit_zone(&zone, edit.clone()).await.unwrap();
    assert!(commit.changed && commit.rectified_rows > 5, "{commit:?}");
    bench.assert_rectified("z.test", "rectifying");
    assert_eq!(bench.store.edit_zone(&zone, edit).await.unwrap().rectified_rows, 0);

    bench.store.edit_zone(&zone, ZoneEdit { keys: vec![KeyChange::RemoveAll], ..ZoneEdit::default() }).await.unwrap();
    bench.assert_rectified("z.test", "removing the keys");
}

pub(crate) async fn pdnsutil_finds_no_fault(bench: Bench) {
    let zone = zone_name("z.test");
    bench.store.create_zone(new_zone("z.test")).await.unwrap();
    bench.store.edit_zone(&zone, patch(a_bit_of_everything())).await.unwrap();
    bench.pdnsutil(&["secure-zone", "z.test"]);
    for params in
        [&["unset-nsec3", "z.test"][..], &["set-nsec3", "z.test", "1 0 0 -"], &["set-nsec3", "z.test", "1 1 0 -"]]
    {
        bench.pdnsutil(params);
        bench.pdnsutil(&["rectify-zone", "z.test"]);
        let gone = patch(vec![replace("www.z.test", RecordType::A, &[])]);
        bench.store.edit_zone(&zone, gone).await.unwrap();
        let back = patch(vec![
            replace("www.z.test", RecordType::A, &["192.0.2.1"]),
            replace("c.b.a.z.test", RecordType::TXT, &[&format!("\"{}\"", params.len())]),
        ]);
        bench.store.edit_zone(&zone, back).await.unwrap();
        let said = bench.pdnsutil(&["check-zone", "z.test"]);
        assert!(said.contains(" 0 errors, "), "{said}");
        bench.assert_rectified("z.test", params[0]);
    }
}
