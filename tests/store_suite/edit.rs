//! Zones created, edited and deleted by us, and read back.

use std::sync::Arc;

use store::{
    Comment, Commit, KeyChange, RrsetChange, RrsetEdit, RrsetFilter, SerialBump, StoreError, ZoneEdit, ZoneFilter,
    ZoneKind,
};
use wire::RecordType;

use crate::bench::{Bench, KEY, Kind, name, new_zone, patch, record, replace, zone_name};

/// The RRsets of a name as `TYPE ttl content,content` lines.
async fn show(bench: &Bench, zone: &str, owner: &str) -> Vec<String> {
    let id = bench.store.zone(&zone_name(zone)).await.unwrap().expect("the zone").id;
    let filter = RrsetFilter { name: Some(name(owner)), rtype: None };
    let rrsets = bench.store.rrsets(id, &filter).await.unwrap();
    let line = |rrset: &store::StoredRrset| {
        let contents: Vec<String> = rrset
            .records
            .iter()
            .map(|record| format!("{}{}", if record.disabled { "!" } else { "" }, record.content))
            .collect();
        let comments: Vec<String> = rrset.comments.iter().map(|c| format!(" #{} {}", c.account, c.content)).collect();
        format!("{} {} {}{}", rrset.rtype, rrset.ttl, contents.join(","), comments.concat())
    };
    rrsets.iter().map(line).collect()
}

async fn edit(bench: &Bench, zone: &str, edit: ZoneEdit) -> Result<Commit, StoreError> {
    bench.store.edit_zone(&zone_name(zone), edit).await
}

pub(crate) async fn a_zone_is_created_listed_and_deleted(bench: Bench) {
    let mut new = new_zone("Example.COM");
    new.content.kind = Some(ZoneKind::Master);
    new.content.account = Some("me".to_owned());
    new.content.masters = Some(vec!["192.0.2.1".to_owned(), "[2001:db8::1]:54".to_owned()]);
    new.content.catalog = Some(Some(name("catalog.test")));
    let commit = bench.store.create_zone(new.clone()).await.unwrap();
    assert!(commit.changed && commit.generation == 1, "{commit:?}");
    let again = bench.store.create_zone(new).await.unwrap_err();
    assert!(matches!(again, StoreError::Exists { what: "zone" }), "{again:?}");
    bench.store.create_zone(new_zone("other.test")).await.unwrap();

    let zone = bench.store.zone(&zone_name("EXAMPLE.com")).await.unwrap().unwrap();
    assert_eq!(zone.name.to_string(), "example.com.");
    assert_eq!((zone.kind, zone.account.as_str(), zone.is_secured), (ZoneKind::Master, "me", false));
    assert_eq!(zone.masters, ["192.0.2.1", "[2001:db8::1]:54"]);
    assert_eq!(zone.catalog, Some(name("catalog.test")));
    assert!(zone.serial.unwrap() > 2_026_000_000, "created with SOA-EDIT-API DEFAULT: {:?}", zone.serial);
    assert_eq!((zone.last_check, zone.notified_serial), (0, 0));
    assert_eq!(zone.soa_edit_api.as_deref(), Some("DEFAULT"));
    assert_eq!(bench.store.zones(&ZoneFilter::default()).await.unwrap().len(), 2);

    bench.store.delete_zone(&zone_name("example.com"), "test").await.unwrap();
    assert!(bench.store.zone(&zone_name("example.com")).await.unwrap().is_none());
    let gone = bench.store.delete_zone(&zone_name("example.com"), "test").await.unwrap_err();
    assert!(matches!(gone, StoreError::NotFound { what: "zone" }), "{gone:?}");
    let gone = edit(&bench, "example.com", patch(vec![])).await.unwrap_err();
    assert!(matches!(gone, StoreError::NotFound { what: "zone" }), "{gone:?}");
    for table in ["records", "domainmetadata", "comments", "cryptokeys"] {
        let left = bench.sql(&format!("SELECT count(*) FROM {table} WHERE domain_id NOT IN (SELECT id FROM domains)"));
        assert_eq!(left, "0", "{table}");
    }
}

