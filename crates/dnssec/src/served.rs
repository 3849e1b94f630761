//! The zones being served, each a snapshot with the signer of its keys.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use foldhash::quality::RandomState;
use imbl::shared_ptr::DefaultSharedPtr;
use wire::ZoneName;
use wire::name::NAME_OCTETS_MAX;
use zone::Zone;

use crate::views::{Choice, Views};
use crate::{Workbench, WorkbenchBounds, ZoneSigner};

/// One zone as it is served at one moment: data and keys always change together.
#[derive(Clone)]
pub struct ServedZone {
    /// The data.
    pub zone: Arc<Zone>,
    /// Present when the zone is signed.
    pub signer: Option<Arc<ZoneSigner>>,
    /// Its apex and, if only some clients see it, its variant.
    pub name: ZoneName,
}

impl ServedZone {
    /// A zone that everybody sees.
    pub fn new(zone: Arc<Zone>, signer: Option<Arc<ZoneSigner>>) -> ServedZone {
        let name = ZoneName::from(zone.apex());
        ServedZone { zone, signer, name }
    }
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

/// The zones as one client sees them.
#[derive(Clone, Copy)]
pub struct Seen<'v> {
    zones: &'v Zones,
    choice: Option<&'v Choice>,
}

/// A persistent map: a clone shares all but the path to what is changed in it. Names are hashed with a random seed, since a
/// zone's owner may choose them.
#[derive(Clone)]
struct Zones {
    /// Those that everybody sees.
    by_apex: ByApex,
    variants: imbl::GenericHashMap<ZoneName, Arc<ServedZone>, RandomState, DefaultSharedPtr>,
    views: Arc<Views>,
    /// Of both.
    depths: Depths,
    bench: Arc<Workbench>,
}

type ByApex = imbl::GenericHashMap<Arc<[u8]>, Arc<ServedZone>, RandomState, DefaultSharedPtr>;

impl Zones {
    fn insert(&mut self, zone: ServedZone) -> Option<Arc<ServedZone>> {
        match zone.name.variant() {
            None => self.by_apex.insert(zone.name.apex().as_wire().into(), Arc::new(zone)),
            Some(_) => self.variants.insert(zone.name.clone(), Arc::new(zone)),
        }
    }

    fn remove(&mut self, name: &ZoneName) -> Option<Arc<ServedZone>> {
        match name.variant() {
            None => self.by_apex.remove(name.apex().as_wire()),
            Some(_) => self.variants.remove(name),
        }
    }

    fn iter(&self) -> impl Iterator<Item = &ServedZone> + '_ {
        self.by_apex.values().chain(self.variants.values()).map(Arc::as_ref)
    }
}

impl ZoneTable {
    /// An empty table, with the default bounds for what is made on demand.
    pub fn new() -> Arc<ZoneTable> {
        ZoneTable::with_bounds(WorkbenchBounds::default())
    }

    /// An empty table.
    pub fn with_bounds(bounds: WorkbenchBounds) -> Arc<ZoneTable> {
        let zones = Zones {
            by_apex: ByApex::with_hasher(RandomState::default()),
            variants: imbl::GenericHashMap::with_hasher(RandomState::default()),
            views: Arc::default(),
            depths: Depths::new(),
            bench: Arc::new(Workbench::new(bounds)),
        };
        Arc::new(ZoneTable { current: ArcSwap::from_pointee(zones), retired: Mutex::default() })
    }

    /// One atomic load.
    pub fn view(&self) -> ZoneView {
        ZoneView(self.current.load_full())
    }

    /// Puts or replaces a zone under its name.
    pub fn put(&self, zone: ServedZone) {
        self.put_all([zone]);
    }

    /// Puts or replaces many zones in one step: readers see all of them or none.
    pub fn put_all(&self, zones: impl IntoIterator<Item = ServedZone>) {
        self.change(|next, retired| {
            for zone in zones {
                let depth = zone.name.apex().label_count();
                match next.insert(zone) {
                    Some(old) => retired.push(old),
                    None => next.depths.add(depth),
                }
            }
        });
    }

    /// Stops serving a zone.
    pub fn remove(&self, name: &ZoneName) -> bool {
        self.change(|next, retired| {
            let Some(old) = next.remove(name) else {
                return false;
            };
            next.depths.subtract(name.apex().label_count());
            retired.push(old);
            true
        })
    }

