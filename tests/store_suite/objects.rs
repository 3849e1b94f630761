//! What stands beside the zones: TSIG keys, autoprimaries, searches; and rows that nobody should have written.

use store::{
    Autoprimary, AutoprimaryChange, Found, RrsetChange, RrsetEdit, RrsetFilter, Search, StoreError, StoredRrset,
    TsigKey, TsigKeyChange, ZoneEdit,
};
use wire::RecordType;

use crate::bench::{Bench, Kind, name, new_zone, patch, record, replace, zone_name};

fn key(key_name: &str, algorithm: &str, secret: &str) -> TsigKey {
    TsigKey { name: name(key_name), algorithm: algorithm.to_owned(), secret: secret.to_owned().into() }
}

async fn keys(bench: &Bench) -> Vec<String> {
    let line = |key: &TsigKey| format!("{} {} {}", key.name, key.algorithm, key.secret.as_str());
    bench.store.tsig_keys(None).await.unwrap().iter().map(line).collect()
}

pub(crate) async fn tsig_keys_are_told_apart_by_name(bench: Bench) {
    let change = |change| bench.store.change_tsig_key(change);
    change(TsigKeyChange::Add(key("B.test", "hmac-sha256", "QQ=="))).await.unwrap();
    change(TsigKeyChange::Add(key("a.test", "hmac-sha512", "Qg=="))).await.unwrap();
    let taken = change(TsigKeyChange::Add(key("b.test", "hmac-md5", "Qw=="))).await.unwrap_err();
    assert!(matches!(taken, StoreError::Exists { what: "TSIG key" }), "{taken:?}");
    assert_eq!(keys(&bench).await, ["a.test. hmac-sha512 Qg==", "b.test. hmac-sha256 QQ=="]);
    assert_eq!(bench.sql("SELECT name FROM tsigkeys ORDER BY name"), "a.test\nb.test");

    // The command line's way: by name and algorithm.
    change(TsigKeyChange::Put(key("a.test", "hmac-sha512", "RA=="))).await.unwrap();
    change(TsigKeyChange::Put(key("a.test", "hmac-md5", "RQ=="))).await.unwrap();
    assert_eq!(keys(&bench).await, ["a.test. hmac-md5 RQ==", "a.test. hmac-sha512 RA==", "b.test. hmac-sha256 QQ=="]);
    assert_eq!(bench.store.tsig_keys(Some(&name("A.test."))).await.unwrap().len(), 2);

    // Renaming makes one of several, and takes no name away.
    let replace = |from: &str, to| TsigKeyChange::Replace { name: name(from), key: to };
    let taken = change(replace("a.test", key("b.test", "hmac-sha1", "Rg=="))).await.unwrap_err();
    assert!(matches!(taken, StoreError::Exists { .. }), "{taken:?}");
    change(replace("a.test", key("c.test", "hmac-sha1", "Rg=="))).await.unwrap();
    change(replace("b.test", key("b.test", "hmac-sha384", "QQ=="))).await.unwrap();
    assert_eq!(keys(&bench).await, ["b.test. hmac-sha384 QQ==", "c.test. hmac-sha1 Rg=="]);
    let gone = change(replace("a.test", key("d.test", "hmac-sha1", "Rg=="))).await.unwrap_err();
    assert!(matches!(gone, StoreError::NotFound { what: "TSIG key" }), "{gone:?}");
    let long = change(TsigKeyChange::Add(key("l.test", "hmac-sha1", &"QUFB".repeat(64)))).await.unwrap_err();
    assert_eq!(long.to_string(), "TSIG key key: longer than 255 characters");

    change(TsigKeyChange::Remove { name: name("b.test") }).await.unwrap();
    let gone = change(TsigKeyChange::Remove { name: name("b.test") }).await.unwrap_err();
    assert!(matches!(gone, StoreError::NotFound { .. }), "{gone:?}");
    assert_eq!(keys(&bench).await.len(), 1);
}