pub(crate) async fn rrsets_are_patched_and_read_back(bench: Bench) {
    bench.store.create_zone(new_zone("z.test")).await.unwrap();
    let mx = RrsetChange::Replace {
        name: name("mail.z.test"),
        rtype: RecordType::MX,
        ttl: 60,
        records: Some(vec![store::StoredRecord { content: "mx.z.test".to_owned(), prio: 10, disabled: false }]),
        comments: None,
    };
    let disabled = RrsetChange::Replace {
        name: name("off.z.test"),
        rtype: RecordType::A,
        ttl: 60,
        records: Some(vec![store::StoredRecord { disabled: true, ..record("192.0.2.7") }]),
        comments: None,
    };
    let changes = vec![replace("WWW.z.test", RecordType::A, &["192.0.2.2", "192.0.2.1"]), mx, disabled];
    edit(&bench, "z.test", patch(changes)).await.unwrap();
    assert_eq!(show(&bench, "z.test", "www.z.test").await, ["A 300 192.0.2.1,192.0.2.2"]);
    assert_eq!(show(&bench, "z.test", "off.z.test").await, ["A 60 !192.0.2.7"]);
    assert_eq!(bench.sql("SELECT prio, content FROM records WHERE type = 'MX'"), "10|mx.z.test");

    let extend = |content: &str| RrsetChange::Extend {
        name: name("www.z.test"),
        rtype: RecordType::A,
        ttl: 300,
        record: record(content),
    };
    let prune =
        RrsetChange::Prune { name: name("www.z.test"), rtype: RecordType::A, ttl: 300, record: record("192.0.2.1") };
    edit(&bench, "z.test", patch(vec![extend("192.0.2.3"), prune])).await.unwrap();
    assert_eq!(show(&bench, "z.test", "www.z.test").await, ["A 300 192.0.2.2,192.0.2.3"]);

    let delete = RrsetChange::Delete { name: name("www.z.test"), rtype: RecordType::A };
    edit(&bench, "z.test", patch(vec![delete])).await.unwrap();
    assert!(show(&bench, "z.test", "www.z.test").await.is_empty());

    let RrsetEdit::ReplaceAll(mut all) = new_zone("z.test").content.rrsets else { unreachable!() };
    all.push(replace("only.z.test", RecordType::TXT, &["\"x\""]));
    let whole = ZoneEdit { rrsets: RrsetEdit::ReplaceAll(all), ..ZoneEdit::default() };
    edit(&bench, "z.test", whole).await.unwrap();
    let id = bench.store.zone(&zone_name("z.test")).await.unwrap().unwrap().id;
    let names: Vec<String> =
        bench.store.rrsets(id, &RrsetFilter::default()).await.unwrap().iter().map(|r| r.name.to_string()).collect();
    assert_eq!(names, ["only.z.test.", "ns1.z.test.", "z.test.", "z.test."], "names descend");
    bench.assert_rectified("z.test", "replacing everything");
}

pub(crate) async fn the_same_again_changes_nothing(bench: Bench) {
    bench.store.create_zone(new_zone("z.test")).await.unwrap();
    let change = || patch(vec![replace("www.z.test", RecordType::A, &["192.0.2.1", "192.0.2.2"])]);
    let first = edit(&bench, "z.test", change()).await.unwrap();
    let serial = bench.serial("z.test").await;
    let (rows, feed) = (bench.rows(), bench.sql("SELECT count(*) FROM signpost_feed"));
    let again = edit(&bench, "z.test", change()).await.unwrap();
    assert_eq!(again, Commit { changed: false, generation: first.generation, ..Commit::default() });
    let swapped = patch(vec![replace("www.z.test", RecordType::A, &["192.0.2.2", "192.0.2.1"])]);
    assert!(!edit(&bench, "z.test", swapped).await.unwrap().changed);
    assert_eq!((bench.rows(), bench.sql("SELECT count(*) FROM signpost_feed")), (rows, feed));
    assert_eq!(bench.serial("z.test").await, serial);

    // A TTL is a change, and one that is undone within the request is none.
    let mut ttl = change();
    if let RrsetEdit::Patch(changes) = &mut ttl.rrsets
        && let RrsetChange::Replace { ttl, .. } = &mut changes[0]
    {
        *ttl = 301;
    }
    assert!(edit(&bench, "z.test", ttl).await.unwrap().changed);
    let delete = RrsetChange::Delete { name: name("www.z.test"), rtype: RecordType::A };
    let mut back = vec![delete];
    if let RrsetChange::Replace { name, rtype, records, .. } =
        replace("www.z.test", RecordType::A, &["192.0.2.1", "192.0.2.2"])
    {
        back.push(RrsetChange::Replace { name, rtype, ttl: 301, records, comments: None });
    }
    assert!(!edit(&bench, "z.test", patch(back)).await.unwrap().changed);
}

