//! Signatures that are made while a query waits: how many a second, and a cache of the records that exist for answers alone.
//!
//! A signature costs several times what an answer does, so that whoever can make us sign for each query holds a lever: random names
//! in zones whose proofs are made on demand, or a large zone just after start. Here is the bound. Who comes by datagram has one share, who
//! comes over a stream, and so has shown where he is, another; and no zone takes more than half of either.
//!
//! The cache is a table of sets of four places without locks. A record that is asked for again stays: one that comes new takes an
//! empty place, or one that was not asked for since it was last passed over, so that a flood of names asked once does not displace
//! the proofs that everybody asks for.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::{ArcSwapOption, Guard};
use foldhash::quality::RandomState;
use std::hash::BuildHasher;
use wire::{Name, RecordType};
use zone::Rrset;

use crate::ZoneSigner;
use crate::signer::HeldSignatures;

/// How much may be made on demand, and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkbenchBounds {
    /// Signatures a second for datagrams, and as many again for streams. Counted in signatures of ECDSA P-256; one of another
    /// algorithm counts as many as take its time. Default 10,000, which is about a fifth of one core.
    pub signatures_per_second: u32,
    /// Octets of records that are kept. Default 16 MiB; 0 keeps none.
    pub cache_octets: usize,
}

impl Default for WorkbenchBounds {
    fn default() -> WorkbenchBounds {
        WorkbenchBounds { signatures_per_second: 10_000, cache_octets: 16 << 20 }
    }
}

/// Over what a query came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Its source may be forged.
    Datagram,
    /// Its source is proven.
    Stream,
}

/// Why there are no signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// As many as may be made in this second are made.
    #[error("too many signatures to make")]
    Busy,
    /// No key is active, or the system has no randomness.
    #[error("no signature can be made")]
    Impossible,
}

/// What the workbench did and holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WorkbenchStatus {
    /// RRsets signed while a query waited, since the start.
    pub signed: u64,
    /// Octets of records in the cache.
    pub cache_octets: usize,
}

/// Where signatures are made while a query waits; shared by all that answer.
#[derive(Debug)]
pub struct Workbench {
    bounds: WorkbenchBounds,
    datagrams: Rate,
    streams: Rate,
    signed: AtomicU64,
    hasher: RandomState,
    /// Made at the first use: most servers have no zone that needs it.
    sets: OnceLock<Box<[[Place; WAYS]]>>,
    octets: AtomicUsize,
}

type Place = ArcSwapOption<Record>;

/// Places that a record may stand in.
const WAYS: usize = 4;
/// What a record with its signature takes, about; the number of places follows from it.
const RECORD_OCTETS: usize = 512;
/// Longer ones are not kept.
const RECORD_OCTETS_MAX: usize = 4096;

/// A record that is no zone's data, made for an answer: a proof, or what a wildcard stands for under another name.
#[derive(Debug)]
struct Record {
    owner: Name,
    rrset: Rrset,
    is_asked_again: AtomicBool,
}

/// A record made for one answer, or for an earlier one and kept.
#[derive(Debug)]
pub struct MadeRecord(Held);

#[derive(Debug)]
enum Held {
    Kept(Guard<Option<Arc<Record>>>),
    New(Arc<Record>),
}

impl MadeRecord {
    /// The owner, lower case.
    pub fn owner(&self) -> &Name {
        &self.record().owner
    }

    /// Type, TTL and data.
    pub fn rrset(&self) -> &Rrset {
        &self.record().rrset
    }

    fn record(&self) -> &Record {
        match &self.0 {
            Held::Kept(guard) => guard.as_ref().expect("only places that hold a record are kept hold of"),
            Held::New(record) => record,
        }
    }
}

impl Default for Workbench {
    fn default() -> Workbench {
        Workbench::new(WorkbenchBounds::default())
    }
}

impl Workbench {
    /// An empty one.
    pub fn new(bounds: WorkbenchBounds) -> Workbench {
        Workbench {
            bounds,
            datagrams: Rate::default(),
            streams: Rate::default(),
            signed: AtomicU64::new(0),
            hasher: RandomState::default(),
            sets: OnceLock::new(),
            octets: AtomicUsize::new(0),
        }
    }

    /// How it stands.
    pub fn status(&self) -> WorkbenchStatus {
        WorkbenchStatus {
            signed: self.signed.load(Ordering::Relaxed),
            cache_octets: self.octets.load(Ordering::Relaxed),
        }
    }

