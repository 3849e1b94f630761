//! Signatures ahead of queries.
//!
//! One thread walks the served zones and makes every signature that is missing or due, so that a query
//! never has to. It yields to nobody but costs nobody either: a query that is first signs for itself.

use dnssec::{ServedZone, ZoneTable};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use wire::Name;
use zone::nsec3hash::nsec3_hash;
use zone::{DenialMode, Rrset, Zone};

/// How often all zones are walked for signatures that have become due.
const WALK_INTERVAL: Duration = Duration::from_secs(300);

/// What the keeper has done since the start.
#[derive(Debug, Default)]
pub struct KeeperCounters {
    /// Signatures made ahead of queries.
    pub signed: AtomicU64,
    /// Walks over all zones that were completed.
    pub walks: AtomicU64,
}

/// The running keeper; dropping it stops the thread.
#[derive(Debug)]
pub struct Keeper {
    wake: Option<Sender<()>>,
    stop: Arc<AtomicBool>,
    counters: Arc<KeeperCounters>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub fn spawn(table: Arc<ZoneTable>) -> std::io::Result<Keeper> {
        let (wake, woken) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let counters = Arc::new(KeeperCounters::default());
        let (thread_stop, thread_counters) = (Arc::clone(&stop), Arc::clone(&counters));
        let thread = std::thread::Builder::new()
            .name("keeper".into())
            .spawn(move || keep(&table, &woken, &thread_stop, &thread_counters))?;
        Ok(Keeper { wake: Some(wake), stop, counters, thread: Some(thread) })
    }

    /// Asks for a walk soon: something changed.
    pub fn wake(&self) {
        if let Some(wake) = &self.wake {
            // A keeper that has ended needs no waking.
            let _ = wake.send(());
        }
    }

    /// What it has done.
    pub fn counters(&self) -> &Arc<KeeperCounters> {
        &self.counters
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            // A panicked keeper has been reported by its panic; there is nothing more to do here.
            let _ = thread.join();
        }
    }
}

fn keep(table: &ZoneTable, woken: &Receiver<()>, stop: &AtomicBool, counters: &KeeperCounters) {
    loop {
        match woken.recv_timeout(WALK_INTERVAL) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        // Everything asked for so far is covered by the walk that begins now.
        while woken.try_recv().is_ok() {}
        let view = table.view();
        for served in view.iter() {
            if !sign_zone(served, stop, counters) {
                return;
            }
        }
        counters.walks.fetch_add(1, Ordering::Relaxed);
    }
}

/// Makes the signatures of one zone that are missing or due. Returns whether to go on.
fn sign_zone(served: &ServedZone, stop: &AtomicBool, counters: &KeeperCounters) -> bool {
    let Some(signer) = &served.signer else { return true };
    let now = unix_now();
    for (owner, rrset) in served.zone.signable() {
        if !signer.is_due(rrset, now) {
            continue;
        }
        signer.signatures(&owner, rrset, unix_now());
        counters.signed.fetch_add(1, Ordering::Relaxed);
        if stop.load(Ordering::Relaxed) {
            return false;
        }
    }
    true
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
    match zone.denial_mode() {
        DenialMode::Unsigned => {}
        DenialMode::Nsec => {
            if let Some((owner, rrset)) = zone.nsec_at_or_before(name) {
                sign(owner, rrset);
            }
            if let Some((owner, rrset)) = zone.nsec_before(name) {
                sign(owner, rrset);
            }
        }
        DenialMode::Nsec3(params) => {
            let hash = nsec3_hash(name, params);
            let matching = zone.nsec3_matching(&hash).map(|rrset| (hash, rrset));
            for (hash, rrset) in [matching, zone.nsec3_covering(&hash)].into_iter().flatten() {
                if let Ok(owner) = zone.apex().child(zone::nsec3hash::base32hex(&hash).as_bytes()) {
                    sign(&owner, rrset);
                }
            }
        }
    }
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
    use wire::RecordType;
    use zone::{Nsec3Params, ZoneBuilder, ZoneEditor};

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
        ServedZone { zone: Arc::new(builder.finish().unwrap()), signer: Some(Arc::new(signer)) }
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
}
