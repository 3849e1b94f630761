//! The snapshot of one zone.

use crate::chain::{self, Chain};
use crate::depths::Depths;
use crate::optout::LinkedChildren;
use crate::table::PagedTable;
use crate::{Nsec3Hash, Nsec3Params, Rrset, Withheld};
use foldhash::quality::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use wire::{Name, RecordType};

/// How a zone denies that names and types exist.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DenialMode {
    /// The zone is not signed.
    #[default]
    Unsigned,
    /// NSEC (RFC 4034 section 4).
    Nsec,
    /// A chain of NSEC3 records (RFC 5155); with opt-out, of what that leaves in it (section 6).
    Nsec3(Nsec3Params),
    /// NSEC3 records made for each query, which cover one hash (RFC 7129 appendix B).
    Narrow(Nsec3Params),
    /// NSEC records made for each query, which match the name asked for (RFC 9824).
    Compact,
    /// Whatever was stored with the data by who signed it ([`crate::presigned`]). Where that left no chain, one with these
    /// parameters, or NSEC, is made for the stored signatures.
    Presigned(Option<Nsec3Params>),
}

/// What records the proofs of a zone are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proofs<'z> {
    /// None.
    None,
    /// NSEC records of a chain.
    Nsec,
    /// NSEC3 records of a chain with these parameters.
    Nsec3(&'z Nsec3Params),
    /// NSEC3 records made for each query.
    Narrow(&'z Nsec3Params),
    /// NSEC records made for each query.
    Compact,
}

/// The kind of record that a type bitmap is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bitmap {
    /// It and its RRSIG stand at the name themselves.
    Nsec,
    /// It stands elsewhere.
    Nsec3,
}

impl DenialMode {
    pub(crate) fn is_opt_out(&self) -> bool {
        matches!(self, DenialMode::Nsec3(params) | DenialMode::Presigned(Some(params)) if params.opt_out)
    }
}

/// One owner name, or an empty non-terminal.
#[derive(Debug, Clone)]
pub struct Node {
    pub(crate) name: Name,
    pub(crate) rrsets: Box<[Arc<Rrset>]>,
    withheld: Option<Box<Withholding>>,
    /// Nodes exactly one label below.
    pub(crate) children: u32,
    pub(crate) has_wildcard_child: bool,
    pub(crate) is_cut: bool,
    pub(crate) has_dname: bool,
}

/// Behind a thin pointer: hardly any of a million nodes has one.
#[derive(Debug, Clone)]
struct Withholding {
    /// None: the name is there all the same ([`crate::Supply::Nothing`]).
    types: Vec<Withheld>,
}

impl Node {
    /// `rrsets` in any order, one of a type. What is withheld gives way to what is there. With neither the name is an empty
    /// non-terminal if `withheld` is `None`, and else there for something that makes no data now.
    pub(crate) fn new(name: Name, mut rrsets: Vec<Arc<Rrset>>, withheld: Option<Vec<Withheld>>, is_apex: bool) -> Node {
        rrsets.sort_by_key(|rrset| rrset.rtype());
        let withheld = withheld.map(|mut types| {
            types.retain(|withheld| rrsets.iter().all(|rrset| rrset.rtype() != withheld.rtype));
            types.sort_by_key(|withheld| withheld.rtype);
            types.dedup_by_key(|withheld| withheld.rtype);
            types
        });
        let withheld = withheld.filter(|types| !types.is_empty() || rrsets.is_empty());
        let has = |rtype| rrsets.iter().any(|rrset| rrset.rtype() == rtype);
        let (is_cut, has_dname) = (!is_apex && has(RecordType::NS), has(RecordType::DNAME));
        let withheld = withheld.map(|types| Box::new(Withholding { types }));
        Node { name, rrsets: rrsets.into(), withheld, children: 0, has_wildcard_child: false, is_cut, has_dname }
    }

    /// The owner, lower case.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// All RRsets by ascending type number.
    pub fn rrsets(&self) -> &[Arc<Rrset>] {
        &self.rrsets
    }

