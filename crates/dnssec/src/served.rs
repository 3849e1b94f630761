//! The zones being served, each a snapshot with the signer of its keys.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use foldhash::quality::RandomState;
use imbl::shared_ptr::DefaultSharedPtr;
use wire::Name;
use wire::name::NAME_OCTETS_MAX;
use zone::Zone;

use crate::{Workbench, WorkbenchBounds, ZoneSigner};

/// One zone as it is served at one moment: data and keys always change together.
#[derive(Clone)]
pub struct ServedZone {
    /// The data.
    pub zone: Arc<Zone>,
    /// Present when the zone is signed.
    pub signer: Option<Arc<ZoneSigner>>,
}

/// All served zones. Readers take one view per batch and never wait; writers swap one zone at the cost of a path copy.
pub struct ZoneTable {
    current: ArcSwap<Zones>,
    /// Held by the one writer. Zones no longer served wait here until no reader holds them, so that it is never a reader that
    /// has to free a large zone in the middle of its batch.
    retired: Mutex<Vec<Arc<ServedZone>>>,
}

/// What a reader holds for one batch.
pub struct ZoneView(Arc<Zones>);

/// A persistent map: a clone shares all but the path to what is changed in it. Names are hashed with a random seed, since a
/// zone's owner may choose them.
#[derive(Clone)]
struct Zones {
    by_apex: imbl::GenericHashMap<Arc<[u8]>, Arc<ServedZone>, RandomState, DefaultSharedPtr>,
    depths: Depths,
    bench: Arc<Workbench>,
}

impl ZoneTable {
    /// An empty table, with the default bounds for what is made on demand.
    pub fn new() -> Arc<ZoneTable> {
        ZoneTable::with_bounds(WorkbenchBounds::default())
    }

    /// An empty table.
    pub fn with_bounds(bounds: WorkbenchBounds) -> Arc<ZoneTable> {
        let by_apex = imbl::GenericHashMap::with_hasher(RandomState::default());
        let zones = Zones { by_apex, depths: Depths::new(), bench: Arc::new(Workbench::new(bounds)) };
        Arc::new(ZoneTable { current: ArcSwap::from_pointee(zones), retired: Mutex::default() })
    }

    /// One atomic load.
    pub fn view(&self) -> ZoneView {
        ZoneView(self.current.load_full())
    }

    /// Puts or replaces a zone under its apex.
    pub fn put(&self, zone: ServedZone) {
        self.put_all([zone]);
    }

    /// Puts or replaces many zones in one step: readers see all of them or none.
    pub fn put_all(&self, zones: impl IntoIterator<Item = ServedZone>) {
        self.change(|next, retired| {
            for zone in zones {
                let apex = zone.zone.apex().as_wire().to_ascii_lowercase();
                match next.by_apex.insert(apex.as_slice().into(), Arc::new(zone)) {
                    Some(old) => retired.push(old),
                    None => next.depths.add(depth(&apex)),
                }
            }
        });
    }

    /// Stops serving a zone.
    pub fn remove(&self, apex: &Name) -> bool {
        let apex = apex.as_wire().to_ascii_lowercase();
        self.change(|next, retired| {
            let Some(old) = next.by_apex.remove(apex.as_slice()) else {
                return false;
            };
            next.depths.subtract(depth(&apex));
            retired.push(old);
            true
        })
    }

    /// Frees zones that are no longer served and that no reader holds any more; writes do so too. Returns how many still wait.
    pub fn reclaim(&self) -> usize {
        let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        retired.retain(|zone| Arc::strong_count(zone) > 1);
        retired.len()
    }

    fn change<R>(&self, change: impl FnOnce(&mut Zones, &mut Vec<Arc<ServedZone>>) -> R) -> R {
        // A panic of another writer leaves the table as it was: nothing is published before the change is whole.
        let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Zones::clone(&self.current.load());
        let result = change(&mut next, &mut retired);
        self.current.store(Arc::new(next));
        retired.retain(|zone| Arc::strong_count(zone) > 1);
        result
    }
}

impl ZoneView {
    /// The zone with the longest apex that `qname` (lower-case wire) is at or under.
    pub fn find(&self, qname: &[u8]) -> Option<&ServedZone> {
        self.find_within(qname, 0)
    }

    /// The same, but never a zone whose apex is `qname` itself: the parent's side of a DS query (RFC 4035 section 3.1.4.1).
    pub fn find_parent(&self, qname: &[u8]) -> Option<&ServedZone> {
        self.find_within(qname, 1)
    }

    /// The zone with exactly this apex.
    pub fn get(&self, apex: &Name) -> Option<&ServedZone> {
        self.0.by_apex.get(apex.as_wire().to_ascii_lowercase().as_slice()).map(Arc::as_ref)
    }

    /// Where signatures are made while a query waits.
    pub fn bench(&self) -> &Workbench {
        &self.0.bench
    }

