//! Whom to notify: the zone's other nameservers and what ALSO-NOTIFY adds (RFC 1996 section 3.3).

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use store::{RrsetFilter, Store, StoreError, StoredRrset, ZoneSummary};
use wire::{Name, RecordType};

/// Nameservers and ALSO-NOTIFY entries that are looked at.
const TARGETS_MAX: usize = 64;
/// How long the system's resolver may take for one nameserver.
const RESOLVE_BOUND: Duration = Duration::from_secs(5);

/// The addresses to notify, each once. `port` is where nameservers listen; `also` holds for every zone.
pub(crate) async fn targets(
    store: &dyn Store,
    zone: &ZoneSummary,
    port: u16,
    also: &[SocketAddr],
) -> Result<BTreeSet<SocketAddr>, StoreError> {
    let mut targets: BTreeSet<SocketAddr> = also.iter().copied().collect();
    for (kind, values) in store.metadata(zone.id).await? {
        if kind == "ALSO-NOTIFY" {
            targets.extend(values.iter().take(TARGETS_MAX).filter_map(|value| also_notify(zone.name.apex(), value)));
        }
    }
    let apex = store.rrsets(zone.id, &RrsetFilter { name: Some(zone.name.apex().clone()), rtype: None }).await?;
    for server in secondaries(&apex) {
        let addresses = match server.is_under(zone.name.apex()) {
            true => addresses_in_zone(store, zone, &server).await?,
            false => resolve(&server).await,
        };
        targets.extend(addresses.into_iter().map(|address| SocketAddr::new(address, port)));
    }
    Ok(targets.into_iter().take(TARGETS_MAX).collect())
}

/// One value of ALSO-NOTIFY: `IP` or `IP:port`.
fn also_notify(zone: &Name, value: &str) -> Option<SocketAddr> {
    let value = value.trim();
    let address =
        value.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
    let target = address.or_else(|_| value.parse::<SocketAddr>());
    if target.is_err() {
        tracing::warn!(%zone, value, "ALSO-NOTIFY is not an address");
    }
    target.ok()
}

/// The names of the apex NS RRset, except the SOA's MNAME: that one is the primary (RFC 1996 section 2.1).
fn secondaries(apex: &[StoredRrset]) -> Vec<Name> {
    let enabled = |rtype: RecordType| {
        let rrsets = apex.iter().filter(move |rrset| rrset.rtype == rtype);
        rrsets.flat_map(|rrset| &rrset.records).filter(|record| !record.disabled)
    };
    let primary = enabled(RecordType::SOA).next().and_then(|soa| soa.content.split_ascii_whitespace().next());
    let primary = primary.and_then(|name| Name::parse(name).ok());
    let names = enabled(RecordType::NS).filter_map(|ns| Name::parse(ns.content.trim()).ok());
    names.filter(|name| Some(name) != primary.as_ref()).take(TARGETS_MAX).collect()
}

async fn addresses_in_zone(store: &dyn Store, zone: &ZoneSummary, server: &Name) -> Result<Vec<IpAddr>, StoreError> {
    let filter = RrsetFilter { name: Some(server.to_lowercase()), rtype: None };
    let rrsets = store.rrsets(zone.id, &filter).await?;
    let rrsets = rrsets.iter().filter(|rrset| matches!(rrset.rtype, RecordType::A | RecordType::AAAA));
    let records = rrsets.flat_map(|rrset| &rrset.records).filter(|record| !record.disabled);
    Ok(records.filter_map(|record| record.content.trim().parse().ok()).collect())
}

/// Asks the system's resolver. A name that does not resolve is logged and left out.
async fn resolve(server: &Name) -> Vec<IpAddr> {
    let host = server.to_string();
    match tokio::time::timeout(RESOLVE_BOUND, tokio::net::lookup_host((host.as_str(), 0))).await {
        Ok(Ok(addresses)) => addresses.map(|address| address.ip()).take(TARGETS_MAX).collect(),
        Ok(Err(error)) => {
            tracing::warn!(%server, %error, "nameserver cannot be notified: it has no address");
            Vec::new()
        }
        Err(_) => {
            tracing::warn!(%server, "nameserver cannot be notified: resolving took too long");
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::StoredRecord;

    fn rrset(rtype: RecordType, contents: &[(&str, bool)]) -> StoredRrset {
        let record =
            |&(content, disabled): &(&str, bool)| StoredRecord { content: content.to_owned(), prio: 0, disabled };
        let name = Name::parse("example.test").unwrap();
        StoredRrset { name, rtype, ttl: 60, records: contents.iter().map(record).collect(), comments: Vec::new() }
    }

    /// RFC 1996 section 2.1: the notify set is the NS RRset without the MNAME.
    #[test]
    fn rfc1996_section_2_1_the_primary_is_not_told() {
        let apex = [
            rrset(RecordType::SOA, &[("NS1.example.test hostmaster.example.test 1 2 3 4 5", false)]),
            rrset(
                RecordType::NS,
                &[("ns1.example.test", false), ("ns2.example.test.", false), ("off.test", true), ("a..b", false)],
            ),
        ];
        assert_eq!(secondaries(&apex), [Name::parse("ns2.example.test").unwrap()]);
    }

    #[test]
    fn also_notify_takes_addresses_with_and_without_port() {
        let zone = Name::parse("example.test").unwrap();
        for (value, wanted) in [
            ("192.0.2.1", Some("192.0.2.1:53")),
            (" 192.0.2.1:5300 ", Some("192.0.2.1:5300")),
            ("2001:db8::1", Some("[2001:db8::1]:53")),
            ("[2001:db8::1]:5300", Some("[2001:db8::1]:5300")),
            ("ns2.example.test", None),
            ("", None),
        ] {
            assert_eq!(also_notify(&zone, value), wanted.map(|text| text.parse().unwrap()), "{value}");
        }
    }
}
