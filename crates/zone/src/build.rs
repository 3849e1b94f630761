//! Building a snapshot from a stream of records.

use crate::chain::{Chain, Nsec3Links, NsecLinks, Place};
use crate::depths::Depths;
use crate::optout::LinkedChildren;
use crate::presigned::{self, Apart};
use crate::rrset::push_encoded;
use crate::snapshot::{Bitmap, negative_ttl};
use crate::table::PagedTable;
use crate::{DenialMode, Node, Rrset, Signatures, Supply, Withheld, Zone, misplaced};
use foldhash::quality::RandomState;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::BuildHasher;
use std::sync::Arc;
use wire::{Name, RecordType};

/// Why records do not make a zone.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Without SOA there is nothing to serve (RFC 1035 section 5.2).
    #[error("zone {0} has no SOA record at its apex")]
    NoSoa(Name),
}

/// Collects records, in any order, without a second copy of them.
#[derive(Debug)]
pub struct ZoneBuilder {
    apex: Name,
    mode: DenialMode,
    names: HashMap<Name, Pending, RandomState>,
    made: Vec<Arc<Rrset>>,
    ignored: usize,
}

/// A name whose records are still coming.
#[derive(Debug, Default)]
struct Pending {
    rrsets: Vec<PendingRrset>,
    /// `None`: nothing but records makes the name.
    withheld: Option<Vec<Withheld>>,
    /// Of a presigned zone, once its signatures hang on them.
    signed: Vec<Rrset>,
    children: u32,
    has_wildcard_child: bool,
}

#[derive(Debug)]
struct PendingRrset {
    rtype: RecordType,
    ttl: u32,
    encoded: Vec<u8>,
}

impl ZoneBuilder {
    /// Starts a zone.
    pub fn new(apex: Name, mode: DenialMode) -> ZoneBuilder {
        let apex = apex.to_lowercase();
        ZoneBuilder { apex, mode, names: HashMap::default(), made: Vec::new(), ignored: 0 }
    }

    /// Adds one record. Names outside the zone, [`crate::Misplaced`] records and, unless the zone is presigned, records only a signer
    /// makes (RRSIG, NSEC, NSEC3) are ignored and counted. Where TTLs differ within an RRset the least wins (RFC 2181 section 5.2).
    pub fn add(&mut self, name: &Name, rtype: RecordType, ttl: u32, rdata: &[u8]) {
        let is_placed = name.is_under(&self.apex) && misplaced::check(&self.apex, name, rtype).is_ok();
        if self.mode.leaves_out(rtype) || !is_placed {
            self.ignored += 1;
            return;
        }
        let pending = match self.names.get_mut(name) {
            Some(pending) => pending,
            None => self.names.entry(name.to_lowercase()).or_default(),
        };
        match pending.rrsets.iter_mut().find(|rrset| rrset.rtype == rtype) {
            Some(rrset) => {
                rrset.ttl = rrset.ttl.min(ttl);
                push_encoded(&mut rrset.encoded, rdata);
            }
            None => {
                let mut encoded = Vec::with_capacity(2 + rdata.len());
                push_encoded(&mut encoded, rdata);
                pending.rrsets.push(PendingRrset { rtype, ttl, encoded });
            }
        }
    }

    /// Whether records of this owner and type were added.
    pub fn has(&self, name: &Name, rtype: RecordType) -> bool {
        self.names.get(name).is_some_and(|pending| pending.rrsets.iter().any(|rrset| rrset.rtype == rtype))
    }

    /// Adds an RRset, in the way of single records; or notes that the type is withheld.
    pub fn supply(&mut self, name: &Name, rtype: RecordType, supply: &Supply) {
        match supply {
            Supply::Rrset(rrset) => rrset.rdatas().for_each(|rdata| self.add(name, rtype, rrset.ttl(), rdata)),
            Supply::Withheld(reason) => self.withhold(name, Withheld { rtype, reason: *reason }),
            Supply::Nothing => self.hold(name, None),
        }
    }

    /// Notes that the name has a type that cannot be answered, unless it has records of it. Names outside the zone are ignored and
    /// counted.
    pub fn withhold(&mut self, name: &Name, withheld: Withheld) {
        self.hold(name, Some(withheld));
    }

    fn hold(&mut self, name: &Name, withheld: Option<Withheld>) {
        if name.is_under(&self.apex) {
            let pending = self.names.entry(name.to_lowercase()).or_default();
            pending.withheld.get_or_insert_default().extend(withheld);
        } else {
            self.ignored += 1;
        }
    }

    /// Puts a made RRset (DNSKEY, NSEC3PARAM, CDS, CDNSKEY) at the apex, in place of stored data of that type.
    pub fn set_apex(&mut self, rrset: Rrset) {
        self.made.retain(|other| other.rtype() != rrset.rtype());
        self.made.push(Arc::new(rrset));
    }