    /// The RRset of one type.
    pub fn rrset(&self, rtype: RecordType) -> Option<&Arc<Rrset>> {
        self.rrsets.iter().find(|rrset| rrset.rtype() == rtype)
    }

    /// Types that the name has and that cannot be answered, by ascending type number; none of them has an RRset.
    pub fn withheld(&self) -> &[Withheld] {
        self.withheld.as_ref().map_or(&[], |withheld| &withheld.types)
    }

    /// The same, to be changed; `None`: nothing but RRsets makes the name.
    pub(crate) fn holding(&self) -> Option<Vec<Withheld>> {
        self.withheld.as_ref().map(|withheld| withheld.types.clone())
    }

    /// Every type that the name has, in no particular order.
    pub(crate) fn types(&self) -> impl Iterator<Item = RecordType> + '_ {
        self.rrsets.iter().map(|rrset| rrset.rtype()).chain(self.withheld().iter().map(|withheld| withheld.rtype))
    }

    /// The encoded bitmap of its types (RFC 4034 section 4.1.2), in pieces: those it is asked about here, at a cut NS and DS alone.
    pub fn bitmap(&self, bitmap: Bitmap, put: impl FnMut(&[u8])) {
        chain::bitmap_of(self.types(), self.is_cut, bitmap, put);
    }

    /// The CNAME of a name where other types stand beside it though they should not (RFC 1034 section 3.6.2). Not at the apex and
    /// at cuts: SOA, NS, DS and keys must be found.
    pub(crate) fn cname_beside_others(&self) -> Option<&Arc<Rrset>> {
        if self.rrsets.len() < 2 || self.is_cut || self.rrset(RecordType::SOA).is_some() {
            return None;
        }
        self.rrset(RecordType::CNAME)
    }

    /// Whether the name has no records of its own (RFC 4592 section 2.2.2).
    pub fn is_empty_non_terminal(&self) -> bool {
        self.rrsets.is_empty() && self.withheld.is_none()
    }

    /// Whether the zone ends here: NS records at a name other than the apex (RFC 1034 section 4.2).
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Whether `*.name` exists.
    pub fn has_wildcard_child(&self) -> bool {
        self.has_wildcard_child
    }

    /// Whether names below are not this zone's, or are rewritten.
    pub(crate) fn is_redirecting(&self) -> bool {
        self.is_cut || self.has_dname
    }

    /// The RRsets this zone signs: all of them, at a cut only DS (RFC 4035 section 2.2).
    pub fn signable(&self) -> impl Iterator<Item = &Arc<Rrset>> + '_ {
        self.rrsets.iter().filter(|rrset| !self.is_cut || rrset.rtype() == RecordType::DS)
    }
}

/// What a name is looked up by in the zone that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameKey(pub(crate) u64);

/// One zone, immutable but for signature slots. A clone shares everything.
#[derive(Debug, Clone)]
pub struct Zone {
    pub(crate) apex: Name,
    pub(crate) mode: DenialMode,
    pub(crate) hasher: RandomState,
    pub(crate) names: PagedTable<Arc<Node>>,
    pub(crate) apex_node: Arc<Node>,
    pub(crate) soa: Arc<Rrset>,
    /// RRsets that were made, not stored: they replace stored data of their types at the apex.
    pub(crate) made: Vec<Arc<Rrset>>,
    /// Where cuts and DNAMEs are.
    pub(crate) redirects: Depths,
    pub(crate) chain: Chain,
    pub(crate) has_stored_chain: bool,
    /// Empty but for opt-out.
    pub(crate) linked_children: LinkedChildren,
    pub(crate) rrset_count: usize,
    /// Names that begin with `*`.
    pub(crate) wildcard_count: usize,
}

impl Zone {
    /// The apex, lower case.
    pub fn apex(&self) -> &Name {
        &self.apex
    }

    /// The SOA RRset.
    pub fn soa(&self) -> &Arc<Rrset> {
        &self.soa
    }

    /// The SOA's serial (RFC 1035 section 3.3.13).
    pub fn serial(&self) -> u32 {
        soa_field(&self.soa, 0)
    }

