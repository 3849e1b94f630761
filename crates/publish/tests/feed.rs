//! What is stored is served: every kind of change, by us and by strangers, reaches the table.

use dnssec::{Algorithm, ZoneKey, ZoneTable};
use publish::{PublishSettings, Publisher, ZoneRules};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use store::{KeyChange, NewZone, RrsetChange, RrsetEdit, Store, StoreSettings, StoredRecord, ZoneEdit};
use wire::{Name, RecordType, ZoneName};
use zone::{DenialMode, Found, Nsec3Params, Zone};

const BOUND: Duration = Duration::from_secs(20);

struct Server {
    store: Arc<dyn Store>,
    table: Arc<ZoneTable>,
    publisher: Publisher,
    folder: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        // A folder that is gone already is what is wanted.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn zone_name(text: &str) -> ZoneName {
    ZoneName::parse(text).unwrap()
}

impl Server {
    async fn start(rules: ZoneRules) -> Server {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("signpost-publish-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let settings = StoreSettings {
            url: format!("sqlite:{}", folder.join("zones.db").display()),
            connections_max: 4,
            timeout: Duration::from_secs(5),
            default_ttl: 3600,
            migrate: true,
        };
        let store = store::open(&settings).await.unwrap();
        let table = ZoneTable::new();
        let settings = PublishSettings { rules, ..PublishSettings::default() };
        let publisher = publish::spawn(Arc::clone(&store), Arc::clone(&table), settings).unwrap();
        Server { store, table, publisher, folder }
    }

    /// What another server on the same store serves.
    async fn start_on(store: &Arc<dyn Store>) -> Option<Arc<ZoneTable>> {
        let table = ZoneTable::new();
        let publisher = publish::spawn(Arc::clone(store), Arc::clone(&table), PublishSettings::default()).unwrap();
        publisher.published(None, BOUND).await.then_some(table)
    }

    async fn create(&self, zone: &str, edit: ZoneEdit) {
        let soa = replace(zone, RecordType::SOA, &["ns1.example hostmaster.example 5 10800 3600 604800 300"]);
        let mut content = edit;
        content.rrsets = RrsetEdit::ReplaceAll(vec![soa, replace(zone, RecordType::NS, &["ns1.example"])]);
        self.store.create_zone(NewZone { name: zone_name(zone), content }).await.unwrap();
        self.published().await;
    }

    async fn patch(&self, zone: &str, changes: Vec<RrsetChange>) {
        let edit = ZoneEdit { rrsets: RrsetEdit::Patch(changes), ..ZoneEdit::default() };
        self.store.edit_zone(&zone_name(zone), edit).await.unwrap();
        self.published().await;
    }

    async fn edit(&self, zone: &str, edit: ZoneEdit) {
        self.store.edit_zone(&zone_name(zone), edit).await.unwrap();
        self.published().await;
    }

    async fn published(&self) {
        assert!(self.publisher.published(None, BOUND).await, "published within the bound");
    }

    /// SQL by somebody else, and the wait until `is_seen`.
    async fn sql(&self, sql: &str, is_seen: impl Fn(&Server) -> bool) {
        let status = Command::new("sqlite3").arg(self.folder.join("zones.db")).arg(sql).status().unwrap();
        assert!(status.success());
        let started = Instant::now();
        while !is_seen(self) {
            assert!(started.elapsed() < BOUND, "{sql} is never seen");
            tokio::task::yield_now().await;
        }
    }

    fn zone(&self, zone: &str) -> Option<Arc<Zone>> {
        self.table.view().get(&zone_name(zone)).map(|served| Arc::clone(&served.zone))
    }

    fn is_answered(&self, zone: &str, owner: &str) -> bool {
        self.zone(zone)
            .is_some_and(|zone| matches!(zone.lookup(name(owner).as_wire(), RecordType::A), Found::Answer { .. }))
    }