    /// Says anew which clients see which variants.
    pub fn set_views(&self, views: Views) {
        self.change(|next, _| next.views = Arc::new(views));
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
    /// The zones as a client at `address` sees them.
    pub fn seen_from(&self, address: IpAddr) -> Seen<'_> {
        Seen { zones: &self.0, choice: self.0.views.choice(address) }
    }

    /// The zones as clients see them that are in no view's network.
    pub fn seen_by_others(&self) -> Seen<'_> {
        Seen { zones: &self.0, choice: None }
    }

    /// The zone with exactly this name.
    pub fn get(&self, name: &ZoneName) -> Option<&ServedZone> {
        let found = match name.variant() {
            None => self.0.by_apex.get(name.apex().as_wire()),
            Some(_) => self.0.variants.get(name),
        };
        found.map(Arc::as_ref)
    }

    /// Where signatures are made while a query waits.
    pub fn bench(&self) -> &Workbench {
        &self.0.bench
    }

    /// All zones, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &ServedZone> + '_ {
        self.0.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.by_apex.len() + self.0.variants.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'v> Seen<'v> {
    /// The zone with the longest apex that `qname` (lower-case wire) is at or under.
    pub fn find(self, qname: &[u8]) -> Option<&'v ServedZone> {
        self.find_within(qname, 0)
    }

    /// The same, but never a zone whose apex is `qname` itself: the parent's side of a DS query (RFC 4035 section 3.1.4.1).
    pub fn find_parent(self, qname: &[u8]) -> Option<&'v ServedZone> {
        self.find_within(qname, 1)
    }

    /// Where signatures are made while a query waits.
    pub fn bench(self) -> &'v Workbench {
        &self.zones.bench
    }

    /// The zone of this apex: in the variant of the client's view, or else, as where that is not served, the one for everybody.
    fn at(self, apex: &[u8]) -> Option<&'v ServedZone> {
        let chosen = self.choice.and_then(|choice| self.zones.variants.get(choice.get(apex)?));
        chosen.or_else(|| self.zones.by_apex.get(apex)).map(Arc::as_ref)
    }

    /// The deepest zone over `qname` without its leftmost `skip` labels. Only depths at which zones exist are probed, so a name
    /// of 127 labels costs no more than others.
    fn find_within(self, qname: &[u8], skip: usize) -> Option<&'v ServedZone> {
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
            depth = self.zones.depths.at_most(depth)?;
            let suffix = qname.get(usize::from(starts[labels - depth])..)?;
            if let Some(zone) = self.at(suffix) {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use wire::{Name, RecordType};
    use zone::{DenialMode, ZoneBuilder};

    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn zone_name(text: &str) -> ZoneName {
        ZoneName::parse(text).unwrap()
    }

    fn served(apex: &Name) -> ServedZone {
        let mut builder = ZoneBuilder::new(apex.clone(), DenialMode::Unsigned);
        let soa = [apex.as_wire(), apex.as_wire(), &[0; 20]].concat();
        builder.add(apex, RecordType::SOA, 60, &soa);
        ServedZone::new(Arc::new(builder.finish().unwrap()), None)
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
        let find = |text: &str| found(view.seen_by_others().find(name(text).as_wire()));
        let find_parent = |text: &str| found(view.seen_by_others().find_parent(name(text).as_wire()));
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
        assert_eq!(found(view.seen_by_others().find(&[0])).as_deref(), Some("."));
        assert_eq!(found(view.seen_by_others().find(name("com").as_wire())).as_deref(), Some("."));
        assert_eq!(found(view.seen_by_others().find_parent(name("org").as_wire())).as_deref(), Some("."));
        assert!(view.seen_by_others().find_parent(&[0]).is_none());
        assert!(table.remove(&zone_name(".")));
        assert!(table.view().seen_by_others().find(&[0]).is_none());
    }

    #[test]
    fn names_of_127_labels_and_of_255_octets_are_found() {
        let longest = name(&"a.".repeat(127));
        assert_eq!(longest.as_wire().len(), 255);
        let table = table(&["a", &"a.".repeat(126)]);
        table.put(served(&longest));
        let view = table.view();
        assert_eq!(view.seen_by_others().find(longest.as_wire()).unwrap().zone.apex(), &longest);
        assert_eq!(view.seen_by_others().find_parent(longest.as_wire()).unwrap().zone.apex().label_count(), 126);
        assert_eq!(found(view.seen_by_others().find(name(&"a.".repeat(125)).as_wire())).as_deref(), Some("a."));
    }

    #[test]
    fn octets_that_are_no_name_find_nothing() {
        let table = table(&["org"]);
        let view = table.view();
        for octets in [&[][..], &[3], &[3, b'o', b'r', b'g'], &[63, 0], &[0xff; 300]] {
            assert!(view.seen_by_others().find(octets).is_none());
            assert!(view.seen_by_others().find_parent(octets).is_none());
        }
    }

    #[test]
    fn letter_case_of_an_apex_does_not_matter() {
        let table = table(&["Example.ORG"]);
        assert!(table.view().seen_by_others().find(name("www.example.org").as_wire()).is_some());
        assert!(table.view().get(&zone_name("EXAMPLE.org")).is_some());
        assert!(table.remove(&zone_name("exAmple.org")));
        assert!(!table.remove(&zone_name("example.org")));
        assert!(table.view().is_empty());
    }

    #[test]
    fn a_view_does_not_change_and_its_zones_are_freed_by_the_writer() {
        let table = table(&["org"]);
        let before = table.view();
        let old = Arc::downgrade(&before.get(&zone_name("org")).unwrap().zone);
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
        assert!(!Arc::ptr_eq(&before.get(&zone_name("z0.test")).unwrap().zone, &zone.zone));
        assert!(Arc::ptr_eq(&table.view().get(&zone_name("z0.test")).unwrap().zone, &zone.zone));
    }

    #[test]
    fn dialect_section_11_a_client_sees_the_variants_of_its_view() {
        let table = table(&["example.com", "sub.example.com", "org"]);
        for text in ["example.com..in", "only.test..in"] {
            let name = zone_name(text);
            table.put(ServedZone { name: name.clone(), ..served(name.apex()) });
        }
        let networks = [("192.0.2.0/24".parse().unwrap(), "office"), ("192.0.2.128/25".parse().unwrap(), "broken")];
        let zones = [
            ("office", zone_name("example.com..in")),
            ("office", zone_name("only.test..in")),
            ("broken", zone_name("org..absent")),
        ];
        let from = |view: &ZoneView, address: &str, qname: &str| {
            let seen = view.seen_from(address.parse().unwrap());
            seen.find(name(qname).as_wire()).map(|zone| zone.name.to_string())
        };
        let before = table.view();
        table.set_views(Views::new(networks, zones));
        let view = table.view();
        assert_eq!(from(&view, "192.0.2.1", "www.example.com").as_deref(), Some("example.com..in"));
        assert_eq!(from(&view, "192.0.2.1", "x.sub.example.com").as_deref(), Some("sub.example.com."));
        assert_eq!(from(&view, "192.0.2.1", "x.only.test").as_deref(), Some("only.test..in"));
        assert_eq!(from(&view, "192.0.2.1", "org").as_deref(), Some("org."));
        assert_eq!(from(&view, "192.0.2.200", "org").as_deref(), Some("org."), "a variant that is not served");
        assert_eq!(from(&view, "198.51.100.1", "www.example.com").as_deref(), Some("example.com."));
        assert_eq!(from(&view, "198.51.100.1", "x.only.test"), None, "nobody else sees it");
        assert_eq!(from(&before, "192.0.2.1", "www.example.com").as_deref(), Some("example.com."));
        assert_eq!((view.len(), view.iter().count()), (5, 5));
        assert_eq!(view.get(&zone_name("only.test..in")).unwrap().name.to_string(), "only.test..in");
        assert!(view.get(&zone_name("only.test")).is_none());
        assert!(table.remove(&zone_name("example.com..in")) && !table.remove(&zone_name("example.com..in")));
        assert_eq!(from(&table.view(), "192.0.2.1", "www.example.com").as_deref(), Some("example.com."));
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
                prop_assert_eq!(table.remove(&ZoneName::from(&apex)), model.remove(&apex));
            }
            let view = table.view();
            prop_assert_eq!(view.len(), model.len());
            for asked in asked.iter().map(|text| name(text)) {
                let best = |strictly: bool| {
                    let over = model.iter().filter(|apex| asked.is_under(apex) && !(strictly && asked == **apex));
                    over.max_by_key(|apex| apex.label_count()).map(Name::to_string)
                };
                prop_assert_eq!(found(view.seen_by_others().find(asked.as_wire())), best(false));
                prop_assert_eq!(found(view.seen_by_others().find_parent(asked.as_wire())), best(true));
            }
        }
    }
}
