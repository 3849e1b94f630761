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

/// Records of one RRset that are kept; a message of 65,535 octets holds fewer.
pub const RECORDS_MAX: usize = 8192;

/// Appends one RDATA with its length. RDATA of over 65,535 octets does not exist on the wire.
pub(crate) fn push_encoded(encoded: &mut Vec<u8>, rdata: &[u8]) {
    let rdata = &rdata[..rdata.len().min(usize::from(u16::MAX))];
    encoded.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
    encoded.extend_from_slice(rdata);
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
    /// Builds the RRset from RDATAs in wire format, in any order: sorted by canonical form (RFC 4034
    /// section 6.3), duplicates dropped (RFC 2181 section 5). At most [`RECORDS_MAX`] are kept, and the first alone where there
    /// may be one: a name has one CNAME (RFC 2181 section 10.1), one DNAME (RFC 6672 section 2.4), a zone one SOA.
    pub fn new(rtype: RecordType, ttl: u32, rdatas: Vec<Vec<u8>>) -> Rrset {
        if let [rdata] = rdatas.as_slice() {
            let mut encoded = Vec::with_capacity(2 + rdata.len());
            push_encoded(&mut encoded, rdata);
            return Rrset { rtype, ttl, count: 1, encoded: encoded.into(), signatures: SignatureSlot::default() };
        }
        let mut keyed: Vec<(Vec<u8>, Vec<u8>)> =
            rdatas.into_iter().map(|rdata| (wire::rdata::canonical(rtype, &rdata).into_owned(), rdata)).collect();
        keyed.sort();
        keyed.dedup_by(|a, b| a.0 == b.0);
        keyed.truncate(match rtype {
            RecordType::CNAME | RecordType::DNAME | RecordType::SOA => 1,
            _ => RECORDS_MAX,
        });
        let mut encoded = Vec::with_capacity(keyed.iter().map(|(_, rdata)| rdata.len() + 2).sum());
        for (_, rdata) in &keyed {
            push_encoded(&mut encoded, rdata);
        }
        Rrset { rtype, ttl, count: keyed.len() as u16, encoded: encoded.into(), signatures: SignatureSlot::default() }
    }

    /// The same from RDATAs that are already length-prefixed.
    pub fn from_encoded(rtype: RecordType, ttl: u32, encoded: Vec<u8>) -> Rrset {
        let mut rdatas = Encoded(&encoded);
        if rdatas.next().is_some() && rdatas.0.is_empty() {
            return Rrset { rtype, ttl, count: 1, encoded: encoded.into(), signatures: SignatureSlot::default() };
        }
        Rrset::new(rtype, ttl, Encoded(&encoded).map(<[u8]>::to_vec).collect())
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
    /// Hangs the signatures of `old`, which has the same owner, here: if the data is the same and none are here yet.
    pub(crate) fn adopt_signatures(&self, old: &Rrset) {
        if !self.has_same_data(old) || self.signatures.load().is_some() {
            return;
        }
        if let Some(signatures) = &*old.signatures.load() {
            self.signatures.store(Arc::clone(signatures));
        }
    }
    /// Whether type, TTL and data are the same (signatures aside).
    pub fn has_same_data(&self, other: &Rrset) -> bool {
        self.rtype == other.rtype && self.ttl == other.ttl && self.encoded == other.encoded
    }
}
