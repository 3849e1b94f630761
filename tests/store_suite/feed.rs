//! The change feed, written to by us and by strangers.

use wire::RecordType;

use crate::bench::{Bench, name, new_zone, patch, replace};

const ZONE: &str = "INSERT INTO domains (id, name, type) VALUES (7, 'example.com', 'NATIVE');
    INSERT INTO records (domain_id, name, type, content, ttl, prio) VALUES
        (7, 'example.com', 'SOA', 'ns1.example.com hostmaster.example.com 1 2 3 4 5', 3600, 0),
        (7, 'www.example.com', 'A', '192.0.2.1', NULL, NULL),
        (7, 'mail.example.com', 'MX', 'mx.example.com', 60, 10),
        (7, 'other.net', 'A', '192.0.2.1', 60, 0),
        (7, 'bad.example.com', 'A', 'x', 60, 0),
        (7, 'new.example.com', 'NONSENSE', 'x', 60, 0),
        (7, 'ent.example.com', NULL, NULL, NULL, NULL);
    INSERT INTO records (domain_id, name, type, content, ttl, disabled)
        VALUES (7, 'off.example.com', 'A', '192.0.2.9', 60, TRUE);";

pub(crate) async fn foreign_sql_is_loaded_and_then_followed(bench: Bench) {
    bench.sql(ZONE);
    let (zones, cursor) = bench.load().await;
    assert_eq!(
        zones["example.com."],
        [
            "example.com. SOA 3600 036e7331076578616d706c6503636f6d000a686f73746d6173746572076578616d706c6503636f6d00\
             0000000100000002000000030000000400000005",
            "mail.example.com. MX 60 000a026d78076578616d706c6503636f6d00",
            "www.example.com. A 3600 c0000201",
        ]
    );
    assert_eq!(zones["bad"].len(), 3, "{:?}", zones["bad"]);
    assert!(zones["bad"].iter().any(|bad| bad == "other.net A: name is out of zone"), "{:?}", zones["bad"]);

    let (changes, cursor) = bench.changes(&cursor).await;
    assert!(changes.is_empty(), "{changes:?}");

    bench.sql("UPDATE records SET content = '192.0.2.2' WHERE name = 'www.example.com'");
    bench.sql("DELETE FROM records WHERE name = 'mail.example.com'");
    let (changes, cursor) = bench.changes(&cursor).await;
    assert_eq!(changes, ["mail.example.com. nothing", "www.example.com. A 3600 c0000202"]);

    bench.sql("INSERT INTO domainmetadata (domain_id, kind, content) VALUES (7, 'SOA-EDIT', 'EPOCH')");
    let (changes, cursor) = bench.changes(&cursor).await;
    assert_eq!(changes, ["header example.com."]);

    bench.sql("INSERT INTO domains (id, name, type) VALUES (8, 'example.net', 'MASTER')");
    bench.sql("DELETE FROM records WHERE domain_id = 7; DELETE FROM domains WHERE id = 7");
    let (changes, cursor) = bench.changes(&cursor).await;
    assert_eq!(changes, ["gone 7", "reload 8"]);
    assert!(bench.changes(&cursor).await.0.is_empty());
}

pub(crate) async fn what_rectifying_rewrites_is_silent(bench: Bench) {
    bench.sql(ZONE);
    let (_, cursor) = bench.load().await;
    bench.sql("UPDATE records SET ordername = 'x', auth = FALSE");
    bench.sql("UPDATE records SET id = id + 100");
    bench.sql("UPDATE records SET ttl = ttl, content = content");
    bench.sql("UPDATE domains SET last_check = 5, notified_serial = 6");
    bench.sql("DELETE FROM records WHERE type IS NULL");
    bench.sql("INSERT INTO records (domain_id, name) VALUES (7, 'ent.example.com')");
    let (changes, cursor) = bench.changes(&cursor).await;
    assert!(changes.is_empty(), "{changes:?}");
    bench.sql("UPDATE records SET ttl = 61, auth = TRUE WHERE name = 'mail.example.com'");
    assert_eq!(bench.changes(&cursor).await.0, ["mail.example.com. MX 61 000a026d78076578616d706c6503636f6d00"]);
}

pub(crate) async fn a_rollback_is_never_seen(bench: Bench) {
    bench.sql(ZONE);
    let (_, cursor) = bench.load().await;
    bench.sql("BEGIN; UPDATE records SET ttl = 61 WHERE name = 'mail.example.com'; ROLLBACK");
    let (changes, cursor) = bench.changes(&cursor).await;
    assert!(changes.is_empty(), "{changes:?}");
    bench.sql("BEGIN; UPDATE records SET ttl = 62 WHERE name = 'www.example.com'; COMMIT");
    assert_eq!(bench.changes(&cursor).await.0, ["www.example.com. A 62 c0000201"]);
}

pub(crate) async fn our_own_edits_come_by_the_feed(bench: Bench) {
    let (_, cursor) = bench.load().await;
    bench.store.create_zone(new_zone("z.test")).await.unwrap();
    let (changes, cursor) = bench.changes(&cursor).await;
    assert_eq!(changes, [format!("reload {}", bench.sql("SELECT id FROM domains"))]);

    let www = patch(vec![replace("www.z.test", RecordType::A, &["192.0.2.1"])]);
    let commit = bench.store.edit_zone(&name("z.test"), www).await.unwrap();
    let store::FeedBatch::Changes { changes, cursor } = bench.store.changes(&cursor).await.unwrap() else {
        panic!("not changes")
    };
    let [store::ZoneChange::Names { generation, names, .. }] = &changes[..] else { panic!("{changes:?}") };
    assert_eq!(*generation, commit.generation);
    let owners: Vec<String> = names.iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(owners, ["z.test.", "www.z.test."]);

    // Nothing is served differently, yet whoever waits for the generation has to hear of it.
    bench.sql("DELETE FROM domainmetadata");
    let (_, cursor) = bench.changes(&cursor).await;
    let comment = store::Comment { content: "c".to_owned(), account: String::new(), modified_at: None };
    let commented = patch(vec![store::RrsetChange::Replace {
        name: name("www.z.test"),
        rtype: RecordType::A,
        ttl: 0,
        records: None,
        comments: Some(vec![comment]),
    }]);
    bench.store.edit_zone(&name("z.test"), commented).await.unwrap();
    let (changes, cursor) = bench.changes(&cursor).await;
    assert_eq!(changes, ["header z.test."]);

    let id = bench.sql("SELECT id FROM domains");
    bench.store.delete_zone(&name("z.test")).await.unwrap();
    assert_eq!(bench.changes(&cursor).await.0, [format!("gone {id}")]);
}