pub(crate) async fn one_name_is_given_once_to_many_who_want_it(bench: Bench) {
    let store = &bench.store;
    let algorithms = ["hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"];
    let adds = algorithms.map(|algorithm| {
        let store = store.clone();
        tokio::spawn(async move { store.change_tsig_key(TsigKeyChange::Add(key("k", algorithm, "QQ=="))).await })
    });
    let mut added = 0;
    for add in adds {
        match add.await.unwrap() {
            Ok(()) => added += 1,
            Err(error) => assert!(matches!(error, StoreError::Exists { .. }), "{error:?}"),
        }
    }
    assert_eq!((added, keys(&bench).await.len()), (1, 1));
}

pub(crate) async fn autoprimaries_come_and_go_in_any_spelling(bench: Bench) {
    let one = |ip: &str, nameserver: &str| Autoprimary {
        ip: ip.to_owned(),
        nameserver: nameserver.to_owned(),
        account: "me".to_owned(),
    };
    let change = |change| bench.store.change_autoprimary(change);
    change(AutoprimaryChange::Add(one("192.0.2.1", "ns1.example.net"))).await.unwrap();
    change(AutoprimaryChange::Add(one("2001:db8::1", "ns2.example.net."))).await.unwrap();
    for again in [one("192.0.2.1", "NS1.example.net."), one("2001:DB8:0::1", "ns2.example.net")] {
        let taken = change(AutoprimaryChange::Add(again)).await.unwrap_err();
        assert!(matches!(taken, StoreError::Exists { what: "autoprimary" }), "{taken:?}");
    }
    let bad = change(AutoprimaryChange::Add(one("ns1", "ns1"))).await.unwrap_err();
    assert_eq!(bad.to_string(), "ip: 'ns1' is not an IP address");
    let all = bench.store.autoprimaries().await.unwrap();
    assert_eq!(all, [one("192.0.2.1", "ns1.example.net"), one("2001:db8::1", "ns2.example.net.")]);
    let remove =
        |ip: &str, nameserver: &str| AutoprimaryChange::Remove { ip: ip.to_owned(), nameserver: nameserver.to_owned() };
    change(remove("192.0.2.9", "ns1.example.net")).await.unwrap();
    change(remove("192.0.2.1", "ns1.example.net.")).await.unwrap();
    change(remove("2001:db8:0:0::1", "Ns2.example.net")).await.unwrap();
    assert!(bench.store.autoprimaries().await.unwrap().is_empty());
}

async fn search(bench: &Bench, pattern: &str, count_max: u32) -> Found {
    let search = Search {
        pattern: pattern.to_owned(),
        within: Vec::new(),
        count_max,
        zones: true,
        records: true,
        comments: true,
    };
    bench.store.search(&search).await.unwrap()
}

/// Names of zones, then `name TYPE content` of records, then comments.
async fn found(bench: &Bench, pattern: &str) -> Vec<String> {
    let found = search(bench, pattern, 100).await;
    let zones = found.zones.iter().map(|zone| zone.to_string());
    let records = found.records.iter().map(|found| format!("{} {} {}", found.name, found.rtype, found.record.content));
    let comments = found.comments.iter().map(|found| format!("{} {} # {}", found.name, found.rtype, found.content));
    zones.chain(records).chain(comments).collect()
}

