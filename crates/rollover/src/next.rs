//! From what is known to what to do.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::chain::{DEMANDS, DnskeySet, DsSet, Signers, ds_leads_to, signers_satisfy};
use crate::key::{Key, KeyId, KeyState, Role, Time};
use crate::memory::{Memory, Record, Request, Watched};
use crate::observe::{Act, Ds, Observations, ParentAnswer};
use crate::plan::{Plan, RequestedDs, Step};
use crate::policy::{Layout, Policy};
use crate::status;

/// Says what to do with `keys`, given what was remembered and what was seen.
///
/// Call it at least every hour, after each change of the zone's keys by others, and after its own steps. The same arguments give the
/// same plan: one whose steps were not stored is as if it had never been made.
pub fn next(keys: &[Key], memory: &Memory, policy: &Policy, observations: &Observations, now: Time) -> Plan {
    decide(keys, memory, policy, observations, now, None)
}

/// What makes rolls safe. Tests take each away and see the simulation fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(test), allow(dead_code))]
pub(crate) enum Rule {
    /// DNSKEY sets stay in caches for their TTL.
    DnskeyTtl,
    /// Data and its signatures stay in caches for their TTL.
    ZoneTtl,
    /// DS sets stay in caches for their TTL.
    DsTtl,
    /// A TTL that was lowered counts until nothing has it any more.
    OldTtls,
    /// Replicas do not change at the same time.
    Propagation,
    /// A replica that has not confirmed serves what it served.
    Lagging,
    /// All servers of the parent count, not the first.
    EveryParentServer,
    /// A server of the parent that is silent serves what it served.
    SilentParent,
    /// The parent may still do what it was asked for before.
    OldRequests,
    /// Strict validators want every algorithm.
    EveryAlgorithm,
    /// What a zone served before it was taken over is unknown.
    TakeOver,
    /// No tag is used twice.
    Tags,
    /// A key is used once every replica has signed with it.
    Unverified,
    /// Something is wrong: nothing moves.
    Halt,
}

pub(crate) fn decide(
    keys: &[Key],
    memory: &Memory,
    policy: &Policy,
    observations: &Observations,
    now: Time,
    without: Option<Rule>,
) -> Plan {
    let mut roller = Roller {
        memory: memory.clone(),
        keys,
        policy,
        observations,
        now,
        without,
        lagged: false,
        confirmed: false,
        refused: Vec::new(),
    };
    roller.watch();
    roller.take_stock();
    roller.look_at_parent();
    roller.carry_out_acts();
    roller.forget();
    let mut steps = Vec::new();
    if observations.halt.is_none() || without == Some(Rule::Halt) {
        roller.retire_old();
        steps = roller.missing();
        if steps.is_empty() {
            roller.change_sets();
            steps = roller.differences();
        }
        steps.extend(roller.dead().into_iter().map(Step::Remove));
    }
    let request = match roller.memory.parent.requests.last() {
        None => RequestedDs::Nothing,
        Some(request) if request.set.is_empty() => RequestedDs::Delete,
        Some(request) => RequestedDs::Keys(request.set.iter().filter_map(ours).collect()),
    };
    let mut plan = Plan {
        steps,
        memory: roller.memory.clone(),
        request,
        keys: Vec::new(),
        zone: None,
        refused: std::mem::take(&mut roller.refused),
        wake: None,
    };
    status::describe(&roller, &mut plan);
    plan
}

/// The arguments of one call, and the memory that it leaves.
pub(crate) struct Roller<'a> {
    pub(crate) memory: Memory,
    pub(crate) keys: &'a [Key],
    pub(crate) policy: &'a Policy,
    pub(crate) observations: &'a Observations,
    pub(crate) now: Time,
    without: Option<Rule>,
    lagged: bool,
    /// Whether a person has just looked at the parent.
    confirmed: bool,
    refused: Vec<(Act, String)>,
}

/// What the zone should look like in the end.
struct Goal {
    dnskey: DnskeySet,
    signers: Signers,
    ds: DsSet,
}

