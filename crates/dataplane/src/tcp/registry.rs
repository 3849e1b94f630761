//! Which connections there are, and which one goes when there are too many.
//!
//! At a cap the connection that has been idle longest is closed and the new one is let in. To refuse new ones instead would let
//! anyone shut out everybody else with idle connections.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
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
    connections: HashMap<u64, Entry>,
    by_source: HashMap<IpAddr, Vec<u64>>,
}

struct Entry {
    source: IpAddr,
    activity: Arc<Activity>,
}

/// What a connection and the registry share.
struct Activity {
    /// Milliseconds from the registry's epoch to the last progress: accepted, a whole message read, or replies written.
    last: AtomicU64,
    close: Notify,
}

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

    /// Takes in a connection at `now`. Returns also how many others were told to close to make room.
    pub(crate) fn admit(self: &Arc<Registry>, address: IpAddr, now: Instant) -> (Ticket, u64) {
        let source = source(address);
        let activity = Arc::new(Activity { last: AtomicU64::new(self.since_epoch(now)), close: Notify::new() });
        let mut open = self.lock();
        let mut closed = 0;
        while open.by_source.get(&source).is_some_and(|ids| ids.len() >= self.per_source_max) {
            let idlest = open.idlest(open.by_source[&source].iter());
            closed += open.close(idlest);
        }
        while open.connections.len() >= self.total_max {
            let idlest = open.idlest(open.connections.keys());
            closed += open.close(idlest);
        }
        let id = open.next_id;
        open.next_id += 1;
        open.connections.insert(id, Entry { source, activity: Arc::clone(&activity) });
        open.by_source.entry(source).or_default().push(id);
        (Ticket { id, registry: Arc::clone(self), activity }, closed)
    }

    /// How many connections are open.
    pub(crate) fn count(&self) -> usize {
        self.lock().connections.len()
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

    fn close(&mut self, id: Option<u64>) -> u64 {
        let Some(entry) = id.and_then(|id| self.remove(id)) else { return 0 };
        entry.activity.close.notify_one();
        1
    }

    fn remove(&mut self, id: u64) -> Option<Entry> {
        let entry = self.connections.remove(&id)?;
        if let Some(ids) = self.by_source.get_mut(&entry.source) {
            ids.retain(|&other| other != id);
            if ids.is_empty() {
                self.by_source.remove(&entry.source);
            }
        }
        Some(entry)
    }
}

impl Ticket {
    /// Notes that the connection got on at `now`.
    pub(crate) fn touch(&self, now: Instant) {
        self.activity.last.store(self.registry.since_epoch(now), Ordering::Relaxed);
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
    use std::time::Duration;

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
        let (first, _) = registry.admit(address("192.0.2.1"), at(0));
        let (second, _) = registry.admit(address("192.0.2.2"), at(1));
        first.touch(at(2));
        let (third, closed) = registry.admit(address("192.0.2.3"), at(3));
        assert_eq!((closed, registry.count()), (1, 2));
        assert!(is_closed(&second));
        assert!(!is_closed(&first));
        assert!(!is_closed(&third));
        drop(second);
        assert_eq!(registry.count(), 2);
        drop((first, third));
        assert_eq!(registry.count(), 0);
        assert!(registry.lock().by_source.is_empty());
    }

    #[test]
    fn one_source_makes_room_for_itself_only() {
        let registry = Registry::new(100, 2);
        let now = registry.epoch;
        let (other, _) = registry.admit(address("2001:db8:1::1"), now);
        let (first, _) = registry.admit(address("2001:db8::1"), now);
        let (second, _) = registry.admit(address("2001:db8::2"), now);
        let (third, closed) = registry.admit(address("2001:db8::3"), now);
        assert_eq!((closed, registry.count()), (1, 3));
        assert!(is_closed(&first));
        for ticket in [&other, &second, &third] {
            assert!(!is_closed(ticket));
        }
    }
}
