//! Views, networks, and zones that are variants of others.

use store::{FeedBatch, LoadItem, LoadZones, StoredViews, ViewChange, ZoneEdit};
use wire::{Network, RecordType};

use crate::bench::{Bench, new_zone, patch, replace, zone_name};

async fn changes(bench: &Bench, cursor: &mut store::FeedCursor) -> (usize, Option<StoredViews>) {
    match bench.store.changes(cursor).await.unwrap() {
        FeedBatch::Changes { changes, views, cursor: next, .. } => {
            *cursor = next;
            (changes.len(), views)
        }
        FeedBatch::LoadAll => panic!("the cursor is not too old"),
    }
}

pub(crate) async fn views_and_networks_come_by_the_feed(bench: Bench) {
    let (_, mut cursor) = bench.load().await;
    assert_eq!(bench.store.views().await.unwrap(), StoredViews::default());
    let office = || "office".to_owned();
    let network: Network = "192.0.2.77/24".parse().unwrap();
    let add = |zone| ViewChange::AddZone { view: office(), zone: zone_name(zone) };
    for change in [add("z.test..in"), add("y.test"), ViewChange::SetNetwork { network, view: Some(office()) }] {
        assert!(bench.store.change_views(&change).await.unwrap(), "{change:?}");
        assert!(!bench.store.change_views(&change).await.unwrap(), "{change:?} again");
    }
    let (zones, views) = changes(&bench, &mut cursor).await;
    let views = views.expect("views changed");
    assert_eq!(zones, 0);
    assert_eq!(
        views.zones.into_iter().collect::<Vec<_>>(),
        [(office(), vec![zone_name("y.test"), zone_name("z.test..in")])]
    );
    let shown: Vec<_> = views.networks.iter().map(|(network, view)| (network.to_string(), view.as_str())).collect();
    assert_eq!(shown, [("192.0.2.0/24".to_owned(), "office")]);
    assert_eq!(changes(&bench, &mut cursor).await, (0, None));

    // Another variant of an apex takes the place of the one before.
    assert!(bench.store.change_views(&add("z.test..out")).await.unwrap());
    let old = ViewChange::RemoveZone { view: office(), zone: zone_name("z.test..in") };
    assert!(!bench.store.change_views(&old).await.unwrap());
    for change in [
        ViewChange::RemoveZone { view: office(), zone: zone_name("z.test..out") },
        ViewChange::RemoveZone { view: office(), zone: zone_name("y.test") },
        ViewChange::SetNetwork { network, view: None },
    ] {
        assert!(bench.store.change_views(&change).await.unwrap(), "{change:?}");
    }
    assert_eq!(changes(&bench, &mut cursor).await, (0, Some(StoredViews::default())));
    // Whoever writes the tables by hand is heard too.
    bench.sql("INSERT INTO signpost_network VALUES ('2001:db8::/32', 'x')");
    assert_eq!(changes(&bench, &mut cursor).await.1.unwrap().networks.len(), 1);
}

pub(crate) async fn a_variant_is_a_zone_of_its_own(bench: Bench) {
    for name in ["z.test", "z.test..in", "a\\.b.test", "a\\.b.test..in"] {
        let mut new = new_zone(zone_name(name).apex().to_string().trim_end_matches('.'));
        new.name = zone_name(name);
        bench.store.create_zone(new).await.unwrap();
    }
    let names: Vec<String> =
        bench.store.zones(&Default::default()).await.unwrap().iter().map(|zone| zone.name.to_string()).collect();
    assert_eq!(names, ["z.test.", "z.test..in", "a\\.b.test.", "a\\.b.test..in"]);
    let www = patch(vec![replace("www.z.test", RecordType::A, &["10.0.0.1"])]);
    let commit = bench.store.edit_zone(&zone_name("z.test..in"), www).await.unwrap();
    let (before, after) = commit.serials.expect("the variant's serial moved");
    let serial = async |name: &str| bench.store.zone(&zone_name(name)).await.unwrap().unwrap().serial.unwrap();
    assert_eq!((serial("z.test").await, serial("z.test..in").await), (before, after));
    for zone in bench.store.zones(&Default::default()).await.unwrap() {
        assert!(
            zone.serial.is_some() || zone.name.to_string() == "a\\.b.test..in",
            "{} has a serial in the list",
            zone.name
        );
    }
    let mut first = None;
    let mut take = |item| match item {
        LoadItem::Views(_) => first = Some(true),
        LoadItem::Zone(_) => first = first.or(Some(false)),
        LoadItem::BadRow { .. } => panic!("every row is in its zone"),
        _ => {}
    };
    bench.store.load(LoadZones::All, &mut take).await.unwrap();
    assert_eq!(first, Some(true));
    bench.store.delete_zone(&zone_name("z.test..in"), "test").await.unwrap();
    assert!(bench.store.zone(&zone_name("z.test..in")).await.unwrap().is_none());
    assert!(bench.store.edit_zone(&zone_name("z.test"), ZoneEdit::default()).await.is_ok());
}
