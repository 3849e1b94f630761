//! What only a server can do: hang, stop, die, commit out of order, be written to by a role without rights.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use signpost_tests::Postgres;
use signpost_tests::postgres::Fsync;
use store::{FeedBatch, LoadZones, Store, StoreError, StoreSettings};
use wire::RecordType;

use crate::bench::{Bench, Kind, cluster, foreign_sql, new_zone, patch, replace, run, settings, zone_name};

const TIMEOUT: Duration = Duration::from_secs(1);

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

async fn write(store: &Arc<dyn Store>, number: usize) -> Result<(), StoreError> {
    let edit = patch(vec![replace(&format!("n{number}.z.test"), RecordType::A, &["192.0.2.1"])]);
    store.edit_zone(&zone_name("z.test"), edit).await.map(|_| ())
}

/// Every call fails as unavailable, none of them late; afterwards all of the pool works again.
async fn assert_out_and_back(
    store: &Arc<dyn Store>,
    out: impl FnOnce() -> anyhow::Result<()>,
    back: impl FnOnce() -> anyhow::Result<()>,
    first: usize,
) {
    let cursor = store.load(LoadZones::All, &mut |_| {}).await.unwrap();
    out().unwrap();
    for round in 0..2 {
        let started = Instant::now();
        let mut calls = tokio::task::JoinSet::new();
        for number in 0..12 {
            let (store, cursor) = (Arc::clone(store), cursor.clone());
            calls.spawn(async move {
                match number % 4 {
                    0 => store.ping().await,
                    1 => store.zone(&zone_name("z.test")).await.map(|_| ()),
                    2 => store.changes(&cursor).await.map(|_| ()),
                    _ => write(&store, number).await,
                }
            });
        }
        while let Some(result) = calls.join_next().await {
            let result = result.unwrap();
            assert!(matches!(result, Err(StoreError::Unavailable { .. })), "{result:?}");
        }
        assert!(started.elapsed() < TIMEOUT * 4, "round {round} took {:?}", started.elapsed());
    }
    back().unwrap();
    let started = Instant::now();
    while store.ping().await.is_err() {
        assert!(started.elapsed() < Duration::from_secs(20), "it does not come back");
    }
    let mut writes = tokio::task::JoinSet::new();
    for number in first..first + 16 {
        let store = Arc::clone(store);
        writes.spawn(async move {
            // A connection from before may be found out by the first call that takes it.
            let mut result = write(&store, number).await;
            for _ in 0..8 {
                if result.is_ok() {
                    break;
                }
                result = write(&store, number).await;
            }
            result
        });
    }
    while let Some(result) = writes.join_next().await {
        result.unwrap().unwrap();
    }
    let FeedBatch::Changes { changes, .. } = store.changes(&cursor).await.unwrap() else { panic!("load all") };
    assert!(!changes.is_empty());
}

#[test]
fn a_hung_or_stopped_postgres_is_unavailable_and_then_back() {
    let postgres = Postgres::start().unwrap();
    runtime().block_on(async {
        let settings = StoreSettings { timeout: TIMEOUT, connections_max: 4, ..settings(&postgres.url()) };
        let store = store::open(&settings).await.unwrap();
        store.create_zone(new_zone("z.test")).await.unwrap();
        assert_out_and_back(&store, || postgres.freeze(), || postgres.thaw(), 100).await;
        assert_out_and_back(&store, || postgres.stop(), || postgres.restart(), 200).await;
    });
}

#[test]
fn what_was_acknowledged_survives_a_crash() {
    let postgres = Postgres::start_with(Fsync::On).unwrap();
    runtime().block_on(async {
        let settings = StoreSettings { timeout: TIMEOUT, connections_max: 4, ..settings(&postgres.url()) };
        let store = store::open(&settings).await.unwrap();
        store.create_zone(new_zone("z.test")).await.unwrap();
        let mut acknowledged = Vec::new();
        for crash in 0..3_usize {
            let mut writers = tokio::task::JoinSet::new();
            let (told, mut count) = tokio::sync::mpsc::unbounded_channel();
            for writer in 0..4_usize {
                let (store, told) = (Arc::clone(&store), told.clone());
                writers.spawn(async move {
                    let mut done = Vec::new();
                    for step in 0.. {
                        let number = crash * 1_000_000 + writer * 100_000 + step;
                        match write(&store, number).await {
                            Ok(()) => {
                                done.push(number);
                                let _ = told.send(());
                            }
                            Err(_) => return done,
                        }
                    }
                    done
                });
            }
            // In the middle of writing, however slow the machine is.
            for _ in 0..8 + 3 * crash {
                count.recv().await.expect("the writers live until the crash");
            }
            postgres.kill().unwrap();
            while let Some(done) = writers.join_next().await {
                acknowledged.extend(done.unwrap());
            }
            postgres.restart().unwrap();
            let started = Instant::now();
            while store.ping().await.is_err() {
                assert!(started.elapsed() < Duration::from_secs(20), "it does not come back");
            }
        }
        assert!(acknowledged.len() >= 8 + 11 + 14, "{acknowledged:?}");
        let stored =
            postgres.sql("postgres", "SELECT name FROM records WHERE name LIKE 'n%' AND name <> 'ns1.z.test'").unwrap();
        let stored: std::collections::HashSet<&str> = stored.lines().collect();
        for number in acknowledged {
            assert!(stored.contains(format!("n{number}.z.test").as_str()), "{number} was acknowledged and is lost");
        }
        assert_eq!(postgres.sql("postgres", "SELECT count(*) FROM records WHERE type = 'SOA'").unwrap(), "1");
    });
}