pub(crate) async fn comments_live_beside_records(bench: Bench) {
    bench.store.create_zone(new_zone("z.test")).await.unwrap();
    let comment =
        |content: &str, modified_at| Comment { content: content.to_owned(), account: "me".to_owned(), modified_at };
    let commented = |records: Option<Vec<_>>, comments| {
        patch(vec![RrsetChange::Replace {
            name: name("www.z.test"),
            rtype: RecordType::A,
            ttl: 300,
            records,
            comments,
        }])
    };
    let serial = bench.serial("z.test").await;
    let with =
        commented(Some(vec![record("192.0.2.1")]), Some(vec![comment("snowman ☃", None), comment("b", Some(5))]));
    edit(&bench, "z.test", with).await.unwrap();
    assert_eq!(show(&bench, "z.test", "www.z.test").await, ["A 300 192.0.2.1 #me b #me snowman ☃"]);

    // Records without comments keep them, comments without records keep those and raise the serial.
    edit(&bench, "z.test", commented(Some(vec![record("192.0.2.2")]), None)).await.unwrap();
    let commit = edit(&bench, "z.test", commented(None, Some(vec![comment("c", Some(7))]))).await.unwrap();
    assert_eq!(commit.serials, Some((serial + 2, serial + 3)));
    assert_eq!(show(&bench, "z.test", "www.z.test").await, ["A 300 192.0.2.2 #me c"]);
    assert!(!edit(&bench, "z.test", commented(None, Some(vec![comment("c", None)]))).await.unwrap().changed);

    edit(&bench, "z.test", commented(Some(vec![]), None)).await.unwrap();
    assert_eq!(bench.sql("SELECT count(*) FROM comments"), "0");

    let long = Comment { account: "x".repeat(41), ..comment("c", None) };
    let refused = edit(&bench, "z.test", commented(None, Some(vec![long]))).await.unwrap_err();
    assert_eq!(refused.to_string(), "RRset www.z.test. IN A: comment account is longer than 40 characters");
}

pub(crate) async fn a_row_without_ttl_has_the_default(bench: Bench) {
    bench.store.create_zone(new_zone("z.test")).await.unwrap();
    edit(&bench, "z.test", patch(vec![replace("www.z.test", RecordType::A, &["192.0.2.1"])])).await.unwrap();
    bench.sql("UPDATE records SET ttl = NULL WHERE name = 'www.z.test'");
    assert_eq!(show(&bench, "z.test", "www.z.test").await, ["A 3600 192.0.2.1"]);
    let extend = |ttl| {
        let (name, record) = (name("www.z.test"), record("192.0.2.2"));
        patch(vec![RrsetChange::Extend { name, rtype: RecordType::A, ttl, record }])
    };
    assert!(edit(&bench, "z.test", extend(60)).await.is_err(), "another TTL than the remainder");
    edit(&bench, "z.test", extend(3600)).await.unwrap();
    assert_eq!(show(&bench, "z.test", "www.z.test").await, ["A 3600 192.0.2.1,192.0.2.2"]);
}

