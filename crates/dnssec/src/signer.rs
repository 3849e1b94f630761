//! Signing RRsets (RFC 4034 section 3, RFC 4035 section 2.2) with windows computed from time alone.
//!
//! Which key signs what, and the slots that signatures hang on, are here; times in [`crate::window`], octets in [`crate::rrsig`].

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use arc_swap::Guard;
use ring::digest::{Context, SHA256};
use wire::{Name, RecordType};
use zone::{Rrset, Signatures};

use crate::rrsig::{self, RrsigFields};
pub use crate::window::SigningPolicy;
use crate::window::{Windows, is_after};
use crate::workbench::ZoneRates;
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
    on_demand: ZoneRates,
}

/// The keys that sign one kind of data. Each role has an identity of its own, so that a new KSK, or a key that is published but
/// does not sign yet, does not make a large zone be signed again.
struct Role {
    signers: Vec<Arc<ZoneKey>>,
    /// [`Signatures::key_set`] of what they sign.
    key_set: u64,
    /// How much longer than one of ECDSA P-256 the signatures of one RRset take to make.
    cost: u32,
}

impl ZoneSigner {
    /// `key_set` of the signatures it makes is derived from keys and policy, equal on all replicas. Keys that must not sign
    /// ([`ZoneKey::unfit`]) are left out, of the DNSKEY RRset too: an algorithm that stands there has to sign everything.
    pub fn new(apex: Name, mut keys: Vec<KeyInUse>, policy: SigningPolicy) -> ZoneSigner {
        keys.retain(|key| key.key.unfit().is_none());
        // Rows come in any order; replicas must not differ by it.
        keys.sort_by(|a, b| a.key.dnskey().cmp(b.key.dnskey()).then(b.active.cmp(&a.active)));
        let apex = apex.to_lowercase();
        let windows = Windows::new(&policy);
        let role = |entry_point: bool| {
            let signers = signers(&keys, entry_point);
            let key_set = identity(&apex, &windows, signers.iter().map(|key| (key.as_ref(), 0)));
            let cost = signers.iter().map(|key| key.cost()).sum();
            Role { signers, key_set, cost }
        };
        let (entry, data) = (role(true), role(false));
        let states = keys.iter().map(|key| (key.key.as_ref(), u8::from(key.active) | u8::from(key.published) << 1));
        let key_set = identity(&apex, &windows, states);
        ZoneSigner { apex, keys, entry, data, windows, key_set, on_demand: ZoneRates::default() }
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
        match &*self.signatures_at(owner.as_wire(), rrset, now).0 {
            Some(signatures) => Arc::clone(signatures),
            None => Arc::new(none(now)),
        }
    }

    /// The same for an owner in wire format, without touching a counter that other threads touch: for the way of a query.
    pub fn signatures_at(&self, owner: &[u8], rrset: &Rrset, now: u32) -> HeldSignatures {
        let slot = rrset.signatures().load();
        if slot.as_ref().is_some_and(|signatures| self.is_current(rrset.rtype(), signatures, now)) {
            return HeldSignatures(slot);
        }
        if let Some(made) = self.sign(owner, rrset, now) {
            let made = Arc::new(made);
            rrset.signatures().store(Arc::clone(&made));
            return HeldSignatures(Guard::from_inner(Some(made)));
        }
        if slot.as_ref().is_some_and(|old| is_after(old.expires_at, now)) {
            return HeldSignatures(slot);
        }
        HeldSignatures(Guard::from_inner(Some(Arc::new(none(now)))))
    }

    /// What is in the slot, if it need not be made again.
    pub fn ready(&self, rrset: &Rrset, now: u32) -> Option<HeldSignatures> {
        let slot = rrset.signatures().load();
        let is_current = slot.as_ref().is_some_and(|signatures| self.is_current(rrset.rtype(), signatures, now));
        is_current.then_some(HeldSignatures(slot))
    }

    /// What is in the slot if it is due but validates all the same: of these keys, and not at its end.
    pub(crate) fn overdue(&self, rrset: &Rrset, now: u32) -> Option<HeldSignatures> {
        let slot = rrset.signatures().load();
        let key_set = self.role(rrset.rtype()).key_set;
        let validates = slot.as_ref().is_some_and(|old| old.key_set == key_set && is_after(old.expires_at, now));
        validates.then_some(HeldSignatures(slot))
    }