    /// The record with this owner (lower-case wire, a valid name) and these RDATAs, each with its length before it: the one that is
    /// kept, with its signatures, or a new one.
    pub(crate) fn record(&self, owner: &[u8], rtype: RecordType, ttl: u32, encoded: &[u8]) -> MadeRecord {
        if let Some(kept) = self.find(owner, rtype, ttl, encoded) {
            return kept;
        }
        let owner =
            Name::from_wire(owner).expect("owners of made records are names of a query or hashes below an apex");
        let rrset = Rrset::from_encoded(rtype, ttl, encoded.to_vec());
        MadeRecord(Held::New(Arc::new(Record { owner, rrset, is_asked_again: AtomicBool::new(false) })))
    }

    /// The RRset under another owner than it is stored at, as a wildcard's answer is where it is signed for the name asked for.
    pub fn under(&self, owner: &[u8], rrset: &Rrset) -> MadeRecord {
        self.record(owner, rrset.rtype(), rrset.ttl(), rrset.encoded())
    }

    /// The signatures of an RRset of a zone: those in its slot, or new ones if that may be.
    ///
    /// # Errors
    ///
    /// [`NotSigned`]; without its signatures the RRset would be bogus.
    pub fn signatures(
        &self,
        signer: &ZoneSigner,
        owner: &[u8],
        rrset: &Rrset,
        now: u32,
        lane: Lane,
    ) -> Result<HeldSignatures, NotSigned> {
        match signer.ready(rrset, now) {
            Some(ready) => Ok(ready),
            None => self.sign(signer, owner, rrset, now, lane),
        }
    }

    /// The same for a record that was made; it is kept once it is signed.
    ///
    /// # Errors
    ///
    /// As [`Self::signatures`].
    pub fn signatures_of_made(
        &self,
        signer: &ZoneSigner,
        made: &MadeRecord,
        now: u32,
        lane: Lane,
    ) -> Result<HeldSignatures, NotSigned> {
        let signatures = self.signatures(signer, made.owner().as_wire(), made.rrset(), now, lane)?;
        if let Held::New(record) = &made.0 {
            self.keep(record);
        }
        Ok(signatures)
    }

    fn sign(
        &self,
        signer: &ZoneSigner,
        owner: &[u8],
        rrset: &Rrset,
        now: u32,
        lane: Lane,
    ) -> Result<HeldSignatures, NotSigned> {
        let max = self.bounds.signatures_per_second;
        let (rate, of_zone) = match lane {
            Lane::Datagram => (&self.datagrams, &signer.on_demand().datagrams),
            Lane::Stream => (&self.streams, &signer.on_demand().streams),
        };
        let cost = signer.cost(rrset.rtype());
        if !of_zone.take(now, cost, (max / 2).max(1)) || !rate.take(now, cost, max) {
            return signer.overdue(rrset, now).ok_or(NotSigned::Busy);
        }
        self.signed.fetch_add(1, Ordering::Relaxed);
        let signatures = signer.signatures_at(owner, rrset, now);
        if signatures.encoded.is_empty() { Err(NotSigned::Impossible) } else { Ok(signatures) }
    }

    fn set(&self, owner: &[u8], rtype: RecordType, encoded: &[u8]) -> Option<&[Place; WAYS]> {
        let sets = self.sets.get_or_init(|| {
            let count = match self.bounds.cache_octets / (RECORD_OCTETS * WAYS) {
                0 => usize::from(self.bounds.cache_octets > 0),
                count => count,
            };
            (0..count).map(|_| [const { ArcSwapOption::const_empty() }; WAYS]).collect()
        });
        let hash = self.hasher.hash_one((owner, rtype.0, encoded));
        sets.get((hash % sets.len().max(1) as u64) as usize)
    }

    fn find(&self, owner: &[u8], rtype: RecordType, ttl: u32, encoded: &[u8]) -> Option<MadeRecord> {
        let is_same = |record: &Record| {
            let rrset = &record.rrset;
            rrset.encoded() == encoded
                && record.owner.as_wire() == owner
                && (rrset.rtype(), rrset.ttl()) == (rtype, ttl)
        };
        let mut places = self.set(owner, rtype, encoded)?.iter().map(ArcSwapOption::load);
        let found = places.find(|place| place.as_ref().is_some_and(|record| is_same(record)))?;
        if let Some(record) = found.as_ref()
            && !record.is_asked_again.load(Ordering::Relaxed)
        {
            record.is_asked_again.store(true, Ordering::Relaxed);
        }
        Some(MadeRecord(Held::Kept(found)))
    }

