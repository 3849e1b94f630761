//! What keeps the program of one interface right while it runs: its addresses, which come and go, and what the kernel counts.

use super::bpf::{ADDRESSES_MAX, AddressMap, Link};
use super::interface::{LocalAddress, local_addresses};
use super::program::AddressKey;
use super::socket::{KernelCounts, kernel_counts};
use crate::counters::{Counter, Counters};
use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How often it looks. What is sent to an address not known yet goes to the sockets, so that nothing depends on it.
const PERIOD: Duration = Duration::from_secs(1);

/// The program's keeper. Dropped, it takes the program off the interface.
pub(crate) struct Keeper {
    interface: String,
    listen: Vec<SocketAddr>,
    addresses: AddressMap,
    known: HashSet<AddressKey>,
    /// One for each queue, with what it had counted.
    sockets: Vec<(OwnedFd, KernelCounts)>,
    _link: Link,
}

impl Keeper {
    pub(super) fn new(
        interface: &str,
        listen: &[SocketAddr],
        addresses: AddressMap,
        link: Link,
        sockets: Vec<OwnedFd>,
    ) -> io::Result<Keeper> {
        let sockets = sockets.into_iter().map(|socket| (socket, KernelCounts::default())).collect();
        let (interface, listen) = (interface.to_owned(), listen.to_vec());
        let mut keeper = Keeper { interface, listen, addresses, known: HashSet::new(), sockets, _link: link };
        keeper.refresh()?;
        Ok(keeper)
    }

    /// Keeps at it until told to stop, which the thread is woken for.
    pub(crate) fn run(mut self, counters: &Counters, stop: &Arc<AtomicBool>) {
        let mut failed = false;
        while !stop.load(Ordering::Relaxed) {
            thread::park_timeout(PERIOD);
            let result = self.refresh();
            // Said once, not every second.
            let has_failed = std::mem::replace(&mut failed, result.is_err());
            if let Err(error) = result
                && !has_failed
            {
                tracing::warn!(interface = self.interface, %error, "its addresses cannot be read: AF_XDP goes on with those it knows");
            }
            self.count(counters);
        }
    }

    /// Tells the program which addresses are ours now.
    fn refresh(&mut self) -> io::Result<()> {
        let wanted = reachable(&self.listen, &local_addresses()?, &self.interface);
        for key in self.known.difference(&wanted) {
            self.addresses.remove(*key)?;
        }
        self.known.retain(|key| wanted.contains(key));
        for key in wanted {
            if self.known.len() < ADDRESSES_MAX && !self.known.contains(&key) {
                self.addresses.insert(key)?;
                self.known.insert(key);
            }
        }
        Ok(())
    }

    fn count(&mut self, counters: &Counters) {
        for (socket, before) in &mut self.sockets {
            if let Ok(now) = kernel_counts(socket) {
                counters.add(Counter::XdpDropped, now.dropped.saturating_sub(before.dropped));
                counters.add(Counter::XdpRingFull, now.ring_full.saturating_sub(before.ring_full));
                *before = now;
            }
        }
    }
}

/// What of `listen` may be the destination of a frame: addresses of this host alone, for those of others pass through a router.
fn reachable(listen: &[SocketAddr], local: &[LocalAddress], interface: &str) -> HashSet<AddressKey> {
    // Loopback's are on no wire, and a link-local one means something on its own link only.
    let is_here = |address: &&LocalAddress| match address.ip {
        IpAddr::V4(ip) => !ip.is_loopback(),
        IpAddr::V6(ip) => !ip.is_loopback() && (!ip.is_unicast_link_local() || address.interface == interface),
    };
    let mut keys = HashSet::new();
    for address in local.iter().filter(is_here) {
        for bound in listen.iter().filter(|bound| bound.is_ipv4() == address.ip.is_ipv4()) {
            if bound.ip().is_unspecified() || bound.ip() == address.ip {
                keys.insert(AddressKey::new(SocketAddr::new(address.ip, bound.port())));
            }
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(listen: &[&str], local: &[(&str, &str)]) -> Vec<AddressKey> {
        let listen: Vec<SocketAddr> = listen.iter().map(|text| text.parse().unwrap()).collect();
        let local = local.iter().map(|(ip, at)| LocalAddress { ip: ip.parse().unwrap(), interface: (*at).into() });
        let mut keys: Vec<AddressKey> = reachable(&listen, &local.collect::<Vec<_>>(), "eth0").into_iter().collect();
        keys.sort();
        keys
    }

    fn sorted(addresses: &[&str]) -> Vec<AddressKey> {
        let mut keys: Vec<AddressKey> = addresses.iter().map(|text| AddressKey::new(text.parse().unwrap())).collect();
        keys.sort();
        keys
    }

    const LOCAL: &[(&str, &str)] = &[
        ("127.0.0.1", "lo"),
        ("::1", "lo"),
        ("192.0.2.1", "eth0"),
        ("198.51.100.1", "eth1"),
        ("203.0.113.1", "lo"),
        ("2001:db8::1", "eth0"),
        ("fe80::1", "eth0"),
        ("fe80::2", "eth1"),
    ];

    #[test]
    fn a_wildcard_is_every_address_of_the_host_that_is_on_a_wire() {
        assert_eq!(
            keys(&["0.0.0.0:53", "[::]:5353"], LOCAL),
            sorted(&["192.0.2.1:53", "198.51.100.1:53", "203.0.113.1:53", "[2001:db8::1]:5353", "[fe80::1]:5353"])
        );
    }

    #[test]
    fn an_address_listened_on_counts_while_the_host_has_it() {
        let listen = &["192.0.2.1:53", "192.0.2.2:53", "127.0.0.1:53", "[2001:db8::1]:53"];
        assert_eq!(keys(listen, LOCAL), sorted(&["192.0.2.1:53", "[2001:db8::1]:53"]));
        assert_eq!(keys(listen, &[]), []);
    }
}
