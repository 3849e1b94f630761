//! Signatures ahead of queries.
//!
//! One thread makes every signature that is missing or due, so that a query never has to: in zones it is told of at once, in
//! all zones now and then. It yields to nobody but costs nobody either: a query that is first signs for itself.

use dnssec::presigned::{self, Examined};
use dnssec::{ServedZone, ZoneTable};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use wire::{Name, RecordType, ZoneName};
use zone::nsec3hash::nsec3_hash;
use zone::{Proofs, Rrset, Zone};

/// How often all zones are walked for signatures that have become due.
const WALK_INTERVAL: Duration = Duration::from_secs(300);

/// What the keeper has done since the start.
#[derive(Debug, Default)]
pub struct KeeperCounters {
    /// Signatures made ahead of queries.
    pub signed: AtomicU64,
    /// Walks over all zones that were completed.
    pub walks: AtomicU64,
    /// Presigned zones, with how many faults each has and when its first signature ends, Unix seconds.
    pub presigned: Mutex<BTreeMap<ZoneName, (usize, Option<u32>)>>,
}

/// The running keeper; dropping it stops the thread.
#[derive(Debug)]
pub struct Keeper {
    desk: Arc<Desk>,
    counters: Arc<KeeperCounters>,
    thread: Option<JoinHandle<()>>,
}

/// Where orders for the thread lie: each zone once, however often it changes.
#[derive(Debug, Default)]
struct Desk {
    zones: Mutex<BTreeSet<ZoneName>>,
    woken: Condvar,
    stop: AtomicBool,
}

impl Keeper {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub fn spawn(table: Arc<ZoneTable>) -> std::io::Result<Keeper> {
        let desk = Arc::new(Desk::default());
        let counters = Arc::new(KeeperCounters::default());
        let (thread_desk, thread_counters) = (Arc::clone(&desk), Arc::clone(&counters));
        let thread = std::thread::Builder::new()
            .name("keeper".into())
            .spawn(move || keep(&table, &thread_desk, &thread_counters))?;
        Ok(Keeper { desk, counters, thread: Some(thread) })
    }

    /// Asks for the signatures of these zones soon.
    pub fn sign(&self, zones: impl IntoIterator<Item = ZoneName>) {
        self.desk.lock().extend(zones);
        self.desk.woken.notify_one();
    }

