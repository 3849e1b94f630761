//! Which names have an ALIAS, and what was last heard of their targets.

use super::{ALIAS_TYPES, Known, Targets, Update, Wish};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use store::ZoneId;
use wire::{Name, RecordType};
use zone::{Supply, WithheldReason};

/// The ALIAS of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Alias {
    /// In lower case.
    pub(crate) target: Name,
    /// Seconds.
    pub(crate) ttl: u32,
    /// Which of [`ALIAS_TYPES`] it stands for: those of which the name has no records of its own.
    pub(crate) makes: [bool; 2],
}

impl Alias {
    pub(crate) fn makes(&self, rtype: RecordType) -> bool {
        ALIAS_TYPES.iter().zip(self.makes).any(|(made, is_made)| *made == rtype && is_made)
    }
}

/// All of them, by zone and by target.
#[derive(Debug, Default)]
pub(crate) struct AliasBook {
    zones: HashMap<ZoneId, BTreeMap<Name, Alias>>,
    users: HashMap<Name, BTreeSet<(ZoneId, Name)>>,
    known: HashMap<Name, [Option<Known>; 2]>,
    /// Absent: nothing is resolved.
    targets: Option<Arc<Targets>>,
}

impl AliasBook {
    /// Without `targets` every ALIAS is withheld, since nobody resolves.
    pub(crate) fn new(targets: Option<Arc<Targets>>) -> AliasBook {
        AliasBook { targets, ..AliasBook::default() }
    }

    /// The ALIAS of a name is now this one.
    pub(crate) fn set(&mut self, zone: ZoneId, owner: &Name, alias: Option<Alias>) {
        let aliases = self.zones.entry(zone).or_default();
        let old = match &alias {
            Some(alias) => aliases.insert(owner.clone(), alias.clone()),
            None => aliases.remove(owner),
        };
        if aliases.is_empty() {
            self.zones.remove(&zone);
        }
        if let Some(alias) = &alias {
            self.join(&alias.target, (zone, owner.clone()));
        }
        if let Some(old) = old.filter(|old| alias.is_none_or(|alias| alias.target != old.target)) {
            self.leave(&old.target, &(zone, owner.clone()));
        }
    }

    /// The aliases of a zone are now these.
    pub(crate) fn set_zone(&mut self, zone: ZoneId, aliases: BTreeMap<Name, Alias>) {
        let owners: BTreeSet<Name> =
            self.zones.get(&zone).into_iter().flatten().map(|(owner, _)| owner.clone()).collect();
        for owner in owners.iter().filter(|owner| !aliases.contains_key(owner)) {
            self.set(zone, owner, None);
        }
        for (owner, alias) in aliases {
            self.set(zone, &owner, Some(alias));
        }
    }

    /// The aliases of a zone by owner; `None`: it has none.
    pub(crate) fn of(&self, zone: ZoneId) -> Option<&BTreeMap<Name, Alias>> {
        self.zones.get(&zone)
    }

    /// What the owner of `alias` has of one of [`ALIAS_TYPES`].
    pub(crate) fn supply(&self, alias: &Alias, rtype: RecordType) -> Supply {
        if self.targets.is_none() {
            return Supply::Withheld(WithheldReason::AliasOff);
        }
        let known = self.known.get(&alias.target).and_then(|known| known[place(rtype)].as_ref());
        known.map_or(Supply::Withheld(WithheldReason::AliasPending), |known| known.supply(rtype, alias.ttl))
    }

    /// Takes what is newly known, and returns the names whose data it changes.
    pub(crate) fn learn(&mut self, update: Update) -> Vec<(ZoneId, Name, Supply)> {
        // The target may have gone while its answer was on the way.
        let Some(users) = self.users.get(&update.target) else { return Vec::new() };
        let supplies = users.iter().filter_map(|(zone, owner)| {
            let alias = self.zones.get(zone)?.get(owner)?;
            alias.makes(update.rtype).then(|| (*zone, owner.clone(), update.known.supply(update.rtype, alias.ttl)))
        });
        let supplies = supplies.collect();
        self.known.entry(update.target).or_default()[place(update.rtype)] = Some(update.known);
        supplies
    }

    /// Whether something has been heard of every target.
    pub(crate) fn is_settled(&self) -> bool {
        let is_known = |target: &Name| self.known.get(target).is_some_and(|known| known.iter().all(Option::is_some));
        self.targets.is_none() || self.users.keys().all(is_known)
    }

    fn join(&mut self, target: &Name, user: (ZoneId, Name)) {
        let users = self.users.entry(target.clone()).or_default();
        let is_new = users.is_empty();
        users.insert(user);
        if let Some(targets) = self.targets.as_ref().filter(|_| is_new) {
            targets.put(target, Wish::Keep);
        }
    }

    fn leave(&mut self, target: &Name, user: &(ZoneId, Name)) {
        let Some(users) = self.users.get_mut(target) else { return };
        users.remove(user);
        if !users.is_empty() {
            return;
        }
        self.users.remove(target);
        self.known.remove(target);
        if let Some(targets) = &self.targets {
            targets.put(target, Wish::Drop);
        }
    }
}

