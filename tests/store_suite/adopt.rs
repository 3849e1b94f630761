//! Databases that PowerDNS made (PDNS-DIALECT section 12.7).

use store::{LoadZones, SecretPurpose, SharedSecret, StoreError, ZoneFilter};
use wire::RecordType;

use crate::bench::{Bench, Kind, empty, foreign_sql, name, new_zone, patch, replace, settings, zone_name};

const DATA: &str = "INSERT INTO domains (id, name, type, master, catalog) VALUES
        (3, 'old.test', 'NATIVE', '192.0.2.1,192.0.2.2:54', 'cat.test');
    INSERT INTO records (domain_id, name, type, content, ttl, prio, ordername, auth) VALUES
        (3, 'old.test', 'SOA', 'ns1.old.test hostmaster.old.test 4 5 6 7 8', 3600, 0, NULL, TRUE),
        (3, 'old.test', 'NS', 'ns1.old.test', 3600, 0, NULL, TRUE),
        (3, 'a.b.old.test', 'TXT', '\"x\"', 3600, 0, NULL, TRUE);
    INSERT INTO domainmetadata (domain_id, kind, content) VALUES (3, 'SOA-EDIT-API', 'INCREASE');";

/// The schema that Debian's packages bring along.
fn powerdns_schema(kind: Kind) -> String {
    let path = match kind {
        Kind::Postgres => "/usr/share/pdns-backend-pgsql/schema/schema.pgsql.sql",
        Kind::Sqlite => "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql",
    };
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(crate) async fn what_powerdns_made_is_taken_as_it_is(mut bench: Bench) {
    let (place, url, _directory) = empty(bench.kind);
    foreign_sql(bench.kind, &place, &powerdns_schema(bench.kind));
    foreign_sql(bench.kind, &place, DATA);
    let store = store::open(&settings(&url)).await.unwrap();
    let zones = store.zones(&ZoneFilter::default()).await.unwrap();
    assert_eq!((zones[0].name.to_string().as_str(), zones[0].serial), ("old.test.", Some(4)));
    assert_eq!(zones[0].masters, ["192.0.2.1", "192.0.2.2:54"]);
    assert_eq!(zones[0].catalog, Some(name("cat.test")));
    let mut records = 0;
    store
        .load(LoadZones::All, &mut |item| records += usize::from(matches!(item, store::LoadItem::Record(_))))
        .await
        .unwrap();
    assert_eq!(records, 3);
    let edit = patch(vec![replace("www.old.test", RecordType::A, &["192.0.2.1"])]);
    assert_eq!(store.edit_zone(&zone_name("old.test"), edit).await.unwrap().serials, Some((4, 5)));
    (bench.place, bench.url, bench.store) = (place, url, store);
    // A name that we do not touch is PowerDNS's to rectify.
    bench.pdnsutil(&["rectify-zone", "old.test"]);
    let edit = patch(vec![replace("c.b.old.test", RecordType::A, &["192.0.2.1"])]);
    bench.store.edit_zone(&zone_name("old.test"), edit).await.unwrap();
    bench.assert_rectified("old.test", "an edit");
}

pub(crate) async fn a_schema_from_before_4_7_is_refused(bench: Bench) {
    let (place, url, _directory) = empty(bench.kind);
    foreign_sql(bench.kind, &place, &powerdns_schema(bench.kind));
    foreign_sql(bench.kind, &place, "DROP INDEX catalog_idx; ALTER TABLE domains DROP COLUMN catalog");
    let Err(error) = store::open(&settings(&url)).await else { panic!("it was opened") };
    assert!(matches!(error, StoreError::Schema(_)), "{error:?}");
    assert!(error.to_string().contains("before 4.7"), "{error}");
}

pub(crate) async fn opening_again_changes_nothing(bench: Bench) {
    bench.store.create_zone(new_zone("z.test")).await.unwrap();
    let (before, _) = bench.load().await;
    let mut reading = settings(&bench.url);
    for migrate in [true, false] {
        reading.migrate = migrate;
        let again = store::open(&reading).await.unwrap();
        assert_eq!(again.zones(&ZoneFilter::default()).await.unwrap().len(), 1);
    }
    assert_eq!(bench.load().await.0, before);

    let (_, url, _directory) = empty(bench.kind);
    let bare = store::StoreSettings { migrate: false, ..settings(&url) };
    assert!(store::open(&bare).await.is_err(), "no tables and no leave to make them");
}

pub(crate) async fn a_zone_without_our_row_is_adopted(bench: Bench) {
    bench.sql(DATA);
    bench.sql("DELETE FROM signpost_zone");
    let edit = patch(vec![replace("www.old.test", RecordType::A, &["192.0.2.1"])]);
    assert_eq!(bench.store.edit_zone(&zone_name("old.test"), edit).await.unwrap().generation, 1);
}

pub(crate) async fn several_open_an_empty_database_at_once(bench: Bench) {
    let (_, url, _directory) = empty(bench.kind);
    let mut opening = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let settings = settings(&url);
        opening.spawn(async move { store::open(&settings).await.map(|_| ()) });
    }
    while let Some(opened) = opening.join_next().await {
        opened.unwrap().unwrap();
    }
}

pub(crate) async fn servers_agree_on_one_secret(bench: Bench) {
    let mut servers = Vec::new();
    for number in 0..6 {
        let store = store::open(&settings(&bench.url)).await.unwrap();
        servers.push(tokio::spawn(async move {
            store.shared_secret(SecretPurpose::Cookie, &SharedSecret([number; 32])).await.unwrap()
        }));
    }
    let mut secrets = Vec::new();
    for server in servers {
        secrets.push(server.await.unwrap());
    }
    secrets.dedup();
    assert_eq!(secrets.len(), 1, "whoever was first made it");
    assert_eq!(bench.store.shared_secret(SecretPurpose::Cookie, &SharedSecret([9; 32])).await.unwrap(), secrets[0]);
    assert_eq!(format!("{secrets:?}"), "[(hidden)]");
    bench.sql("UPDATE signpost_secret SET secret = 'abc'");
    let damaged = bench.store.shared_secret(SecretPurpose::Cookie, &SharedSecret([9; 32])).await;
    assert!(matches!(damaged, Err(StoreError::Malformed(_))), "{damaged:?}");
}