    /// What it has done.
    pub fn counters(&self) -> &Arc<KeeperCounters> {
        &self.counters
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        {
            // Under the lock, or the thread could miss it between its look and its sleep.
            let _zones = self.desk.lock();
            self.desk.stop.store(true, Ordering::Relaxed);
        }
        self.desk.woken.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panicked keeper has been reported by its panic; there is nothing more to do here.
            let _ = thread.join();
        }
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<ZoneName>> {
        lock(&self.zones)
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Takes what has been asked for, and waits for it until `deadline`. Nothing: it is time for a walk over all zones.
    fn take(&self, deadline: Instant) -> BTreeSet<ZoneName> {
        let mut zones = self.lock();
        while zones.is_empty() && !self.is_stopped() {
            let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
                break;
            };
            zones = self.woken.wait_timeout(zones, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        std::mem::take(&mut zones)
    }
}

fn keep(table: &ZoneTable, desk: &Desk, counters: &KeeperCounters) {
    let mut walk_at = Instant::now() + WALK_INTERVAL;
    while !desk.is_stopped() {
        let asked = desk.take(walk_at);
        forget_presigned(table, counters);
        // Zone by zone, each from the table as it is then: to hold one view for all would keep what is replaced meanwhile.
        let is_done = asked.iter().all(|name| sign_served(table, name, desk, counters));
        if is_done && Instant::now() >= walk_at {
            let names: Vec<ZoneName> = table.view().iter().map(|served| served.name.clone()).collect();
            if names.iter().all(|name| sign_served(table, name, desk, counters)) {
                counters.walks.fetch_add(1, Ordering::Relaxed);
            }
            walk_at = Instant::now() + WALK_INTERVAL;
        }
    }
}

fn sign_served(table: &ZoneTable, name: &ZoneName, desk: &Desk, counters: &KeeperCounters) -> bool {
    let served = table.view().get(name).cloned();
    served.is_none_or(|served| sign_zone(&served, &desk.stop, counters))
}

/// Makes the signatures of one zone that are missing or due. Returns whether to go on.
fn sign_zone(served: &ServedZone, stop: &AtomicBool, counters: &KeeperCounters) -> bool {
    if served.zone.is_presigned() {
        examine(served, counters);
    }
    let Some(signer) = &served.signer else { return true };
    let now = unix_now();
    for (owner, rrset) in served.zone.signable() {
        if stop.load(Ordering::Relaxed) {
            return false;
        }
        if signer.is_due(rrset, now) {
            signer.signatures(&owner, rrset, unix_now());
            counters.signed.fetch_add(1, Ordering::Relaxed);
        }
    }
    true
}

/// Looks at a presigned zone, and says so when it has other faults than before.
fn examine(served: &ServedZone, counters: &KeeperCounters) {
    let Examined { faults, expires_at } = presigned::examine(&served.zone, unix_now(), presigned::Depth::Presence);
    let found = (faults.len(), expires_at);
    let before = lock(&counters.presigned).insert(served.name.clone(), found);
    if let Some(first) = faults.first().filter(|_| before.map(|(count, _)| count) != Some(faults.len())) {
        let (zone, count) = (&served.name, faults.len());
        tracing::error!(%zone, count, %first, "a presigned zone has faults and is served as it is: see check-zone");
    }
}

/// Forgets presigned zones that are no longer served as such.
fn forget_presigned(table: &ZoneTable, counters: &KeeperCounters) {
    let view = table.view();
    let is_presigned = |name: &ZoneName| view.get(name).is_some_and(|served| served.zone.is_presigned());
    lock(&counters.presigned).retain(|name, _| is_presigned(name));
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the signatures that changes to `names` asked for: their own RRsets, the SOA, and the links of
/// the denial chain that moved. Names below a cut that came or went are left to the keeper.
pub(crate) fn sign_names<'n>(served: &ServedZone, names: impl IntoIterator<Item = &'n Name>, now: u32) {
    let Some(signer) = &served.signer else { return };
    let zone = &served.zone;
    let sign = |owner: &Name, rrset: &Arc<Rrset>| {
        signer.signatures(owner, rrset, now);
    };
    sign(zone.apex(), zone.soa());
    for name in names {
        let name = name.to_lowercase();
        if zone.is_below_cut(name.as_wire()) {
            continue;
        }
        if let Some(node) = zone.node(name.as_wire()) {
            node.signable().for_each(|rrset| sign(&name, rrset));
        }
        // The name's link and those of empty non-terminals above it, each with the link before.
        let mut at = Some(name);
        while let Some(name) = at.filter(|name| name.is_under(zone.apex())) {
            links_around(zone, &name, &sign);
            at = name.parent();
        }
    }
}

fn links_around(zone: &Zone, name: &Name, sign: &impl Fn(&Name, &Arc<Rrset>)) {
    match zone.proofs() {
        Proofs::None | Proofs::Narrow(_) | Proofs::Compact => {}
        Proofs::Nsec => {
            if let Some((owner, rrset)) = zone.nsec_at_or_before(name) {
                sign(owner, rrset);
            }
            if let Some((owner, rrset)) = zone.nsec_before(name) {
                sign(owner, rrset);
            }
        }
        Proofs::Nsec3(params) => {
            let hash = nsec3_hash(name, params);
            for (hash, rrset) in [zone.nsec3_matching(&hash), zone.nsec3_covering(&hash)].into_iter().flatten() {
                if let Ok(owner) = zone.apex().child(zone::nsec3hash::base32hex(hash).as_bytes()) {
                    sign(&owner, rrset);
                }
            }
        }
    }
}

/// Whether [`sign_names`] for `names` leaves signatures to make: where a cut or DNAME above other names came or went, and where
/// all links of the chain were redone.
pub(crate) fn reaches_further<'n>(old: &Zone, new: &Zone, names: impl IntoIterator<Item = &'n Name>) -> bool {
    let is_redirecting = |zone: &Zone, name: &Name| {
        let node = zone.node(name.as_wire());
        node.is_some_and(|node| node.is_cut() || node.rrset(RecordType::DNAME).is_some())
    };
    !matches!(new.proofs(), Proofs::None | Proofs::Narrow(_) | Proofs::Compact)
        && (old.negative_ttl() != new.negative_ttl()
            || old.has_optional_empty_non_terminals() != new.has_optional_empty_non_terminals()
            || names.into_iter().any(|name| is_redirecting(old, name) != is_redirecting(new, name)))
}

/// Unix seconds; they fit `u32` until 2106, as on the wire.
pub(crate) fn unix_now() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since.as_secs()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dnssec::signer::KeyInUse;
    use dnssec::{Algorithm, SigningPolicy, ZoneKey, ZoneSigner};
    use zone::{DenialMode, Nsec3Params, ZoneBuilder, ZoneEditor};

