//! Zones that were signed elsewhere: signatures and the denial chain are stored with the data, and found, not made.
//!
//! Signatures hang on the RRsets they cover. The NSEC or NSEC3 records that are stored are the chain; where there are none,
//! which is how PowerDNS stores a signed zone that it transferred in, the chain is made from the data and only its signatures
//! are stored.

use crate::chain::{Chain, Nsec3Links, NsecLinks};
use crate::nsec3hash::nsec3_hash;
use crate::{DenialMode, Node, Nsec3Hash, Nsec3Params, Rrset, Signatures, Zone};
use data_encoding::BASE32HEX_NOPAD;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use wire::{Name, RecordType};

/// [`Signatures::key_set`] of signatures that were stored.
pub const STORED_KEY_SET: u64 = u64::MAX;

/// A stored chain with more iterations is not used: each costs every denial, and validators take so many for insecure or refuse
/// them (RFC 9276 section 3.2).
pub const ITERATIONS_MAX: u16 = 150;

/// What is stored at one name, put apart.
#[derive(Debug, Default)]
pub(crate) struct Apart {
    /// Data, with the signatures that cover it.
    pub(crate) data: Vec<Rrset>,
    /// NSEC and NSEC3, with theirs.
    pub(crate) links: Vec<Rrset>,
    /// Signatures over NSEC, NSEC3 and NSEC3PARAM records that are not stored.
    pub(crate) link_signatures: Vec<(RecordType, Signatures)>,
}

impl Apart {
    pub(crate) fn new(stored: impl IntoIterator<Item = Rrset>) -> Apart {
        let mut apart = Apart::default();
        let mut signatures: HashMap<RecordType, Signatures> = HashMap::new();
        for rrset in stored {
            match rrset.rtype() {
                RecordType::RRSIG => signatures = by_type_covered(&rrset),
                RecordType::NSEC | RecordType::NSEC3 => apart.links.push(rrset),
                _ => apart.data.push(rrset),
            }
        }
        for rrset in apart.data.iter().chain(&apart.links) {
            if let Some(signatures) = signatures.remove(&rrset.rtype()) {
                rrset.signatures().store(Arc::new(signatures));
            }
        }
        let made = [RecordType::NSEC, RecordType::NSEC3, RecordType::NSEC3PARAM];
        signatures.retain(|rtype, _| made.contains(rtype));
        apart.link_signatures = signatures.into_iter().collect();
        apart
    }
}

/// What is wrong with a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainFault {
    /// A name has no link, so that it can be denied.
    Missing(Name),
    /// A link shows other types than its name has.
    Types(Name),
    /// The link with this owner does not lead to the next one.
    Next(Name),
    /// The link with this owner belongs to no name.
    Surplus(Name),
}

/// Octets of RRSIG RDATA before the signer's name (RFC 4034 section 3.1).
const RRSIG_FIXED: usize = 18;

/// RRSIG records as signatures of what they cover, of all algorithms.
fn by_type_covered(rrsigs: &Rrset) -> HashMap<RecordType, Signatures> {
    let mut found: HashMap<RecordType, Signatures> = HashMap::new();
    for rdata in rrsigs.rdatas().filter(|rdata| rdata.len() > RRSIG_FIXED) {
        let covered = RecordType(u16::from_be_bytes([rdata[0], rdata[1]]));
        let expiration = u32::from_be_bytes([rdata[8], rdata[9], rdata[10], rdata[11]]);
        let length = (rdata.len() as u16).to_be_bytes();
        let signatures = found.entry(covered).or_insert_with(|| Signatures {
            key_set: STORED_KEY_SET,
            refresh_at: expiration,
            expires_at: expiration,
            encoded: Box::default(),
        });
        // The earliest counts: RFC 1982 arithmetic.
        if (expiration.wrapping_sub(signatures.expires_at) as i32) < 0 {
            (signatures.refresh_at, signatures.expires_at) = (expiration, expiration);
        }
        signatures.encoded = [&signatures.encoded, &length[..], rdata].concat().into();
    }
    found
}

/// The TTL under which the first of the RRSIGs was made (RFC 4034 section 3.1.4).
pub(crate) fn original_ttl(signatures: &Signatures) -> Option<u32> {
    let rdata = signatures.rdatas().next()?;
    Some(u32::from_be_bytes(*rdata.get(4..)?.first_chunk()?))
}

/// The chain that is stored: `links` are NSEC and NSEC3 RRsets with their owners. `None` if there is none that can be used.
///
/// Among several NSEC3 chains one that NSEC3PARAM names is taken (RFC 5155 section 4), then the one that is `configured`, then the
/// longest, since a signer that is in the midst of a change may leave another one behind.
pub(crate) fn stored_chain(
    apex: &Name,
    nsec3params: Option<&Rrset>,
    configured: Option<&Nsec3Params>,
    links: Vec<(Name, Rrset)>,
) -> Option<Chain> {
    let (nsec3, nsec): (Vec<_>, Vec<_>) = links.into_iter().partition(|(_, rrset)| rrset.rtype() == RecordType::NSEC3);
    /// Links that are told apart by their parameters.
    type StoredNsec3 = (Nsec3Params, Vec<(Nsec3Hash, Arc<Rrset>)>);
    let mut chains: Vec<StoredNsec3> = Vec::new();
    for (owner, rrset) in nsec3 {
        let (Some(hash), Some(params)) = (hash_of(&owner, apex), params_of(&rrset)) else { continue };
        let link = (hash, Arc::new(rrset));
        match chains.iter_mut().find(|(other, _)| *other == params) {
            Some((_, links)) => links.push(link),
            None => chains.push((params, vec![link])),
        }
    }
    let is_named = |params: &Nsec3Params| named_params(nsec3params).any(|named| named == *params);
    let is_configured = |params: &Nsec3Params| {
        configured.is_some_and(|other| (params.iterations, &params.salt) == (other.iterations, &other.salt))
    };
    let usable = chains.into_iter().filter(|(params, _)| params.iterations <= ITERATIONS_MAX);
    let best = usable.max_by_key(|(params, links)| (is_named(params), is_configured(params), links.len()));
    match best {
        // One that nothing names may be on its way in or out, beside NSEC records that are in use.
        Some((params, links)) if nsec.is_empty() || is_named(&params) || is_configured(&params) => {
            Some(Chain::Nsec3(Nsec3Links::of_stored(params, apex, links)))
        }
        _ if nsec.is_empty() => None,
        _ => Some(Chain::Nsec(NsecLinks::of_stored(nsec))),
    }
}

