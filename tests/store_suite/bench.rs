//! A fresh database for each case, and a stranger's access to it.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use signpost_tests::Postgres;
use store::{
    FeedBatch, FeedCursor, LoadItem, LoadZones, NewZone, RrsetChange, RrsetEdit, Store, StoreSettings, StoredRecord,
    ZoneChange, ZoneEdit, ZoneId,
};
use wire::{Name, RecordType, ZoneName};

/// Which database a case runs on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A file.
    Sqlite,
    /// A database in the one cluster of this process.
    Postgres,
}

/// One case's database.
pub(crate) struct Bench {
    pub(crate) kind: Kind,
    pub(crate) url: String,
    /// Name of the database, or path of the file.
    pub(crate) place: String,
    pub(crate) store: Arc<dyn Store>,
    /// Tells this case from others of the process.
    pub(crate) number: u32,
    pub(crate) directory: Option<PathBuf>,
}

/// The cluster all cases share.
pub(crate) fn cluster() -> &'static Postgres {
    static CLUSTER: OnceLock<Postgres> = OnceLock::new();
    CLUSTER.get_or_init(|| Postgres::start().expect("a Postgres for the suite"))
}

/// Settings with the suite's timeout.
pub(crate) fn settings(url: &str) -> StoreSettings {
    StoreSettings {
        url: url.to_owned(),
        connections_max: 8,
        timeout: Duration::from_secs(20),
        default_ttl: 3600,
        migrate: true,
    }
}

/// An empty database: name or path, URL, and the folder to remove.
pub(crate) fn empty(kind: Kind) -> (String, String, Option<PathBuf>) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    match kind {
        Kind::Postgres => {
            let name = cluster().create_database().expect("a database");
            let url = cluster().url_of(&name);
            (name, url, None)
        }
        Kind::Sqlite => {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let directory = std::env::temp_dir().join(format!("signpost-store-{}-{number}", std::process::id()));
            std::fs::create_dir_all(&directory).expect("a folder for the file");
            let path = directory.join("store.db").display().to_string();
            let url = format!("sqlite:{path}");
            (path, url, Some(directory))
        }
    }
}

/// Runs SQL as somebody who is not Signpost.
pub(crate) fn foreign_sql(kind: Kind, place: &str, sql: &str) -> String {
    match kind {
        Kind::Postgres => cluster().sql(place, sql).expect("foreign SQL"),
        Kind::Sqlite => {
            let output = Command::new("sqlite3")
                .args(["-cmd", ".timeout 20000", "-bail", place, sql])
                .output()
                .expect("sqlite3 (Debian package sqlite3)");
            assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
        }
    }
}

/// Runs a case on a fresh database.
pub(crate) fn run<F: Future<Output = ()>>(kind: Kind, case: impl FnOnce(Bench) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let (place, url, directory) = empty(kind);
        let store = store::open(&settings(&url)).await.expect("open");
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        case(Bench { kind, url, place, store, number, directory }).await;
    });
}

impl Drop for Bench {
    fn drop(&mut self) {
        if let Some(directory) = &self.directory {
            let _ = std::fs::remove_dir_all(directory);
        }
    }
}

/// What a load handed over, by zone name, as `owner TYPE ttl rdata-in-hex` lines.
pub(crate) type Loaded = BTreeMap<String, Vec<String>>;

impl Bench {
    /// SQL by a stranger.
    pub(crate) fn sql(&self, sql: &str) -> String {
        foreign_sql(self.kind, &self.place, sql)
    }

    /// Loads everything.
    pub(crate) async fn load(&self) -> (Loaded, FeedCursor) {
        let mut zones = Loaded::new();
        let mut current = None;
        let mut bad = Vec::new();
        let cursor = self
            .store
            .load(LoadZones::All, &mut |item| match item {
                LoadItem::Views(_) => assert!(zones.is_empty(), "views come first"),
                LoadItem::Zone(header) => {
                    assert!(current.is_none(), "a zone begins inside another");
                    current = Some(header.name.to_string());
                    assert!(zones.insert(header.name.to_string(), Vec::new()).is_none(), "a zone comes twice");
                }
                LoadItem::Record(record) => {
                    zones.get_mut(current.as_ref().unwrap()).unwrap().push(line(&record));
                }
                LoadItem::BadRow { name, rtype, reason } => bad.push(format!("{name} {rtype}: {reason}")),
                LoadItem::EndOfZone => assert!(current.take().is_some()),
            })
            .await
            .expect("load");
        assert!(current.is_none());
        bad.sort();
        for records in zones.values_mut() {
            records.sort();
        }
        if !bad.is_empty() {
            zones.insert("bad".to_owned(), bad);
        }
        (zones, cursor)
    }

    /// What changed, in words, and the cursor after it.
    pub(crate) async fn changes(&self, cursor: &FeedCursor) -> (Vec<String>, FeedCursor) {
        match self.store.changes(cursor).await.expect("changes") {
            FeedBatch::LoadAll => (vec!["load all".to_owned()], FeedCursor::default()),
            FeedBatch::Changes { changes, cursor, .. } => (changes.iter().flat_map(in_words).collect(), cursor),
        }
    }
}

fn line(record: &store::ServedRecord) -> String {
    let hex: String = record.rdata.iter().map(|octet| format!("{octet:02x}")).collect();
    format!("{} {} {} {hex}", record.name, record.rtype, record.ttl)
}

