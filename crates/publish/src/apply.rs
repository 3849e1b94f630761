//! Changes applied to served zones.

use crate::alias::{ALIAS_TYPES, AliasBook, Update};
use crate::assemble::{Assembled, edited_soa, made_ttl, newest_soa};
use crate::load::{Loading, Made};
use crate::name_data::NameData;
use crate::serving::Serving;
use crate::{ZoneRules, keeper};
use dnssec::{ServedZone, Views, ZoneTable};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use store::{ServedRecord, StoredViews, ZoneChange, ZoneHeader, ZoneId};
use wire::{Name, RecordType, ZoneName};
use zone::{Rrset, Supply, Zone, ZoneEditor};

/// Names of one change that are signed before it is confirmed; the keeper signs the rest right after.
const SIGNED_AT_ONCE_MAX: usize = 64;

/// The zones this replica serves, by row id, and how to change them.
pub(crate) struct ServedZones {
    table: Arc<ZoneTable>,
    rules: ZoneRules,
    zones: HashMap<ZoneId, Known>,
    /// Which of them is served under a name: a zone created again has a new id.
    owners: HashMap<ZoneName, ZoneId>,
    /// Zones with signatures still to make or, presigned, to look at: for the keeper.
    pub(crate) unsigned: BTreeSet<ZoneName>,
    /// Rows that could not be served, since the start.
    pub(crate) bad_rows: u64,
    /// Zones with a key that cannot be used; `true`: with no active one that can.
    unusable_keys: BTreeMap<ZoneId, bool>,
    pub(crate) aliases: AliasBook,
    /// Whole zones that were replaced or removed, until nobody reads them any more.
    replaced: Vec<Arc<Zone>>,
}

struct Known {
    incarnation: u64,
    header: ZoneHeader,
    /// `None`: the zone has no SOA and is not served.
    state: Option<(Serving, ServedRecord)>,
}

impl ServedZones {
    pub(crate) fn new(table: Arc<ZoneTable>, rules: ZoneRules, aliases: AliasBook) -> ServedZones {
        ServedZones {
            table,
            rules,
            zones: HashMap::new(),
            owners: HashMap::new(),
            unsigned: BTreeSet::new(),
            bad_rows: 0,
            unusable_keys: BTreeMap::new(),
            aliases,
            replaced: Vec::new(),
        }
    }

    /// How many zones have a key that cannot be used, and how many of these no active one that can.
    pub(crate) fn unusable_keys(&self) -> (usize, usize) {
        (self.unusable_keys.len(), self.unusable_keys.values().filter(|&&is_unsignable| is_unsignable).count())
    }

    /// What takes the items of a load: of all zones, or of one that comes as one of these.
    pub(crate) fn loading(&self, ids: Option<&[ZoneId]>, now: u32) -> Loading {
        let known = |id: &ZoneId| {
            let known = self.zones.get(id)?;
            Some((*id, (known.incarnation, known.state.as_ref()?.0.clone())))
        };
        let previous = match ids {
            Some(ids) => ids.iter().filter_map(known).collect(),
            None => self.zones.keys().filter_map(known).collect(),
        };
        Loading::new(Arc::clone(&self.table), self.rules.clone(), previous, now)
    }

    /// The name under which a zone was last known.
    pub(crate) fn name_of(&self, id: ZoneId) -> Option<&ZoneName> {
        self.zones.get(&id).map(|known| &known.header.name)
    }

    /// How many RRsets are served of a zone.
    pub(crate) fn rrset_count(&self, id: ZoneId) -> usize {
        let view = self.table.view();
        self.name_of(id).and_then(|name| view.get(name)).map_or(0, |served| served.zone.rrset_count())
    }

    /// Frees what is served no longer and nobody reads any more: whole zones on a thread of their own, since that takes as long as a
    /// thousand changes to others.
    pub(crate) fn reclaim(&mut self) {
        self.table.reclaim();
        let free: Vec<Arc<Zone>> = self.replaced.extract_if(.., |zone| Arc::strong_count(zone) == 1).collect();
        if !free.is_empty() {
            tokio::task::spawn_blocking(move || drop(free));
        }
    }

    /// Says anew who sees which variants.
    pub(crate) fn set_views(&self, stored: &StoredViews) {
        let networks = stored.networks.iter().map(|(network, view)| (*network, view.as_str()));
        let zones =
            stored.zones.iter().flat_map(|(view, zones)| zones.iter().map(|zone| (view.as_str(), zone.clone())));
        self.table.set_views(Views::new(networks, zones));
    }