pub(crate) async fn a_conflict_undoes_the_whole_patch(bench: Bench) {
    bench.store.create_zone(new_zone("z.test")).await.unwrap();
    let before = bench.rows();
    let changes = vec![
        replace("new.z.test", RecordType::A, &["192.0.2.1"]),
        replace("ns1.z.test", RecordType::CNAME, &["new.z.test"]),
    ];
    let refused = edit(&bench, "z.test", patch(changes)).await.unwrap_err();
    assert_eq!(refused.to_string(), "RRset ns1.z.test. IN CNAME: Conflicts with pre-existing RRset");
    assert!(matches!(refused, StoreError::Refused(_)));
    assert_eq!(bench.rows(), before);
}

pub(crate) async fn serials_follow_soa_edit_api(bench: Bench) {
    bench.store.create_zone(new_zone("z.test")).await.unwrap();
    let set = |mode: &str| ZoneEdit {
        metadata: vec![("SOA-EDIT-API".to_owned(), vec![mode.to_owned()])],
        ..ZoneEdit::default()
    };
    let text = |text: &str| patch(vec![replace("t.z.test", RecordType::TXT, &[&format!("\"{text}\"")])]);
    let soa =
        |serial: u32| replace("z.test", RecordType::SOA, &[&format!("ns1.z.test hostmaster.z.test {serial} 1 2 3 4")]);

    let start = bench.serial("z.test").await;
    assert_eq!(edit(&bench, "z.test", text("a")).await.unwrap().serials, Some((start, start + 1)));
    assert!(edit(&bench, "z.test", set("INCREASE")).await.unwrap().serials.is_none(), "metadata is no reason");
    // A SOA that the client sends is bumped from what it sent, and not told of.
    assert!(edit(&bench, "z.test", patch(vec![soa(7)])).await.unwrap().serials.is_none());
    assert_eq!(bench.serial("z.test").await, 8);
    assert!(!edit(&bench, "z.test", patch(vec![soa(8)])).await.unwrap().changed);
    assert_eq!(edit(&bench, "z.test", text("b")).await.unwrap().serials, Some((8, 9)));

    edit(&bench, "z.test", set("")).await.unwrap();
    let silent = edit(&bench, "z.test", text("c")).await.unwrap();
    assert!(silent.changed && silent.serials.is_none());
    let asked = ZoneEdit { serial: SerialBump::Increase, ..ZoneEdit::default() };
    assert_eq!(edit(&bench, "z.test", asked).await.unwrap().serials, Some((9, 10)));
    let kept = ZoneEdit { serial: SerialBump::Keep, ..patch(vec![soa(3)]) };
    edit(&bench, "z.test", kept).await.unwrap();
    assert_eq!(bench.serial("z.test").await, 3);

    // Wraps (RFC 1982 section 3.1).
    edit(&bench, "z.test", set("INCREASE")).await.unwrap();
    edit(&bench, "z.test", ZoneEdit { serial: SerialBump::Keep, ..patch(vec![soa(u32::MAX)]) }).await.unwrap();
    assert_eq!(edit(&bench, "z.test", text("d")).await.unwrap().serials, Some((u32::MAX, 0)));

    // A zone whose SOA is disabled has no serial to move.
    bench.sql("UPDATE records SET disabled = TRUE WHERE type = 'SOA'");
    let commit = edit(&bench, "z.test", text("e")).await.unwrap();
    assert!(commit.changed && commit.serials.is_none());
    assert_eq!(bench.store.zone(&zone_name("z.test")).await.unwrap().unwrap().serial, None);

    // PowerDNS's races leave two SOA records: the next change leaves one.
    bench.sql("UPDATE records SET disabled = FALSE WHERE type = 'SOA'");
    bench.sql(
        "INSERT INTO records (domain_id, name, type, content, ttl, prio) \
         SELECT domain_id, name, type, 'ns1.z.test hostmaster.z.test 99 1 2 3 4', ttl, prio FROM records WHERE type = 'SOA'",
    );
    edit(&bench, "z.test", text("f")).await.unwrap();
    assert_eq!(bench.sql("SELECT count(*) FROM records WHERE type = 'SOA'"), "1");
}

