//! The change feed, written to by us and by strangers.

use wire::RecordType;

use crate::bench::{Bench, name, new_zone, patch, replace, zone_name};

const ZONE: &str = "INSERT INTO domains (id, name, type) VALUES (7, 'example.com', 'NATIVE');
    INSERT INTO records (domain_id, name, type, content, ttl, prio) VALUES
        (7, 'example.com', 'SOA', 'ns1.example.com hostmaster.example.com 1 2 3 4 5', 3600, 0),
        (7, 'www.example.com', 'A', '192.0.2.1', NULL, NULL),
        (7, 'mail.example.com', 'MX', 'mx.example.com', 60, 10),
        (7, 'other.net', 'A', '192.0.2.1', 60, 0),
        (7, 'bad.example.com', 'A', 'x', 60, 0),
        (7, 'null.example.com', 'A', NULL, 60, 0),
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
    assert_eq!(zones["bad"].len(), 4, "{:?}", zones["bad"]);
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

pub(crate) async fn two_readers_go_on_together_from_where_they_meet(bench: Bench) {
    bench.sql(ZONE);
    let (_, own) = bench.load().await;
    bench.sql("UPDATE records SET content = '192.0.2.2' WHERE name = 'www.example.com'");
    let (_, load) = bench.load().await;
    bench.sql("DELETE FROM records WHERE name = 'mail.example.com'");
    let (_, own) = bench.changes(&own).await;
    bench.sql("UPDATE records SET ttl = 5 WHERE name = 'www.example.com'");
    // The one has read what the load lacks: it comes again.
    let (changes, cursor) = bench.changes(&own.meet(&load)).await;
    assert_eq!(changes, ["mail.example.com. nothing", "www.example.com. A 5 c0000202"]);
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
    let commit = bench.store.edit_zone(&zone_name("z.test"), www).await.unwrap();
    let store::FeedBatch::Changes { changes, cursor, .. } = bench.store.changes(&cursor).await.unwrap() else {
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
    bench.store.edit_zone(&zone_name("z.test"), commented).await.unwrap();
    let (changes, cursor) = bench.changes(&cursor).await;
    assert_eq!(changes, ["header z.test."]);

    let id = bench.sql("SELECT id FROM domains");
    bench.store.delete_zone(&zone_name("z.test"), "test").await.unwrap();
    assert_eq!(bench.changes(&cursor).await.0, [format!("gone {id}")]);
}

pub(crate) async fn a_large_patch_is_listed_by_name(bench: Bench) {
    bench.store.create_zone(new_zone("z.test")).await.unwrap();
    let (_, cursor) = bench.load().await;
    let changes =
        (0..2000).map(|number| replace(&format!("n{number}.z.test"), RecordType::A, &["192.0.2.1"])).collect();
    bench.store.edit_zone(&zone_name("z.test"), patch(changes)).await.unwrap();
    let (changes, cursor) = bench.changes(&cursor).await;
    assert_eq!(changes.len(), 2002, "{:?}", changes.first());
    let changes = (0..2000).map(|number| replace(&format!("n{number}.z.test"), RecordType::A, &[])).collect();
    bench.store.edit_zone(&zone_name("z.test"), patch(changes)).await.unwrap();
    assert_eq!(bench.changes(&cursor).await.0.len(), 2002);
}

pub(crate) async fn a_replaced_zone_is_loaded_afresh(bench: Bench) {
    bench.store.create_zone(new_zone("z.test")).await.unwrap();
    let (_, cursor) = bench.load().await;
    let store::RrsetEdit::ReplaceAll(mut all) = new_zone("z.test").content.rrsets else { unreachable!() };
    all.extend((0..1500).map(|number| replace(&format!("n{number}.z.test"), RecordType::A, &["192.0.2.1"])));
    let edit = store::ZoneEdit { rrsets: store::RrsetEdit::ReplaceAll(all), ..store::ZoneEdit::default() };
    bench.store.edit_zone(&zone_name("z.test"), edit).await.unwrap();
    let id = bench.sql("SELECT id FROM domains");
    assert_eq!(bench.changes(&cursor).await.0, [format!("reload {id}")]);
    assert_eq!(bench.load().await.0["z.test."].len(), 1503);
}

pub(crate) async fn too_many_names_are_not_listed(bench: Bench) {
    bench.sql(ZONE);
    let (_, cursor) = bench.load().await;
    let insert = |from: u32, to: u32| {
        bench.sql(&format!(
            "WITH RECURSIVE n (i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i < {to}) \
             INSERT INTO records (domain_id, name, type, content, ttl) \
             SELECT 7, 'n' || i || '.example.com', 'A', '192.0.2.1', 60 FROM n",
        ))
    };
    // Ten thousand endpoints with their TXT records, and the apex.
    insert(1, 20_001);
    let (changes, cursor) = bench.changes(&cursor).await;
    assert_eq!(changes.len(), 20_001);
    insert(20_002, 70_002);
    assert_eq!(bench.changes(&cursor).await.0, ["reload 7"]);
}

/// Prunes until nothing is left. Transactions of other tests, in other databases of the same cluster, keep rows for as long as they are open.
async fn prune_all(bench: &Bench, store: &dyn store::Store) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        store.prune().await.unwrap();
        let left = bench.sql("SELECT count(*) FROM signpost_feed");
        if left == "0" {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{left} rows of the feed are left");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

pub(crate) async fn a_cursor_from_before_pruning_loads_everything(bench: Bench) {
    bench.sql(ZONE);
    let (_, cursor) = bench.load().await;
    bench.sql("UPDATE records SET ttl = 61 WHERE name = 'mail.example.com'");
    bench.store.prune().await.unwrap();
    let (changes, later) = bench.changes(&cursor).await;
    assert_eq!(changes.len(), 1, "what is young is kept");
    bench.sql(match bench.kind {
        crate::bench::Kind::Postgres => "UPDATE signpost_feed SET written_at = now() - interval '2 hours'",
        crate::bench::Kind::Sqlite => "UPDATE signpost_feed SET written_at = written_at - 7200",
    });
    prune_all(&bench, bench.store.as_ref()).await;
    assert_eq!(bench.changes(&cursor).await.0, ["load all"]);
    let (changes, later) = bench.changes(&later).await;
    assert!(changes.is_empty(), "a reader that kept up does not notice: {changes:?}");
    bench.sql("UPDATE records SET ttl = 62 WHERE name = 'mail.example.com'");
    assert_eq!(bench.changes(&later).await.0.len(), 1);
}

pub(crate) async fn another_database_loads_everything(bench: Bench) {
    let (_, cursor) = bench.load().await;
    let (_, url, _directory) = crate::bench::empty(bench.kind);
    let other = store::open(&crate::bench::settings(&url)).await.unwrap();
    assert!(matches!(other.changes(&cursor).await.unwrap(), store::FeedBatch::LoadAll));
}

pub(crate) async fn a_cluster_with_lower_transaction_ids_takes_over(bench: Bench) {
    bench.sql(ZONE);
    let edit = async |text: &str| {
        let edit = patch(vec![replace("t.example.com", RecordType::TXT, &[&format!("\"{text}\"")])]);
        bench.store.edit_zone(&zone_name("example.com"), edit).await.unwrap();
    };
    edit("a").await;
    edit("b").await;
    if bench.kind == crate::bench::Kind::Sqlite {
        return;
    }
    // As a dump of a busy cluster, restored into a young one.
    bench.sql(
        "UPDATE signpost_feed SET xid = '900000000000'; UPDATE signpost_state SET feed_pruned_below = '900000000000';
         UPDATE signpost_zone SET journal_snapshot = '900000000000:900000000000:'",
    );
    let (_, cursor) = bench.load().await;
    let (changes, cursor) = bench.changes(&cursor).await;
    assert!(changes.is_empty(), "loading afresh would never end: {changes:?}");
    bench.sql("UPDATE records SET ttl = 61 WHERE name = 'mail.example.com'");
    let (changes, cursor) = bench.changes(&cursor).await;
    assert_eq!(changes.len(), 1, "{changes:?}");

    let again = store::open(&crate::bench::settings(&bench.url)).await.unwrap();
    assert_eq!(bench.sql("SELECT count(*) FROM signpost_feed"), "1", "only what this cluster wrote");
    assert_eq!(bench.sql("SELECT feed_pruned_below FROM signpost_state"), "0");
    edit("c").await;
    assert_eq!(bench.sql("SELECT is_after_gap FROM signpost_journal ORDER BY id DESC LIMIT 1"), "t");
    bench.sql("UPDATE signpost_feed SET written_at = now() - interval '2 hours'");
    prune_all(&bench, again.as_ref()).await;
    assert_eq!(bench.changes(&cursor).await.0, ["load all"], "this cluster's own watermark counts");
}

pub(crate) async fn waiting_ends_with_a_change(bench: Bench) {
    use std::time::{Duration, Instant};
    let long = Duration::from_secs(60);
    bench.sql(ZONE);
    // The listener's first word, and whatever the set-up rang for.
    bench.store.wait_for_change(Duration::from_secs(2)).await;
    bench.store.wait_for_change(Duration::from_millis(200)).await;
    let started = Instant::now();
    bench.store.wait_for_change(Duration::from_millis(50)).await;
    assert!(started.elapsed() >= Duration::from_millis(50), "nothing changed");

    let started = Instant::now();
    let edit = patch(vec![replace("own.example.com", RecordType::A, &["192.0.2.1"])]);
    let zone = zone_name("example.com");
    let (_, commit) = tokio::join!(bench.store.wait_for_change(long), bench.store.edit_zone(&zone, edit));
    commit.unwrap();
    assert!(started.elapsed() < long);

    if bench.kind == crate::bench::Kind::Postgres {
        // Another process of ours, and a stranger.
        bench.store.wait_for_change(Duration::from_millis(500)).await;
        let other = store::open(&crate::bench::settings(&bench.url)).await.unwrap();
        let edit = patch(vec![replace("other.example.com", RecordType::A, &["192.0.2.1"])]);
        let started = Instant::now();
        let (_, commit) = tokio::join!(bench.store.wait_for_change(long), other.edit_zone(&zone, edit));
        commit.unwrap();
        assert!(started.elapsed() < long);
        bench.store.wait_for_change(Duration::from_millis(500)).await;
        let started = Instant::now();
        bench.sql("UPDATE records SET ttl = 99 WHERE name = 'mail.example.com'");
        bench.store.wait_for_change(long).await;
        assert!(started.elapsed() < long);
    }
}

pub(crate) async fn the_journal_knows_its_gaps(bench: Bench) {
    bench.store.create_zone(new_zone("z.test")).await.unwrap();
    let edit = async |text: &str| {
        let edit = store::ZoneEdit {
            actor: Some("somebody".to_owned()),
            ..patch(vec![replace("t.z.test", RecordType::TXT, &[&format!("\"{text}\"")])])
        };
        bench.store.edit_zone(&zone_name("z.test"), edit).await.unwrap();
    };
    edit("a").await;
    edit("b").await;
    bench.sql("UPDATE records SET ttl = 5 WHERE name = 'ns1.z.test'");
    edit("c").await;
    edit("d").await;
    // The trace of a foreign write is pruned: the gap is remembered.
    bench.sql("UPDATE records SET ttl = 6 WHERE name = 'ns1.z.test'");
    bench.sql(match bench.kind {
        crate::bench::Kind::Postgres => "UPDATE signpost_feed SET written_at = now() - interval '2 hours'",
        crate::bench::Kind::Sqlite => "UPDATE signpost_feed SET written_at = written_at - 7200",
    });
    prune_all(&bench, bench.store.as_ref()).await;
    edit("e").await;
    edit("f").await;
    let gaps = match bench.kind {
        crate::bench::Kind::Postgres => {
            "SELECT generation, is_after_gap::int FROM signpost_journal ORDER BY generation"
        }
        crate::bench::Kind::Sqlite => "SELECT generation, is_after_gap FROM signpost_journal ORDER BY generation",
    };
    assert_eq!(
        bench.sql(gaps).lines().collect::<Vec<_>>(),
        ["1|1", "2|0", "3|0", "4|1", "5|0", "6|1", "7|0"],
        "the first has nothing before it"
    );
    let entry =
        bench.sql("SELECT actor, serial_after - serial_before, changes FROM signpost_journal WHERE generation = 3");
    assert!(entry.starts_with("somebody|1|["), "{entry}");
    assert!(entry.contains(r#""old":{"records":[{"content":"\"a\"""#), "{entry}");
    assert!(entry.contains(r#""new":{"records":[{"content":"\"b\"""#), "{entry}");
}