    /// Stops serving zones that are not in `loaded`.
    pub(crate) fn retain(&mut self, loaded: &BTreeSet<ZoneId>) {
        let gone: Vec<ZoneId> = self.zones.keys().filter(|id| !loaded.contains(id)).copied().collect();
        for id in gone {
            self.remove(id);
        }
    }

    /// Applies the changes of one reading of the feed. Returns the zones that must be loaded afresh, with their names where they are
    /// known.
    pub(crate) fn apply_all(&mut self, changes: Vec<ZoneChange>, now: u32) -> Vec<(ZoneId, Option<ZoneName>)> {
        let mut reload = Vec::new();
        let mut changes = changes.into_iter().peekable();
        while let Some(change) = changes.next() {
            let together = match &change {
                ZoneChange::Names { zone, .. } => {
                    changes.next_if(|next| matches!(next, ZoneChange::Header(header) if header.id == *zone))
                }
                _ => None,
            };
            reload.extend(match (change, together) {
                (ZoneChange::Names { zone, incarnation, names, .. }, Some(ZoneChange::Header(header))) => {
                    let name = header.name.clone();
                    let change = || self.change(zone, incarnation, &names, Some(header), now);
                    contained(zone, change).unwrap_or(Some(zone)).map(|zone| (zone, Some(name)))
                }
                (change, _) => {
                    let name = self.name_in(&change);
                    self.apply_contained(change, now).map(|zone| (zone, name))
                }
            });
        }
        reload
    }

    fn name_in(&self, change: &ZoneChange) -> Option<ZoneName> {
        match change {
            ZoneChange::Reload(_, name) => Some(name.clone()),
            ZoneChange::Header(header) => Some(header.name.clone()),
            ZoneChange::Names { zone, .. } | ZoneChange::Gone(zone) => self.name_of(*zone).cloned(),
        }
    }

    /// The same as [`Self::apply`], where a panic costs no more than that the zone is loaded afresh.
    pub(crate) fn apply_contained(&mut self, change: ZoneChange, now: u32) -> Option<ZoneId> {
        let id = zone_of(&change);
        contained(id, || self.apply(change, now)).unwrap_or(Some(id))
    }

    /// Applies one change. Returns the zone if it must be loaded afresh instead.
    pub(crate) fn apply(&mut self, change: ZoneChange, now: u32) -> Option<ZoneId> {
        match change {
            ZoneChange::Reload(id, _) => Some(id),
            ZoneChange::Gone(id) => {
                self.remove(id);
                None
            }
            ZoneChange::Header(header) => self.change(header.id, header.incarnation, &[], Some(header), now),
            ZoneChange::Names { zone, incarnation, names, .. } => self.change(zone, incarnation, &names, None, now),
        }
    }