    /// All zones, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &ServedZone> + '_ {
        self.0.by_apex.values().map(Arc::as_ref)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.by_apex.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.by_apex.is_empty()
    }

    /// The deepest zone over `qname` without its leftmost `skip` labels. Only depths at which zones exist are probed, so a name
    /// of 127 labels costs no more than others.
    fn find_within(&self, qname: &[u8], skip: usize) -> Option<&ServedZone> {
        let mut starts = [0u8; DEPTHS];
        let mut labels = 0;
        let mut at = 0;
        while let Some(&length) = qname.get(at)
            && length != 0
            && labels < DEPTHS - 1
        {
            at += 1 + usize::from(length);
            labels += 1;
            starts[labels] = u8::try_from(at).ok()?;
        }
        let mut depth = labels.checked_sub(skip)?;
        loop {
            depth = self.0.depths.at_most(depth)?;
            let suffix = qname.get(usize::from(starts[labels - depth])..)?;
            if let Some(zone) = self.0.by_apex.get(suffix) {
                return Some(zone);
            }
            depth = depth.checked_sub(1)?;
        }
    }
}

/// Depths an apex can have: 0 labels to 127, two octets each.
const DEPTHS: usize = NAME_OCTETS_MAX / 2 + 1;

/// How many zones have how many labels.
#[derive(Clone)]
struct Depths {
    counts: Box<[u32; DEPTHS]>,
    /// Bit `n`: some zone has `n` labels.
    present: u128,
}

impl Depths {
    fn new() -> Depths {
        Depths { counts: Box::new([0; DEPTHS]), present: 0 }
    }

    fn add(&mut self, depth: usize) {
        self.counts[depth] += 1;
        self.present |= 1 << depth;
    }

    fn subtract(&mut self, depth: usize) {
        self.counts[depth] -= 1;
        if self.counts[depth] == 0 {
            self.present &= !(1 << depth);
        }
    }

    /// The greatest depth in use that is not above `depth`.
    fn at_most(&self, depth: usize) -> Option<usize> {
        let candidates = self.present & (u128::MAX >> (127 - depth));
        candidates.checked_ilog2().map(|depth| depth as usize)
    }
}