fn place(rtype: RecordType) -> usize {
    usize::from(rtype != ALIAS_TYPES[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn alias(target: &str, ttl: u32) -> Alias {
        Alias { target: name(target), ttl, makes: [true; 2] }
    }

    fn records(ttl: u32) -> Known {
        Known::Records { ttl, rdatas: vec![vec![192, 0, 2, 1]] }
    }

    /// The changes taken since the last call.
    fn taken(targets: &Targets) -> Vec<(String, Wish)> {
        targets.take().into_iter().map(|(target, wish)| (target.to_string(), wish)).collect()
    }

    fn wishes(wishes: &[(&str, Wish)]) -> Vec<(String, Wish)> {
        wishes.iter().map(|(target, wish)| ((*target).to_owned(), *wish)).collect()
    }

    fn shown(supply: &Supply) -> String {
        match supply {
            Supply::Rrset(rrset) => format!("{} records for {} s", rrset.len(), rrset.ttl()),
            Supply::Withheld(reason) => format!("{reason:?}"),
            Supply::Nothing => "nothing".to_owned(),
        }
    }

    #[test]
    fn what_was_heard_outlives_edits_and_reloads_and_goes_with_the_last_user() {
        let targets = Arc::<Targets>::default();
        let mut book = AliasBook::new(Some(Arc::clone(&targets)));
        book.set(ZoneId(1), &name("a.x"), Some(alias("t.y", 300)));
        book.set(ZoneId(2), &name("b.z"), Some(alias("t.y", 30)));
        assert_eq!(taken(&targets), wishes(&[("t.y.", Wish::Keep)]), "two that use it, asked for once");
        assert!(!book.is_settled());
        assert_eq!(shown(&book.supply(&alias("t.y", 300), RecordType::A)), "AliasPending");
        let update = |rtype, known| Update { target: name("t.y"), rtype, known };
        let told: Vec<String> =
            book.learn(update(RecordType::A, records(60))).iter().map(|(_, _, supply)| shown(supply)).collect();
        assert_eq!(told, ["1 records for 60 s", "1 records for 30 s"]);
        book.learn(update(RecordType::AAAA, Known::Absent));
        assert!(book.is_settled());
        // The name is edited, the zone loaded afresh.
        book.set(ZoneId(1), &name("a.x"), Some(alias("t.y", 20)));
        book.set_zone(ZoneId(1), BTreeMap::from([(name("a.x"), alias("t.y", 20)), (name("c.x"), alias("u.y", 9))]));
        assert_eq!(shown(&book.supply(&alias("t.y", 20), RecordType::A)), "1 records for 20 s");
        assert_eq!(shown(&book.supply(&alias("t.y", 20), RecordType::AAAA)), "nothing");
        assert_eq!(taken(&targets), wishes(&[("u.y.", Wish::Keep)]));
        book.set_zone(ZoneId(1), BTreeMap::new());
        assert_eq!(taken(&targets), wishes(&[("u.y.", Wish::Drop)]));
        book.set(ZoneId(2), &name("b.z"), None);
        assert_eq!(taken(&targets), wishes(&[("t.y.", Wish::Drop)]));
        assert!(book.known.is_empty() && book.users.is_empty() && book.zones.is_empty());
        assert!(book.learn(update(RecordType::A, records(60))).is_empty(), "nobody asks any more");
    }

    #[test]
    fn an_alias_makes_what_the_name_does_not_have() {
        let mut book = AliasBook::new(Some(Arc::default()));
        let beside_a = Alias { makes: [false, true], ..alias("t.y", 300) };
        book.set(ZoneId(1), &name("a.x"), Some(beside_a));
        assert!(book.learn(Update { target: name("t.y"), rtype: RecordType::A, known: records(60) }).is_empty());
        assert_eq!(book.learn(Update { target: name("t.y"), rtype: RecordType::AAAA, known: Known::Absent }).len(), 1);
    }

    #[test]
    fn a_changed_target_is_another_one() {
        let targets = Arc::<Targets>::default();
        let mut book = AliasBook::new(Some(Arc::clone(&targets)));
        book.set(ZoneId(1), &name("a.x"), Some(alias("t.y", 300)));
        book.set(ZoneId(1), &name("a.x"), Some(alias("u.y", 300)));
        assert_eq!(taken(&targets), wishes(&[("t.y.", Wish::Drop), ("u.y.", Wish::Keep)]));
    }

    #[test]
    fn without_a_resolver_everything_is_withheld_and_nothing_waited_for() {
        let mut book = AliasBook::new(None);
        book.set(ZoneId(1), &name("a.x"), Some(alias("t.y", 300)));
        assert!(book.is_settled());
        assert_eq!(shown(&book.supply(&alias("t.y", 300), RecordType::A)), "AliasOff");
    }
}