pub(crate) async fn settings_metadata_and_keys(bench: Bench) {
    bench.store.create_zone(new_zone("z.test")).await.unwrap();
    let id = bench.store.zone(&zone_name("z.test")).await.unwrap().unwrap().id;
    let settings = ZoneEdit {
        kind: Some(ZoneKind::Slave),
        account: Some("acc".to_owned()),
        masters: Some(vec!["192.0.2.9".to_owned()]),
        metadata: vec![("ALLOW-AXFR-FROM".to_owned(), vec!["10.0.0.0/8".to_owned(), "AUTO-NS".to_owned()])],
        metadata_added: vec![
            ("ALLOW-AXFR-FROM".to_owned(), vec!["AUTO-NS".to_owned(), "192.0.2.0/24".to_owned()]),
            ("X-MINE".to_owned(), vec![String::new()]),
        ],
        ..ZoneEdit::default()
    };
    assert!(edit(&bench, "z.test", settings.clone()).await.unwrap().changed);
    let zone = bench.store.zone(&zone_name("z.test")).await.unwrap().unwrap();
    assert_eq!((zone.kind, zone.account.as_str()), (ZoneKind::Slave, "acc"));
    let metadata = bench.store.metadata(id).await.unwrap();
    assert_eq!(
        metadata,
        [
            ("ALLOW-AXFR-FROM".to_owned(), ["10.0.0.0/8", "AUTO-NS", "192.0.2.0/24"].map(str::to_owned).to_vec()),
            ("SOA-EDIT-API".to_owned(), vec!["DEFAULT".to_owned()]),
            ("X-MINE".to_owned(), vec![String::new()]),
        ]
    );
    let removed = ZoneEdit { metadata: vec![("ALLOW-AXFR-FROM".to_owned(), vec![])], ..ZoneEdit::default() };
    edit(&bench, "z.test", removed.clone()).await.unwrap();
    assert!(!edit(&bench, "z.test", removed).await.unwrap().changed);
    assert_eq!(bench.store.metadata(id).await.unwrap().len(), 2);

    let add = |active| KeyChange::Add { flags: 257, active, published: true, content: KEY.to_owned() };
    let keys = |keys| ZoneEdit { keys, ..ZoneEdit::default() };
    let serial = bench.serial("z.test").await;
    let ids = edit(&bench, "z.test", keys(vec![add(true), add(false)])).await.unwrap().key_ids;
    assert_eq!(ids.len(), 2);
    assert_eq!(bench.serial("z.test").await, serial, "a secondary's serial is not ours");
    assert!(bench.store.zone(&zone_name("z.test")).await.unwrap().unwrap().is_secured);
    let off = KeyChange::Set { id: ids[0], active: Some(false), published: None };
    edit(&bench, "z.test", keys(vec![off.clone()])).await.unwrap();
    assert!(!edit(&bench, "z.test", keys(vec![off])).await.unwrap().changed);
    let stored = bench.store.keys(id).await.unwrap();
    assert_eq!(
        stored.iter().map(|key| (key.id, key.active, key.published)).collect::<Vec<_>>(),
        [(ids[0], false, true), (ids[1], false, true)]
    );
    assert_eq!(stored[0].content, KEY);
    assert!(!format!("{:?}", stored[0]).contains("PrivateKey"));
    let missing = KeyChange::Set { id: 9999, active: Some(true), published: None };
    let missing = edit(&bench, "z.test", keys(vec![add(true), missing])).await.unwrap_err();
    assert!(matches!(missing, StoreError::NotFound { what: "key" }));
    edit(&bench, "z.test", keys(vec![KeyChange::Remove { id: ids[1] }])).await.unwrap();
    assert_eq!(bench.store.keys(id).await.unwrap().len(), 1, "the key of the failed edit is not there");

    let notified = ZoneEdit { mark_notified: true, ..ZoneEdit::default() };
    let commit = edit(&bench, "z.test", notified).await.unwrap();
    assert!(commit.changed);
    assert_eq!(bench.store.zone(&zone_name("z.test")).await.unwrap().unwrap().notified_serial, serial);

    let mut long = new_zone("z.test");
    long.name = zone_name(&format!("{}.test", ["\\001".repeat(60), "\\002".repeat(5)].join(".")));
    assert_eq!(bench.store.create_zone(long).await.unwrap_err().to_string(), "zone name: longer than 255 characters");
    for (bad, why) in [
        (ZoneEdit { account: Some("x".repeat(41)), ..ZoneEdit::default() }, "account: longer than 40 characters"),
        (
            ZoneEdit { masters: Some(vec!["x".repeat(129)]), ..ZoneEdit::default() },
            "masters: together longer than 128 characters",
        ),
        (
            ZoneEdit { metadata: vec![("K".repeat(33), vec!["1".to_owned()])], ..ZoneEdit::default() },
            &format!("metadata kind '{}': not 1 to 32 characters", "K".repeat(33)),
        ),
    ] {
        assert_eq!(edit(&bench, "z.test", bad).await.unwrap_err().to_string(), why);
    }
}

