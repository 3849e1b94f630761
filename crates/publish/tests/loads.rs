//! A zone that is loaded afresh holds up no other, and misses nothing that happens to it meanwhile.

mod gated;

use dnssec::{Algorithm, ZoneKey, ZoneTable};
use gated::{Gate, Gated};
use publish::{PublishSettings, Publisher};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use store::{KeyChange, NewZone, RrsetChange, RrsetEdit, Store, StoreSettings, StoredRecord, ZoneEdit, ZoneId};
use wire::{Name, RecordType, ZoneName};
use zone::{DenialMode, Found};

const BOUND: Duration = Duration::from_secs(20);

/// The zone whose loads are held.
const SLOW: &str = "slow.example";
const OTHER: &str = "other.example";

struct Server {
    store: Arc<Gated>,
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

impl Server {
    /// With both zones.
    async fn start() -> Server {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("signpost-loads-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let settings = StoreSettings {
            url: format!("sqlite:{}", folder.join("zones.db").display()),
            connections_max: 4,
            timeout: Duration::from_secs(5),
            default_ttl: 3600,
            migrate: true,
        };
        let store = Gated::over(store::open(&settings).await.unwrap());
        let table = ZoneTable::new();
        let (dynamic, settings) = (Arc::clone(&store) as Arc<dyn Store>, PublishSettings::default());
        let publisher = publish::spawn(dynamic, Arc::clone(&table), settings).unwrap();
        let server = Server { store, table, publisher, folder };
        server.create(SLOW).await;
        server.create(OTHER).await;
        server
    }

    async fn create(&self, zone: &str) {
        let soa = replace(zone, RecordType::SOA, "ns1.example hostmaster.example 5 10800 3600 604800 300");
        let rrsets = RrsetEdit::ReplaceAll(vec![soa, replace(zone, RecordType::NS, "ns1.example")]);
        let content = ZoneEdit { rrsets, ..ZoneEdit::default() };
        self.store.create_zone(NewZone { name: zone_name(zone), content }).await.unwrap();
        assert!(self.publisher.published(Some(&zone_name(zone)), BOUND).await);
        assert!(self.table.view().get(&zone_name(zone)).is_some(), "{zone} is served");
    }

    async fn add(&self, zone: &str, owner: &str) {
        let edit = ZoneEdit {
            rrsets: RrsetEdit::Patch(vec![replace(owner, RecordType::A, "192.0.2.1")]),
            ..ZoneEdit::default()
        };
        self.store.edit_zone(&zone_name(zone), edit).await.unwrap();
    }

    /// Makes a change to the slow zone after which it has to be loaded afresh: another kind of denial.
    async fn secure_slow(&self) -> ZoneId {
        let keys = [257, 256].map(|flags| KeyChange::Add {
            flags,
            active: true,
            published: true,
            content: ZoneKey::generate(Algorithm::EcdsaP256Sha256).unwrap().to_string(),
        });
        let edit = ZoneEdit { keys: keys.to_vec(), ..ZoneEdit::default() };
        let id = self.store.zone(&zone_name(SLOW)).await.unwrap().unwrap().id;
        self.store.edit_zone(&zone_name(SLOW), edit).await.unwrap();
        id
    }

    /// The same, and waits until that load has read all it wants and is held.
    async fn hold_slow(&self) {
        let id = self.store.zone(&zone_name(SLOW)).await.unwrap().unwrap().id;
        self.store.set(id, Gate::Held);
        self.secure_slow().await;
        self.store.stopped(1).await;
    }

    /// Whoever waits for the slow zone from now on.
    fn waiter_of_slow(&self) -> tokio::task::JoinHandle<bool> {
        let publisher = self.publisher.clone();
        tokio::spawn(async move { publisher.published(Some(&zone_name(SLOW)), BOUND).await })
    }

    fn is_answered(&self, zone: &str, owner: &str) -> bool {
        self.table.view().get(&zone_name(zone)).is_some_and(|served| {
            matches!(served.zone.lookup(name(owner).as_wire(), RecordType::A), Found::Answer { .. })
        })
    }