#[test]
fn our_commits_are_synchronous_whatever_the_role_is_set_to() {
    run(Kind::Postgres, async |bench: Bench| {
        bench.sql(&format!("ALTER DATABASE {} SET synchronous_commit = off", bench.place));
        bench.sql(
            "CREATE TABLE seen (setting TEXT);
             CREATE FUNCTION see() RETURNS TRIGGER LANGUAGE plpgsql AS
                 'BEGIN INSERT INTO seen VALUES (current_setting(''synchronous_commit'')); RETURN NULL; END';
             CREATE TRIGGER see AFTER INSERT ON records FOR EACH STATEMENT EXECUTE FUNCTION see()",
        );
        let store = store::open(&settings(&bench.url)).await.unwrap();
        store.create_zone(new_zone("z.test")).await.unwrap();
        assert_eq!(bench.sql("SELECT DISTINCT setting FROM seen"), "on");
    });
}

/// A `psql` that holds a transaction open.
struct Psql(std::process::Child);

impl Psql {
    fn at(url: &str) -> Psql {
        let child = Command::new("psql")
            .args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-d", url])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("psql");
        Psql(child)
    }

    fn say(&mut self, sql: &str) {
        writeln!(self.0.stdin.as_mut().unwrap(), "{sql}").unwrap();
    }

    fn end(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success());
    }
}

fn wait_for(bench: &Bench, question: &str, answer: &str) {
    let started = Instant::now();
    while bench.sql(question) != answer {
        assert!(started.elapsed() < Duration::from_secs(20), "{question} is not {answer}");
    }
}

