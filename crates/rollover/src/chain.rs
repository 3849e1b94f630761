//! What a validator demands of a DS set, a DNSKEY set and signatures that it may hold together.
//!
//! A chain of trust falls into two halves, which are judged apart: DS to DNSKEY, and DNSKEY to data. Each is judged twice. Most
//! validators are content with one path. Strict ones want one for each algorithm (RFC 4035 sections 2.2 and 5.2, RFC 6840 section 5.11),
//! which is what makes a roll to another algorithm harder than others.

use std::collections::{BTreeMap, BTreeSet};

use crate::key::KeyId;
use crate::observe::Ds;

/// A DNSKEY set: its keys, and whether each signs the set.
pub type DnskeySet = BTreeMap<KeyId, bool>;

/// The keys that the data is signed with.
pub type Signers = BTreeSet<KeyId>;

/// A DS set; empty for a delegation without DS.
pub type DsSet = BTreeSet<Ds>;

/// What a validator is content with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// One path.
    AnyPath,
    /// A path for each algorithm.
    EveryAlgorithm,
}

/// Both, in the order in which they are worth naming.
pub const DEMANDS: [Demand; 2] = [Demand::AnyPath, Demand::EveryAlgorithm];

/// Whether `ds` leads to `dnskey`. Without DS there is nothing to lead.
pub fn ds_leads_to(ds: &DsSet, dnskey: &DnskeySet, algorithm: impl Fn(KeyId) -> u8, demand: Demand) -> bool {
    let path = |wanted: &Ds| matches!(wanted, Ds::Ours(key) if dnskey.get(key) == Some(&true));
    let number = |ds: &Ds| match ds {
        Ds::Ours(key) => algorithm(*key),
        Ds::Foreign { algorithm, .. } => *algorithm,
    };
    match demand {
        Demand::AnyPath => ds.is_empty() || ds.iter().any(path),
        Demand::EveryAlgorithm => {
            let led: BTreeSet<u8> = ds.iter().filter(|ds| path(ds)).map(number).collect();
            ds.iter().all(|ds| led.contains(&number(ds)))
        }
    }
}

/// Whether data that `signers` signed is believed by who holds `dnskey`. Without DNSKEY nothing is believed or doubted.
pub fn signers_satisfy(dnskey: &DnskeySet, signers: &Signers, algorithm: impl Fn(KeyId) -> u8, demand: Demand) -> bool {
    let mut good = dnskey.keys().filter(|key| signers.contains(key)).map(|key| algorithm(*key));
    match demand {
        Demand::AnyPath => dnskey.is_empty() || good.next().is_some(),
        Demand::EveryAlgorithm => {
            let good: BTreeSet<u8> = good.collect();
            dnskey.keys().all(|key| good.contains(&algorithm(*key)))
        }
    }
}
