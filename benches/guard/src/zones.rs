//! The zone that is asked: names as External-DNS keeps them, and some of each thing else.

use anyhow::{Context, Result};
use dnssec::{Algorithm, KeyInUse, ServedZone, SigningPolicy, WorkbenchBounds, ZoneKey, ZoneSigner, ZoneTable};
use std::sync::Arc;
use wire::{Name, RecordType, rdata};
use zone::{DenialMode, Nsec3Params, ZoneBuilder};

/// The zone.
pub(crate) const APEX: &str = "cluster.example";
/// Names with an address, each with its ownership TXT beside it, where instructions are counted.
pub(crate) const PAIRS: usize = 5000;
/// Delegations, and chains of CNAMEs: many, since what is in a hash table's way to one name is chance.
pub(crate) const CUTS: usize = 64;
pub(crate) const CHAINS: usize = 256;

/// A name with an address; two in five are below a team's label, which is an empty non-terminal.
pub(crate) fn address_name(number: usize) -> String {
    match number % 5 {
        0 | 1 => format!("app-{number:05}.team-{:02}.{APEX}", number % 50),
        _ => format!("app-{number:05}.{APEX}"),
    }
}

/// The name of its ownership record.
pub(crate) fn registry_name(number: usize) -> String {
    format!("a-{}", address_name(number))
}

/// The zone with so many pairs, with algorithm 13 and NSEC3 `1 0 0 -`, in a table without bound for what is signed on demand.
///
/// # Errors
///
/// None that this machine could do something about.
pub(crate) fn table(pairs: usize) -> Result<Arc<ZoneTable>> {
    let apex = Name::parse(APEX)?;
    let mut builder = ZoneBuilder::new(apex.clone(), DenialMode::Nsec3(Nsec3Params::default()));
    let mut add = |owner: &str, rtype: RecordType, text: &str| -> Result<()> {
        builder.add(&Name::parse(owner)?, rtype, 300, &rdata::parse(rtype, text, None)?);
        Ok(())
    };
    add(APEX, RecordType::SOA, &format!("ns1.{APEX}. host.{APEX}. 1 7200 3600 1209600 300"))?;
    for server in ["ns1", "ns2"] {
        add(APEX, RecordType::NS, &format!("{server}.{APEX}."))?;
        add(&format!("{server}.{APEX}"), RecordType::A, "192.0.2.53")?;
    }
    for number in 0..pairs {
        let owner = address_name(number);
        add(&owner, RecordType::A, &format!("198.51.{}.{}", number / 250 % 250, number % 250))?;
        let owned = "\"heritage=external-dns,external-dns/owner=default,external-dns/resource=ingress/shop/web\"";
        add(&registry_name(number), RecordType::TXT, owned)?;
    }
    add(&format!("*.wild.{APEX}"), RecordType::A, "192.0.2.80")?;
    for number in 0..CHAINS {
        add(&format!("chain{number}.{APEX}"), RecordType::CNAME, &format!("link{number}.{APEX}."))?;
        add(&format!("link{number}.{APEX}"), RecordType::CNAME, &format!("{}.", address_name(number)))?;
    }
    for number in 0..CUTS {
        let child = format!("child{number}.{APEX}");
        add(&child, RecordType::NS, &format!("ns.{child}."))?;
        add(&format!("ns.{child}"), RecordType::A, "192.0.2.54")?;
    }
    let key = Arc::new(ZoneKey::from_isc(&ZoneKey::generate(Algorithm::EcdsaP256Sha256)?, 257)?);
    let keys = vec![KeyInUse { key, active: true, published: true }];
    let signer = Arc::new(ZoneSigner::new(apex, keys, SigningPolicy::default()));
    builder.set_apex(signer.dnskey_rrset(300).context("the key is published")?);
    let bounds = WorkbenchBounds { signatures_per_second: u32::MAX, ..WorkbenchBounds::default() };
    let table = ZoneTable::with_bounds(bounds);
    table.put(ServedZone::new(Arc::new(builder.finish()?), Some(signer)));
    Ok(table)
}
