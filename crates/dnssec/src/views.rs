//! Views: which variants of zones a client sees, by the network it asks from.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use foldhash::quality::RandomState;
use wire::network::NetworkMap;
use wire::{Network, ZoneName};

/// Who sees what. Without networks everybody sees the zones without a variant.
#[derive(Debug, Clone, Default)]
pub struct Views {
    networks: NetworkMap<usize>,
    views: Vec<Choice>,
}

/// The variants that one view puts in the place of the zones that everybody sees, by apex in lower-case wire format.
pub(crate) type Choice = HashMap<Box<[u8]>, ZoneName, RandomState>;

impl Views {
    /// From the networks with the view of each, and the zones of each view. A network whose view holds no variant sees what
    /// everybody sees.
    pub fn new<'a>(
        networks: impl IntoIterator<Item = (Network, &'a str)>,
        zones: impl IntoIterator<Item = (&'a str, ZoneName)>,
    ) -> Views {
        let mut places = BTreeMap::<&str, usize>::new();
        let mut views: Vec<Choice> = Vec::new();
        let mut place = |view: &'a str, views: &mut Vec<Choice>| {
            *places.entry(view).or_insert_with(|| {
                views.push(Choice::default());
                views.len() - 1
            })
        };
        for (view, zone) in zones {
            let at = place(view, &mut views);
            if zone.variant().is_some() {
                views[at].insert(zone.apex().as_wire().into(), zone);
            }
        }
        let networks: Vec<(Network, usize)> =
            networks.into_iter().map(|(network, view)| (network, place(view, &mut views))).collect();
        Views { networks: NetworkMap::new(networks), views }
    }

    /// What a client at `address` sees in other variants.
    pub(crate) fn choice(&self, address: IpAddr) -> Option<&Choice> {
        if self.networks.is_empty() {
            return None;
        }
        self.networks.find(address).map(|&at| &self.views[at]).filter(|choice| !choice.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dialect_section_11_the_longest_network_names_the_view() {
        let zone = |text: &str| ZoneName::parse(text).unwrap();
        let networks = [("192.0.2.0/24", "a"), ("192.0.2.128/25", "b"), ("198.51.100.0/24", "plain"), ("::/0", "none")];
        let networks = networks.map(|(network, view)| (network.parse().unwrap(), view));
        let zones = [("a", zone("example.com..in")), ("b", zone("example.com..out")), ("plain", zone("example.com."))];
        let views = Views::new(networks, zones);
        let seen = |address: &str| {
            let choice = views.choice(address.parse().unwrap())?;
            choice.get(zone("example.com").apex().as_wire()).map(ZoneName::to_string)
        };
        assert_eq!(seen("192.0.2.1").as_deref(), Some("example.com..in"));
        assert_eq!(seen("192.0.2.200").as_deref(), Some("example.com..out"));
        assert_eq!(seen("198.51.100.1"), None, "a zone without variant is what everybody sees");
        assert_eq!(seen("2001:db8::1"), None);
        assert_eq!(seen("203.0.113.1"), None);
        assert!(Views::default().choice("192.0.2.1".parse().unwrap()).is_none());
    }
}
