//! RRsets with their RDATA already encoded, and the slot their signatures hang on.

use arc_swap::ArcSwapOption;
use std::sync::Arc;
use wire::RecordType;

/// RRSIGs that cover one RRset, made under one key set.
#[derive(Debug)]
pub struct Signatures {
    /// Identifies the key set and policy that made them; another number in the zone's signer means: make new ones.
    pub key_set: u64,
    /// Unix seconds from which new ones should be made (the old ones still validate).
    pub refresh_at: u32,
    /// Unix seconds after which they no longer validate.
    pub expires_at: u32,
    /// RRSIG RDATAs, each as a two-octet length and the octets.
    pub encoded: Box<[u8]>,
}

impl Signatures {
    /// The RRSIG RDATAs.
    pub fn rdatas(&self) -> impl Iterator<Item = &[u8]> + '_ {
        Encoded(&self.encoded)
    }
}

/// Where the signatures of one RRset hang: an atomic pointer, empty at first.
#[derive(Debug, Default)]
pub struct SignatureSlot(ArcSwapOption<Signatures>);

impl SignatureSlot {
    /// What hangs here now.
    pub fn load(&self) -> arc_swap::Guard<Option<Arc<Signatures>>> {
        self.0.load()
    }
    /// Hangs `signatures` here.
    pub fn store(&self, signatures: Arc<Signatures>) {
        self.0.store(Some(signatures));
    }
}

/// Iterates over length-prefixed RDATAs.
struct Encoded<'a>(&'a [u8]);

impl<'a> Iterator for Encoded<'a> {
    type Item = &'a [u8];
    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk::<2>()?;
        let (rdata, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)));
        self.0 = rest;
        Some(rdata)
    }
}

/// All records of one owner and type: one TTL (RFC 2181 section 5.2), RDATA in canonical order without duplicates.
#[derive(Debug)]
pub struct Rrset {
    rtype: RecordType,
    ttl: u32,
    count: u16,
    encoded: Box<[u8]>,
    signatures: SignatureSlot,
}

impl Rrset {
    /// Builds the RRset; `rdatas` in wire format, in any order. Sorted by canonical form (RFC 4034 section 6.3), duplicates dropped.
    /// Panics never; an empty `rdatas` gives an RRset with no records, which builders refuse.
    pub fn new(rtype: RecordType, ttl: u32, mut rdatas: Vec<Vec<u8>>) -> Rrset {
        rdatas.sort_by(|a, b| wire::rdata::canonical(rtype, a).cmp(&wire::rdata::canonical(rtype, b)));
        rdatas.dedup_by(|a, b| wire::rdata::canonical(rtype, a) == wire::rdata::canonical(rtype, b));
        let mut encoded = Vec::with_capacity(rdatas.iter().map(|r| r.len() + 2).sum());
        for rdata in &rdatas {
            encoded.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
            encoded.extend_from_slice(rdata);
        }
        Rrset { rtype, ttl, count: rdatas.len() as u16, encoded: encoded.into(), signatures: SignatureSlot::default() }
    }
    /// The type.
    pub fn rtype(&self) -> RecordType {
        self.rtype
    }
    /// TTL in seconds.
    pub fn ttl(&self) -> u32 {
        self.ttl
    }
    /// Number of records.
    pub fn len(&self) -> usize {
        usize::from(self.count)
    }
    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
    /// The RDATAs in canonical order.
    pub fn rdatas(&self) -> impl Iterator<Item = &[u8]> + '_ {
        Encoded(&self.encoded)
    }
    /// The RDATAs, each as a two-octet length and the octets: as they stand in a message.
    pub fn encoded(&self) -> &[u8] {
        &self.encoded
    }
    /// Where the signatures hang.
    pub fn signatures(&self) -> &SignatureSlot {
        &self.signatures
    }
    /// Whether type, TTL and data are the same (signatures aside).
    pub fn has_same_data(&self, other: &Rrset) -> bool {
        self.rtype == other.rtype && self.ttl == other.ttl && self.encoded == other.encoded
    }
}