pub(crate) async fn a_search_means_what_it_says(bench: Bench) {
    bench.store.create_zone(new_zone("find.test")).await.unwrap();
    bench.store.create_zone(new_zone("fund.test")).await.unwrap();
    let comment = store::Comment { content: "100% Zürich".to_owned(), account: String::new(), modified_at: Some(1) };
    let commented = RrsetChange::Replace {
        name: name("a_b.find.test"),
        rtype: RecordType::TXT,
        ttl: 60,
        records: Some(vec![record("\"50%_off\\\\now\"")]),
        comments: Some(vec![comment]),
    };
    let changes = vec![commented, replace("axb.find.test", RecordType::A, &["192.0.2.1"])];
    bench.store.edit_zone(&zone_name("find.test"), patch(changes)).await.unwrap();
    bench.sql("UPDATE records SET disabled = TRUE WHERE name = 'axb.find.test'");

    assert_eq!(found(&bench, "f?nd.test").await[..2], ["find.test.", "fund.test."]);
    assert_eq!(found(&bench, "FIND.*").await[0], "find.test.");
    // Within some zones: what is elsewhere takes no place in the count.
    for (within, wanted) in [
        (&["fund.test", "fund.test..*"][..], &["fund.test."][..]),
        (&["f?n?.test"], &["find.test.", "fund.test."]),
        (&["nope.test"], &[]),
    ] {
        let within: Vec<String> = within.iter().map(|pattern| (*pattern).to_owned()).collect();
        let count_max = wanted.len().max(1) as u32;
        let pattern = "*.test".to_owned();
        let wanted_zones = Search { pattern, within, count_max, zones: true, records: true, comments: true };
        let found = bench.store.search(&wanted_zones).await.unwrap();
        assert_eq!(found.zones.iter().map(ToString::to_string).collect::<Vec<_>>(), wanted);
        let is_within = |zone: &Option<wire::ZoneName>| wanted.contains(&zone.as_ref().unwrap().to_string().as_str());
        assert!(found.records.iter().all(|record| is_within(&record.zone)));
        assert_eq!(found.records.is_empty(), wanted.is_empty());
    }
    // An underscore, a percent sign and a backslash are themselves.
    let txt = "a_b.find.test. TXT \"50%_off\\\\now\"";
    assert_eq!(found(&bench, "a_b.*").await, [txt, "a_b.find.test. TXT # 100% Zürich"]);
    assert_eq!(found(&bench, "*0%_o*").await, [txt]);
    assert_eq!(found(&bench, "*\\\\N*").await, [txt]);
    assert_eq!(found(&bench, "100% z*ich").await, ["a_b.find.test. TXT # 100% Zürich"]);
    assert_eq!(found(&bench, "192.0.2.?").await, ["axb.find.test. A 192.0.2.1"]);
    for nothing in ["find.test.", "ind.test", "*'; DROP TABLE records; --", "%find%", "f_nd.test"] {
        assert!(found(&bench, nothing).await.is_empty(), "{nothing}");
    }
    let all = search(&bench, "*", 1).await;
    assert_eq!((all.zones.len(), all.records.len(), all.comments.len()), (1, 1, 1));
    let disabled = search(&bench, "axb*", 100).await.records.remove(0);
    assert!(disabled.record.disabled && disabled.zone == Some(zone_name("find.test")) && disabled.ttl == 300);
    // A row of no zone has none.
    bench.sql("INSERT INTO records (domain_id, name, type, content) VALUES (NULL, 'stray.test', 'A', '192.0.2.9')");
    assert_eq!(search(&bench, "stray*", 100).await.records[0].zone, None);
}

async fn rrsets(bench: &Bench, zone: &str) -> Vec<StoredRrset> {
    let id = bench.store.zone(&zone_name(zone)).await.unwrap().expect("the zone").id;
    let mut rrsets = bench.store.rrsets(id, &RrsetFilter::default()).await.unwrap();
    let own = [name("odd.test"), name("ns1.odd.test")];
    rrsets.retain(|rrset| !own.contains(&rrset.name));
    rrsets
}