    /// Two that keep at the same time may displace one another's record; it is then made again.
    fn keep(&self, record: &Arc<Record>) {
        let octets = octets_of(record);
        let Some(set) = self.set(record.owner.as_wire(), record.rrset.rtype(), record.rrset.encoded()) else { return };
        if octets > RECORD_OCTETS_MAX {
            return;
        }
        let is_idle =
            |place: &&Place| place.load().as_ref().is_none_or(|old| !old.is_asked_again.load(Ordering::Relaxed));
        let has_room = self.octets.load(Ordering::Relaxed) + octets <= self.bounds.cache_octets;
        let is_empty = |place: &&Place| place.load().is_none();
        let place = set
            .iter()
            .find(|place| has_room && is_empty(place))
            .or_else(|| set.iter().find(|p| is_idle(p) && !is_empty(p)));
        let Some(place) = place else {
            // All were asked for again; whoever is not asked for from now on makes room next time.
            set.iter()
                .filter_map(|place| place.load_full())
                .for_each(|old| old.is_asked_again.store(false, Ordering::Relaxed));
            return;
        };
        self.octets.fetch_add(octets, Ordering::Relaxed);
        if let Some(old) = place.swap(Some(Arc::clone(record))) {
            self.octets.fetch_sub(octets_of(&old), Ordering::Relaxed);
        }
    }
}

/// What a record takes; its signatures are there when it is kept, and later ones are as long.
fn octets_of(record: &Record) -> usize {
    let signatures = record.rrset.signatures().load();
    let signatures = signatures.as_ref().map_or(0, |signatures| signatures.encoded.len());
    size_of::<Record>() + record.owner.as_wire().len() + record.rrset.encoded().len() + signatures
}

/// How much was made in this second: the second above, the count below.
#[derive(Debug, Default)]
pub(crate) struct Rate(AtomicU64);

/// A clock that is further back than this was set back; less is that some batch began earlier than another.
const BACKWARDS_MAX: u32 = 5;