    fn slow_mode(&self) -> Option<DenialMode> {
        self.table.view().get(&zone_name(SLOW)).map(|served| served.zone.denial_mode().clone())
    }
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn zone_name(text: &str) -> ZoneName {
    ZoneName::parse(text).unwrap()
}

fn replace(owner: &str, rtype: RecordType, content: &str) -> RrsetChange {
    let record = StoredRecord { content: content.to_owned(), prio: 0, disabled: false };
    RrsetChange::Replace { name: name(owner), rtype, ttl: 300, records: Some(vec![record]), comments: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn others_are_changed_created_and_deleted_while_a_zone_is_loaded() {
    let server = Server::start().await;
    server.hold_slow().await;
    let slow = server.waiter_of_slow();
    server.add(OTHER, "www.other.example").await;
    assert!(server.publisher.published(Some(&zone_name(OTHER)), BOUND).await);
    assert!(server.is_answered(OTHER, "www.other.example"));
    server.create("new.example").await;
    server.store.delete_zone(&zone_name(OTHER), "test").await.unwrap();
    assert!(server.publisher.published(Some(&zone_name(OTHER)), BOUND).await);
    assert!(server.table.view().get(&zone_name(OTHER)).is_none());
    assert_eq!(server.publisher.status().loading, 1);
    assert!(!slow.is_finished(), "the change to the zone that is loaded is not served yet, and not confirmed");
    assert_eq!(server.slow_mode(), Some(DenialMode::Unsigned), "it is served as it was");
    server.store.open();
    assert!(slow.await.unwrap());
    assert_eq!(server.slow_mode(), Some(DenialMode::Nsec));
    assert!(server.publisher.published(None, BOUND).await);
    assert_eq!(server.publisher.status().loading, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_to_a_zone_while_it_is_loaded_is_served_after_that() {
    let server = Server::start().await;
    server.hold_slow().await;
    // After the load has read everything; and the feed is read past it, as the other zone shows.
    server.add(SLOW, "www.slow.example").await;
    server.add(OTHER, "www.other.example").await;
    assert!(server.publisher.published(Some(&zone_name(OTHER)), BOUND).await);
    assert!(!server.is_answered(SLOW, "www.slow.example"));
    server.store.open();
    assert!(server.publisher.published(Some(&zone_name(SLOW)), BOUND).await);
    assert!(server.is_answered(SLOW, "www.slow.example"));
    assert_eq!(server.slow_mode(), Some(DenialMode::Nsec));
    assert!(server.is_answered(OTHER, "www.other.example"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zone_that_is_deleted_while_it_is_loaded_stays_away_and_one_created_in_its_place_comes() {
    let server = Server::start().await;
    server.hold_slow().await;
    server.store.delete_zone(&zone_name(SLOW), "test").await.unwrap();
    assert!(server.publisher.published(Some(&zone_name(SLOW)), BOUND).await, "nothing is waited for any more");
    assert!(server.slow_mode().is_none());
    // SQLite may give it the same id; its load is held as well.
    let soa = replace(SLOW, RecordType::SOA, "ns1.example hostmaster.example 77 10800 3600 604800 300");
    let content = ZoneEdit { rrsets: RrsetEdit::ReplaceAll(vec![soa]), ..ZoneEdit::default() };
    server.store.create_zone(NewZone { name: zone_name(SLOW), content }).await.unwrap();
    let slow = server.waiter_of_slow();
    server.store.open();
    assert!(slow.await.unwrap());
    assert_eq!(server.table.view().get(&zone_name(SLOW)).unwrap().zone.serial(), 77);
    assert_eq!(server.slow_mode(), Some(DenialMode::Unsigned));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_fails_is_told_of_and_tried_again_and_holds_up_no_other() {
    let server = Server::start().await;
    let id = server.store.zone(&zone_name(SLOW)).await.unwrap().unwrap().id;
    server.store.set(id, Gate::Failing);
    server.secure_slow().await;
    server.store.stopped(2).await;
    server.add(OTHER, "www.other.example").await;
    assert!(server.publisher.published(Some(&zone_name(OTHER)), BOUND).await);
    assert!(server.is_answered(OTHER, "www.other.example"));
    let error = server.publisher.status().last_error.expect("it fails still");
    assert!(error.contains("the test wants it so"), "{error}");
    let slow = server.waiter_of_slow();
    server.store.open();
    assert!(slow.await.unwrap());
    assert_eq!(server.slow_mode(), Some(DenialMode::Nsec));
    let started = Instant::now();
    while server.publisher.status().last_error.is_some() {
        assert!(started.elapsed() < BOUND, "it goes well again");
        tokio::task::yield_now().await;
    }
}
