//! Signing RRsets (RFC 4034 section 3, RFC 4035 section 2.2) with windows computed from time alone.
//!
//! Which key signs what, and the slots that signatures hang on, are here; times in [`crate::window`], octets in [`crate::rrsig`].

use std::fmt;
use std::sync::Arc;

use ring::digest::{Context, SHA256};
use wire::{Name, RecordType};
use zone::{Rrset, Signatures};

use crate::rrsig::{self, RrsigFields};
pub use crate::window::SigningPolicy;
use crate::window::{Windows, is_after};
use crate::{ZoneKey, ds};

/// A key and what the `cryptokeys` row says of it.
#[derive(Debug, Clone)]
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
///
/// A key that is active but not published signs all the same: that is how a key is brought in or taken out in steps.
pub struct ZoneSigner {
    /// Lower case.
    apex: Name,
    keys: Vec<KeyInUse>,
    /// Of DNSKEY, CDS and CDNSKEY.
    entry: Role,
    /// Of the rest.
    data: Role,
    windows: Windows,
    key_set: u64,
}

/// The keys that sign one kind of data. Each role has an identity of its own, so that a new KSK, or a key that is published but
/// does not sign yet, does not make a large zone be signed again.
struct Role {
    signers: Vec<Arc<ZoneKey>>,
    /// [`Signatures::key_set`] of what they sign.
    key_set: u64,
}

impl ZoneSigner {
    /// `key_set` of the signatures it makes is derived from keys and policy, equal on all replicas.
    pub fn new(apex: Name, mut keys: Vec<KeyInUse>, policy: SigningPolicy) -> ZoneSigner {
        // Rows come in any order; replicas must not differ by it.
        keys.sort_by(|a, b| a.key.dnskey().cmp(b.key.dnskey()).then(b.active.cmp(&a.active)));
        let apex = apex.to_lowercase();
        let windows = Windows::new(&policy);
        let role = |entry_point: bool| {
            let signers = signers(&keys, entry_point);
            let key_set = identity(&apex, &windows, signers.iter().map(|key| (key.as_ref(), 0)));
            Role { signers, key_set }
        };
        let (entry, data) = (role(true), role(false));
        let states = keys.iter().map(|key| (key.key.as_ref(), u8::from(key.active) | u8::from(key.published) << 1));
        let key_set = identity(&apex, &windows, states);
        ZoneSigner { apex, keys, entry, data, windows, key_set }
    }

    /// Identifies keys, their states and the policy. Signatures carry a number of their own, of the keys that make them; ask
    /// [`Self::is_due`] about those.
    pub fn key_set(&self) -> u64 {
        self.key_set
    }

    /// The zone, in lower case.
    pub fn apex(&self) -> &Name {
        &self.apex
    }

    /// All keys, in the order of their DNSKEYs.
    pub fn keys(&self) -> &[KeyInUse] {
        &self.keys
    }

    /// Whether any key is active; without one the zone can only be served unsigned.
    pub fn can_sign(&self) -> bool {
        !self.data.signers.is_empty()
    }

    /// The DNSKEY RRset of published keys.
    pub fn dnskey_rrset(&self, ttl: u32) -> Option<Rrset> {
        let published = self.keys.iter().filter(|key| key.published);
        some_rrset(RecordType::DNSKEY, ttl, published.map(|key| key.key.dnskey().to_vec()).collect())
    }

    /// The CDS RRset (RFC 7344) for the metadata PUBLISH-CDS: a digest of each published entry point under each of
    /// `digest_types`; the single type 0 asks the parent to remove the DS (RFC 8078 section 4).
    pub fn cds_rrset(&self, ttl: u32, digest_types: &[u8]) -> Option<Rrset> {
        if digest_types == [0] {
            return some_rrset(RecordType::CDS, ttl, vec![ds::CDS_DELETE.to_vec()]);
        }
        let digests = |key: &Arc<ZoneKey>| {
            let key = Arc::clone(key);
            digest_types.iter().filter_map(move |&digest_type| key.ds(&self.apex, digest_type))
        };
        let rdatas = self.entry_points().iter().flat_map(digests).collect();
        some_rrset(RecordType::CDS, ttl, rdatas)
    }