    const NOW: u32 = 1_800_000_000;
    const SOA: &[u8] = b"\x01n\0\x01h\0\0\0\0\x01\0\0\x0e\x10\0\0\x0e\x10\0\x01\x51\x80\0\0\x01\x2c";

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn served(mode: DenialMode) -> ServedZone {
        let mut builder = ZoneBuilder::new(name("example"), mode);
        builder.add(&name("example"), RecordType::SOA, 3600, SOA);
        for owner in ["a.example", "m.example", "x.y.example", "z.example"] {
            builder.add(&name(owner), RecordType::A, 60, &[192, 0, 2, 1]);
        }
        let text = ZoneKey::generate(Algorithm::EcdsaP256Sha256).unwrap();
        let key = KeyInUse { key: Arc::new(ZoneKey::from_isc(&text, 257).unwrap()), active: true, published: true };
        let signer = ZoneSigner::new(name("example"), vec![key], SigningPolicy::default());
        builder.set_apex(signer.dnskey_rrset(60).unwrap());
        ServedZone::new(Arc::new(builder.finish().unwrap()), Some(Arc::new(signer)))
    }

    fn unsigned(served: &ServedZone) -> Vec<Name> {
        let signer = served.signer.as_ref().unwrap();
        let due = served.zone.signable().filter(|(_, rrset)| signer.is_due(rrset, NOW));
        due.map(|(owner, _)| owner).collect()
    }

    #[test]
    fn what_a_change_touched_is_signed_at_once() {
        for mode in [DenialMode::Nsec, DenialMode::Nsec3(Nsec3Params::default())] {
            let mut served = served(mode);
            let signer = served.signer.clone().unwrap();
            assert!(!unsigned(&served).is_empty());
            served.zone.signable().for_each(|(owner, rrset)| drop(signer.signatures(&owner, rrset, NOW)));
            // New at the end, in the middle, below new empty non-terminals, a wildcard, a cut; then all gone again.
            for (owner, rtype, rdata) in [
                ("zz.example", RecordType::A, &[192, 0, 2, 1][..]),
                ("mm.example", RecordType::A, &[192, 0, 2, 1]),
                ("a.b.c.example", RecordType::A, &[192, 0, 2, 1]),
                ("*.y.example", RecordType::A, &[192, 0, 2, 1]),
                ("cut.example", RecordType::NS, b"\x01n\0"),
            ] {
                for rrsets in [vec![Rrset::new(rtype, 60, vec![rdata.to_vec()])], Vec::new()] {
                    let mut editor = ZoneEditor::new(&served.zone);
                    editor.replace_name(&name(owner), rrsets);
                    served.zone = Arc::new(editor.finish().unwrap());
                    assert!(!unsigned(&served).is_empty(), "{owner} touches something");
                    sign_names(&served, [&name(owner)], NOW);
                    assert_eq!(unsigned(&served), Vec::<Name>::new(), "after {owner}");
                }
            }
        }
    }
    /// With opt-out names come into the chain and go with a DS, and the first wildcard moves more than its own links.
    #[test]
    fn with_opt_out_what_a_change_touched_is_signed_at_once_or_known_to_reach_further() {
        let mut served = served(DenialMode::Nsec3(Nsec3Params { opt_out: true, ..Nsec3Params::default() }));
        let signer = served.signer.clone().unwrap();
        served.zone.signable().for_each(|(owner, rrset)| drop(signer.signatures(&owner, rrset, NOW)));
        let ns = || Rrset::new(RecordType::NS, 60, vec![b"\x01n\0".to_vec()]);
        let ds = || Rrset::new(RecordType::DS, 60, vec![vec![0, 1, 13, 2, 9]]);
        let a = || Rrset::new(RecordType::A, 60, vec![vec![192, 0, 2, 1]]);
        for (owner, rrsets, reaches) in [
            ("c.d.e.example", vec![ns()], true),
            ("c.d.e.example", vec![ns(), ds()], false),
            ("c.d.e.example", vec![ns()], false),
            ("*.y.example", vec![a()], true),
            ("c.d.e.example", vec![ns(), ds()], false),
            ("*.y.example", Vec::new(), true),
            ("c.d.e.example", Vec::new(), true),
        ] {
            let mut editor = ZoneEditor::new(&served.zone);
            editor.replace_name(&name(owner), rrsets);
            let zone = Arc::new(editor.finish().unwrap());
            assert_eq!(reaches_further(&served.zone, &zone, [&name(owner)]), reaches, "{owner}");
            served.zone = zone;
            sign_names(&served, [&name(owner)], NOW);
            assert!(reaches || unsigned(&served).is_empty(), "after {owner}: {:?}", unsigned(&served));
            served.zone.signable().for_each(|(owner, rrset)| drop(signer.signatures(&owner, rrset, NOW)));
        }
    }