#[test]
fn commits_out_of_order_are_all_seen_once() {
    run(Kind::Postgres, async |bench: Bench| {
        bench.store.create_zone(new_zone("z.test")).await.unwrap();
        let (_, cursor) = bench.load().await;
        let id = bench.sql("SELECT id FROM domains");
        let insert = |owner: &str| {
            format!(
                "INSERT INTO records (domain_id, name, type, content, ttl) VALUES ({id}, '{owner}', 'A', '192.0.2.1', 60);"
            )
        };
        // The one with the lower feed id and transaction id commits last.
        let mut slow = Psql::at(&cluster().url_of(&bench.place));
        slow.say(&format!("BEGIN; {} SELECT pg_advisory_lock(1);", insert("slow.z.test")));
        wait_for(&bench, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'", "1");
        bench.sql(&insert("quick.z.test"));
        let (changes, cursor) = bench.changes(&cursor).await;
        assert_eq!(changes, ["quick.z.test. A 60 c0000201"]);
        let (changes, cursor) = bench.changes(&cursor).await;
        assert!(changes.is_empty(), "what was seen is not seen again: {changes:?}");
        // A reader that starts now must not miss it either.
        let (_, late) = bench.load().await;
        slow.say("COMMIT;");
        slow.end();
        for cursor in [cursor, late] {
            let (changes, cursor) = bench.changes(&cursor).await;
            assert_eq!(changes, ["slow.z.test. A 60 c0000201"]);
            assert!(bench.changes(&cursor).await.0.is_empty());
        }
    });
}

#[test]
fn a_role_without_rights_on_our_tables_writes_as_before() {
    run(Kind::Postgres, async |bench: Bench| {
        let role = format!("pdns_{}", bench.place);
        bench.sql(&format!(
            "CREATE ROLE {role} LOGIN;
             ALTER TABLE domains OWNER TO {role}; ALTER TABLE records OWNER TO {role};
             ALTER TABLE domainmetadata OWNER TO {role}; ALTER TABLE cryptokeys OWNER TO {role};
             ALTER TABLE tsigkeys OWNER TO {role}; ALTER TABLE comments OWNER TO {role}"
        ));
        let (_, cursor) = bench.load().await;
        bench.sql(&format!(
            "SET ROLE {role};
             SET search_path = pg_temp, public;
             CREATE TEMPORARY TABLE signpost_feed (zone_id INT, name TEXT, kind TEXT, own BOOLEAN);
             INSERT INTO domains (id, name, type) VALUES (5, 'p.test', 'NATIVE');
             INSERT INTO tsigkeys (name, algorithm, secret) VALUES ('k', 'hmac-sha256', 'x');
             UPDATE domains SET account = 'x'"
        ));
        assert_eq!(bench.changes(&cursor).await.0, ["reload 5"]);
        let refused = cluster().sql(&bench.place, &format!("SET ROLE {role}; SELECT * FROM signpost_feed"));
        assert!(refused.is_err(), "it has no rights on our tables");
    });
}

#[test]
fn truncating_loads_everything() {
    run(Kind::Postgres, async |bench: Bench| {
        bench.store.create_zone(new_zone("z.test")).await.unwrap();
        let (_, cursor) = bench.load().await;
        foreign_sql(bench.kind, &bench.place, "TRUNCATE domains CASCADE");
        assert_eq!(bench.changes(&cursor).await.0, ["load all"]);
        assert!(bench.load().await.0.is_empty());
    });
}

/// Reads the feed until something comes.
async fn next_changes(store: &Arc<dyn Store>, cursor: &mut store::FeedCursor) -> Vec<String> {
    let started = Instant::now();
    loop {
        let FeedBatch::Changes { changes, cursor: next, .. } = store.changes(cursor).await.unwrap() else {
            return vec!["load all".to_owned()];
        };
        *cursor = next;
        if !changes.is_empty() {
            return changes.iter().flat_map(crate::bench::in_words).collect();
        }
        assert!(started.elapsed() < Duration::from_secs(20), "nothing came");
        store.wait_for_change(Duration::from_millis(20)).await;
    }
}

#[test]
fn a_hot_standby_is_read_and_loses_nothing() {
    let primary = Postgres::start().unwrap();
    runtime().block_on(async {
        let writing = store::open(&settings(&primary.url())).await.unwrap();
        writing.create_zone(new_zone("z.test")).await.unwrap();
        let standby = primary.standby().unwrap();
        let reading = store::open(&settings(&standby.url())).await.unwrap();
        let mut cursor = reading.load(LoadZones::All, &mut |_| {}).await.unwrap();
        assert!(matches!(write(&reading, 1).await, Err(StoreError::Unavailable { .. })), "a standby takes no writes");

        write(&writing, 1).await.unwrap();
        assert!(next_changes(&reading, &mut cursor).await.contains(&"n1.z.test. A 300 c0000201".to_owned()));

        // The one with the lower ids commits last: the snapshot of a standby does not list it as running.
        let id = primary.sql("postgres", "SELECT id FROM domains").unwrap();
        let insert = |owner: &str| {
            format!("INSERT INTO records (domain_id, name, type, content, ttl) VALUES ({id}, '{owner}', 'A', '192.0.2.1', 60);")
        };
        let mut slow = Psql::at(&primary.url());
        slow.say(&format!("BEGIN; {} SELECT pg_advisory_lock(1);", insert("slow.z.test")));
        let started = Instant::now();
        while primary.sql("postgres", "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").unwrap() != "1" {
            assert!(started.elapsed() < Duration::from_secs(20));
        }
        primary.sql("postgres", &insert("quick.z.test")).unwrap();
        assert_eq!(next_changes(&reading, &mut cursor).await, ["quick.z.test. A 60 c0000201"]);
        slow.say("COMMIT;");
        slow.end();
        assert_eq!(next_changes(&reading, &mut cursor).await, ["slow.z.test. A 60 c0000201"]);

        // Another timeline is another history.
        standby.promote().unwrap();
        standby.sql("postgres", "CHECKPOINT").unwrap();
        assert!(matches!(reading.changes(&cursor).await.unwrap(), FeedBatch::LoadAll));
        reading.load(LoadZones::All, &mut |_| {}).await.unwrap();
        write(&reading, 2).await.unwrap();
    });
}

#[test]
fn a_crash_that_gives_transaction_ids_out_again_hides_nothing() {
    let postgres = Postgres::start().unwrap();
    runtime().block_on(async {
        let store = store::open(&settings(&postgres.url())).await.unwrap();
        store.create_zone(new_zone("z.test")).await.unwrap();
        write(&store, 1).await.unwrap();
        let cursor = store.load(LoadZones::All, &mut |_| {}).await.unwrap();
        // A write with an id that the reader is past: what Postgres does after a crash, when the ids of transactions
        // that were rolled back never reached its log.
        postgres.sql("postgres", "UPDATE records SET ttl = 77 WHERE name = 'n1.z.test'").unwrap();
        postgres
            .sql("postgres", "UPDATE signpost_feed SET xid = (xid::text::bigint - 90)::text::xid8 WHERE NOT own")
            .unwrap();
        let FeedBatch::Changes { changes, .. } = store.changes(&cursor).await.unwrap() else { panic!("load all") };
        assert!(changes.is_empty(), "the id is indeed below the cursor");
        postgres.kill().unwrap();
        postgres.restart().unwrap();
        let started = Instant::now();
        while store.ping().await.is_err() {
            assert!(started.elapsed() < Duration::from_secs(20), "it does not come back");
        }
        let FeedBatch::Changes { changes, cursor, .. } = store.changes(&cursor).await.unwrap() else {
            panic!("load all")
        };
        assert!(!changes.is_empty());
        let FeedBatch::Changes { changes, .. } = store.changes(&cursor).await.unwrap() else { panic!("load all") };
        assert!(changes.is_empty(), "once is enough: {changes:?}");
    });
}