    /// The CDNSKEY RRset (RFC 7344) of the published entry points.
    pub fn cdnskey_rrset(&self, ttl: u32) -> Option<Rrset> {
        let rdatas = self.entry_points().iter().map(|key| key.dnskey().to_vec()).collect();
        some_rrset(RecordType::CDNSKEY, ttl, rdatas)
    }

    /// The CDNSKEY RRset that asks the parent to remove the DS (RFC 8078 section 4).
    pub fn cdnskey_delete_rrset(ttl: u32) -> Rrset {
        Rrset::new(RecordType::CDNSKEY, ttl, vec![ds::CDNSKEY_DELETE.to_vec()])
    }

    /// Published keys that the parent's DS may name: those with the secure entry point bit; where an algorithm has none, its
    /// other published keys.
    pub fn entry_points(&self) -> Vec<Arc<ZoneKey>> {
        let published: Vec<_> = self.keys.iter().filter(|key| key.published).map(|key| Arc::clone(&key.key)).collect();
        let has_entry_point = |key: &Arc<ZoneKey>| {
            published.iter().any(|other| other.algorithm() == key.algorithm() && other.is_entry_point())
        };
        published.iter().filter(|key| key.is_entry_point() || !has_entry_point(key)).cloned().collect()
    }

    /// The RRSIGs of `rrset` at `owner` (for a wildcard: the wildcard itself): those in its slot if they are of this key set and not
    /// due, else made now and put there. Signatures that are due but valid are used when signing is impossible.
    ///
    /// `encoded` is empty only if no key is active, or the system has no randomness and nothing valid is there.
    pub fn signatures(&self, owner: &Name, rrset: &Rrset, now: u32) -> Arc<Signatures> {
        self.signatures_at(owner.as_wire(), rrset, now)
    }

    /// The same for an owner in wire format.
    pub fn signatures_at(&self, owner: &[u8], rrset: &Rrset, now: u32) -> Arc<Signatures> {
        let slot = rrset.signatures().load();
        if let Some(signatures) = slot.as_ref()
            && self.is_current(rrset.rtype(), signatures, now)
        {
            return Arc::clone(signatures);
        }
        if let Some(made) = self.sign(owner, rrset, now) {
            let made = Arc::new(made);
            rrset.signatures().store(Arc::clone(&made));
            return made;
        }
        match slot.as_ref() {
            Some(old) if is_after(old.expires_at, now) => Arc::clone(old),
            _ => Arc::new(Signatures { key_set: 0, refresh_at: now, expires_at: now, encoded: Box::default() }),
        }
    }

    /// Whether the slot is empty, of another key set, or past its refresh time.
    pub fn is_due(&self, rrset: &Rrset, now: u32) -> bool {
        !rrset.signatures().load().as_ref().is_some_and(|signatures| self.is_current(rrset.rtype(), signatures, now))
    }

    /// Signs what is due among `rrsets`, and stops after `budget` RRsets. Returns how many were signed: less than `budget`
    /// means that nothing more is due.
    pub fn sign_due<'z>(
        &self,
        rrsets: impl IntoIterator<Item = (Name, &'z Arc<Rrset>)>,
        now: u32,
        budget: usize,
    ) -> usize {
        if !self.can_sign() {
            return 0;
        }
        let due = rrsets.into_iter().filter(|(_, rrset)| self.is_due(rrset, now)).take(budget);
        due.filter(|(owner, rrset)| match self.sign(owner.as_wire(), rrset, now) {
            Some(made) => {
                rrset.signatures().store(Arc::new(made));
                true
            }
            None => false,
        })
        .count()
    }

    fn is_current(&self, rtype: RecordType, signatures: &Signatures, now: u32) -> bool {
        signatures.key_set == self.role(rtype).key_set && !self.windows.is_over(signatures.refresh_at, now)
    }