impl Roller<'_> {
    fn lacks(&self, rule: Rule) -> bool {
        self.without == Some(rule)
    }

    // --- What is known ---

    fn watch(&mut self) {
        let memory = &mut self.memory;
        memory.watched += self.observations.elapsed;
        let policy = self.policy;
        let slack = policy.propagation_delay + policy.publish_safety.max(policy.retire_safety);
        // A replica that was behind at the last call may have been so until a moment ago.
        let lags = !self.observations.lagging.is_empty();
        self.lagged = (lags || memory.lagged) && self.without != Some(Rule::Lagging);
        memory.lagged = lags;
        if self.lagged {
            // With its TTLs as well.
            memory.dnskey_ttl.linger(memory.watched);
            memory.zone_ttl.linger(memory.watched);
        }
        memory.dnskey_ttl.note(self.observations.dnskey_ttl.max(policy.dnskey_ttl), memory.watched, slack);
        memory.zone_ttl.note(self.observations.zone_ttl, memory.watched, slack);
        if self.without == Some(Rule::OldTtls) {
            for ttls in [&mut memory.dnskey_ttl.0, &mut memory.zone_ttl.0] {
                ttls.drain(..ttls.len() - 1);
            }
        }
    }

    /// Learns which keys are there, and notes what others did to them.
    fn take_stock(&mut self) {
        let watched = self.memory.watched;
        for key in self.keys {
            if self.memory.keys.contains_key(&key.id) {
                continue;
            }
            let fresh = self.memory.tags.insert(key.tag) || self.lacks(Rule::Tags);
            let retire = (!fresh).then(|| format!("another key of the zone has or had its tag, {}", key.tag));
            let record = Record {
                tag: key.tag,
                algorithm: key.algorithm,
                role: key.role,
                created: key.created,
                retire,
                compromised: false,
                state: KeyState::Generated,
                since: self.now,
                waiting: None,
            };
            self.memory.keys.insert(key.id, record);
        }
        let dnskey: DnskeySet =
            self.keys.iter().filter(|key| key.published).map(|key| (key.id, key.signs_dnskey)).collect();
        let signers: Signers = self.keys.iter().filter(|key| key.signs_zone).map(|key| key.id).collect();
        if !self.memory.taken_over {
            self.memory.taken_over = true;
            self.memory.found_signed = !dnskey.is_empty() || !signers.is_empty();
            self.memory.dnskey.current = dnskey;
            self.memory.signers.current = signers;
            return;
        }
        if !self.lacks(Rule::Lagging) {
            let confirmed = self.observations.lagging.is_empty();
            self.memory.dnskey.confirm(watched, confirmed);
            self.memory.signers.confirm(watched, confirmed);
        }
        // Steps of the last call are in the memory already: what differs was done by others, since then.
        self.memory.dnskey.change(dnskey, watched);
        self.memory.signers.change(signers, watched);
    }

    fn look_at_parent(&mut self) {
        let observed = match self.observations.parent.get(..1) {
            Some(first) if self.lacks(Rule::EveryParentServer) => first,
            _ => &self.observations.parent,
        };
        let watched = self.memory.watched;
        let parent = &mut self.memory.parent;
        parent.note_served(watched);
        if observed.is_empty() {
            return;
        }
        parent.servers.retain(|name, _| observed.iter().any(|server| server.name == *name));
        parent.silent.clear();
        let mut ttl_seen: Option<Duration> = None;
        for server in observed {
            match &server.answer {
                ParentAnswer::Ds { set, ttl } => {
                    parent.servers.insert(server.name.clone(), set.clone());
                    ttl_seen = ttl_seen.max(Some(*ttl));
                }
                ParentAnswer::Silent(_) if self.without == Some(Rule::SilentParent) => {
                    parent.servers.remove(&server.name);
                }
                ParentAnswer::Silent(why) => {
                    parent.silent.insert(server.name.clone(), why.clone());
                    // Its TTL may still be what it was, or have changed unseen: policy knows what is usual there.
                    ttl_seen = ttl_seen.max(parent.ttl.greatest()).max(Some(self.policy.parent_ds_ttl));
                }
            }
        }
        if let Some(ttl) = ttl_seen {
            let slack = self.policy.parent_propagation_delay + self.policy.retire_safety;
            parent.ttl.note(ttl, watched, slack);
            if self.without == Some(Rule::OldTtls) {
                parent.ttl.0.drain(..parent.ttl.0.len() - 1);
            }
        }
        parent.note_served(watched);
        if parent.unheard().next().is_some() {
            // It may have whatever any server ever had.
            parent.seen.values_mut().for_each(|last| *last = watched);
        }
    }

    /// Versions that no cache holds any more, and keys that nothing refers to.
    fn forget(&mut self) {
        let watched = self.memory.watched;
        let (dnskey, zone, ds) = (self.dnskey_wait(), self.zone_wait(), self.ds_wait());
        self.memory.dnskey.expire(watched, dnskey);
        self.memory.signers.expire(watched, zone);
        self.memory.parent.expire(watched, ds);
        let parent = &mut self.memory.parent;
        let asked_last = parent.requests.last().map(|request| request.set.clone());
        // What a server said before it fell silent says nothing of what it has now.
        let looked = parent.silent.is_empty() || self.confirmed;
        let fulfilled = looked && asked_last.is_some_and(|set| parent.agrees_on(&set));
        let delay = self.policy.registration_delay;
        let without = self.without == Some(Rule::OldRequests);
        let spent = |request: &Request| {
            request.replaced.is_some_and(|replaced| without || (fulfilled && replaced + delay <= watched))
        };
        for request in parent.requests.extract_if(.., |request| spent(request)) {
            if !without {
                // It may have been carried out between two looks.
                parent.seen.insert(request.set, watched);
            }
        }
        if self.lagged && !self.memory.settled {
            self.memory.known_since = watched;
        }
        let waited = watched >= self.settles() || self.without == Some(Rule::TakeOver);
        let heard = self.memory.parent.is_known() && self.memory.parent.unheard().next().is_none();
        if waited && (heard || !self.memory.found_signed) {
            self.memory.settled = true;
        }
        let present: BTreeSet<KeyId> = self.keys.iter().map(|key| key.id).collect();
        let gone: Vec<KeyId> = self
            .memory
            .keys
            .keys()
            .copied()
            .filter(|key| !present.contains(key) && !self.memory.may_be_needed(*key))
            .collect();
        for key in gone {
            self.memory.keys.remove(&key);
        }
    }

    // --- What is wanted ---

    fn carry_out_acts(&mut self) {
        for act in &self.observations.acts {
            let done = match act {
                Act::Roll(role) => self.roll(*role),
                Act::Emergency(key) => self.retire(*key, "its private key is known to others").map(|()| {
                    if let Some(record) = self.memory.keys.get_mut(key) {
                        record.compromised = true;
                    }
                }),
                Act::Retire(key) => self.retire(*key, "someone asked for it"),
                Act::ConfirmDs { keys, reason } => self.confirm(keys, reason),
                Act::GoInsecure => {
                    self.memory.insecure = true;
                    Ok(())
                }
                Act::GoSecure => {
                    self.memory.insecure = false;
                    Ok(())
                }
            };
            if let Err(reason) = done {
                self.refused.push((act.clone(), reason));
            }
        }
    }

    fn roll(&mut self, role: Role) -> Result<(), String> {
        if self.memory.insecure {
            return Err("the zone is going insecure".to_owned());
        }
        if let Some(key) = self.leaving(role) {
            return Err(format!("a roll is under way: key {} is not gone yet", self.memory.keys[&key].tag));
        }
        let key = *self.wanted(role).first().ok_or("policy wants no such key")?;
        self.retire(key, "someone asked for a roll")
    }

    fn retire(&mut self, key: KeyId, why: &str) -> Result<(), String> {
        let present = self.keys.iter().any(|there| there.id == key);
        let Some(record) = self.memory.keys.get(&key).filter(|_| present) else {
            return Err("the zone has no such key".to_owned());
        };
        let alike = self.keys.iter().filter(|there| there.role == record.role).count();
        if record.retire.is_none() && alike >= ALIKE_MAX {
            return Err(format!("the zone has {alike} keys of this role already: wait until some are gone"));
        }
        let record = self.memory.keys.get_mut(&key).expect("it was there above");
        record.retire.get_or_insert_with(|| why.to_owned());
        Ok(())
    }

    fn confirm(&mut self, keys: &BTreeSet<KeyId>, reason: &str) -> Result<(), String> {
        let set: DsSet = keys.iter().map(|key| Ds::Ours(*key)).collect();
        for server in &self.observations.parent {
            if matches!(&server.answer, ParentAnswer::Ds { set: served, .. } if *served != set) {
                return Err(format!("{} answers, and has another set", server.name));
            }
        }
        if let Some(key) = keys.iter().find(|key| !self.memory.keys.contains_key(key)) {
            return Err(format!("the zone has no key with id {}", key.0));
        }
        let watched = self.memory.watched;
        let parent = &mut self.memory.parent;
        parent.servers.values_mut().for_each(|served| *served = set.clone());
        for name in parent.silent.keys() {
            parent.servers.insert(name.clone(), set.clone());
        }
        if parent.servers.is_empty() {
            parent.servers.insert("a person".to_owned(), set);
        }
        parent.note_served(watched);
        self.confirmed = true;
        parent.confirmed.push((self.now, keys.clone(), reason.to_owned()));
        let excess = parent.confirmed.len().saturating_sub(CONFIRMED_MAX);
        parent.confirmed.drain(..excess);
        Ok(())
    }

    fn retire_old(&mut self) {
        for role in [Role::Ksk, Role::Zsk, Role::Csk] {
            let wanted = self.wanted(role);
            let keep = self.count(role);
            for key in self.keys.iter().filter(|key| key.role == role) {
                let record = &self.memory.keys[&key.id];
                let in_use = if role.is_signer() { key.signs_zone } else { key.signs_dnskey };
                let place = wanted.iter().position(|id| *id == key.id);
                let why = match place {
                    _ if record.retire.is_some() => continue,
                    None if record.algorithm != self.policy.algorithm => "policy wants another algorithm",
                    None => "policy wants keys of other roles",
                    Some(place) if place >= keep && in_use => "more keys are in use than policy wants",
                    _ => continue,
                };
                self.memory.keys.get_mut(&key.id).expect("it was there above").retire = Some(why.to_owned());
            }
            let key = wanted.iter().take(keep).copied().min_by_key(|key| self.memory.keys[key].created);
            if let Some(key) = key.filter(|key| self.is_due(*key)) {
                self.memory.keys.get_mut(&key).expect("it was there above").retire =
                    Some("it is as old as policy lets it grow".to_owned());
            }
        }
    }

    /// When a roll of `key` is to begin.
    pub(crate) fn due(&self, key: KeyId) -> Option<Time> {
        let record = &self.memory.keys[&key];
        let dnskey_ttl = self.memory.dnskey_ttl.greatest().unwrap_or_default();
        let zone_ttl = self.memory.zone_ttl.greatest().unwrap_or_default();
        let (life, lead) = if record.role.is_entry() {
            (self.policy.ksk_lifetime, self.policy.ksk_lead(dnskey_ttl, self.ds_ttl()))
        } else {
            (self.policy.zsk_lifetime, self.policy.zsk_lead(dnskey_ttl, zone_ttl))
        };
        life.map(|life| record.created + life.saturating_sub(lead))
    }

    fn is_due(&self, key: KeyId) -> bool {
        let role = self.memory.keys[&key].role;
        let parent = &self.memory.parent;
        // A KSK that the parent does not know yet is not replaced by another that it does not know: keys would pile up.
        let placed = !role.is_entry() || parent.requests.last().is_some_and(|request| parent.agrees_on(&request.set));
        let insecure = self.memory.insecure;
        placed && !insecure && self.leaving(role).is_none() && self.due(key).is_some_and(|due| due <= self.now)
    }

    /// A key of `role` that is to go and is still there.
    fn leaving(&self, role: Role) -> Option<KeyId> {
        let leaves = |key: &&Key| key.role == role && self.memory.keys[&key.id].retire.is_some();
        self.keys.iter().find(leaves).map(|key| key.id)
    }

    /// How many keys of `role` policy wants.
    fn count(&self, role: Role) -> usize {
        match (self.policy.layout, role) {
            (Layout::Csk, Role::Csk) | (Layout::KskAndZsk, Role::Ksk) => 1 + usize::from(self.policy.standby_ksk),
            (Layout::KskAndZsk, Role::Zsk) => 1 + usize::from(self.policy.standby_zsk),
            _ => 0,
        }
    }

    /// Keys of `role` that may stay: the one to use, those to keep ready, and others.
    fn wanted(&self, role: Role) -> Vec<KeyId> {
        let may_stay = |key: &&Key| {
            let record = &self.memory.keys[&key.id];
            key.role == role && record.algorithm == self.policy.algorithm && record.retire.is_none()
        };
        let mut keys: Vec<&Key> = self.keys.iter().filter(may_stay).collect();
        if self.count(role) == 0 {
            return Vec::new();
        }
        let in_use = |key: &Key| if role.is_signer() { key.signs_zone } else { key.signs_dnskey };
        // The newest of those in use is where a roll that others began was going.
        keys.sort_by_key(|key| match (in_use(key), key.published) {
            (true, _) => (0, u64::MAX - key.created.0, -key.id.0),
            (false, true) => (1, key.created.0, key.id.0),
            (false, false) => (2, key.created.0, key.id.0),
        });
        keys.iter().map(|key| key.id).collect()
    }

    fn missing(&self) -> Vec<Step> {
        if self.memory.insecure {
            return Vec::new();
        }
        let algorithm = self.policy.algorithm;
        [Role::Ksk, Role::Zsk, Role::Csk]
            .into_iter()
            .flat_map(|role| {
                let missing = self.count(role).saturating_sub(self.wanted(role).len());
                std::iter::repeat_n(Step::Create { role, algorithm }, missing)
            })
            .collect()
    }

    fn goal(&self) -> Goal {
        let mut goal = Goal { dnskey: DnskeySet::new(), signers: Signers::new(), ds: DsSet::new() };
        if self.memory.insecure {
            return goal;
        }
        let current = &self.memory.dnskey.current;
        for role in [Role::Ksk, Role::Zsk, Role::Csk] {
            for (place, key) in self.wanted(role).into_iter().enumerate() {
                let verified = !self.observations.unverified.contains_key(&key) || self.lacks(Rule::Unverified);
                let wanted = place < self.count(role);
                if wanted && role.is_entry() {
                    goal.ds.insert(Ds::Ours(key));
                }
                if wanted && place == 0 && role.is_signer() && (verified || self.memory.signers.current.contains(&key))
                {
                    goal.signers.insert(key);
                }
                match current.get(&key) {
                    // What is there stays; whether it signs is for policy to say only if it is wanted.
                    Some(signs) => goal.dnskey.insert(key, *signs || (wanted && verified && role.is_entry())),
                    None if wanted && (verified || !role.is_entry()) => goal.dnskey.insert(key, role.is_entry()),
                    None => None,
                };
            }
        }
        goal
    }

    // --- What is possible ---

    /// Goes as far towards the goal as every cache can follow.
    fn change_sets(&mut self) {
        let goal = self.goal();
        // What was served before the zone was taken over is unknown: only a zone without keys can be told to be signed.
        if !self.memory.settled && !self.memory.dnskey.current.is_empty() {
            return;
        }
        let current = self.memory.dnskey.current.clone();
        let added: Vec<KeyId> =
            goal.dnskey.iter().filter(|(key, signs)| current.get(key) != Some(signs)).map(|(key, _)| *key).collect();
        self.change_dnskey(&added, |set, key| {
            set.insert(key, goal.dnskey[&key]);
        });
        self.change_signers(&goal);
        if !self.memory.settled {
            return;
        }
        self.ask_parent(&goal);
        let removed: Vec<KeyId> = self
            .memory
            .dnskey
            .current
            .keys()
            .copied()
            // Others may lead to the zone as well; a DS that leads nowhere is still nothing to leave behind.
            .filter(|key| !goal.dnskey.contains_key(key) && !self.memory.parent.may_have(*key))
            .collect();
        self.change_dnskey(&removed, |set, key| {
            set.remove(&key);
        });
    }

    /// Applies `change` for all of `keys`, or for those of one algorithm, or for single ones: what is possible.
    fn change_dnskey(&mut self, keys: &[KeyId], change: impl Fn(&mut DnskeySet, KeyId)) {
        let algorithms: BTreeSet<u8> = keys.iter().map(|key| self.algorithm(*key)).collect();
        let of = |algorithm: u8| keys.iter().copied().filter(|key| self.algorithm(*key) == algorithm).collect();
        let mut groups: Vec<Vec<KeyId>> = vec![keys.to_vec()];
        groups.extend(algorithms.into_iter().map(of));
        groups.extend(keys.iter().map(|key| vec![*key]));
        for group in groups {
            let mut set = self.memory.dnskey.current.clone();
            group.iter().for_each(|key| change(&mut set, *key));
            if set != self.memory.dnskey.current && self.can_serve(&set) {
                self.memory.dnskey.change(set, self.memory.watched);
            }
        }
    }

    fn change_signers(&mut self, goal: &Goal) {
        if goal.signers.is_empty() && !self.memory.insecure {
            return;
        }
        let algorithms: BTreeSet<u8> = goal.signers.iter().map(|key| self.algorithm(*key)).collect();
        let mut beside = goal.signers.clone();
        // Signatures of a new algorithm come beside the old ones, which go last (RFC 6781 section 4.1.4).
        if !self.lacks(Rule::EveryAlgorithm) && !self.memory.insecure {
            let old = self.memory.signers.current.iter();
            beside.extend(old.filter(|key| !algorithms.contains(&self.algorithm(**key))));
        }
        for signers in [goal.signers.clone(), beside] {
            if self.can_sign(&signers) {
                self.memory.signers.change(signers, self.memory.watched);
                return;
            }
        }
    }

    fn ask_parent(&mut self, goal: &Goal) {
        let asked = self.memory.parent.requests.last();
        if asked.is_some_and(|request| request.set == goal.ds) || (goal.ds.is_empty() && !self.memory.insecure) {
            return;
        }
        if !self.can_ask_for(&goal.ds) {
            return;
        }
        let parent = &mut self.memory.parent;
        if let Some(request) = parent.requests.last_mut() {
            request.replaced = Some(self.memory.watched);
        }
        parent.requests.retain(|request| request.set != goal.ds);
        parent.requests.push(Request { set: goal.ds.clone(), since: self.now, replaced: None });
    }

    /// Whether `set` can be served: with every DS set and all signatures that may be cached beside it, it does no worse than the
    /// present one. Where the present one fails already, there is nothing to keep, and it may be repaired.
    fn can_serve(&self, set: &DnskeySet) -> bool {
        let (memory, current) = (&self.memory, &self.memory.dnskey.current);
        let algorithm = |key| self.algorithm(key);
        self.demands().all(|demand| {
            let leads = |ds, set| ds_leads_to(ds, set, algorithm, demand);
            let satisfy = |set, signers| signers_satisfy(set, signers, algorithm, demand);
            memory.parent.possible().all(|ds| leads(ds, set) || !leads(ds, current))
                && (self.is_insecure()
                    || memory.signers.all().all(|signers| satisfy(set, signers) || !satisfy(current, signers)))
        })
    }

    /// Whether the data can be signed by `signers`, as [`Roller::can_serve`].
    fn can_sign(&self, signers: &Signers) -> bool {
        let memory = &self.memory;
        let satisfy = |demand, set, signers| signers_satisfy(set, signers, |key| self.algorithm(key), demand);
        self.is_insecure()
            || self.demands().all(|demand| {
                let mut sets = memory.dnskey.all();
                sets.all(|set| satisfy(demand, set, signers) || !satisfy(demand, set, &memory.signers.current))
            })
    }

    /// Whether the parent may publish `ds`: every key is ready (RFC 7583), and everything that may be cached validates with it.
    fn can_ask_for(&self, ds: &DsSet) -> bool {
        let memory = &self.memory;
        let algorithm = |key| self.algorithm(key);
        let ready = |key: KeyId| memory.dnskey.all().all(|set| set.get(&key) == Some(&true));
        ds.is_empty()
            || ds.iter().filter_map(ours).all(ready)
                && self.demands().all(|demand| {
                    memory.dnskey.all().all(|set| {
                        ds_leads_to(ds, set, algorithm, demand)
                            && memory.signers.all().all(|signers| signers_satisfy(set, signers, algorithm, demand))
                    })
                })
    }

    fn demands(&self) -> impl Iterator<Item = crate::chain::Demand> {
        let count = if self.lacks(Rule::EveryAlgorithm) { 1 } else { DEMANDS.len() };
        DEMANDS.into_iter().take(count)
    }

    /// Whether no cache has a DS, nor will have one by our doing.
    fn is_insecure(&self) -> bool {
        self.memory.parent.possible().all(BTreeSet::is_empty)
    }

    fn differences(&self) -> Vec<Step> {
        let (dnskey, signers) = (&self.memory.dnskey.current, &self.memory.signers.current);
        let mut steps = Vec::new();
        for key in self.keys {
            let (is, was) = (dnskey.contains_key(&key.id), key.published);
            let (signs, signed) = (dnskey.get(&key.id) == Some(&true), key.published && key.signs_dnskey);
            let (zone, before) = (signers.contains(&key.id), key.signs_zone);
            let changes = [
                (is && !was, Step::Publish(key.id)),
                (signs && !signed, Step::SignDnskey(key.id)),
                (zone && !before, Step::SignZone(key.id)),
                (!zone && before, Step::StopSigningZone(key.id)),
                (!signs && signed, Step::StopSigningDnskey(key.id)),
                (!is && was, Step::Unpublish(key.id)),
            ];
            steps.extend(changes.into_iter().filter(|(changed, _)| *changed).map(|(_, step)| step));
        }
        steps
    }

    /// Keys that are to go and that no cache needs.
    fn dead(&self) -> Vec<KeyId> {
        let dead = |key: &&Key| {
            let idle = !key.published && !key.signs_zone;
            idle && self.memory.keys[&key.id].retire.is_some() && !self.memory.may_be_needed(key.id)
        };
        self.keys.iter().filter(dead).map(|key| key.id).collect()
    }

    // --- How long to wait ---

    /// When what was served before the zone was taken over has left the caches.
    pub(crate) fn settles(&self) -> Watched {
        let least = if self.memory.found_signed { TAKE_OVER_MIN } else { Duration::ZERO };
        self.memory.known_since + self.dnskey_wait().max(self.zone_wait()).max(self.ds_wait()).max(least)
    }

    fn algorithm(&self, key: KeyId) -> u8 {
        self.memory.keys.get(&key).map_or(0, |record| record.algorithm)
    }

    fn safety(&self, of_policy: Duration) -> Duration {
        let emergency = self.memory.keys.values().any(|record| record.compromised);
        if emergency { Duration::ZERO } else { of_policy }
    }

    fn propagation(&self) -> Duration {
        if self.lacks(Rule::Propagation) { Duration::ZERO } else { self.policy.propagation_delay }
    }

    /// How long after it was replaced a DNSKEY set may be in a cache.
    pub(crate) fn dnskey_wait(&self) -> Watched {
        let mut ttl = self.memory.dnskey_ttl.greatest().unwrap_or_default();
        if self.memory.dnskey.past.iter().any(|past| past.version.is_empty()) {
            // The denial of a DNSKEY set has the TTL of denials.
            ttl = ttl.max(self.memory.zone_ttl.greatest().unwrap_or_default());
        }
        let ttl = if self.lacks(Rule::DnskeyTtl) { Duration::ZERO } else { ttl };
        ttl + self.propagation() + self.safety(self.policy.publish_safety)
    }

    /// How long after they were replaced signatures may be in a cache.
    pub(crate) fn zone_wait(&self) -> Watched {
        let ttl = self.memory.zone_ttl.greatest().unwrap_or_default();
        let ttl = if self.lacks(Rule::ZoneTtl) { Duration::ZERO } else { ttl };
        ttl + self.propagation() + self.safety(self.policy.retire_safety)
    }

    fn ds_ttl(&self) -> Duration {
        self.memory.parent.ttl.greatest().unwrap_or(self.policy.parent_ds_ttl)
    }

    /// How long after it was last served a DS set may be in a cache.
    pub(crate) fn ds_wait(&self) -> Watched {
        let ttl = if self.lacks(Rule::DsTtl) { Duration::ZERO } else { self.ds_ttl() };
        ttl + self.policy.parent_propagation_delay + self.safety(self.policy.retire_safety)
    }
}

pub(crate) fn ours(ds: &Ds) -> Option<KeyId> {
    match ds {
        Ds::Ours(key) => Some(*key),
        Ds::Foreign { .. } => None,
    }
}

/// Keys of one role in a zone, beyond which nobody may ask for one more. Answers with the DNSKEY set are to stay small.
const ALIKE_MAX: usize = 4;
/// A signed zone that is taken over is watched for this long at least: its TTLs, and the parent's, may have been lowered before.
const TAKE_OVER_MIN: Duration = Duration::from_secs(3 * 86400);
/// What people said about the parent, as far as it is kept.
const CONFIRMED_MAX: usize = 16;
