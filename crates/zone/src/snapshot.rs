//! The snapshot of one zone.

use crate::{Nsec3Hash, Nsec3Params, Rrset};
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
    /// A full NSEC3 chain (RFC 5155).
    Nsec3(Nsec3Params),
}

/// One owner name, or an empty non-terminal.
#[derive(Debug)]
pub struct Node {
    pub(crate) name: Name,
    pub(crate) rrsets: Box<[Arc<Rrset>]>,
    /// Nodes exactly one label below.
    pub(crate) children: u32,
    /// Whether `*.name` exists.
    pub(crate) has_wildcard_child: bool,
}

impl Node {
    /// The owner, lower case.
    pub fn name(&self) -> &Name {
        &self.name
    }
    /// All RRsets by ascending type number.
    pub fn rrsets(&self) -> &[Arc<Rrset>] {
        &self.rrsets
    }
    /// The RRset of one type.
    pub fn rrset(&self, _rtype: RecordType) -> Option<&Arc<Rrset>> {
        todo!()
    }
    /// Whether the name has no records of its own (RFC 4592 section 2.2.2).
    pub fn is_empty_non_terminal(&self) -> bool {
        self.rrsets.is_empty()
    }
}

/// One zone, immutable.
#[derive(Debug)]
pub struct Zone {}

/// The records that prove absence, as the zone holds them.
pub enum Denial<'z> {
    /// The zone is not signed.
    Unsigned,
    /// Use [`Zone::nsec_at_or_before`].
    Nsec(std::marker::PhantomData<&'z ()>),
    /// Use [`Zone::nsec3_matching`] and [`Zone::nsec3_covering`].
    Nsec3(&'z Nsec3Params),
}

impl Zone {
    /// The apex, lower case.
    pub fn apex(&self) -> &Name {
        todo!()
    }
    /// The SOA RRset of exactly one record.
    pub fn soa(&self) -> &Arc<Rrset> {
        todo!()
    }
    /// SOA serial.
    pub fn serial(&self) -> u32 {
        todo!()
    }
    /// TTL of negative answers: the lesser of the SOA's TTL and its minimum field (RFC 2308 section 3), also of NSEC and NSEC3 (RFC 9077).
    pub fn negative_ttl(&self) -> u32 {
        todo!()
    }
    /// The mode the snapshot was built with.
    pub fn denial(&self) -> Denial<'_> {
        todo!()
    }
    /// The mode the snapshot was built with.
    pub fn denial_mode(&self) -> &DenialMode {
        todo!()
    }
    /// The apex node.
    pub fn apex_node(&self) -> &Arc<Node> {
        todo!()
    }
    /// The node of a name in lower-case wire format, occluded ones included.
    pub fn node(&self, _lower: &[u8]) -> Option<&Arc<Node>> {
        todo!()
    }
    /// The NSEC RRset of the greatest owner not after `name` in canonical order, with its owner.
    pub fn nsec_at_or_before(&self, _name: &Name) -> Option<(&Name, &Arc<Rrset>)> {
        todo!()
    }
    /// The NSEC3 RRset whose owner hash equals `hash`.
    pub fn nsec3_matching(&self, _hash: &Nsec3Hash) -> Option<&Arc<Rrset>> {
        todo!()
    }
    /// The NSEC3 RRset with the greatest owner hash before `hash` (circular), and that owner hash.
    pub fn nsec3_covering(&self, _hash: &Nsec3Hash) -> Option<(Nsec3Hash, &Arc<Rrset>)> {
        todo!()
    }
    /// Every node, in no particular order, empty non-terminals and occluded names included.
    pub fn nodes(&self) -> impl Iterator<Item = &Arc<Node>> + '_ {
        std::iter::empty()
    }
    /// Every RRset that wants signatures with its owner: authoritative data (not NS and glue at or below cuts), NSEC or NSEC3 records.
    /// NSEC3 owners are made on the fly.
    pub fn signable(&self) -> impl Iterator<Item = (Name, &Arc<Rrset>)> + '_ {
        std::iter::empty()
    }
    /// Names with and without data.
    pub fn name_count(&self) -> usize {
        todo!()
    }
    /// RRsets of data (NSEC and NSEC3 not counted).
    pub fn rrset_count(&self) -> usize {
        todo!()
    }
    /// Whether `name` lies below a cut or a DNAME, or is a cut whose data other than DS and NSEC is not authoritative.
    pub fn is_below_cut(&self, _lower: &[u8]) -> bool {
        todo!()
    }
}