    /// Serves a moved serial where SOA-EDIT makes it depend on time.
    pub(crate) fn refresh_serials(&mut self, now: u32) {
        let due: Vec<ZoneId> = self
            .zones
            .iter()
            .filter(|(_, known)| known.state.as_ref().is_some_and(|(serving, _)| !serving.soa_edit.is_empty()))
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            self.refresh_serial(id, now);
        }
    }

    fn refresh_serial(&mut self, id: ZoneId, now: u32) {
        let Some((serving, soa)) = self.zones.get(&id).and_then(|known| known.state.as_ref()) else { return };
        let Some(served) = self.table.view().get(&serving.name).cloned() else { return };
        let wanted = Rrset::new(RecordType::SOA, soa.ttl, vec![edited_soa(&soa.rdata, &serving.soa_edit, now)]);
        if wanted.has_same_data(served.zone.soa()) {
            return;
        }
        let mut editor = ZoneEditor::new(&served.zone);
        editor.supply(serving.name.apex(), RecordType::SOA, Supply::Rrset(wanted));
        if let Ok(zone) = editor.finish() {
            self.unsigned.insert(serving.name.clone());
            self.table.put(ServedZone { zone: Arc::new(zone), ..served });
        }
    }

    /// Names, keys and metadata of one zone that changed together are served together: one swap.
    fn change(
        &mut self,
        id: ZoneId,
        incarnation: u64,
        names: &[(Name, Vec<ServedRecord>)],
        header: Option<ZoneHeader>,
        now: u32,
    ) -> Option<ZoneId> {
        let Some(known) = self.zones.get_mut(&id).filter(|known| known.incarnation == incarnation) else {
            return Some(id);
        };
        let Some((serving, soa)) = &mut known.state else { return Some(id) };
        let mut is_apex_touched = header.is_some();
        if let Some(header) = header {
            let new = Serving::new(&header, &self.rules, Some(serving));
            let has_same_shape =
                header.name == known.header.name && new.mode == serving.mode && new.soa_edit == serving.soa_edit;
            if !has_same_shape {
                return Some(id);
            }
            // New keys may have to sign everything.
            self.unsigned.insert(new.name.clone());
            known.header = header;
            *serving = new;
            note_keys(&mut self.unusable_keys, id, Some(serving));
        }
        let apex = serving.name.apex().clone();
        let view = self.table.view();
        let Some(served) = view.get(&serving.name) else { return Some(id) };
        if served.zone.is_presigned() {
            let can_take = |(name, records): &(Name, Vec<ServedRecord>)| {
                let (rrsets, _) = NameData::new(records.clone(), serving.alias).split();
                served.zone.can_take(name, &rrsets)
            };
            if !names.iter().all(can_take) {
                return Some(id);
            }
            // For the keeper to look at.
            self.unsigned.insert(serving.name.clone());
        }
        let mut editor = ZoneEditor::new(&served.zone);
        for (name, records) in names {
            let mut records = records.clone();
            if *name == apex {
                is_apex_touched = true;
                // As the assembler does: of several SOA rows the newest counts, and SOA-EDIT has its say.
                let newest = newest_soa(records.iter().filter(|r| r.rtype == RecordType::SOA).cloned());
                let Some(newest) = newest else { return self.without_soa(id) };
                records.retain(|record| record.rtype != RecordType::SOA);
                let rdata = edited_soa(&newest.rdata, &serving.soa_edit, now);
                records.push(ServedRecord { rdata, ..newest.clone() });
                *soa = newest;
            }
            NameData::new(records, serving.alias).put(&mut editor, id, name, &mut self.aliases);
        }
        if is_apex_touched {
            for (rtype, rrset) in serving.made(made_ttl(soa)) {
                editor.set_apex(rtype, rrset);
            }
        }
        let Ok(zone) = editor.finish() else { return self.without_soa(id) };
        let touched = || names.iter().map(|(name, _)| name);
        if names.len() > SIGNED_AT_ONCE_MAX || keeper::reaches_further(&served.zone, &zone, touched()) {
            self.unsigned.insert(serving.name.clone());
        }
        let served = serving.served(zone);
        keeper::sign_names(&served, touched().take(SIGNED_AT_ONCE_MAX).chain([&apex]), now);
        self.table.put(served);
        None
    }

    /// Takes what was newly heard of targets of ALIAS records; each zone that uses one is swapped once.
    pub(crate) fn resolved(&mut self, updates: Vec<Update>, now: u32) {
        let mut by_zone = BTreeMap::<ZoneId, Vec<(Name, RecordType, Supply)>>::new();
        for update in updates {
            let rtype = update.rtype;
            for (zone, owner, supply) in self.aliases.learn(update) {
                by_zone.entry(zone).or_default().push((owner, rtype, supply));
            }
        }
        for (zone, supplies) in by_zone {
            contained(zone, || self.supply(zone, supplies, now));
        }
    }

    fn supply(&mut self, id: ZoneId, supplies: Vec<(Name, RecordType, Supply)>, now: u32) {
        let Some((serving, _)) = self.zones.get(&id).and_then(|known| known.state.as_ref()) else { return };
        // A zone created again is served in place of this one.
        if self.owners.get(&serving.name) != Some(&id) {
            return;
        }
        let Some(served) = self.table.view().get(&serving.name).cloned() else { return };
        let mut editor = ZoneEditor::new(&served.zone);
        let mut owners = BTreeSet::new();
        for (owner, rtype, supply) in supplies {
            editor.supply(&owner, rtype, supply);
            owners.insert(owner);
        }
        let Ok(zone) = editor.finish() else { return };
        if owners.len() > SIGNED_AT_ONCE_MAX {
            self.unsigned.insert(serving.name.clone());
        }
        let served = serving.served(zone);
        keeper::sign_names(&served, owners.iter().take(SIGNED_AT_ONCE_MAX), now);
        self.table.put(served);
    }

    /// The zone lost its SOA: it is known, and served no longer.
    fn without_soa(&mut self, id: ZoneId) -> Option<ZoneId> {
        note_keys(&mut self.unusable_keys, id, None);
        self.aliases.set_zone(id, BTreeMap::new());
        if let Some(known) = self.zones.get_mut(&id) {
            known.state = None;
            let name = known.header.name.clone();
            self.stop_serving(&name, id);
        }
        None
    }

    fn remove(&mut self, id: ZoneId) {
        note_keys(&mut self.unusable_keys, id, None);
        self.aliases.set_zone(id, BTreeMap::new());
        if let Some(known) = self.zones.remove(&id) {
            self.stop_serving(&known.header.name, id);
        }
    }

    fn stop_serving(&mut self, name: &ZoneName, id: ZoneId) {
        if self.owners.get(name) == Some(&id) {
            self.owners.remove(name);
            self.replaced.extend(self.table.view().get(name).map(|served| Arc::clone(&served.zone)));
            self.table.remove(name);
        }
    }

    /// Serves a zone that was made of a load, in place of what was served of it.
    pub(crate) fn put(&mut self, Made { header, assembled }: Made, now: u32) {
        let renamed = self.zones.get(&header.id).filter(|old| old.header.name != header.name);
        if let Some(old) = renamed.map(|old| old.header.name.clone()) {
            self.stop_serving(&old, header.id);
        }
        let state = match assembled {
            Ok(Assembled { served, serving, soa, aliases }) => {
                self.aliases.set_zone(header.id, aliases);
                self.owners.insert(header.name.clone(), header.id);
                if served.signer.is_some() || served.zone.is_presigned() {
                    self.unsigned.insert(serving.name.clone());
                }
                let served = self.with_aliases(header.id, served);
                self.replaced.extend(self.table.view().get(&serving.name).map(|old| Arc::clone(&old.zone)));
                self.table.put(served);
                Some((serving, soa))
            }
            Err(error) => {
                match self.owners.get(&header.name) {
                    // It was, until this change: whoever took the SOA away should hear of it.
                    Some(owner) if *owner == header.id => {
                        tracing::warn!(zone = %header.name, %error, "no longer served");
                    }
                    _ => tracing::info!(zone = %header.name, %error, "not served"),
                }
                self.aliases.set_zone(header.id, BTreeMap::new());
                self.stop_serving(&header.name, header.id);
                None
            }
        };
        note_keys(&mut self.unusable_keys, header.id, state.as_ref().map(|(serving, _)| serving));
        let id = header.id;
        let follows_time = state.as_ref().is_some_and(|(serving, _)| !serving.soa_edit.is_empty());
        self.zones.insert(id, Known { incarnation: header.incarnation, header, state });
        // The load may have taken a while, and the serial served before must not come back.
        if follows_time {
            self.refresh_serial(id, now);
        }
    }

    /// The zone with what is known of its aliases, which are withheld in what comes of a load.
    fn with_aliases(&self, id: ZoneId, served: ServedZone) -> ServedZone {
        let Some(aliases) = self.aliases.of(id) else { return served };
        let mut editor = ZoneEditor::new(&served.zone);
        for (name, alias) in aliases {
            for rtype in ALIAS_TYPES.into_iter().filter(|&rtype| alias.makes(rtype)) {
                editor.supply(name, rtype, self.aliases.supply(alias, rtype));
            }
        }
        // It had a SOA, and aliases make none.
        let Ok(zone) = editor.finish() else { return served };
        if let Some(old) = self.table.view().get(&served.name) {
            zone.adopt_signatures(&old.zone);
        }
        ServedZone { zone: Arc::new(zone), ..served }
    }
}

