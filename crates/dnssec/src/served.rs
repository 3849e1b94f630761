//! The zones being served, each a snapshot with the signer of its keys.

use crate::ZoneSigner;
use std::sync::Arc;
use wire::Name;
use zone::Zone;

/// One zone as it is served at one moment: data and keys always change together.
#[derive(Clone)]
pub struct ServedZone {
    /// The data.
    pub zone: Arc<Zone>,
    /// Present when the zone is signed.
    pub signer: Option<Arc<ZoneSigner>>,
}

/// All served zones. Readers take one view per batch and never wait; writers swap one zone at the cost of a path copy.
pub struct ZoneTable {}

/// What a reader holds for one batch.
pub struct ZoneView {}

impl ZoneTable {
    /// An empty table.
    pub fn new() -> Arc<ZoneTable> {
        todo!()
    }
    /// One atomic load.
    pub fn view(&self) -> ZoneView {
        todo!()
    }
    /// Puts or replaces a zone under its apex.
    pub fn put(&self, _zone: ServedZone) {
        todo!()
    }
    /// Stops serving a zone.
    pub fn remove(&self, _apex: &Name) -> bool {
        todo!()
    }
}

impl ZoneView {
    /// The zone with the longest apex that `qname` (lower-case wire) is at or under.
    pub fn find(&self, _qname: &[u8]) -> Option<&ServedZone> {
        todo!()
    }
    /// The same, but never a zone whose apex is `qname` itself: the parent's side of a DS query (RFC 4035 section 3.1.4.1).
    pub fn find_parent(&self, _qname: &[u8]) -> Option<&ServedZone> {
        todo!()
    }
    /// The zone with exactly this apex.
    pub fn get(&self, _apex: &Name) -> Option<&ServedZone> {
        todo!()
    }
    /// All zones, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &ServedZone> + '_ {
        std::iter::empty()
    }
    /// How many.
    pub fn len(&self) -> usize {
        todo!()
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
