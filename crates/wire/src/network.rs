//! Networks by address and prefix: whom a server answers, and whom it spares.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::str::FromStr;

/// A network: an address and how many of its leading bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Why a text is no [`Network`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not an address or ADDRESS/PREFIX")]
pub struct NetworkError(String);

impl Network {
    /// `127.0.0.1` and `::1`.
    pub fn loopback() -> Vec<Network> {
        let v4 = Network { address: Ipv4Addr::LOCALHOST.into(), prefix: 32 };
        let v6 = Network { address: Ipv6Addr::LOCALHOST.into(), prefix: 128 };
        vec![v4, v6]
    }

    /// Whether `address` lies in it. An IPv4 address seen through an IPv6 socket counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let bits = 32 - u32::from(self.prefix);
                u32::from(ours).checked_shr(bits).unwrap_or(0) == u32::from(theirs).checked_shr(bits).unwrap_or(0)
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let bits = 128 - u32::from(self.prefix);
                u128::from(ours).checked_shr(bits).unwrap_or(0) == u128::from(theirs).checked_shr(bits).unwrap_or(0)
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Network, NetworkError> {
        let error = || NetworkError(text.to_owned());
        let (address, prefix) = match text.trim().split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text.trim(), None),
        };
        let address: IpAddr = address.parse().map_err(|_| error())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(longest), |prefix| prefix.parse().map_err(|_| error()))?;
        if prefix > longest { Err(error()) } else { Ok(Network { address, prefix }) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl Network {
    /// Its first address, and how many leading bits count.
    pub fn parts(&self) -> (IpAddr, u8) {
        (mapped_back(*self.mapped().start(), self.address.is_ipv4()), self.prefix)
    }

    fn mapped_prefix(&self) -> u8 {
        if self.address.is_ipv4() { self.prefix + 96 } else { self.prefix }
    }

    /// Its addresses as numbers, IPv4 mapped into IPv6 (RFC 4291 section 2.5.5.2).
    fn mapped(&self) -> RangeInclusive<u128> {
        let longest = if self.address.is_ipv4() { 32 } else { 128 };
        let span = 1_u128.checked_shl(longest - u32::from(self.prefix)).map_or(u128::MAX, |size| size - 1);
        let first = mapped(self.address) & !span;
        first..=first | span
    }
}

fn mapped(address: IpAddr) -> u128 {
    u128::from(match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    })
}

fn mapped_back(number: u128, is_ipv4: bool) -> IpAddr {
    let address = Ipv6Addr::from(number);
    if is_ipv4 { address.to_canonical() } else { address.into() }
}

/// Values by network, of which the one with the longest prefix counts. Looking up is a binary search, whatever the number.
#[derive(Debug, Clone)]
pub struct NetworkMap<T> {
    /// Where a value begins to hold, and which; until the next begins.
    starts: Vec<(u128, Option<T>)>,
}

impl<T> Default for NetworkMap<T> {
    fn default() -> NetworkMap<T> {
        NetworkMap { starts: Vec::new() }
    }
}

impl<T: Clone> NetworkMap<T> {
    /// Of two equal networks the later one counts. `::/0` has the addresses of IPv4 networks in it only as IPv6 writes them.
    pub fn new(networks: impl IntoIterator<Item = (Network, T)>) -> NetworkMap<T> {
        let mut networks: Vec<(Network, T)> = networks.into_iter().collect();
        // An outer network stands before those in it.
        networks.sort_by_key(|(network, _)| (*network.mapped().start(), network.mapped_prefix()));
        let mut starts: Vec<(u128, Option<T>)> = Vec::new();
        // Networks that are open, the innermost last.
        let mut open: Vec<(u128, T)> = Vec::new();
        let close = |starts: &mut Vec<(u128, Option<T>)>, open: &mut Vec<(u128, T)>, before: u128| {
            while let Some((last, _)) = open.pop_if(|(last, _)| *last < before) {
                // At the end of the address space nothing follows.
                let Some(next) = last.checked_add(1) else { continue };
                push(starts, next, open.last().map(|(_, value)| value.clone()));
            }
        };
        for (network, value) in networks {
            let (first, last) = network.mapped().into_inner();
            close(&mut starts, &mut open, first);
            push(&mut starts, first, Some(value.clone()));
            open.push((last, value));
        }
        close(&mut starts, &mut open, u128::MAX);
        NetworkMap { starts }
    }

    /// The value of the smallest network that `address` is in.
    pub fn find(&self, address: IpAddr) -> Option<&T> {
        let address = mapped(address);
        let at = self.starts.partition_point(|(start, _)| *start <= address);
        self.starts[..at].last()?.1.as_ref()
    }