    fn serial(&self, zone: &str) -> u32 {
        self.zone(zone).unwrap().serial()
    }

    /// Whether every RRset that wants a signature of the zone's present keys has one.
    fn is_wholly_signed(&self, zone: &str) -> bool {
        let view = self.table.view();
        let served = view.get(&zone_name(zone)).unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as u32;
        let signer = served.signer.as_ref().unwrap();
        served.zone.signable().all(|(_, rrset)| !signer.is_due(rrset, now))
    }
}

fn replace(owner: &str, rtype: RecordType, contents: &[&str]) -> RrsetChange {
    let record = |content: &&str| StoredRecord { content: (*content).to_owned(), prio: 0, disabled: false };
    let records = Some(contents.iter().map(record).collect());
    RrsetChange::Replace { name: name(owner), rtype, ttl: 300, records, comments: None }
}

fn a(owner: &str) -> RrsetChange {
    replace(owner, RecordType::A, &["192.0.2.1"])
}

fn keys() -> Vec<KeyChange> {
    [257, 256]
        .map(|flags| KeyChange::Add {
            flags,
            active: true,
            published: true,
            content: ZoneKey::generate(Algorithm::EcdsaP256Sha256).unwrap().to_string(),
        })
        .to_vec()
}

fn secured(nsec3param: &[&str]) -> ZoneEdit {
    let values = nsec3param.iter().map(|value| (*value).to_owned()).collect();
    ZoneEdit { keys: keys(), metadata: vec![("NSEC3PARAM".into(), values)], ..ZoneEdit::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn own_changes_are_served_when_published_returns() {
    let server = Server::start(ZoneRules::default()).await;
    server.create("example.com", ZoneEdit::default()).await;
    server.patch("example.com", vec![a("www.example.com"), a("a.b.example.com")]).await;
    assert!(server.is_answered("example.com", "www.example.com"));
    let zone = server.zone("example.com").unwrap();
    assert!(zone.node(name("b.example.com").as_wire()).unwrap().is_empty_non_terminal());
    server
        .patch("example.com", vec![RrsetChange::Delete { name: name("a.b.example.com"), rtype: RecordType::A }])
        .await;
    let zone = server.zone("example.com").unwrap();
    assert!(zone.node(name("b.example.com").as_wire()).is_none());
    server.store.delete_zone(&zone_name("example.com"), "test").await.unwrap();
    server.published().await;
    assert!(server.zone("example.com").is_none());
    // SQLite gives the row's id again.
    server.create("example.com", ZoneEdit::default()).await;
    assert!(!server.is_answered("example.com", "www.example.com"));
    server.create("example.net", ZoneEdit::default()).await;
    assert_eq!(server.table.view().len(), 2);
    assert_eq!(server.publisher.status().zones, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_changes_are_seen() {
    let server = Server::start(ZoneRules::default()).await;
    server.create("example.com", ZoneEdit::default()).await;
    let id = server.store.zone(&zone_name("example.com")).await.unwrap().unwrap().id.0;
    let insert = format!(
        "INSERT INTO records (domain_id, name, type, content, ttl, prio) VALUES ({id}, 'sql.example.com', 'A', '192.0.2.9', 60, 0)"
    );
    server.sql(&insert, |server| server.is_answered("example.com", "sql.example.com")).await;
    server
        .sql("UPDATE records SET disabled = 1 WHERE name = 'sql.example.com'", |server| {
            !server.is_answered("example.com", "sql.example.com")
        })
        .await;
    let soa =
        "UPDATE records SET content = 'ns1.example hostmaster.example 77 10800 3600 604800 300' WHERE type = 'SOA'";
    server.sql(soa, |server| server.serial("example.com") == 77).await;
    // A disabled SOA hides the zone; enabled again, all of it is back.
    server
        .sql("UPDATE records SET disabled = 1 WHERE type = 'SOA'", |server| server.zone("example.com").is_none())
        .await;
    server.sql("UPDATE records SET disabled = 0", |server| server.is_answered("example.com", "sql.example.com")).await;
    server.sql("DELETE FROM domains", |server| server.zone("example.com").is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zone_created_again_under_another_id_is_never_missing() {
    let server = Server::start(ZoneRules::default()).await;
    server.create("example.com", ZoneEdit::default()).await;
    let (table, is_over) = (Arc::clone(&server.table), Arc::new(AtomicBool::new(false)));
    let watcher = std::thread::spawn({
        let is_over = Arc::clone(&is_over);
        move || {
            let mut missing = 0_u64;
            while !is_over.load(Ordering::Relaxed) {
                missing += u64::from(table.view().get(&zone_name("example.com")).is_none());
            }
            missing
        }
    });
    for serial in 10..15 {
        let again = format!(
            "BEGIN IMMEDIATE; UPDATE records SET domain_id = domain_id + 100; \
             INSERT INTO domains (id, name, type) SELECT id + 100, 'x.' || name, type FROM domains; \
             DELETE FROM domains WHERE name NOT LIKE 'x.%'; UPDATE domains SET name = substr(name, 3); \
             UPDATE records SET content = 'ns1.example h.example {serial} 1 1 1 300' WHERE type = 'SOA'; COMMIT"
        );
        server.sql(&again, |server| server.zone("example.com").is_some_and(|zone| zone.serial() == serial)).await;
    }
    is_over.store(true, Ordering::Relaxed);
    assert_eq!(watcher.join().unwrap(), 0);
    assert_eq!(server.table.view().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nsec3_iterations_have_a_bound() {
    let server = Server::start(ZoneRules::default()).await;
    server.create("example.com", secured(&["1 0 0 -"])).await;
    let iterations = |server: &Server| match server.zone("example.com").unwrap().denial_mode() {
        DenialMode::Nsec3(params) => params.iterations,
        other => panic!("{other:?}"),
    };
    let many = "UPDATE domainmetadata SET content = '1 0 65535 ab' WHERE kind = 'NSEC3PARAM'";
    server.sql(many, |server| iterations(server) == 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_row_costs_itself_alone() {
    let server = Server::start(ZoneRules::default()).await;
    server.create("example.com", ZoneEdit::default()).await;
    let rows = "INSERT INTO records (domain_id, name, type, content, ttl, prio) \
         SELECT id, 'bad.example.com', 'A', 'not an address', 60, 0 FROM domains; \
         INSERT INTO records (domain_id, name, type, content, ttl, prio) \
         SELECT id, 'good.example.com', 'A', '192.0.2.1', 60, 0 FROM domains";
    // Operators are told by a metric.
    let is_counted = |server: &Server| server.publisher.status().bad_rows == 1;
    server.sql(rows, |server| server.is_answered("example.com", "good.example.com") && is_counted(server)).await;
    assert!(!server.is_answered("example.com", "bad.example.com"));
    // SQLite takes octets that are no text at all.
    let rows = "INSERT INTO records (domain_id, name, type, content, ttl, prio) \
         SELECT id, CAST(X'ff' AS TEXT), 'A', CAST(X'ff' AS TEXT), 60, 0 FROM domains; \
         INSERT INTO records (domain_id, name, type, content, ttl, prio) \
         SELECT id, 'better.example.com', 'A', '192.0.2.1', 60, 0 FROM domains";
    server.sql(rows, |server| server.is_answered("example.com", "better.example.com")).await;
    assert!(server.publisher.status().last_error.is_none());
    let again = Server::start_on(&server.store).await;
    assert!(again.is_some_and(|table| table.view().len() == 1), "loading goes over it too");
}

#[tokio::test(flavor = "multi_thread")]
async fn securing_switching_and_unsecuring() {
    let server = Server::start(ZoneRules::default()).await;
    server.create("example.com", ZoneEdit::default()).await;
    server.patch("example.com", vec![a("www.example.com")]).await;
    server.edit("example.com", secured(&[])).await;
    let has = |rtype| server.zone("example.com").unwrap().apex_node().rrset(rtype).is_some();
    assert_eq!(server.zone("example.com").unwrap().denial_mode(), &DenialMode::Nsec);
    assert!(has(RecordType::DNSKEY) && !has(RecordType::NSEC3PARAM));
    let nsec3 = ZoneEdit { metadata: vec![("NSEC3PARAM".into(), vec!["1 0 0 -".into()])], ..ZoneEdit::default() };
    server.edit("example.com", nsec3).await;
    assert!(matches!(server.zone("example.com").unwrap().denial_mode(), DenialMode::Nsec3(_)));
    assert!(has(RecordType::NSEC3PARAM));
    let cds = ZoneEdit { metadata: vec![("PUBLISH-CDS".into(), vec!["2".into()])], ..ZoneEdit::default() };
    server.edit("example.com", cds).await;
    assert!(has(RecordType::CDS) && !has(RecordType::CDNSKEY));
    server.patch("example.com", vec![a("www2.example.com")]).await;
    assert!(server.is_answered("example.com", "www2.example.com") && has(RecordType::DNSKEY));
    let started = Instant::now();
    while !server.is_wholly_signed("example.com") {
        assert!(started.elapsed() < BOUND, "the keeper signs everything");
        tokio::task::yield_now().await;
    }
    // Loaded afresh, and not signed afresh: signatures of algorithm 13 are never twice the same.
    let www = |server: &Server| {
        let node = server.zone("example.com").unwrap().node(name("www.example.com").as_wire()).cloned().unwrap();
        node.rrset(RecordType::A).unwrap().signatures().load().as_ref().map(|signatures| signatures.encoded.clone())
    };
    let before = www(&server).unwrap();
    let salt = ZoneEdit { metadata: vec![("NSEC3PARAM".into(), vec!["1 0 0 ab".into()])], ..ZoneEdit::default() };
    server.edit("example.com", salt).await;
    assert_eq!(www(&server), Some(before));
    let metadata = |kind: &str, value: &str| (kind.to_owned(), vec![value.to_owned()]);
    let narrow = vec![metadata("NSEC3PARAM", "1 1 0 ab"), metadata("NSEC3NARROW", "1")];
    server.edit("example.com", ZoneEdit { metadata: narrow, ..ZoneEdit::default() }).await;
    let params: Nsec3Params = "1 0 0 ab".parse().unwrap();
    assert_eq!(server.zone("example.com").unwrap().denial_mode(), &DenialMode::Narrow(params), "without opt-out");
    assert!(has(RecordType::NSEC3PARAM));
    // Compact denial is of zones with NSEC.
    let compact = vec![metadata("X-SIGNPOST-COMPACT-DENIAL", "1")];
    server.edit("example.com", ZoneEdit { metadata: compact, ..ZoneEdit::default() }).await;
    assert!(matches!(server.zone("example.com").unwrap().denial_mode(), DenialMode::Narrow(_)));
    let nsec = vec![("NSEC3PARAM".to_owned(), Vec::new()), ("NSEC3NARROW".to_owned(), Vec::new())];
    server.edit("example.com", ZoneEdit { metadata: nsec, ..ZoneEdit::default() }).await;
    assert_eq!(server.zone("example.com").unwrap().denial_mode(), &DenialMode::Compact);
    assert!(!has(RecordType::NSEC3PARAM));
    server.edit("example.com", ZoneEdit { keys: vec![KeyChange::RemoveAll], ..ZoneEdit::default() }).await;
    assert_eq!(server.zone("example.com").unwrap().denial_mode(), &DenialMode::Unsigned);
    assert!(!has(RecordType::DNSKEY) && !has(RecordType::NSEC3PARAM) && !has(RecordType::CDS));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_records_of_one_edit_are_served_together() {
    let server = Server::start(ZoneRules::default()).await;
    server.create("example.com", secured(&["1 0 0 -"])).await;
    let edit = ZoneEdit {
        rrsets: RrsetEdit::Patch(vec![a("www.example.com")]),
        keys: keys(),
        metadata: vec![("PUBLISH-CDNSKEY".into(), vec!["1".into()])],
        ..ZoneEdit::default()
    };
    let store = Arc::clone(&server.store);
    let editing = tokio::spawn(async move { store.edit_zone(&zone_name("example.com"), edit).await });
    let started = Instant::now();
    loop {
        let zone = server.zone("example.com").unwrap();
        let keys = zone.apex_node().rrset(RecordType::DNSKEY).unwrap().len();
        let has_cdnskey = zone.apex_node().rrset(RecordType::CDNSKEY).is_some();
        let is_answered = matches!(zone.lookup(name("www.example.com").as_wire(), RecordType::A), Found::Answer { .. });
        match (keys, has_cdnskey, is_answered) {
            (2, false, false) => assert!(started.elapsed() < BOUND, "the change is served"),
            (4, true, true) => break,
            half => panic!("half a change is served: {half:?}"),
        }
        tokio::task::yield_now().await;
    }
    editing.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn soa_edit_moves_the_served_serial_alone() {
    let rules = ZoneRules { soa_edit_signed: "INCREMENT-WEEKS".into(), ..ZoneRules::default() };
    let server = Server::start(rules).await;
    server.create("plain.example", ZoneEdit::default()).await;
    assert_eq!(server.serial("plain.example"), 5);
    server.create("signed.example", secured(&["1 0 0 -"])).await;
    let weeks = server.serial("signed.example") - 5;
    assert!(weeks > 2900, "weeks since 1970 were added: {weeks}");
    let stored = server.store.zone(&zone_name("signed.example")).await.unwrap().unwrap().serial;
    assert_eq!(stored, Some(5));
}

/// A zone with a DS at its parent must not go insecure, or lose its signatures, because a row was damaged.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_key_signs_on_and_is_told_of() {
    let server = Server::start(ZoneRules::default()).await;
    server.create("example.com", secured(&["1 0 0 -"])).await;
    let trouble = |server: &Server| {
        let status = server.publisher.status();
        (status.zones_with_unusable_keys, status.zones_unsignable)
    };
    let signer = |server: &Server| server.table.view().get(&zone_name("example.com")).unwrap().signer.clone().unwrap();
    assert_eq!(trouble(&server), (0, 0));
    let before = signer(&server);
    server.sql("UPDATE cryptokeys SET content = 'damaged'", |server| trouble(server) == (1, 0)).await;
    assert_eq!(signer(&server).key_set(), before.key_set());
    server.patch("example.com", vec![a("new.example.com")]).await;
    assert!(server.is_wholly_signed("example.com"));

    // Who never saw the key whole has nothing to sign with, and says so.
    server.sql("DELETE FROM cryptokeys", |server| trouble(server) == (0, 0)).await;
    assert!(server.table.view().get(&zone_name("example.com")).unwrap().signer.is_none(), "no key, no signatures");
    let back = "INSERT INTO cryptokeys (domain_id, flags, active, published, content) SELECT id, 257, 1, 1, 'damaged' FROM domains";
    server.sql(back, |server| trouble(server) == (1, 1)).await;
    assert!(!signer(&server).can_sign());
    assert_eq!(server.zone("example.com").unwrap().denial_mode(), &DenialMode::Unsigned);
    server.sql("UPDATE cryptokeys SET active = 0", |server| trouble(server) == (1, 0)).await;
    assert!(server.table.view().get(&zone_name("example.com")).unwrap().signer.is_none(), "none is active");
    server.store.delete_zone(&zone_name("example.com"), "test").await.unwrap();
    server.published().await;
    assert_eq!(trouble(&server), (0, 0));
}
