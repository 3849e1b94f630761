//! Building a snapshot from a stream of records, and the next one from a change.

use crate::{DenialMode, Rrset, Zone};
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
pub struct ZoneBuilder {}

impl ZoneBuilder {
    /// Starts a zone.
    pub fn new(_apex: Name, _mode: DenialMode) -> ZoneBuilder {
        todo!()
    }
    /// Adds one record; names outside the zone are ignored and counted. TTLs that differ within an RRset: the least wins (RFC 2181 section 5.2).
    pub fn add(&mut self, _name: &Name, _rtype: RecordType, _ttl: u32, _rdata: &[u8]) {
        todo!()
    }
    /// Puts a made RRset (DNSKEY, NSEC3PARAM, CDS) at the apex, replacing stored data of that type.
    pub fn set_apex(&mut self, _rrset: Rrset) {
        todo!()
    }
    /// The snapshot, with its denial chain.
    pub fn finish(self) -> Result<Zone, BuildError> {
        todo!()
    }
}

/// The next snapshot of a zone, at the cost of the change.
pub struct ZoneEditor {}

impl ZoneEditor {
    /// Starts from `zone`.
    pub fn new(_zone: &Arc<Zone>) -> ZoneEditor {
        todo!()
    }
    /// All data of one name is now `rrsets` (empty: no data of its own). RRsets with unchanged data keep their signatures.
    /// At the apex, types set by [`Self::set_apex`] or the builder's are kept.
    pub fn replace_name(&mut self, _name: &Name, _rrsets: Vec<Rrset>) {
        todo!()
    }
    /// Puts or removes a made RRset at the apex.
    pub fn set_apex(&mut self, _rtype: RecordType, _rrset: Option<Rrset>) {
        todo!()
    }
    /// The next snapshot; chain links of touched names are redone.
    pub fn finish(self) -> Result<Zone, BuildError> {
        todo!()
    }
}