pub(crate) async fn two_hundred_parallel_edits(bench: Bench) {
    bench.store.create_zone(new_zone("z.test")).await.unwrap();
    let start = bench.serial("z.test").await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..200_usize {
        let store = Arc::clone(&bench.store);
        tasks.spawn(async move {
            let changes = vec![
                replace(&format!("own{number}.z.test"), RecordType::A, &["192.0.2.1"]),
                replace("shared.z.test", RecordType::TXT, &[&format!("\"{number}\"")]),
                RrsetChange::Extend {
                    name: name("grown.z.test"),
                    rtype: RecordType::TXT,
                    ttl: 60,
                    record: record(&format!("\"{number}\"")),
                },
            ];
            store.edit_zone(&zone_name("z.test"), patch(changes)).await.unwrap()
        });
    }
    let mut serials = Vec::new();
    let mut generations = Vec::new();
    while let Some(commit) = tasks.join_next().await {
        let commit = commit.unwrap();
        serials.push(commit.serials.unwrap());
        generations.push(commit.generation);
    }
    serials.sort();
    for (at, (old, new)) in serials.into_iter().enumerate() {
        assert_eq!((old, new), (start + at as u32, start + at as u32 + 1));
    }
    generations.sort();
    assert_eq!(generations, (2..=201).collect::<Vec<u64>>());
    for (what, wanted) in [
        ("type = 'SOA'", "1"),
        ("name LIKE 'own%'", "200"),
        ("name = 'shared.z.test'", "1"),
        ("name = 'grown.z.test'", "200"),
    ] {
        assert_eq!(bench.sql(&format!("SELECT count(*) FROM records WHERE {what}")), wanted, "{what}");
    }
    bench.assert_rectified("z.test", "200 parallel edits");
}

pub(crate) async fn an_id_used_again_is_another_zone(bench: Bench) {
    bench.store.create_zone(new_zone("z.test")).await.unwrap();
    let incarnation = |bench: &Bench| bench.sql("SELECT incarnation FROM signpost_zone");
    let first = incarnation(&bench);
    let id = bench.sql("SELECT id FROM domains");
    edit(&bench, "z.test", patch(vec![replace("a.z.test", RecordType::A, &["192.0.2.1"])])).await.unwrap();
    bench.store.delete_zone(&zone_name("z.test"), "test").await.unwrap();
    bench.sql(&format!("INSERT INTO domains (id, name, type) VALUES ({id}, 'y.test', 'NATIVE')"));
    assert_ne!(incarnation(&bench), first);
    assert_eq!(bench.sql("SELECT generation FROM signpost_zone"), "0");
    if bench.kind == Kind::Sqlite {
        bench.sql("DELETE FROM domains");
        bench.store.create_zone(new_zone("z.test")).await.unwrap();
        assert_eq!(bench.sql("SELECT id FROM domains"), id, "SQLite uses ids again");
        assert_ne!(incarnation(&bench), first);
    }
    // The journal of the zone that was is not the new one's.
    let commit = edit(
        &bench,
        if bench.kind == Kind::Sqlite { "z.test" } else { "y.test" },
        ZoneEdit { account: Some("new".to_owned()), ..ZoneEdit::default() },
    )
    .await
    .unwrap();
    assert_eq!(commit.generation, if bench.kind == Kind::Sqlite { 2 } else { 1 });
}