    /// TTL in seconds of negative answers, NSEC and NSEC3: the lesser of the SOA's TTL and its minimum
    /// field (RFC 2308 section 3, RFC 9077).
    pub fn negative_ttl(&self) -> u32 {
        negative_ttl(&self.soa)
    }

    /// The mode the snapshot was built with.
    pub fn denial_mode(&self) -> &DenialMode {
        &self.mode
    }

    /// What the proofs are made of.
    pub fn proofs(&self) -> Proofs<'_> {
        match (&self.chain, &self.mode) {
            (Chain::None, DenialMode::Narrow(params)) => Proofs::Narrow(params),
            (Chain::None, DenialMode::Compact) => Proofs::Compact,
            (Chain::None, _) => Proofs::None,
            (Chain::Nsec(_), _) => Proofs::Nsec,
            (Chain::Nsec3(links), _) => Proofs::Nsec3(&links.params),
        }
    }

    /// The apex node.
    pub fn apex_node(&self) -> &Arc<Node> {
        &self.apex_node
    }

    /// The node of a name in lower-case wire format, occluded ones included.
    pub fn node(&self, lower: &[u8]) -> Option<&Arc<Node>> {
        self.node_at(lower, self.key_of(lower))
    }

    /// The same for a name whose key is known.
    pub(crate) fn node_at(&self, lower: &[u8], key: NameKey) -> Option<&Arc<Node>> {
        self.names.get(key.0, |node| node.name.as_wire() == lower)
    }

    /// What a name in lower-case wire format is looked up by.
    pub fn key_of(&self, lower: &[u8]) -> NameKey {
        NameKey(self.hash(lower))
    }

    /// The NSEC RRset of the greatest owner not after `name` in canonical order, with its owner.
    /// `None` unless the zone has an NSEC chain.
    pub fn nsec_at_or_before(&self, name: &Name) -> Option<(&Name, &Arc<Rrset>)> {
        self.chain.nsec_at_or_before(name.as_wire())
    }

    /// The same for a name in wire format.
    pub fn nsec_at_or_before_wire(&self, name: &[u8]) -> Option<(&Name, &Arc<Rrset>)> {
        self.chain.nsec_at_or_before(name)
    }

    /// The NSEC RRset of the greatest owner before `name` in canonical order, going round, with its owner.
    /// `None` unless the zone has an NSEC chain.
    pub fn nsec_before(&self, name: &Name) -> Option<(&Name, &Arc<Rrset>)> {
        self.chain.nsec_before(name)
    }

    /// The NSEC3 hash, under the parameters of the zone's chain, of a name in lower-case wire format that is at or under the apex;
    /// those of the apex and of the wildcard below it are not computed anew. `None` unless the zone has an NSEC3 chain.
    pub fn nsec3_hash(&self, lower: &[u8]) -> Option<Nsec3Hash> {
        self.chain.nsec3_hash(lower)
    }

    /// The NSEC3 RRset whose owner hash equals `hash`, and that owner hash. `None` unless the zone has an NSEC3 chain.
    pub fn nsec3_matching(&self, hash: &Nsec3Hash) -> Option<(&Nsec3Hash, &Arc<Rrset>)> {
        self.chain.nsec3_matching(hash)
    }

    /// The NSEC3 RRset with the greatest owner hash before `hash`, going round, and that owner hash.
    /// It covers `hash` unless [`Self::nsec3_matching`] finds one. `None` unless the zone has an NSEC3 chain.
    pub fn nsec3_covering(&self, hash: &Nsec3Hash) -> Option<(&Nsec3Hash, &Arc<Rrset>)> {
        self.chain.nsec3_covering(hash)
    }

    /// Every node, in no particular order, empty non-terminals and occluded names included.
    pub fn nodes(&self) -> impl Iterator<Item = &Arc<Node>> + '_ {
        self.names.iter()
    }

    /// Every RRset that wants signatures, with its owner: authoritative data and the NSEC or NSEC3
    /// records. Owners of NSEC3 records are made on the fly. Nothing in an unsigned zone.
    pub fn signable(&self) -> impl Iterator<Item = (Name, &Arc<Rrset>)> + '_ {
        let is_signed = self.mode != DenialMode::Unsigned;
        let nodes = self.names.iter().filter(move |node| is_signed && !self.is_below_cut(node.name.as_wire()));
        let data = nodes.flat_map(|node| node.signable().map(|rrset| (node.name.clone(), rrset)));
        data.chain(self.denial_records())
    }

    /// Every NSEC or NSEC3 RRset with its owner.
    pub fn denial_records(&self) -> impl Iterator<Item = (Name, &Arc<Rrset>)> + '_ {
        self.chain.records(&self.apex)
    }

    /// Hangs the signatures of `old`, another snapshot of the same zone, on all data that is the same: a zone that was built afresh
    /// need not be signed afresh. Signatures name the keys that made them, so those of other keys do no harm.
    pub fn adopt_signatures(&self, old: &Zone) {
        if self.apex != old.apex {
            return;
        }
        for node in self.nodes() {
            let Some(before) = old.node(node.name.as_wire()) else { continue };
            for rrset in &node.rrsets {
                before.rrset(rrset.rtype()).into_iter().for_each(|old| rrset.adopt_signatures(old));
            }
        }
        self.chain.adopt_signatures(&old.chain);
    }

    /// Names, empty non-terminals included.
    pub fn name_count(&self) -> usize {
        self.names.len()
    }

    /// RRsets of data (NSEC and NSEC3 not counted).
    pub fn rrset_count(&self) -> usize {
        self.rrset_count
    }

    /// Whether a name in lower-case wire format lies strictly below a cut or a DNAME, so that its data
    /// is glue or occluded and not this zone's to sign.
    pub fn is_below_cut(&self, lower: &[u8]) -> bool {
        self.redirect_above(lower).is_some()
    }

    /// The topmost cut or DNAME strictly above a name in lower-case wire format. Where a node is both, it is a cut.
    pub fn redirect_above(&self, lower: &[u8]) -> Option<&Arc<Node>> {
        let mut depths = self.redirects.iter().peekable();
        depths.peek()?;
        let starts = LabelStarts::new(lower);
        let labels = starts.count();
        depths.take_while(|&depth| depth < labels).find_map(|depth| {
            let suffix = &lower[starts.at(labels - depth)..];
            self.node(suffix).filter(|node| node.is_redirecting())
        })
    }

    pub(crate) fn hash(&self, lower: &[u8]) -> u64 {
        self.hasher.hash_one(lower)
    }
}