    /// Who signs this type (RFC 7344 section 4.1 for CDS and CDNSKEY).
    fn role(&self, rtype: RecordType) -> &Role {
        match rtype {
            RecordType::DNSKEY | RecordType::CDS | RecordType::CDNSKEY => &self.entry,
            _ => &self.data,
        }
    }

    /// New signatures; `None` if one of them could not be made.
    fn sign(&self, owner: &[u8], rrset: &Rrset, now: u32) -> Option<Signatures> {
        let Role { signers, key_set } = self.role(rrset.rtype());
        if signers.is_empty() {
            return None;
        }
        let window = self.windows.at(owner, rrset.rtype(), now);
        let mut fields = RrsigFields {
            rtype: rrset.rtype(),
            algorithm: 0,
            labels: rrsig::labels_of(owner),
            original_ttl: rrset.ttl(),
            expiration: window.expiration,
            inception: window.inception,
            key_tag: 0,
            signer: self.apex.clone(),
        };
        let mut records = Vec::new();
        rrsig::write_canonical(owner, rrset, rrset.ttl(), &mut records);
        let mut encoded = Vec::with_capacity(signers.len() * 128);
        let mut signed = Vec::with_capacity(records.len() + 64);
        for key in signers {
            fields.algorithm = key.algorithm().number();
            fields.key_tag = key.key_tag();
            signed.clear();
            fields.write(&mut signed);
            let fields_length = signed.len();
            signed.extend_from_slice(&records);
            let signature = key.sign(&signed)?;
            encoded.extend_from_slice(&((fields_length + signature.len()) as u16).to_be_bytes());
            encoded.extend_from_slice(&signed[..fields_length]);
            encoded.extend_from_slice(&signature);
        }
        Some(Signatures {
            key_set: *key_set,
            refresh_at: window.refresh_at,
            expires_at: window.expiration,
            encoded: encoded.into(),
        })
    }
}

impl fmt::Debug for ZoneSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZoneSigner")
            .field("apex", &self.apex)
            .field("keys", &self.keys)
            .field("key_set", &format_args!("{:016x}", self.key_set))
            .finish_non_exhaustive()
    }
}

/// The active keys of one role. Every algorithm signs everything (RFC 4035 section 2.2), so where an algorithm has active keys
/// of the other role only, they do this one's work too. `keys` is sorted by DNSKEY.
fn signers(keys: &[KeyInUse], entry_point: bool) -> Vec<Arc<ZoneKey>> {
    let mut active: Vec<&Arc<ZoneKey>> = keys.iter().filter(|key| key.active).map(|key| &key.key).collect();
    // The same key in two rows would sign twice.
    active.dedup_by(|a, b| a.dnskey() == b.dnskey());
    let has_role = |key: &ZoneKey| {
        active.iter().any(|other| other.algorithm() == key.algorithm() && other.is_entry_point() == entry_point)
    };
    let takes = |key: &&Arc<ZoneKey>| key.is_entry_point() == entry_point || !has_role(key);
    active.iter().copied().filter(takes).cloned().collect()
}

/// A number that is the same wherever the same keys are used under the same policy.
fn identity<'k>(apex: &Name, windows: &Windows, keys: impl Iterator<Item = (&'k ZoneKey, u8)>) -> u64 {
    let mut context = Context::new(&SHA256);
    context.update(apex.as_wire());
    context.update(&windows.to_octets());
    for (key, state) in keys {
        context.update(&[state]);
        context.update(&(key.dnskey().len() as u64).to_be_bytes());
        context.update(key.dnskey());
    }
    let digest = context.finish();
    digest.as_ref().iter().take(8).fold(0, |number, &octet| number << 8 | u64::from(octet))
}

fn some_rrset(rtype: RecordType, ttl: u32, rdatas: Vec<Vec<u8>>) -> Option<Rrset> {
    (!rdatas.is_empty()).then(|| Rrset::new(rtype, ttl, rdatas))
}