/// The parameters in NSEC3PARAM records; those with flags are not for use (RFC 5155 section 4.1.2).
fn named_params(nsec3params: Option<&Rrset>) -> impl Iterator<Item = Nsec3Params> + '_ {
    let rdatas = nsec3params.into_iter().flat_map(Rrset::rdatas);
    rdatas.filter(|rdata| rdata.get(1) == Some(&0)).filter_map(Nsec3Params::of_rdata)
}

/// The parameters of an NSEC3 RRset, as far as they say which chain it belongs to: each record may be opt-out or not.
pub(crate) fn params_of(nsec3: &Rrset) -> Option<Nsec3Params> {
    nsec3.rdatas().next().and_then(Nsec3Params::of_rdata)
}

/// The hash that an NSEC3 owner's first label is, directly below the apex.
pub(crate) fn hash_of(owner: &Name, apex: &Name) -> Option<Nsec3Hash> {
    let label = owner.labels().next()?.to_ascii_uppercase();
    let is_below_apex = owner.as_wire().get(1 + label.len()..)?.eq_ignore_ascii_case(apex.as_wire());
    let hash = is_below_apex.then(|| BASE32HEX_NOPAD.decode(&label).ok())??;
    hash.try_into().ok()
}

impl Zone {
    /// Whether the zone was signed elsewhere.
    pub fn is_presigned(&self) -> bool {
        matches!(self.mode, DenialMode::Presigned(_))
    }

    /// Whether the denial chain was stored with the data, and not made.
    pub fn has_stored_chain(&self) -> bool {
        self.has_stored_chain
    }

    /// Whether the data of one name of a presigned zone can be replaced by `rrsets` alone. Not where the chain was made, nor where
    /// another chain may be the one to use from then on: the zone has to be built afresh then.
    pub fn can_take(&self, name: &Name, rrsets: &[Rrset]) -> bool {
        let has_same = |rtype| {
            let new = rrsets.iter().find(|rrset| rrset.rtype() == rtype);
            match (self.apex_node.rrset(rtype), new) {
                (Some(old), Some(new)) => old.has_same_data(new),
                (old, new) => old.is_none() && new.is_none(),
            }
        };
        self.has_stored_chain && (*name != self.apex || has_same(RecordType::NSEC3PARAM))
    }

    /// What is wrong with the chain as a description of the data: what RFC 4035 section 2.3 and RFC 5155 section 7.1 ask for.
    pub fn chain_faults(&self) -> Vec<ChainFault> {
        let mut faults = Vec::new();
        let mut expected = HashSet::new();
        for node in self.names.iter() {
            let (name, Some(types)) = self.place_of(node) else { continue };
            match self.chain.link_of(&name) {
                Some(link) => {
                    expected.insert(Arc::as_ptr(link));
                    if self.chain.bitmap(link) != types {
                        faults.push(ChainFault::Types(name));
                    }
                }
                None if self.is_covered_by_opt_out(node) => {}
                None => faults.push(ChainFault::Missing(name)),
            }
        }
        let surplus = self.chain.records(&self.apex).filter(|(_, link)| !expected.contains(&Arc::as_ptr(link)));
        faults.extend(surplus.map(|(owner, _)| ChainFault::Surplus(owner)));
        faults.extend(self.chain.broken(&self.apex).into_iter().map(ChainFault::Next));
        faults
    }

    /// Whether a name that opt-out may leave out is left out (RFC 5155 section 7.1).
    fn is_covered_by_opt_out(&self, node: &Node) -> bool {
        let Chain::Nsec3(links) = &self.chain else { return false };
        let may_be_left_out = node.is_empty_non_terminal() || node.is_cut && node.rrset(RecordType::DS).is_none();
        let cover = self.chain.nsec3_covering(&nsec3_hash(&node.name, &links.params));
        let has_flag = |link: &Rrset| link.rdatas().next().is_some_and(|rdata| rdata.get(1) == Some(&1));
        may_be_left_out && cover.is_some_and(|(_, link)| has_flag(link))
    }

    /// Replaces the link of a name by what is stored there now, if that is of the chain in use.
    pub(crate) fn replace_stored_link(&mut self, name: &Name, links: Vec<Rrset>) {
        match &mut self.chain {
            Chain::None => {}
            Chain::Nsec(nsec) => {
                nsec.replace_stored(name, links.into_iter().find(|rrset| rrset.rtype() == RecordType::NSEC));
            }
            Chain::Nsec3(nsec3) => {
                let Some(hash) = hash_of(name, &self.apex) else { return };
                let is_of_chain = |rrset: &Rrset| {
                    rrset.rtype() == RecordType::NSEC3 && params_of(rrset).as_ref() == Some(&nsec3.params)
                };
                let link = links.into_iter().find(is_of_chain);
                nsec3.replace_stored(&hash, link);
            }
        }
    }
}