/// A change in words.
pub(crate) fn in_words(change: &ZoneChange) -> Vec<String> {
    match change {
        ZoneChange::Reload(ZoneId(id), _) => vec![format!("reload {id}")],
        ZoneChange::Gone(ZoneId(id)) => vec![format!("gone {id}")],
        ZoneChange::Header(header) => vec![format!("header {}", header.name)],
        ZoneChange::Names { names, .. } => names
            .iter()
            .flat_map(|(name, records)| {
                let mut lines: Vec<String> = records.iter().map(line).collect();
                lines.sort();
                if lines.is_empty() {
                    lines.push(format!("{name} nothing"));
                }
                lines
            })
            .collect(),
    }
}

/// A name.
pub(crate) fn zone_name(text: &str) -> ZoneName {
    ZoneName::parse(text).unwrap()
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// A P-256 private key; the scalar is any number below the order.
pub(crate) const KEY: &str = "Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\n\
     PrivateKey: AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=\n";

/// A record as stored.
pub(crate) fn record(content: &str) -> StoredRecord {
    StoredRecord { content: content.to_owned(), prio: 0, disabled: false }
}

/// A REPLACE of an RRset; no contents delete it.
pub(crate) fn replace(owner: &str, rtype: RecordType, contents: &[&str]) -> RrsetChange {
    let records = Some(contents.iter().map(|content| record(content)).collect());
    RrsetChange::Replace { name: name(owner), rtype, ttl: 300, records, comments: None }
}

/// An edit of RRsets.
pub(crate) fn patch(changes: Vec<RrsetChange>) -> ZoneEdit {
    ZoneEdit { rrsets: RrsetEdit::Patch(changes), ..ZoneEdit::default() }
}

/// A zone with SOA, NS and the address of its server, and SOA-EDIT-API as the API sets it.
pub(crate) fn new_zone(apex: &str) -> NewZone {
    let server = format!("ns1.{apex}");
    let records = vec![
        replace(apex, RecordType::SOA, &[&format!("{server} hostmaster.{apex} 0 10800 3600 604800 3600")]),
        replace(apex, RecordType::NS, &[&server]),
        replace(&server, RecordType::A, &["192.0.2.53"]),
    ];
    NewZone {
        name: zone_name(apex),
        content: ZoneEdit {
            rrsets: RrsetEdit::ReplaceAll(records),
            metadata: vec![("SOA-EDIT-API".to_owned(), vec!["DEFAULT".to_owned()])],
            ..ZoneEdit::default()
        },
    }
}

impl Bench {
    /// Debian's `pdnsutil` on the same database: what it prints, both streams.
    pub(crate) fn pdnsutil(&self, arguments: &[&str]) -> String {
        let config = std::env::temp_dir().join(format!("signpost-pdnsutil-{}-{}", std::process::id(), self.number));
        std::fs::create_dir_all(&config).expect("a folder for pdns.conf");
        let settings = match self.kind {
            Kind::Postgres => format!(
                "launch=gpgsql\ngpgsql-host=127.0.0.1\ngpgsql-port={}\ngpgsql-dbname={}\ngpgsql-user=postgres\n\
                 gpgsql-dnssec=yes\n",
                cluster().port(),
                self.place
            ),
            Kind::Sqlite => format!(
                "launch=gsqlite3\ngsqlite3-database={}\ngsqlite3-dnssec=yes\ngsqlite3-pragma-foreign-keys=yes\n",
                self.place
            ),
        };
        std::fs::write(config.join("pdns.conf"), settings).expect("pdns.conf");
        let output = Command::new("pdnsutil")
            .arg(format!("--config-dir={}", config.display()))
            .args(arguments)
            .output()
            .expect("pdnsutil (Debian packages pdns-server, pdns-backend-pgsql, pdns-backend-sqlite3)");
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "pdnsutil {arguments:?}: {text}");
        let _ = std::fs::remove_dir_all(config);
        text
    }

    /// Every row of `records` but its id, sorted: what rectifying could change.
    pub(crate) fn rows(&self) -> Vec<String> {
        let columns = match self.kind {
            Kind::Postgres => "name, type, content, ttl, prio, disabled::int, coalesce(ordername, 'NULL'), auth::int",
            Kind::Sqlite => "name, type, content, ttl, prio, disabled, coalesce(ordername, 'NULL'), auth",
        };
        let mut rows: Vec<String> =
            self.sql(&format!("SELECT {columns} FROM records")).lines().map(str::to_owned).collect();
        rows.sort();
        rows
    }

    /// Asserts that `pdnsutil rectify-zone` finds nothing to do.
    pub(crate) fn assert_rectified(&self, zone: &str, after: &str) {
        let ours = self.rows();
        let said = self.pdnsutil(&["rectify-zone", zone]);
        let theirs = self.rows();
        let only = |these: &[String], those: &[String]| -> Vec<String> {
            these.iter().filter(|row| !those.contains(row)).cloned().collect()
        };
        assert!(
            ours == theirs,
            "ours {:#?}\npdnsutil's {:#?}\nafter {after}\n{said}",
            only(&ours, &theirs),
            only(&theirs, &ours)
        );
    }

    /// The zone's serial.
    pub(crate) async fn serial(&self, zone: &str) -> u32 {
        self.store.zone(&zone_name(zone)).await.unwrap().unwrap().serial.unwrap()
    }
}