    /// Records that were ignored.
    pub fn ignored(&self) -> usize {
        self.ignored
    }

    /// The snapshot, with its denial chain.
    ///
    /// # Errors
    ///
    /// [`BuildError::NoSoa`] without a SOA record at the apex.
    pub fn finish(mut self) -> Result<Zone, BuildError> {
        let is_presigned = matches!(self.mode, DenialMode::Presigned(_));
        let links = if is_presigned { self.hang_signatures() } else { StoredLinks::default() };
        self.link_parents();
        let hasher = RandomState::default();
        let mut redirects = Depths::default();
        let mut rrset_count = 0;
        let mut wildcard_count = 0;
        let mut nodes: Vec<(u64, Arc<Node>)> = Vec::with_capacity(self.names.len());
        for (name, pending) in self.names {
            let rrsets = pending.rrsets.into_iter().map(PendingRrset::build).chain(pending.signed).map(Arc::new);
            let is_apex = name == self.apex;
            let rrsets = if is_apex { with_made(rrsets, &self.made) } else { rrsets.collect() };
            let mut node = Node::new(name, rrsets, pending.withheld, is_apex);
            node.children = pending.children;
            node.has_wildcard_child = pending.has_wildcard_child;
            if node.is_redirecting() {
                redirects.add(node.name.label_count());
            }
            rrset_count += node.rrsets.len();
            wildcard_count += usize::from(node.name.is_wildcard());
            nodes.push((hasher.hash_one(node.name.as_wire()), Arc::new(node)));
        }
        nodes.sort_unstable_by(|(a_key, a), (b_key, b)| {
            a_key.cmp(b_key).then_with(|| a.name.as_wire().cmp(b.name.as_wire()))
        });
        let names = PagedTable::from_sorted(nodes);
        let apex_wire = self.apex.as_wire();
        let apex_node = names.get(hasher.hash_one(apex_wire), |node| node.name.as_wire() == apex_wire).map(Arc::clone);
        let apex_node = apex_node.ok_or_else(|| BuildError::NoSoa(self.apex.clone()))?;
        let soa = apex_node.rrset(RecordType::SOA).map(Arc::clone);
        let soa = soa.ok_or_else(|| BuildError::NoSoa(self.apex.clone()))?;
        let mut zone = Zone {
            apex: self.apex,
            mode: self.mode,
            hasher,
            names,
            apex_node,
            soa,
            made: self.made,
            redirects,
            chain: Chain::None,
            has_stored_chain: false,
            linked_children: LinkedChildren::default(),
            rrset_count,
            wildcard_count,
        };
        zone.chain_up(links);
        Ok(zone)
    }

    /// Hangs the signatures of a presigned zone on what they cover, and takes its links out: their owners need not be names.
    fn hang_signatures(&mut self) -> StoredLinks {
        let mut links = StoredLinks::default();
        self.names.retain(|name, pending| {
            let apart = Apart::new(std::mem::take(&mut pending.rrsets).into_iter().map(PendingRrset::build));
            links.rrsets.extend(apart.links.into_iter().map(|rrset| (name.clone(), rrset)));
            links.signatures.extend(apart.link_signatures.into_iter().map(|signatures| (name.clone(), signatures)));
            pending.signed = apart.data;
            !pending.signed.is_empty()
        });
        self.make_nsec3param(&mut links);
        links
    }

    /// Adds empty non-terminals (RFC 4592 section 2.2.2) and counts children.
    fn link_parents(&mut self) {
        let names: Vec<Name> = self.names.keys().cloned().collect();
        for name in names {
            let mut child = name;
            while child != self.apex {
                let Some(parent) = child.parent() else { break };
                let is_wildcard = child.is_wildcard();
                let (pending, is_new) = match self.names.entry(parent.clone()) {
                    Entry::Occupied(entry) => (entry.into_mut(), false),
                    Entry::Vacant(entry) => (entry.insert(Pending::default()), true),
                };
                pending.children += 1;
                pending.has_wildcard_child |= is_wildcard;
                if !is_new {
                    break;
                }
                child = parent;
            }
        }
    }
}

impl ZoneBuilder {
    /// Where a presigned zone has no chain and the parameters of one to be made, they are not stored as a record either.
    fn make_nsec3param(&mut self, links: &mut StoredLinks) {
        let DenialMode::Presigned(Some(params)) = &self.mode else { return };
        let at = links.signatures.iter().position(|(_, (rtype, _))| *rtype == RecordType::NSEC3PARAM);
        let Some(at) = at.filter(|_| links.rrsets.is_empty()) else { return };
        let (owner, (rtype, signatures)) = links.signatures.swap_remove(at);
        let Some(pending) = self.names.get_mut(&owner).filter(|_| owner == self.apex) else { return };
        let ttl = presigned::original_ttl(&signatures).unwrap_or(0);
        let rrset = Rrset::new(rtype, ttl, vec![params.nsec3param_rdata()]);
        rrset.signatures().store(Arc::new(signatures));
        pending.signed.push(rrset);
    }
}