impl Rate {
    /// Takes `cost` out of the `max` of this second; what costs more than all of it is let through alone.
    fn take(&self, now: u32, cost: u32, max: u32) -> bool {
        let take = |state: u64| {
            let (second, count) = ((state >> 32) as u32, state as u32);
            let is_over = now.wrapping_sub(second) as i32 > 0 || second.wrapping_sub(now) > BACKWARDS_MAX;
            let (second, count) = if is_over { (now, 0) } else { (second, count) };
            let next = count.saturating_add(cost);
            (next <= max || count == 0).then_some(u64::from(second) << 32 | u64::from(next))
        };
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

/// What was made for one zone in this second.
#[derive(Debug, Default)]
pub(crate) struct ZoneRates {
    datagrams: Rate,
    streams: Rate,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Algorithm, KeyInUse, SigningPolicy, ZoneKey};

    const NOW: u32 = 1_800_000_000;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn signer(algorithm: Algorithm) -> ZoneSigner {
        let text = ZoneKey::generate(algorithm).unwrap();
        let key = KeyInUse { key: Arc::new(ZoneKey::from_isc(&text, 257).unwrap()), active: true, published: true };
        ZoneSigner::new(name("example"), vec![key], SigningPolicy::default())
    }

    fn a(octet: u8) -> Rrset {
        Rrset::new(RecordType::A, 300, vec![vec![192, 0, 2, octet]])
    }

    #[test]
    fn a_second_has_its_share_and_a_clock_set_back_does_not_stop_it() {
        let rate = Rate::default();
        assert!((0..10).all(|_| rate.take(NOW, 1, 10)));
        assert!(!rate.take(NOW, 1, 10) && !rate.take(NOW - 1, 1, 10), "a batch that began earlier has the same share");
        assert!(rate.take(NOW + 1, 10, 10) && !rate.take(NOW + 1, 1, 10));
        assert!(rate.take(NOW - 1000, 1, 10));
        let rate = Rate::default();
        assert!(rate.take(NOW, 50, 10) && !rate.take(NOW, 50, 10), "what costs more than the share comes alone");
        assert!(rate.take(u32::MAX, 1, 1) && rate.take(0, 1, 1), "seconds wrap");
    }

    #[test]
    fn past_the_bound_nothing_is_signed_and_what_is_signed_still_goes() {
        let bench = Workbench::new(WorkbenchBounds { signatures_per_second: 4, ..WorkbenchBounds::default() });
        let (one, other) = (signer(Algorithm::EcdsaP256Sha256), signer(Algorithm::EcdsaP256Sha256));
        let owner = name("www.example");
        let rrsets: Vec<Rrset> = (0..6).map(a).collect();
        let ask = |signer, rrset, now, lane| {
            bench.signatures(signer, owner.as_wire(), rrset, now, lane).map(|s| s.rdatas().count())
        };
        let of_zone: Vec<_> = rrsets.iter().map(|rrset| ask(&one, rrset, NOW, Lane::Datagram)).collect();
        assert_eq!(
            of_zone,
            [Ok(1), Ok(1), Err(NotSigned::Busy), Err(NotSigned::Busy), Err(NotSigned::Busy), Err(NotSigned::Busy)],
            "a zone has half"
        );
        assert_eq!(ask(&one, &rrsets[0], NOW, Lane::Datagram), Ok(1), "what hangs there is no work");
        assert_eq!(ask(&other, &rrsets[3], NOW, Lane::Datagram), Ok(1), "another zone has the other half");
        assert_eq!(ask(&one, &rrsets[2], NOW, Lane::Stream), Ok(1), "and streams their own");
        assert_eq!(ask(&one, &rrsets[4], NOW + 1, Lane::Datagram), Ok(1));
        assert_eq!(bench.status().signed, 5);
        // Signatures that are due are used as long as they validate.
        let late = NOW + 20 * 86_400;
        while bench.signatures(&one, owner.as_wire(), &a(9), late, Lane::Datagram).is_ok() {}
        let due = one.ready(&rrsets[0], late).is_none();
        let expiry = rrsets[0].signatures().load().as_ref().unwrap().expires_at;
        assert!(due && (expiry as i64 - late as i64) < 2 * 86_400);
        assert_eq!(ask(&one, &rrsets[0], late, Lane::Datagram).is_ok(), expiry > late);
    }

    #[test]
    fn dear_algorithms_use_up_the_bound_sooner() {
        let [cheap, dear] = [Algorithm::EcdsaP256Sha256, Algorithm::EcdsaP384Sha384].map(signer);
        assert_eq!(cheap.cost(RecordType::A), 1);
        assert!(dear.cost(RecordType::A) > 10);
    }

    #[test]
    fn a_record_that_was_signed_is_found_again() {
        let bench = Workbench::default();
        let signer = signer(Algorithm::EcdsaP256Sha256);
        let ask = |owner: &str| {
            let made = bench.under(name(owner).as_wire(), &a(1));
            bench
                .signatures_of_made(&signer, &made, NOW, Lane::Datagram)
                .unwrap()
                .rdatas()
                .map(<[u8]>::to_vec)
                .collect::<Vec<_>>()
        };
        let first = ask("x.example");
        assert_eq!(first, ask("x.example"), "ECDSA signatures differ each time they are made");
        assert_ne!(first, ask("y.example"));
        assert_eq!(bench.status().signed, 2);
        let none = Workbench::new(WorkbenchBounds { cache_octets: 0, ..WorkbenchBounds::default() });
        for _ in 0..2 {
            let made = none.under(name("x.example").as_wire(), &a(1));
            none.signatures_of_made(&signer, &made, NOW, Lane::Datagram).unwrap();
        }
        assert_eq!((none.status().signed, none.status().cache_octets), (2, 0));
    }

    /// A million names asked once neither make the cache grow nor displace what is asked for again and again.
    #[test]
    fn a_flood_of_names_stays_within_the_octets_and_leaves_what_is_known() {
        let bounds = WorkbenchBounds { signatures_per_second: 1_000_000, cache_octets: 64 << 10 };
        let bench = Workbench::new(bounds);
        let signer = signer(Algorithm::EcdsaP256Sha256);
        let ask = |owner: &str| {
            let before = bench.status().signed;
            let made = bench.under(name(owner).as_wire(), &a(1));
            bench.signatures_of_made(&signer, &made, NOW, Lane::Datagram).unwrap();
            bench.status().signed == before
        };
        let mut known = 0;
        for round in 0..3000 {
            ask(&format!("random{round}.example"));
            known += u32::from(ask("known.example"));
            assert!(bench.status().cache_octets <= bounds.cache_octets);
        }
        assert!(known > 2900, "{known} of 3000");
        assert!(bench.status().cache_octets > bounds.cache_octets / 4);
    }
}
