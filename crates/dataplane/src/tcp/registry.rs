//! Which connections there are, and which one goes when there are too many.
//!
//! At a cap the connection that has been idle longest is closed and the new one is let in. To refuse new ones instead would let
//! anyone shut out everybody else with idle connections.

use crate::counters::{CARRIERS, Carrier};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// All open connections.
pub(crate) struct Registry {
    total_max: usize,
    per_source_max: usize,
    epoch: Instant,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next_id: u64,
    count: [u64; CARRIERS],
    connections: HashMap<u64, Entry>,
    by_source: HashMap<IpAddr, Vec<u64>>,
}

struct Entry {
    carrier: Carrier,
    source: IpAddr,
    activity: Arc<Activity>,
}

/// What a connection and the registry share.
struct Activity {
    /// Milliseconds from the registry's epoch to the last progress: accepted, a whole message read, or replies written.
    last: AtomicU64,
    close: Notify,
}

/// How many connections of each kind were told to close, to make room for another.
pub(crate) type Closed = [u64; CARRIERS];

/// A connection's place in the registry, given up when dropped.
pub(crate) struct Ticket {
    id: u64,
    registry: Arc<Registry>,
    activity: Arc<Activity>,
}

impl Registry {
    /// At most `total_max` connections, and `per_source_max` from one source; both at least 1.
    pub(crate) fn new(total_max: usize, per_source_max: usize) -> Arc<Registry> {
        let (total_max, per_source_max) = (total_max.max(1), per_source_max.max(1));
        Arc::new(Registry { total_max, per_source_max, epoch: Instant::now(), open: Mutex::default() })
    }

    /// Takes in a connection at `now`.
    pub(crate) fn admit(self: &Arc<Registry>, address: IpAddr, carrier: Carrier, now: Instant) -> (Ticket, Closed) {
        let source = source(address);
        let activity = Arc::new(Activity { last: AtomicU64::new(self.since_epoch(now)), close: Notify::new() });
        let mut open = self.lock();
        let mut closed = Closed::default();
        open.make_room_for(source, self.per_source_max, &mut closed);
        while open.connections.len() >= self.total_max {
            let idlest = open.idlest(open.connections.keys());
            open.close(idlest, &mut closed);
        }
        let id = open.next_id;
        open.next_id += 1;
        open.connections.insert(id, Entry { carrier, source, activity: Arc::clone(&activity) });
        open.by_source.entry(source).or_default().push(id);
        open.count[carrier as usize] += 1;
        (Ticket { id, registry: Arc::clone(self), activity }, closed)
    }

    /// How many connections of each kind are open.
    pub(crate) fn count(&self) -> [u64; CARRIERS] {
        self.lock().count
    }

    fn since_epoch(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.epoch).as_millis() as u64
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        // No code between two changes of the maps can panic.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn idlest<'i>(&self, ids: impl Iterator<Item = &'i u64>) -> Option<u64> {
        let last = |id: &u64| self.connections.get(id).map(|entry| entry.activity.last.load(Ordering::Relaxed));
        // Ids rise with time: of two that are as idle, the older goes.
        ids.copied().min_by_key(|id| (last(id), *id))
    }

    /// Closes connections of `source` until one more is within the bound.
    fn make_room_for(&mut self, source: IpAddr, per_source_max: usize, closed: &mut Closed) {
        while self.by_source.get(&source).is_some_and(|ids| ids.len() >= per_source_max) {
            let idlest = self.idlest(self.by_source[&source].iter());
            self.close(idlest, closed);
        }
    }

    fn close(&mut self, id: Option<u64>, closed: &mut Closed) {
        let Some(entry) = id.and_then(|id| self.remove(id)) else { return };
        entry.activity.close.notify_one();
        closed[entry.carrier as usize] += 1;
    }

    fn remove(&mut self, id: u64) -> Option<Entry> {
        let entry = self.connections.remove(&id)?;
        self.count[entry.carrier as usize] -= 1;
        self.forget(id, entry.source);
        Some(entry)
    }

    fn forget(&mut self, id: u64, source: IpAddr) {
        if let Some(ids) = self.by_source.get_mut(&source) {
            ids.retain(|&other| other != id);
            if ids.is_empty() {
                self.by_source.remove(&source);
            }
        }
    }
}

