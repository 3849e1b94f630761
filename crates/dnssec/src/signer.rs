//! Signing RRsets (RFC 4034 section 3, RFC 4035 section 2.2) with windows computed from time alone.

use crate::ZoneKey;
use std::sync::Arc;
use std::time::Duration;
use wire::Name;
use zone::{Rrset, Signatures};

/// When signatures begin, end and are renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningPolicy {
    /// From inception to expiration. Default 21 days.
    pub lifetime: Duration,
    /// Renewed when this much is left. Default 14 days.
    pub refresh: Duration,
    /// Inception lies this far in the past, for validators with slow clocks. Default 1 hour.
    pub inception_offset: Duration,
}

/// A key and what the `cryptokeys` row says of it.
pub struct KeyInUse {
    /// The key.
    pub key: Arc<ZoneKey>,
    /// Signs.
    pub active: bool,
    /// Stands in the DNSKEY RRset.
    pub published: bool,
}

/// Signs one zone's RRsets with its active keys: DNSKEY, CDS and CDNSKEY by KSKs, the rest by ZSKs, everything by a CSK
/// (per algorithm: where one role is missing the other signs).
pub struct ZoneSigner {}

impl ZoneSigner {
    /// `key_set` of the signatures it makes is derived from keys and policy, equal on all replicas.
    pub fn new(_apex: Name, _keys: Vec<KeyInUse>, _policy: SigningPolicy) -> ZoneSigner {
        todo!()
    }
    /// Identifies keys and policy.
    pub fn key_set(&self) -> u64 {
        todo!()
    }
    /// The DNSKEY RRset of published keys.
    pub fn dnskey_rrset(&self, _ttl: u32) -> Option<Rrset> {
        todo!()
    }
    /// The RRSIGs of `rrset` at `owner` (for a wildcard: the wildcard itself): those in its slot if they are of this key set and not
    /// due, else made now and put there. Signatures that are due but valid are used when signing is impossible.
    pub fn signatures(&self, _owner: &Name, _rrset: &Rrset, _now: u32) -> Arc<Signatures> {
        todo!()
    }
    /// Whether the slot is empty, of another key set, or past its refresh time.
    pub fn is_due(&self, _rrset: &Rrset, _now: u32) -> bool {
        todo!()
    }
}