/// PDNS-DIALECT 12.2: every column of a record but its number may be NULL, and none of it may hide the others.
pub(crate) async fn odd_rows_hide_no_others(bench: Bench) {
    bench.store.create_zone(new_zone("odd.test")).await.unwrap();
    let id = bench.store.zone(&zone_name("odd.test")).await.unwrap().unwrap().id.0;
    for row in [
        "'null-content.odd.test', 'TXT', NULL, 300, 0, FALSE, TRUE",
        "'null-disabled.odd.test', 'A', '192.0.2.1', 300, 0, NULL, TRUE",
        "'null-ttl.odd.test', 'A', '192.0.2.2', NULL, NULL, FALSE, NULL",
        "'negative.odd.test', 'MX', 'mail.odd.test', -5, -1, FALSE, TRUE",
        "'dotted.odd.test', 'CNAME', 'www.odd.test.', 300, 0, FALSE, TRUE",
        "NULL, 'A', '192.0.2.3', 300, 0, FALSE, TRUE",
        "'', 'A', '192.0.2.4', 300, 0, FALSE, TRUE",
        "'a..b.odd.test', 'A', '192.0.2.5', 300, 0, FALSE, TRUE",
        "'bogus.odd.test', 'BOGUS', 'x', 300, 0, FALSE, TRUE",
        "'empty.odd.test', '', 'x', 300, 0, FALSE, TRUE",
        "'ent.odd.test', NULL, NULL, NULL, NULL, FALSE, TRUE",
        "'out.of.zone', 'A', '192.0.2.6', 300, 0, FALSE, TRUE",
        "'ill.odd.test', 'A', 'ill', 300, 0, FALSE, TRUE",
    ] {
        bench.sql(&format!(
            "INSERT INTO records (domain_id, name, type, content, ttl, prio, disabled, auth) VALUES ({id}, {row})"
        ));
    }
    let line = |rrset: &StoredRrset| {
        let record = &rrset.records[0];
        let hidden = if record.disabled { " disabled" } else { "" };
        format!("{} {} {} {} '{}'{hidden}", rrset.name, rrset.rtype, rrset.ttl, record.prio, record.content)
    };
    let mut shown: Vec<String> = rrsets(&bench, "odd.test").await.iter().map(line).collect();
    shown.sort();
    let wanted = [
        "dotted.odd.test. CNAME 300 0 'www.odd.test.'",
        "ill.odd.test. A 300 0 'ill'",
        "negative.odd.test. MX 0 -1 'mail.odd.test'",
        "null-content.odd.test. TXT 300 0 ''",
        "null-disabled.odd.test. A 300 0 '192.0.2.1' disabled",
        "null-ttl.odd.test. A 3600 0 '192.0.2.2'",
        "out.of.zone. A 300 0 '192.0.2.6'",
    ];
    assert_eq!(shown, wanted);
    // What is shown as disabled is not served, and the zone is.
    let (loaded, _) = bench.load().await;
    assert!(loaded["odd.test."].iter().any(|line| line.starts_with("null-ttl.odd.test. A 3600 ")), "{loaded:?}");
    assert!(!loaded["odd.test."].iter().any(|line| line.starts_with("null-disabled")), "{loaded:?}");
    // Each can be changed, and those that nobody can name stay.
    let repair = vec![
        replace("null-content.odd.test", RecordType::TXT, &["\"x\""]),
        replace("null-disabled.odd.test", RecordType::A, &["192.0.2.1"]),
        RrsetChange::Delete { name: name("out.of.zone"), rtype: RecordType::A },
        RrsetChange::Delete { name: name("ill.odd.test"), rtype: RecordType::A },
        RrsetChange::Delete { name: name("negative.odd.test"), rtype: RecordType::MX },
    ];
    bench.store.edit_zone(&zone_name("odd.test"), patch(repair)).await.unwrap();
    let mut shown: Vec<String> = rrsets(&bench, "odd.test").await.iter().map(line).collect();
    shown.sort();
    let wanted = [
        "dotted.odd.test. CNAME 300 0 'www.odd.test.'",
        "null-content.odd.test. TXT 300 0 '\"x\"'",
        "null-disabled.odd.test. A 300 0 '192.0.2.1'",
        "null-ttl.odd.test. A 3600 0 '192.0.2.2'",
    ];
    assert_eq!(shown, wanted);
    assert_eq!(bench.sql("SELECT count(*) FROM records WHERE name IS NULL OR name IN ('', 'a..b.odd.test')"), "3");
}

