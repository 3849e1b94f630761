//! NOTIFY from a stored zone to secondaries on loopback (RFC 1996).

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use store::{NewZone, RrsetChange, RrsetEdit, Store, StoreSettings, StoredRecord, ZoneEdit};
use tokio::net::UdpSocket;
use transfer::{Notifier, NotifySettings};
use wire::{Name, RecordType, ZoneName};

struct Directory(PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn open(test: &str) -> (Arc<dyn Store>, Directory) {
    let path = std::env::temp_dir().join(format!("signpost-notify-{test}-{}", std::process::id()));
    std::fs::create_dir_all(&path).unwrap();
    let settings = StoreSettings {
        url: format!("sqlite:{}", path.join("zones.db").display()),
        connections_max: 2,
        timeout: Duration::from_secs(10),
        default_ttl: 3600,
        migrate: true,
    };
    (store::open(&settings).await.unwrap(), Directory(path))
}

fn zone_name(text: &str) -> ZoneName {
    ZoneName::parse(text).unwrap()
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn rrset(owner: &str, rtype: RecordType, contents: &[&str]) -> RrsetChange {
    let record = |content: &&str| StoredRecord { content: (*content).to_owned(), prio: 0, disabled: false };
    let records = Some(contents.iter().map(record).collect());
    RrsetChange::Replace { name: name(owner), rtype, ttl: 60, records, comments: None }
}

/// A zone whose primary and one secondary are in it, and which has one more secondary in ALSO-NOTIFY.
fn zone(secondary: IpAddr, also: SocketAddr) -> NewZone {
    let address = if secondary.is_ipv4() { RecordType::A } else { RecordType::AAAA };
    let content = ZoneEdit {
        rrsets: RrsetEdit::ReplaceAll(vec![
            rrset("x.test", RecordType::SOA, &["ns1.x.test hostmaster.x.test 1 2 3 4 5"]),
            rrset("x.test", RecordType::NS, &["ns1.x.test", "ns2.x.test"]),
            // The primary: told nothing, whatever its address.
            rrset("ns1.x.test", RecordType::A, &["127.0.0.9"]),
            rrset("ns2.x.test", address, &[&secondary.to_string()]),
        ]),
        metadata: vec![("ALSO-NOTIFY".to_owned(), vec![also.to_string(), "192.0.2.1".to_owned()])],
        ..ZoneEdit::default()
    };
    NewZone { name: zone_name("x.test"), content }
}

/// Answers the next NOTIFY, and returns its question.
async fn answer_one(secondary: &UdpSocket) -> Vec<u8> {
    let mut octets = [0; 512];
    let (length, peer) = secondary.recv_from(&mut octets).await.unwrap();
    let question = octets[12..length].to_vec();
    octets[2] |= 0x80;
    secondary.send_to(&octets[..length], peer).await.unwrap();
    question
}

#[tokio::test]
async fn rfc1996_section_3_3_nameservers_but_the_primary_and_also_notify_are_told() {
    let (store, _directory) = open("targets").await;
    let nameserver = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let other = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let nameserver_address = nameserver.local_addr().unwrap();
    store.create_zone(zone(nameserver_address.ip(), other.local_addr().unwrap())).await.unwrap();
    let settings = NotifySettings {
        port: nameserver_address.port(),
        first_wait: Duration::from_secs(5),
        // The documentation address in ALSO-NOTIFY must not be sent to.
        is_allowed: Arc::new(|address| address.is_loopback() && address != IpAddr::from([127, 0, 0, 9])),
        ..NotifySettings::default()
    };
    let notifier = Notifier::spawn(store, settings);
    assert!(notifier.queue(zone_name("x.test")));
    let wanted = b"\x01x\x04test\0\0\x06\0\x01";
    let (first, second) = tokio::join!(answer_one(&nameserver), answer_one(&other));
    assert_eq!((first.as_slice(), second.as_slice()), (&wanted[..], &wanted[..]));
    let counters = notifier.counters();
    while counters.answered.load(Ordering::Relaxed) < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(counters.sent.load(Ordering::Relaxed), 2);
    assert_eq!(counters.unanswered.load(Ordering::Relaxed), 0);
    assert_eq!(notifier.waiting(), 0);
}

#[tokio::test]
async fn a_zone_that_waits_is_queued_once_and_a_full_queue_refuses() {
    let (store, _directory) = open("queue").await;
    let notifier = Notifier::spawn(store, NotifySettings { queue_max: 1, ..NotifySettings::default() });
    // The worker cannot run before this task awaits: the queue keeps what it gets.
    assert!(notifier.queue(zone_name("a.test")));
    assert!(notifier.queue(zone_name("A.test")));
    assert!(!notifier.queue(zone_name("b.test")));
    assert_eq!((notifier.waiting(), notifier.counters().refused.load(Ordering::Relaxed)), (1, 1));
    while notifier.waiting() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(notifier.queue(zone_name("b.test")), "there is a place again");
}