/// The lesser of the SOA's TTL and its minimum field.
pub(crate) fn negative_ttl(soa: &Rrset) -> u32 {
    soa.ttl().min(soa_field(soa, 4))
}

/// One of the five numbers at the end of a SOA's RDATA; 0 where it is malformed.
fn soa_field(soa: &Rrset, field: usize) -> u32 {
    let rdata = soa.rdatas().next().unwrap_or_default();
    let numbers = rdata.last_chunk::<20>().unwrap_or(&[0; 20]);
    let [a, b, c, d] = [0, 1, 2, 3].map(|octet| numbers[field * 4 + octet]);
    u32::from_be_bytes([a, b, c, d])
}

/// Where the labels of a name in wire format begin, leftmost first; the root's is the last.
pub(crate) struct LabelStarts {
    starts: [u8; 128],
    count: usize,
}

impl LabelStarts {
    pub(crate) fn new(wire: &[u8]) -> LabelStarts {
        let mut starts = [0; 128];
        let (mut at, mut count) = (0, 0);
        while wire[at] != 0 {
            starts[count] = at as u8;
            count += 1;
            at += 1 + usize::from(wire[at]);
        }
        starts[count] = at as u8;
        LabelStarts { starts, count }
    }

    /// Labels without the root.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Where label `index` begins; `count()` is the root.
    pub(crate) fn at(&self, index: usize) -> usize {
        usize::from(self.starts[index])
    }
}