    #[test]
    fn what_a_change_leaves_unsigned_is_known() {
        for mode in [DenialMode::Nsec, DenialMode::Nsec3(Nsec3Params::default())] {
            let mut soa = SOA.to_vec();
            let last = soa.len() - 1;
            soa[last] -= 1;
            let mut old = served(mode);
            // A cut over names, gone again; the SOA's minimum; and what reaches no further than itself.
            for (owner, rtype, rdata, reaches) in [
                ("y.example", RecordType::NS, b"\x01n\0".to_vec(), true),
                ("y.example", RecordType::A, vec![192, 0, 2, 1], true),
                ("y.example", RecordType::A, vec![192, 0, 2, 2], false),
                ("example", RecordType::SOA, soa, true),
                ("new.z.example", RecordType::A, vec![192, 0, 2, 1], false),
            ] {
                let signer = old.signer.clone().unwrap();
                old.zone.signable().for_each(|(owner, rrset)| drop(signer.signatures(&owner, rrset, NOW)));
                let mut editor = ZoneEditor::new(&old.zone);
                editor.replace_name(&name(owner), vec![Rrset::new(rtype, 3600, vec![rdata])]);
                let zone = Arc::new(editor.finish().unwrap());
                assert_eq!(reaches_further(&old.zone, &zone, [&name(owner)]), reaches, "{owner} {rtype}");
                let new = ServedZone::new(zone, Some(signer));
                sign_names(&new, [&name(owner)], NOW);
                assert!(reaches || unsigned(&new).is_empty(), "{owner} {rtype}");
                old = new;
            }
        }
    }

    #[test]
    fn only_zones_that_were_asked_for_are_walked() {
        let (asked, other) = (served(DenialMode::Nsec), served(DenialMode::Nsec));
        let mut builder = ZoneBuilder::new(name("other"), DenialMode::Nsec);
        builder.add(&name("other"), RecordType::SOA, 3600, SOA);
        let other = ServedZone::new(Arc::new(builder.finish().unwrap()), other.signer);
        let table = ZoneTable::new();
        table.put_all([asked.clone(), other.clone()]);
        let desk = Desk::default();
        desk.lock().insert(ZoneName::from(name("example")));
        let counters = KeeperCounters::default();
        let far = Instant::now() + WALK_INTERVAL;
        let taken = desk.take(far);
        assert_eq!(taken, BTreeSet::from([ZoneName::from(name("example"))]));
        taken.iter().for_each(|apex| assert!(sign_served(&table, apex, &desk, &counters)));
        let signer = asked.signer.as_ref().unwrap();
        assert!(asked.zone.signable().all(|(_, rrset)| !signer.is_due(rrset, unix_now())));
        assert!(signer.is_due(other.zone.soa(), unix_now()));
        assert!(desk.take(Instant::now()).is_empty(), "the walk over all zones is due though nothing was asked for");
    }
}