impl Ticket {
    /// Notes that the connection got on at `now`.
    pub(crate) fn touch(&self, now: Instant) {
        self.activity.last.store(self.registry.since_epoch(now), Ordering::Relaxed);
    }

    /// When the connection last got on.
    pub(crate) fn last(&self) -> Instant {
        self.registry.epoch + Duration::from_millis(self.activity.last.load(Ordering::Relaxed))
    }

    /// Counts the connection under the client that a proxy names, instead of under the proxy.
    pub(crate) fn move_to(&self, client: IpAddr) -> Closed {
        let client = source(client);
        let mut open = self.registry.lock();
        let mut closed = Closed::default();
        // Absent if it was just told to close.
        if let Some(before) = open.connections.get(&self.id).map(|entry| entry.source) {
            open.forget(self.id, before);
            open.make_room_for(client, self.registry.per_source_max, &mut closed);
            if let Some(entry) = open.connections.get_mut(&self.id) {
                entry.source = client;
                open.by_source.entry(client).or_default().push(self.id);
            }
        }
        closed
    }

    /// Ends when the connection has to make room.
    pub(crate) async fn closed(&self) {
        self.activity.close.notified().await;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.registry.lock().remove(self.id);
    }
}

/// What counts as one source: an IPv4 address, or an IPv6 network of 64 bits, as one host can have all of it.
fn source(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Waker};

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn is_closed(ticket: &Ticket) -> bool {
        pin!(ticket.closed()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn at_the_cap_the_idlest_goes_and_the_new_one_stays() {
        let registry = Registry::new(2, 2);
        let at = |seconds| registry.epoch + Duration::from_secs(seconds);
        let (first, _) = registry.admit(address("192.0.2.1"), Carrier::Tcp, at(0));
        let (second, _) = registry.admit(address("192.0.2.2"), Carrier::Tls, at(1));
        first.touch(at(2));
        let (third, closed) = registry.admit(address("192.0.2.3"), Carrier::Quic, at(3));
        assert_eq!((closed, registry.count()), ([0, 1, 0, 0], [1, 0, 0, 1]));
        assert!(is_closed(&second));
        assert!(!is_closed(&first));
        assert!(!is_closed(&third));
        drop(second);
        assert_eq!(registry.count(), [1, 0, 0, 1]);
        drop((first, third));
        assert_eq!(registry.count(), [0; CARRIERS]);
        assert!(registry.lock().by_source.is_empty());
    }

    #[test]
    fn one_source_makes_room_for_itself_only() {
        let registry = Registry::new(100, 2);
        let now = registry.epoch;
        let (other, _) = registry.admit(address("2001:db8:1::1"), Carrier::Tcp, now);
        let (first, _) = registry.admit(address("2001:db8::1"), Carrier::Tcp, now);
        let (second, _) = registry.admit(address("2001:db8::2"), Carrier::Tcp, now);
        let (third, closed) = registry.admit(address("2001:db8::3"), Carrier::Tcp, now);
        assert_eq!((closed, registry.count()), ([1, 0, 0, 0], [3, 0, 0, 0]));
        assert!(is_closed(&first));
        for ticket in [&other, &second, &third] {
            assert!(!is_closed(ticket));
        }
    }

    #[test]
    fn clients_behind_a_proxy_are_counted_one_by_one() {
        let registry = Registry::new(100, 2);
        let now = registry.epoch;
        let proxied = |client: &str| {
            let (ticket, at_proxy) = registry.admit(address("192.0.2.1"), Carrier::Tcp, now);
            (ticket.move_to(address(client))[0], at_proxy[0], ticket)
        };
        let all: Vec<_> = ["198.51.100.1", "198.51.100.2", "198.51.100.1"].map(proxied).into();
        assert!(all.iter().all(|(closed, at_proxy, _)| (*closed, *at_proxy) == (0, 0)));
        let (closed, at_proxy, _ticket) = proxied("198.51.100.1");
        assert_eq!((closed, at_proxy, registry.count()[0]), (1, 0, 3));
        assert!(is_closed(&all[0].2));
        assert_eq!(registry.lock().by_source.len(), 2);
    }
}