/// What a presigned zone has of its chain.
#[derive(Debug, Default)]
struct StoredLinks {
    rrsets: Vec<(Name, Rrset)>,
    /// Those of links that are not stored.
    signatures: Vec<(Name, (RecordType, Signatures))>,
}

impl PendingRrset {
    fn build(self) -> Rrset {
        Rrset::from_encoded(self.rtype, self.ttl, self.encoded)
    }
}

impl Zone {
    /// Takes the stored chain of a presigned zone; makes one in all other cases.
    fn chain_up(&mut self, links: StoredLinks) {
        let DenialMode::Presigned(configured) = &self.mode else { return self.rebuild_chain() };
        let named = self.apex_node.rrset(RecordType::NSEC3PARAM).map(Arc::as_ref);
        match presigned::stored_chain(&self.apex, named, configured.as_ref(), links.rrsets) {
            Some(chain) => {
                self.chain = chain;
                self.has_stored_chain = true;
            }
            None => {
                self.rebuild_chain();
                self.chain.hang_stored(&self.apex, links.signatures);
            }
        }
    }

    /// Makes all links of the denial chain afresh.
    pub(crate) fn rebuild_chain(&mut self) {
        let mut chain = match &self.mode {
            DenialMode::Unsigned | DenialMode::Narrow(_) | DenialMode::Compact => Chain::None,
            DenialMode::Nsec | DenialMode::Presigned(None) => Chain::Nsec(NsecLinks::default()),
            DenialMode::Nsec3(params) | DenialMode::Presigned(Some(params)) => {
                Chain::Nsec3(Nsec3Links::new(params.clone(), &self.apex))
            }
        };
        let ttl = negative_ttl(&self.soa);
        if self.mode.is_opt_out() {
            self.count_linked_children();
        }
        chain.build(self.names.iter().map(|node| self.place_of(node)), ttl);
        self.chain = chain;
    }

    /// The place of a name in the denial chain, whether it exists or not.
    pub(crate) fn place_at(&self, name: Name) -> Place {
        match self.node(name.as_wire()) {
            Some(node) => self.place_of(node),
            None => (name, None),
        }
    }

    fn is_nsec(&self) -> bool {
        match &self.mode {
            DenialMode::Presigned(None) => !matches!(self.chain, Chain::Nsec3(_)),
            DenialMode::Presigned(Some(_)) => matches!(self.chain, Chain::Nsec(_)),
            mode => *mode == DenialMode::Nsec,
        }
    }

    /// Whether a node is one that the denial chain tells of. (With NSEC it still has no link if it has no records.)
    pub(crate) fn is_linked(&self, node: &Node) -> bool {
        self.mode != DenialMode::Unsigned && !self.is_below_cut(node.name.as_wire()) && !self.is_opted_out(node)
    }

    /// A node's place in the denial chain.
    pub(crate) fn place_of(&self, node: &Node) -> Place {
        if !self.is_linked(node) {
            return (node.name.clone(), None);
        }
        let bitmap = |bitmap| {
            let mut encoded = Vec::new();
            node.bitmap(bitmap, |octets| encoded.extend_from_slice(octets));
            encoded
        };
        if self.is_nsec() {
            // An empty non-terminal has no record (RFC 4034 section 4).
            return (node.name.clone(), (!node.is_empty_non_terminal()).then(|| bitmap(Bitmap::Nsec)));
        }
        (node.name.clone(), Some(bitmap(Bitmap::Nsec3)))
    }
}

impl DenialMode {
    /// Whether records of this type are made by our signer and never taken from stored data.
    pub(crate) fn leaves_out(&self, rtype: RecordType) -> bool {
        let is_signers = matches!(rtype, RecordType::RRSIG | RecordType::NSEC | RecordType::NSEC3);
        is_signers && !matches!(self, DenialMode::Presigned(_))
    }
}

/// An apex's stored RRsets with the made ones in place of those of the same types.
pub(crate) fn with_made(stored: impl Iterator<Item = Arc<Rrset>>, made: &[Arc<Rrset>]) -> Vec<Arc<Rrset>> {
    let kept = stored.filter(|rrset| made.iter().all(|other| other.rtype() != rrset.rtype()));
    kept.chain(made.iter().cloned()).collect()
}