    /// How many signatures of ECDSA P-256 take as long as those of an RRset of this type.
    pub(crate) fn cost(&self, rtype: RecordType) -> u32 {
        self.role(rtype).cost
    }

    /// What was made for this zone while queries waited.
    pub(crate) fn on_demand(&self) -> &ZoneRates {
        &self.on_demand
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
        let Role { signers, key_set, .. } = self.role(rrset.rtype());
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

/// Signatures as they hang in a slot, held for the writing of one answer.
#[derive(Debug)]
pub struct HeldSignatures(Guard<Option<Arc<Signatures>>>);

impl HeldSignatures {
    /// What hangs on `rrset`, whoever made it: for zones that were signed elsewhere.
    pub fn stored(rrset: &Rrset) -> HeldSignatures {
        HeldSignatures(rrset.signatures().load())
    }
}

impl Deref for HeldSignatures {
    type Target = Signatures;

    fn deref(&self) -> &Signatures {
        static NONE: LazyLock<Signatures> = LazyLock::new(|| none(0));
        self.0.as_deref().unwrap_or(&NONE)
    }
}

/// What stands for signatures where none can be had.
fn none(now: u32) -> Signatures {
    Signatures { key_set: 0, refresh_at: now, expires_at: now, encoded: Box::default() }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::verify::verify;
    use crate::{Algorithm, VerifyError};

    const NOW: u32 = 1_790_000_000;
    const DAY: u32 = 86_400;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn key(algorithm: Algorithm, flags: u16) -> Arc<ZoneKey> {
        Arc::new(ZoneKey::from_isc(&ZoneKey::generate(algorithm).unwrap(), flags).unwrap())
    }

    fn used(key: &Arc<ZoneKey>, active: bool, published: bool) -> KeyInUse {
        KeyInUse { key: Arc::clone(key), active, published }
    }

    fn signer(keys: Vec<KeyInUse>) -> ZoneSigner {
        ZoneSigner::new(name("Example.org"), keys, SigningPolicy::default())
    }

    fn p256(flags: u16) -> Arc<ZoneKey> {
        key(Algorithm::EcdsaP256Sha256, flags)
    }

    fn a(octet: u8) -> Rrset {
        Rrset::new(RecordType::A, 300, vec![vec![192, 0, 2, octet]])
    }

    /// Tags of the keys that sign `rtype`, each signature verified.
    fn tags(signer: &ZoneSigner, rtype: RecordType) -> Vec<u16> {
        let rrset = match rtype {
            RecordType::DNSKEY => signer.dnskey_rrset(3600).unwrap(),
            RecordType::CDS => signer.cds_rrset(3600, &[2]).unwrap(),
            RecordType::CDNSKEY => signer.cdnskey_rrset(3600).unwrap(),
            _ => a(1),
        };
        let apex = name("example.org");
        let signatures = signer.signatures(&apex, &rrset, NOW);
        let mut tags = Vec::new();
        for rrsig in signatures.rdatas() {
            let tag = RrsigFields::parse(rrsig).unwrap().0.key_tag;
            let of = |key: &KeyInUse| verify(&apex, &rrset, rrsig, key.key.dnskey(), &apex, NOW).is_ok();
            assert!(signer.keys().iter().any(of), "key tag {tag}");
            tags.push(tag);
        }
        tags.sort();
        tags
    }

    fn sorted(keys: &[&Arc<ZoneKey>]) -> Vec<u16> {
        let mut tags: Vec<u16> = keys.iter().map(|key| key.key_tag()).collect();
        tags.sort();
        tags
    }

    #[test]
    fn every_algorithm_makes_signatures_that_verify() {
        let rsa = [
            (include_str!("../tests/keys/rsasha256-2048.private"), Algorithm::RsaSha256),
            (include_str!("../tests/keys/rsasha512-2048.private"), Algorithm::RsaSha512),
        ];
        let rsa = rsa.map(|(text, algorithm)| (text.to_owned(), algorithm));
        let made = [Algorithm::EcdsaP256Sha256, Algorithm::EcdsaP384Sha384, Algorithm::Ed25519]
            .map(|algorithm| (ZoneKey::generate(algorithm).unwrap(), algorithm));
        for (text, algorithm) in rsa.into_iter().chain(made) {
            let key = Arc::new(ZoneKey::from_isc(&text, 257).unwrap());
            assert_eq!(key.algorithm(), algorithm);
            let signer = signer(vec![used(&key, true, true)]);
            assert_eq!(tags(&signer, RecordType::A), [key.key_tag()], "{algorithm}");
            assert_eq!(tags(&signer, RecordType::DNSKEY), [key.key_tag()], "{algorithm}");
        }
    }

    #[test]
    fn ksk_signs_keys_and_zsk_the_rest() {
        let (ksk, zsk) = (p256(257), p256(256));
        let signer = signer(vec![used(&zsk, true, true), used(&ksk, true, true)]);
        for rtype in [RecordType::DNSKEY, RecordType::CDS, RecordType::CDNSKEY] {
            assert_eq!(tags(&signer, rtype), sorted(&[&ksk]));
        }
        assert_eq!(tags(&signer, RecordType::A), sorted(&[&zsk]));
        assert_eq!(signer.dnskey_rrset(60).unwrap().len(), 2);
        assert_eq!(signer.cds_rrset(60, &[2, 4]).unwrap().len(), 2);
        assert_eq!(signer.cdnskey_rrset(60).unwrap().rdatas().collect::<Vec<_>>(), [ksk.dnskey()]);
    }

    #[test]
    fn a_lone_role_signs_everything_per_algorithm() {
        let (ksk, zsk, csk) = (p256(257), p256(256), key(Algorithm::Ed25519, 256));
        let signer = signer(vec![used(&ksk, true, true), used(&zsk, true, true), used(&csk, true, true)]);
        assert_eq!(tags(&signer, RecordType::DNSKEY), sorted(&[&ksk, &csk]));
        assert_eq!(tags(&signer, RecordType::A), sorted(&[&zsk, &csk]));
        assert_eq!(signer.entry_points().len(), 2);
    }

    #[test]
    fn inactive_keys_are_only_published_and_unpublished_ones_only_sign() {
        let (ksk, next, old, zsk) = (p256(257), p256(256), p256(256), p256(256));
        let keys =
            vec![used(&ksk, true, true), used(&zsk, true, true), used(&next, false, true), used(&old, true, false)];
        let signer = signer(keys);
        assert_eq!(tags(&signer, RecordType::A), sorted(&[&zsk, &old]));
        let dnskeys = signer.dnskey_rrset(60).unwrap();
        let has = |key: &ZoneKey| dnskeys.rdatas().any(|rdata| rdata == key.dnskey());
        assert!(has(&ksk) && has(&zsk) && has(&next) && !has(&old));
    }

    #[test]
    fn keys_that_must_not_sign_are_left_out() {
        let text = include_str!("../tests/keys/rsasha256-256.private");
        let tiny = Arc::new(ZoneKey::from_isc(text, 257).unwrap());
        assert!(!signer(vec![used(&tiny, true, true)]).can_sign());
        let good = p256(257);
        let signer = signer(vec![used(&tiny, true, true), used(&good, true, true)]);
        assert_eq!(signer.dnskey_rrset(60).unwrap().rdatas().collect::<Vec<_>>(), [good.dnskey()]);
        let txt = Rrset::new(RecordType::TXT, 60, vec![vec![1, b'a']]);
        assert!(!signer.signatures(&name("example.org"), &txt, NOW).encoded.is_empty());
    }

    #[test]
    fn a_zone_without_active_keys_cannot_be_signed() {
        let signer = signer(vec![used(&p256(257), false, true)]);
        assert!(!signer.can_sign());
        let rrset = a(1);
        let signatures = signer.signatures(&name("example.org"), &rrset, NOW);
        assert_eq!(signatures.rdatas().count(), 0);
        assert!(rrset.signatures().load().is_none(), "nothing is kept that would look like signatures");
        assert!(signer.is_due(&rrset, NOW));
        assert_eq!(signer.sign_due([(name("example.org"), &Arc::new(rrset))], NOW, 10), 0);
        assert!(!ZoneSigner::new(name("x"), Vec::new(), SigningPolicy::default()).can_sign());
    }

    #[test]
    fn signatures_stay_in_their_slot_until_they_are_due() {
        let signer = signer(vec![used(&p256(257), true, true)]);
        let (owner, rrset) = (name("www.example.org"), a(1));
        assert!(signer.is_due(&rrset, NOW));
        let first = signer.signatures(&owner, &rrset, NOW);
        assert!(!signer.is_due(&rrset, NOW));
        assert!(Arc::ptr_eq(&first, &signer.signatures(&owner, &rrset, first.refresh_at - 1)));
        assert!(signer.is_due(&rrset, first.refresh_at));
        let second = signer.signatures(&owner, &rrset, first.refresh_at);
        assert_eq!(second.refresh_at, first.refresh_at + 7 * DAY);
        assert_eq!(second.expires_at, first.expires_at + 7 * DAY);
    }

    #[test]
    fn a_clock_that_was_fast_leaves_nothing_in_the_future() {
        let signer = signer(vec![used(&p256(257), true, true)]);
        let (owner, rrset) = (name("www.example.org"), a(1));
        signer.signatures(&owner, &rrset, NOW + 300 * DAY);
        assert!(signer.is_due(&rrset, NOW));
        let signatures = signer.signatures(&owner, &rrset, NOW);
        let rrsig = signatures.rdatas().next().unwrap();
        let dnskey = signer.keys()[0].key.dnskey();
        assert_eq!(verify(&owner, &rrset, rrsig, dnskey, &name("example.org"), NOW), Ok(3));
    }

    #[test]
    fn replicas_agree_on_windows_and_key_sets() {
        let (ksk, zsk) = (p256(257), p256(256));
        let here = signer(vec![used(&ksk, true, true), used(&zsk, true, true)]);
        let there = signer(vec![used(&zsk, true, true), used(&ksk, true, true)]);
        assert_eq!(here.key_set(), there.key_set());
        let (owner, rrset) = (name("www.example.org"), a(1));
        let ours = here.signatures(&owner, &rrset, NOW);
        assert!(!there.is_due(&rrset, NOW), "what one made the other need not make again");
        let theirs = there.signatures(&name("WWW.example.ORG"), &a(1), NOW + 1);
        assert_eq!((ours.refresh_at, ours.expires_at), (theirs.refresh_at, theirs.expires_at));
    }

    #[test]
    fn only_what_other_keys_sign_is_signed_again() {
        let (ksk, new_ksk, zsk, next) = (p256(257), p256(257), p256(256), p256(256));
        let (owner, rrset) = (name("www.example.org"), a(1));
        let before = signer(vec![used(&ksk, true, true), used(&zsk, true, true)]);
        let keys = before.dnskey_rrset(60).unwrap();
        before.signatures(&owner, &rrset, NOW);
        before.signatures(&name("example.org"), &keys, NOW);
        let rolled = signer(vec![used(&ksk, true, true), used(&new_ksk, true, true), used(&zsk, true, true)]);
        assert!(rolled.is_due(&keys, NOW) && !rolled.is_due(&rrset, NOW));
        let published = signer(vec![used(&ksk, true, true), used(&zsk, true, true), used(&next, false, true)]);
        assert!(!published.is_due(&rrset, NOW));
        let switched = signer(vec![used(&ksk, true, true), used(&zsk, false, true), used(&next, true, true)]);
        assert!(!switched.is_due(&keys, NOW) && switched.is_due(&rrset, NOW));
        let set = [&before, &rolled, &published, &switched].map(|signer| signer.key_set());
        assert!((0..4).all(|i| (0..i).all(|j| set[i] != set[j])), "{set:?}");
        let policy = SigningPolicy { lifetime: Duration::from_secs(20 * 86_400), ..SigningPolicy::default() };
        let shorter = ZoneSigner::new(name("example.org"), before.keys().to_vec(), policy);
        assert!(shorter.is_due(&rrset, NOW));
    }

    /// RFC 4035 section 5.3.2: the labels field tells a validator that `*.example.org` was signed.
    #[test]
    fn a_wildcards_signature_holds_for_names_it_expands_to() {
        let signer = signer(vec![used(&p256(257), true, true)]);
        let (rrset, zone) = (a(1), name("example.org"));
        let signatures = signer.signatures(&name("*.example.org"), &rrset, NOW);
        let rrsig = signatures.rdatas().next().unwrap();
        let dnskey = signer.keys()[0].key.dnskey();
        for owner in ["*.example.org", "x.example.org", "a.b.example.org", "*.b.example.org"] {
            assert_eq!(verify(&name(owner), &rrset, rrsig, dnskey, &zone, NOW), Ok(2), "{owner}");
        }
        assert_eq!(verify(&zone, &rrset, rrsig, dnskey, &zone, NOW), Err(VerifyError::Wrong));
    }

    #[test]
    fn the_background_signer_stops_at_its_budget_and_at_what_is_due() {
        let signer = signer(vec![used(&p256(257), true, true)]);
        let rrsets: Vec<Arc<Rrset>> = (0..10).map(|octet| Arc::new(a(octet))).collect();
        let all = || rrsets.iter().enumerate().map(|(i, rrset)| (name(&format!("n{i}.example.org")), rrset));
        assert_eq!(signer.sign_due(all(), NOW, 4), 4);
        assert_eq!(rrsets.iter().filter(|rrset| signer.is_due(rrset, NOW)).count(), 6);
        assert_eq!(signer.sign_due(all(), NOW, 100), 6);
        assert_eq!(signer.sign_due(all(), NOW, 100), 0);
        let later = NOW + 3 * DAY + DAY / 2;
        let due = rrsets.iter().filter(|rrset| signer.is_due(rrset, later)).count();
        assert!((1..10).contains(&due), "renewal is spread: {due}");
    }

    #[test]
    fn delete_records_ask_for_the_ds_to_go() {
        let signer = signer(vec![used(&p256(257), true, true)]);
        assert_eq!(signer.cds_rrset(60, &[0]).unwrap().rdatas().collect::<Vec<_>>(), [ds::CDS_DELETE]);
        assert_eq!(ZoneSigner::cdnskey_delete_rrset(60).rdatas().collect::<Vec<_>>(), [ds::CDNSKEY_DELETE]);
        assert!(signer.cds_rrset(60, &[]).is_none());
        assert!(signer.cds_rrset(60, &[1, 3]).is_none());
    }

    fn any_owner() -> impl Strategy<Value = Name> {
        let label = prop_oneof![Just(vec![b'*']), proptest::collection::vec(any::<u8>(), 1..64)];
        proptest::collection::vec(label, 0..4).prop_map(|labels| {
            // Labels that no longer fit are left away.
            labels.iter().fold(name("example.org"), |owner, label| owner.child(label).unwrap_or(owner))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn what_is_signed_verifies(
            owner in any_owner(),
            rtype in prop_oneof![Just(RecordType::TXT), Just(RecordType(65280))],
            ttl in 0..=0x7fff_ffffu32,
            rdatas in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..300), 1..5),
            now in 1_000_000_000..4_000_000_000u32,
        ) {
            let signer = signer(vec![used(&p256(257), true, true), used(&key(Algorithm::Ed25519, 257), true, true)]);
            let rrset = Rrset::new(rtype, ttl, rdatas);
            let signatures = signer.signatures(&owner, &rrset, now);
            prop_assert_eq!(signatures.rdatas().count(), 2);
            for rrsig in signatures.rdatas() {
                let (fields, _) = RrsigFields::parse(rrsig).unwrap();
                let key = signer.keys().iter().find(|key| key.key.algorithm().number() == fields.algorithm).unwrap();
                let labels = verify(&owner, &rrset, rrsig, key.key.dnskey(), signer.apex(), now);
                prop_assert_eq!(labels, Ok(rrsig::labels_of(owner.as_wire())));
                let gone = verify(&owner, &rrset, rrsig, key.key.dnskey(), signer.apex(), signatures.expires_at + 1);
                prop_assert_eq!(gone, Err(VerifyError::Expired));
            }
        }
    }
}