/// The zone of a change.
pub(crate) fn zone_of(change: &ZoneChange) -> ZoneId {
    match change {
        ZoneChange::Names { zone, .. } => *zone,
        ZoneChange::Header(header) => header.id,
        ZoneChange::Reload(id, _) | ZoneChange::Gone(id) => *id,
    }
}

/// Keeps the list of zones with unusable keys; `None`: the zone is not served.
fn note_keys(noted: &mut BTreeMap<ZoneId, bool>, id: ZoneId, serving: Option<&Serving>) {
    match serving.filter(|serving| serving.unusable_keys > 0) {
        Some(serving) => noted.insert(id, serving.signer.as_ref().is_some_and(|signer| !signer.can_sign())),
        None => noted.remove(&id),
    };
}

/// Does work on one zone. `None`: it panicked, which is a bug of ours. It must not end the publisher: all zones would be served
/// as they were from then on, and nothing would show it. What is served is immutable, so nothing half-done is seen.
pub(crate) fn contained<R>(zone: ZoneId, work: impl FnOnce() -> R) -> Option<R> {
    let done = catch_unwind(AssertUnwindSafe(work));
    done.inspect_err(|_| tracing::error!(zone = zone.0, "a panic while a zone was made: it is served as it was")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_over_one_zone_is_not_the_publishers_end() {
        assert_eq!(contained(ZoneId(1), || 5), Some(5));
        assert_eq!(contained(ZoneId(1), || -> i32 { panic!("this backtrace belongs to a test that passes") }), None);
    }
}