    /// Whether no address has a value.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }
}

/// Of two values that begin at one address the later one counts.
fn push<T>(starts: &mut Vec<(u128, Option<T>)>, at: u128, value: Option<T>) {
    match starts.last_mut() {
        Some((start, present)) if *start == at => *present = value,
        _ => starts.push((at, value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn contains(network: &str, address: &str) -> bool {
        network.parse::<Network>().unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn networks_hold_their_addresses_and_no_others() {
        assert!(contains("192.0.2.0/24", "192.0.2.255"));
        assert!(!contains("192.0.2.0/24", "192.0.3.0"));
        assert!(contains("192.0.2.7", "::ffff:192.0.2.7"));
        assert!(contains("0.0.0.0/0", "203.0.113.9"));
        assert!(!contains("0.0.0.0/0", "2001:db8::1"));
        assert!(contains("::/0", "2001:db8::1"));
        assert!(contains("2001:db8::/32", "2001:db8:ffff::1"));
        assert!(!contains("::1", "::2"));
    }

    #[test]
    fn what_is_no_network_is_named() {
        for bad in ["", "x", "192.0.2.0/33", "::/129", "192.0.2.0/", "192.0.2.0/-1", "192.0.2/24"] {
            assert_eq!(bad.parse::<Network>(), Err(NetworkError(bad.to_owned())));
        }
    }

    fn map(networks: &[(&str, &'static str)]) -> NetworkMap<&'static str> {
        NetworkMap::new(networks.iter().map(|(network, value)| (network.parse().unwrap(), *value)))
    }

    #[test]
    fn the_longest_prefix_counts() {
        let map = map(&[("10.0.0.0/8", "ten"), ("10.1.0.0/16", "one"), ("10.1.2.3", "host"), ("2001:db8::/32", "six")]);
        let find = |address: &str| map.find(address.parse().unwrap()).copied();
        assert_eq!(find("10.0.0.0"), Some("ten"));
        assert_eq!(find("10.1.0.0"), Some("one"));
        assert_eq!(find("10.1.2.3"), Some("host"));
        assert_eq!(find("10.1.2.4"), Some("one"));
        assert_eq!(find("10.2.0.0"), Some("ten"));
        assert_eq!(find("10.255.255.255"), Some("ten"));
        assert_eq!(find("11.0.0.0"), None);
        assert_eq!(find("9.255.255.255"), None);
        assert_eq!(find("::ffff:10.1.2.3"), Some("host"));
        assert_eq!(find("2001:db8:ffff::"), Some("six"));
        assert_eq!(find("::"), None);
        assert!(NetworkMap::<u8>::default().is_empty() && !map.is_empty());
    }

    #[test]
    fn everything_and_its_last_address_are_networks_too() {
        let map = map(&[("::/0", "all"), ("0.0.0.0/0", "four"), ("255.255.255.255", "last"), ("ffff::/16", "end")]);
        let find = |address: &str| map.find(address.parse().unwrap()).copied();
        assert_eq!(find("::1"), Some("all"));
        assert_eq!(find("192.0.2.1"), Some("four"));
        assert_eq!(find("255.255.255.255"), Some("last"));
        assert_eq!(find("::1:0:0:0"), Some("all"));
        assert_eq!(find("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), Some("end"));
    }

    #[test]
    fn parts_are_the_first_address_and_the_length() {
        assert_eq!("192.0.2.9/24".parse::<Network>().unwrap().parts(), ("192.0.2.0".parse().unwrap(), 24));
        assert_eq!("2001:db8::9/64".parse::<Network>().unwrap().parts(), ("2001:db8::".parse().unwrap(), 64));
        assert_eq!("0.0.0.0/0".parse::<Network>().unwrap().parts(), ("0.0.0.0".parse().unwrap(), 0));
    }

    proptest! {
        #[test]
        fn a_map_finds_what_a_search_through_all_finds(
            networks in proptest::collection::vec((0_u32..64, 26_u8..=32), 0..12),
            addresses in proptest::collection::vec(0_u32..80, 1..20),
        ) {
            let networks: Vec<(Network, usize)> = networks.into_iter().enumerate()
                .map(|(at, (address, prefix))| (Network { address: Ipv4Addr::from(address).into(), prefix }, at)).collect();
            let map = NetworkMap::new(networks.clone());
            for address in addresses {
                let address = IpAddr::from(Ipv4Addr::from(address));
                let best = networks.iter().filter(|(network, _)| network.contains(address))
                    .max_by_key(|(network, at)| (network.prefix, *at)).map(|(_, at)| at);
                prop_assert_eq!(map.find(address), best);
            }
        }
    }
}