fn depth(apex: &[u8]) -> usize {
    let mut labels = 0;
    let mut at = 0;
    while let Some(&length) = apex.get(at)
        && length != 0
    {
        at += 1 + usize::from(length);
        labels += 1;
    }
    labels
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use wire::RecordType;
    use zone::{DenialMode, ZoneBuilder};

    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn served(apex: &Name) -> ServedZone {
        let mut builder = ZoneBuilder::new(apex.clone(), DenialMode::Unsigned);
        let soa = [apex.as_wire(), apex.as_wire(), &[0; 20]].concat();
        builder.add(apex, RecordType::SOA, 60, &soa);
        ServedZone { zone: Arc::new(builder.finish().unwrap()), signer: None }
    }

    fn table(apexes: &[&str]) -> Arc<ZoneTable> {
        let table = ZoneTable::new();
        apexes.iter().for_each(|apex| table.put(served(&name(apex))));
        table
    }

    fn found(zone: Option<&ServedZone>) -> Option<String> {
        zone.map(|zone| zone.zone.apex().to_string())
    }

    #[test]
    fn only_depths_in_use_are_probed() {
        let mut depths = Depths::new();
        assert_eq!(depths.at_most(127), None);
        depths.add(2);
        depths.add(2);
        depths.add(127);
        depths.add(0);
        assert_eq!(depths.at_most(127), Some(127));
        assert_eq!(depths.at_most(126), Some(2));
        assert_eq!(depths.at_most(1), Some(0));
        depths.subtract(2);
        assert_eq!(depths.at_most(3), Some(2));
        depths.subtract(2);
        depths.subtract(0);
        assert_eq!(depths.at_most(126), None);
    }

    #[test]
    fn the_longest_apex_wins_and_ds_is_asked_of_the_parent() {
        let table = table(&["org", "example.org", "a.b.example.org"]);
        let view = table.view();
        let find = |text: &str| found(view.find(name(text).as_wire()));
        let find_parent = |text: &str| found(view.find_parent(name(text).as_wire()));
        assert_eq!(find("www.example.org").as_deref(), Some("example.org."));
        assert_eq!(find("b.example.org").as_deref(), Some("example.org."));
        assert_eq!(find("x.a.b.example.org").as_deref(), Some("a.b.example.org."));
        assert_eq!(find("xexample.org").as_deref(), Some("org."));
        assert_eq!(find("com"), None);
        assert_eq!(find("."), None);
        assert_eq!(find_parent("a.b.example.org").as_deref(), Some("example.org."));
        assert_eq!(find_parent("example.org").as_deref(), Some("org."));
        assert_eq!(find_parent("org"), None);
        assert_eq!(find_parent("."), None);
        assert_eq!((view.len(), view.iter().count(), view.is_empty()), (3, 3, false));
    }

    #[test]
    fn the_root_is_a_zone_like_others() {
        let table = table(&[".", "org"]);
        let view = table.view();
        assert_eq!(found(view.find(&[0])).as_deref(), Some("."));
        assert_eq!(found(view.find(name("com").as_wire())).as_deref(), Some("."));
        assert_eq!(found(view.find_parent(name("org").as_wire())).as_deref(), Some("."));
        assert!(view.find_parent(&[0]).is_none());
        assert!(table.remove(&Name::root()));
        assert!(table.view().find(&[0]).is_none());
    }

    #[test]
    fn names_of_127_labels_and_of_255_octets_are_found() {
        let longest = name(&"a.".repeat(127));
        assert_eq!(longest.as_wire().len(), 255);
        let table = table(&["a", &"a.".repeat(126)]);
        table.put(served(&longest));
        let view = table.view();
        assert_eq!(view.find(longest.as_wire()).unwrap().zone.apex(), &longest);
        assert_eq!(view.find_parent(longest.as_wire()).unwrap().zone.apex().label_count(), 126);
        assert_eq!(found(view.find(name(&"a.".repeat(125)).as_wire())).as_deref(), Some("a."));
    }

    #[test]
    fn octets_that_are_no_name_find_nothing() {
        let table = table(&["org"]);
        let view = table.view();
        for octets in [&[][..], &[3], &[3, b'o', b'r', b'g'], &[63, 0], &[0xff; 300]] {
            assert!(view.find(octets).is_none());
            assert!(view.find_parent(octets).is_none());
        }
    }

    #[test]
    fn letter_case_of_an_apex_does_not_matter() {
        let table = table(&["Example.ORG"]);
        assert!(table.view().find(name("www.example.org").as_wire()).is_some());
        assert!(table.view().get(&name("EXAMPLE.org")).is_some());
        assert!(table.remove(&name("exAmple.org")));
        assert!(!table.remove(&name("example.org")));
        assert!(table.view().is_empty());
    }

    #[test]
    fn a_view_does_not_change_and_its_zones_are_freed_by_the_writer() {
        let table = table(&["org"]);
        let before = table.view();
        let old = Arc::downgrade(&before.get(&name("org")).unwrap().zone);
        table.put(served(&name("org")));
        table.put(served(&name("com")));
        assert_eq!((before.len(), table.view().len()), (1, 2));
        assert_eq!(table.reclaim(), 1, "a reader still holds the old zone");
        drop(before);
        assert!(old.upgrade().is_some(), "the reader that went last did not have to free it");
        assert_eq!(table.reclaim(), 0);
        assert!(old.upgrade().is_none());
    }

    /// A path copy: one zone among 20,000 costs a small part of what copying the table would.
    #[test]
    fn replacing_one_zone_copies_little() {
        let table = ZoneTable::new();
        let zone = served(&name("z0.test"));
        table.put_all((0..20_000).map(|i| served(&name(&format!("z{i}.test")))));
        let before = table.view();
        let clock = std::time::Instant::now();
        ZoneTable::new().put_all(before.iter().cloned());
        let whole = clock.elapsed();
        let clock = std::time::Instant::now();
        (0..100).for_each(|_| table.put(zone.clone()));
        let one = clock.elapsed() / 100;
        assert!(one * 20 < whole, "one zone took {one:?}, all of them {whole:?}");
        assert_eq!(table.view().len(), 20_000);
        assert!(!Arc::ptr_eq(&before.get(&name("z0.test")).unwrap().zone, &zone.zone));
        assert!(Arc::ptr_eq(&table.view().get(&name("z0.test")).unwrap().zone, &zone.zone));
    }

    fn any_name() -> impl Strategy<Value = String> {
        proptest::collection::vec(prop_oneof![Just("a"), Just("b"), Just("c")], 0..6)
            .prop_map(|labels| labels.join("."))
    }

    proptest! {
        #[test]
        fn find_is_the_longest_apex_a_name_is_under(
            puts in proptest::collection::vec(any_name(), 0..12),
            removes in proptest::collection::vec(any_name(), 0..6),
            asked in proptest::collection::vec(any_name(), 1..20),
        ) {
            let table = ZoneTable::new();
            let mut model = BTreeSet::new();
            for apex in puts.iter().map(|text| name(text)) {
                table.put(served(&apex));
                model.insert(apex);
            }
            for apex in removes.iter().map(|text| name(text)) {
                prop_assert_eq!(table.remove(&apex), model.remove(&apex));
            }
            let view = table.view();
            prop_assert_eq!(view.len(), model.len());
            for asked in asked.iter().map(|text| name(text)) {
                let best = |strictly: bool| {
                    let over = model.iter().filter(|apex| asked.is_under(apex) && !(strictly && asked == **apex));
                    over.max_by_key(|apex| apex.label_count()).map(Name::to_string)
                };
                prop_assert_eq!(found(view.find(asked.as_wire())), best(false));
                prop_assert_eq!(found(view.find_parent(asked.as_wire())), best(true));
            }
        }
    }
}