/// Every kind of row, odd ones too, arrives as it was, in either kind of database, and is served from there.
pub(crate) async fn a_zone_is_copied_row_by_row(bench: Bench) {
    let mut new = new_zone("copy.test");
    new.content.kind = Some(store::ZoneKind::Master);
    new.content.masters = Some(vec!["192.0.2.1".to_owned()]);
    new.content.account = Some("me".to_owned());
    new.content.catalog = Some(Some(name("catalog.test")));
    new.content.options = Some(Some("{}".to_owned()));
    new.content.keys = vec![store::KeyChange::Add {
        flags: 257,
        active: true,
        published: false,
        content: crate::bench::KEY.to_owned(),
    }];
    new.content.metadata.push(("NSEC3PARAM".to_owned(), vec!["1 0 0 -".to_owned()]));
    new.content.metadata.push(("ALSO-NOTIFY".to_owned(), vec!["192.0.2.2".to_owned(), "192.0.2.3".to_owned()]));
    bench.store.create_zone(new).await.unwrap();
    let comment = store::Comment { content: "Zürich".to_owned(), account: "me".to_owned(), modified_at: Some(7) };
    let commented = RrsetChange::Replace {
        name: name("a.b.copy.test"),
        rtype: RecordType::TXT,
        ttl: 60,
        records: Some(vec![record("\"x\"")]),
        comments: Some(vec![comment]),
    };
    bench.store.edit_zone(&zone_name("copy.test"), patch(vec![commented])).await.unwrap();
    let id = bench.store.zone(&zone_name("copy.test")).await.unwrap().unwrap().id;
    bench.sql(&format!("UPDATE domains SET last_check = 5, notified_serial = 4294967295 WHERE id = {}", id.0));
    bench.sql(&format!(
        "INSERT INTO records (domain_id, name, type, content, ttl, prio, disabled, ordername, auth) VALUES \
         ({0}, 'odd.copy.test', 'TXT', NULL, NULL, NULL, NULL, '', NULL), (  {0}, NULL, 'A', 'x', 1, 2, TRUE, NULL, FALSE), \
         ({0}, 'ttl.copy.test', 'A', '192.0.2.1', 60, 0, FALSE, NULL, TRUE), \
         ({0}, 'ttl.copy.test', 'A', '192.0.2.2', 300, 0, FALSE, NULL, TRUE)",
        id.0
    ));
    let rows = bench.store.zone_rows(id).await.unwrap();
    assert_eq!((rows.comments.len(), rows.metadata.len(), rows.keys.len()), (1, 4, 1));

    let taken = bench.store.restore_zone(&rows).await.unwrap_err();
    assert!(matches!(taken, StoreError::Exists { what: "zone" }), "{taken:?}");
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let (place, url, directory) = crate::bench::empty(kind);
        let store = store::open(&crate::bench::settings(&url)).await.unwrap();
        store.restore_zone(&rows).await.unwrap();
        let zone = store.zone(&zone_name("copy.test")).await.unwrap().unwrap();
        assert!(store.zone_rows(zone.id).await.unwrap().is_same(&rows));
        assert_eq!((zone.last_check, zone.notified_serial, zone.is_secured), (5, 4294967295, true));
        let other = Bench { kind, url, place, store, number: 0, directory };
        assert_eq!(other.load().await.0["copy.test."], bench.load().await.0["copy.test."]);
        // It is a zone like any other: the next change goes on from here.
        let change = patch(vec![replace("new.copy.test", RecordType::A, &["192.0.2.9"])]);
        assert!(other.store.edit_zone(&zone_name("copy.test"), change).await.unwrap().changed);
        assert!(!other.store.zone_rows(zone.id).await.unwrap().is_same(&rows));
    }
}

/// A table that is gone does not come back by trying again; a line that is gone may.
pub(crate) async fn what_the_database_refuses_is_told_from_its_absence(bench: Bench) {
    bench.store.create_zone(new_zone("z.test")).await.unwrap();
    bench.sql("ALTER TABLE tsigkeys RENAME TO elsewhere");
    let refused = bench.store.tsig_keys(None).await.unwrap_err();
    assert!(matches!(refused, StoreError::Failed { doing: "reading TSIG keys", .. }), "{refused:?}");
    // A constraint of somebody else's.
    let trigger = match bench.kind {
        Kind::Postgres => "ALTER TABLE records ADD CONSTRAINT odd CHECK (content <> '192.0.2.66')",
        Kind::Sqlite => {
            "CREATE TRIGGER odd BEFORE INSERT ON records WHEN NEW.content = '192.0.2.66' \
             BEGIN SELECT RAISE(ABORT, 'odd'); END"
        }
    };
    bench.sql(trigger);
    let change = patch(vec![replace("a.z.test", RecordType::A, &["192.0.2.66"])]);
    let refused = bench.store.edit_zone(&zone_name("z.test"), change).await.unwrap_err();
    assert!(matches!(refused, StoreError::Failed { .. }), "{refused:?}");
    // The connection is in step, and the next change is whole.
    let change = patch(vec![replace("a.z.test", RecordType::A, &["192.0.2.67"])]);
    assert!(bench.store.edit_zone(&zone_name("z.test"), change).await.unwrap().changed);
    let nothing = ZoneEdit { rrsets: RrsetEdit::Keep, ..ZoneEdit::default() };
    assert!(!bench.store.edit_zone(&zone_name("z.test"), nothing).await.unwrap().changed);
}
