//! Everything around the roller: a database, replicas that lag, a parent, clocks that step, and people.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::resolver::{Answer, Dnskey, DsRecord, Resolvers, Rrsig};
use crate::next::{Rule, decide};
use crate::*;

pub(super) const HOUR: u64 = 3600;
pub(super) const DAY: u64 = 86400;

/// Marsaglia's xorshift64.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        (0..8).for_each(|_| _ = dice.roll());
        dice
    }

    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        (self.roll() >> 11) % limit.max(1)
    }

    fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}

/// What one replica answers with.
#[derive(Clone, PartialEq)]
struct Face {
    dnskey: Answer,
    data: Answer,
    dnskey_ttl: u64,
    zone_ttl: u64,
}

#[derive(Clone)]
struct Replica {
    face: Face,
    /// What it will answer with, and from when on.
    ahead: Vec<(u64, Face)>,
    /// It hears nothing until then.
    cut_until: u64,
}

struct ParentServerModel {
    keys: BTreeSet<KeyId>,
    /// What it will have, and from when on.
    ahead: Vec<(u64, BTreeSet<KeyId>)>,
    /// It answers everyone but us until then.
    silent_until: u64,
}

/// A key pair: where its signatures verify from, and with what.
#[derive(Clone, Copy)]
struct Pair {
    public: u64,
    tag: u16,
    algorithm: u8,
    good_from: u64,
}

/// How a zone is when the roller meets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    Unsigned,
    KskAndZsk,
    Csk,
    /// The second ZSK has signed for no time at all.
    MidZskRoll,
    /// The parent has had the second KSK's DS for no time at all.
    MidKskRoll,
}

/// Who calls the roller, and how well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    Careful,
    /// Takes the wall clock's difference for time that passed.
    TrustsWallClock,
}

pub(super) struct World {
    pub(super) dice: Dice,
    pub(super) now: u64,
    skew: i64,
    pub(super) policy: Policy,
    pub(super) memory: Memory,
    pub(super) keys: Vec<Key>,
    pairs: BTreeMap<KeyId, Pair>,
    replicas: Vec<Replica>,
    parent: Vec<ParentServerModel>,
    resolvers: Resolvers,
    dnskey_ttl: u64,
    zone_ttl: u64,
    ds_ttl: u64,
    /// The greatest since the last call.
    ttl_peaks: (u64, u64),
    last_call: Option<(u64, i64)>,
    next_poll: u64,
    halted_until: u64,
    reports_replicas: bool,
    forgets: bool,
    tags_served: BTreeMap<u16, KeyId>,
    pub(super) plan: Option<Plan>,
    pub(super) acts: Vec<Act>,
    pub(super) steps_taken: u64,
    pub(super) refused: u64,
    without: Option<Rule>,
    caller: Caller,
}

impl World {
    pub(super) fn new(seed: u64, start: Start, without: Option<Rule>, caller: Caller) -> World {
        let mut dice = Dice::new(seed);
        let hours = |dice: &mut Dice, low, high| Duration::from_secs(dice.between(low * HOUR, high * HOUR));
        let policy = Policy {
            layout: if start == Start::Csk { Layout::Csk } else { Layout::KskAndZsk },
            standby_ksk: dice.below(4) as u8 / 3,
            standby_zsk: if start == Start::Csk { 0 } else { dice.below(4) as u8 / 3 },
            propagation_delay: hours(&mut dice, 1, 4),
            publish_safety: Duration::ZERO,
            retire_safety: Duration::ZERO,
            parent_propagation_delay: hours(&mut dice, 5, 6),
            // What the model's parent ever has: that is not seen while it is silent.
            parent_ds_ttl: Duration::from_secs(60 * HOUR),
            registration_delay: hours(&mut dice, 24, 72),
            cds: if dice.one_in(4) { Cds::Off } else { Cds::Publish },
            ..Policy::default()
        };
        policy.check().expect("sound");
        let face = Face {
            dnskey: Answer::Dnskey(Vec::new(), Vec::new()),
            data: Answer::Data(Vec::new()),
            dnskey_ttl: HOUR,
            zone_ttl: HOUR,
        };
        let replica = Replica { face, ahead: Vec::new(), cut_until: 0 };
        let mut world = World {
            now: 1_700_000_000,
            skew: 0,
            memory: Memory::default(),
            keys: Vec::new(),
            pairs: BTreeMap::new(),
            replicas: vec![replica; 3],
            parent: (0..dice.between(1, 4))
                .map(|_| ParentServerModel { keys: BTreeSet::new(), ahead: Vec::new(), silent_until: 0 })
                .collect(),
            resolvers: Resolvers::default(),
            dnskey_ttl: dice.between(HOUR, 30 * HOUR),
            zone_ttl: dice.between(HOUR, 60 * HOUR),
            ds_ttl: dice.between(HOUR, 60 * HOUR),
            ttl_peaks: (0, 0),
            last_call: None,
            next_poll: 0,
            halted_until: 0,
            reports_replicas: dice.one_in(2),
            forgets: dice.one_in(3),
            tags_served: BTreeMap::new(),
            plan: None,
            acts: Vec::new(),
            steps_taken: 0,
            refused: 0,
            policy,
            dice,
            without,
            caller,
        };
        world.prehistory(start);
        world
    }

    /// Serves what was there before the roller came, so that caches hold it.
    fn prehistory(&mut self, start: Start) {
        let mut add = |role, algorithm| self.make_key(role, algorithm);
        let mut flags: Vec<(KeyId, bool, bool, bool)> = Vec::new();
        let mut at_parent: Vec<KeyId> = Vec::new();
        match start {
            Start::Unsigned => {}
            Start::Csk => {
                let key = add(Role::Csk, 13);
                flags = vec![(key, true, true, true)];
                at_parent = vec![key];
            }
            _ => {
                let (ksk, zsk) = (add(Role::Ksk, 13), add(Role::Zsk, 13));
                flags = vec![(ksk, true, true, false), (zsk, true, false, true)];
                at_parent = vec![ksk];
                if start == Start::MidZskRoll {
                    let new = add(Role::Zsk, 13);
                    flags.push((new, true, false, false));
                }
                if start == Start::MidKskRoll {
                    let new = add(Role::Ksk, 13);
                    flags.push((new, true, true, false));
                }
            }
        }
        self.pairs.values_mut().for_each(|pair| pair.good_from = 0);
        self.set_flags(&flags);
        for server in &mut self.parent {
            server.keys = at_parent.iter().copied().collect();
        }
        let face = self.face();
        self.replicas.iter_mut().for_each(|replica| replica.face = face.clone());
        // Only its end counts for caches.
        self.serve().expect("the zone is in order at first");
        match start {
            Start::MidZskRoll => {
                flags[1].3 = false;
                flags[2].3 = true;
                self.keys[2].created = Time(self.now - 2 * DAY);
                self.set_flags(&flags);
            }
            Start::MidKskRoll => {
                self.keys[2].created = Time(self.now - 2 * DAY);
                for server in &mut self.parent {
                    server.keys = BTreeSet::from([flags[2].0]);
                }
            }
            _ => {}
        }
        let face = self.face();
        self.replicas.iter_mut().for_each(|replica| replica.face = face.clone());
    }

    fn set_flags(&mut self, flags: &[(KeyId, bool, bool, bool)]) {
        for (id, published, signs_dnskey, signs_zone) in flags {
            let key = self.keys.iter_mut().find(|key| key.id == *id).expect("made above");
            (key.published, key.signs_dnskey, key.signs_zone) = (*published, *signs_dnskey, *signs_zone);
        }
    }

    pub(super) fn make_key(&mut self, role: Role, algorithm: u8) -> KeyId {
        let id = KeyId(self.pairs.len() as i64 + 1);
        // Few tags, drawn without looking: this generator is as careless as the one of an outage.
        let tag = if self.pairs.len() < 3 { self.pairs.len() as u16 } else { self.dice.below(300) as u16 };
        let good_from = if self.dice.one_in(8) { self.now + self.dice.between(HOUR, DAY) } else { 0 };
        self.pairs.insert(id, Pair { public: self.dice.roll(), tag, algorithm, good_from });
        self.keys.push(Key {
            id,
            tag,
            algorithm,
            role,
            created: Time(self.wall()),
            published: false,
            signs_dnskey: false,
            signs_zone: false,
        });
        id
    }

    fn wall(&self) -> u64 {
        self.now.saturating_add_signed(self.skew)
    }

    fn signature(&self, id: KeyId) -> Rrsig {
        let pair = self.pairs[&id];
        let verifies_with = if pair.good_from > self.now { 0 } else { pair.public };
        Rrsig { tag: pair.tag, algorithm: pair.algorithm, verifies_with }
    }

    fn face(&self) -> Face {
        let published = || self.keys.iter().filter(|key| key.published);
        let record = |id: KeyId| {
            let pair = self.pairs[&id];
            Dnskey { tag: pair.tag, algorithm: pair.algorithm, public: pair.public }
        };
        let over = published().filter(|key| key.signs_dnskey).map(|key| self.signature(key.id)).collect();
        let data = self.keys.iter().filter(|key| key.signs_zone).map(|key| self.signature(key.id)).collect();
        Face {
            dnskey: Answer::Dnskey(published().map(|key| record(key.id)).collect(), over),
            data: Answer::Data(data),
            dnskey_ttl: self.dnskey_ttl,
            zone_ttl: self.zone_ttl,
        }
    }

    /// All servers answer everyone.
    fn serve(&mut self) -> Result<(), String> {
        for replica in &self.replicas {
            let Face { dnskey, data, dnskey_ttl, zone_ttl } = &replica.face;
            let denied = matches!(dnskey, Answer::Dnskey(keys, _) if keys.is_empty());
            self.resolvers.served(self.now, dnskey, if denied { *zone_ttl } else { *dnskey_ttl })?;
            self.resolvers.served(self.now, data, *zone_ttl)?;
        }
        for server in &self.parent {
            let ds = server.keys.iter().map(|id| {
                let pair = self.pairs[id];
                DsRecord { tag: pair.tag, algorithm: pair.algorithm, digest: pair.public }
            });
            self.resolvers.served(self.now, &Answer::Ds(ds.collect()), self.ds_ttl)?;
        }
        Ok(())
    }

    /// Lets time pass, with all that happens by itself in it.
    pub(super) fn pass(&mut self, until: u64) -> Result<(), String> {
        while self.now < until {
            let ahead = self.replicas.iter().flat_map(|replica| replica.ahead.iter().map(|(at, _)| *at));
            let parent = self.parent.iter().flat_map(|server| server.ahead.iter().map(|(at, _)| *at));
            let polls = std::iter::once(self.next_poll.max(self.now + 1));
            let then = ahead.chain(parent).chain(polls).filter(|at| *at > self.now).min().unwrap_or(until).min(until);
            // To the last moment before, and over it.
            self.now = then - 1;
            self.serve()?;
            self.now = then;
            self.happen();
            self.serve()?;
        }
        Ok(())
    }

    fn happen(&mut self) {
        let now = self.now;
        for replica in &mut self.replicas {
            for (_, face) in replica.ahead.extract_if(.., |(at, _)| *at <= now) {
                replica.face = face;
            }
        }
        for server in &mut self.parent {
            for (_, keys) in server.ahead.extract_if(.., |(at, _)| *at <= now) {
                server.keys = keys;
            }
        }
        if self.next_poll <= now {
            self.next_poll = now + self.dice.between(2 * HOUR, 2 * DAY);
            self.registrar_looks();
        }
    }

    /// The registry, or a person at the registrar, sees what is asked for, and does it within the registration delay.
    fn registrar_looks(&mut self) {
        let wanted = match self.plan.as_ref().map(|plan| &plan.request) {
            None | Some(RequestedDs::Nothing) => return,
            Some(RequestedDs::Keys(keys)) => keys.clone(),
            Some(RequestedDs::Delete) => BTreeSet::new(),
        };
        let delay = self.dice.between(HOUR, self.policy.registration_delay.as_secs() - 6 * HOUR);
        let asked_last =
            |server: &ParentServerModel| server.ahead.last().map_or(&server.keys, |(_, keys)| keys) == &wanted;
        if self.parent.iter().all(asked_last) {
            return;
        }
        for server in 0..self.parent.len() {
            let at = self.now + delay + self.dice.below(5 * HOUR);
            self.parent[server].ahead.push((at, wanted.clone()));
            self.parent[server].ahead.sort_by_key(|(at, _)| *at);
        }
    }

    /// The database changed: replicas hear of it, one by one.
    fn publish(&mut self) {
        let face = self.face();
        let delay = self.policy.propagation_delay.as_secs();
        for replica in &mut self.replicas {
            let at = (self.now + self.dice.below(delay)).max(replica.cut_until);
            // A replica does not go back to what is older.
            let last = replica.ahead.last().map_or(at, |(last, _)| at.max(*last));
            replica.ahead.push((last, face.clone()));
        }
    }

    fn observations(&mut self) -> Observations {
        let face = self.face();
        let behind = self.replicas.iter().filter(|replica| replica.face != face || !replica.ahead.is_empty()).count();
        let elapsed = match (self.last_call, self.caller) {
            (None, _) => 0,
            (Some((last, _)), Caller::Careful) => self.now - last,
            (Some((last, skew)), Caller::TrustsWallClock) => {
                self.wall().saturating_sub(last.saturating_add_signed(skew))
            }
        };
        let parent = self.parent.iter().enumerate().map(|(number, server)| ParentServer {
            name: format!("server {number}"),
            answer: if server.silent_until > self.now {
                ParentAnswer::Silent("timeout".to_owned())
            } else {
                let known = |id: &KeyId| match self.keys.iter().any(|key| key.id == *id) {
                    true => Ds::Ours(*id),
                    false => Ds::Foreign { tag: self.pairs[id].tag, algorithm: self.pairs[id].algorithm },
                };
                let set = server.keys.iter().map(known).collect();
                ParentAnswer::Ds { set, ttl: Duration::from_secs(self.ds_ttl) }
            },
        });
        let broken = |key: &&Key| self.pairs[&key.id].good_from > self.now;
        Observations {
            elapsed: Duration::from_secs(elapsed),
            dnskey_ttl: Duration::from_secs(self.ttl_peaks.0.max(self.dnskey_ttl)),
            zone_ttl: Duration::from_secs(self.ttl_peaks.1.max(self.zone_ttl)),
            parent: parent.collect(),
            lagging: (0..behind).filter(|_| self.reports_replicas).map(|n| format!("replica {n}")).collect(),
            unverified: self.keys.iter().filter(broken).map(|key| (key.id, "bad signature".to_owned())).collect(),
            halt: (self.halted_until > self.now).then(|| "an answer did not validate".to_owned()),
            acts: std::mem::take(&mut self.acts),
        }
    }

    /// Calls the roller and does what it says.
    pub(super) fn tick(&mut self) -> Result<(), String> {
        let observations = self.observations();
        self.last_call = Some((self.now, self.skew));
        let wall = Time(self.wall());
        let plan = decide(&self.keys, &self.memory, &self.policy, &observations, wall, self.without);
        if self.dice.one_in(50) {
            // The server dies before it has stored anything.
            self.last_call = None;
            self.acts = observations.acts;
            return Ok(());
        }
        self.ttl_peaks = (0, 0);
        self.refused += plan.refused.len() as u64;
        self.judge(&plan, &observations)?;
        let mut changed = false;
        for step in &plan.steps {
            self.steps_taken += 1;
            let mut set = |id: KeyId, change: fn(&mut Key)| {
                change(self.keys.iter_mut().find(|key| key.id == id).expect("a step is about a key that is there"));
                changed = true;
            };
            match *step {
                Step::Create { role, algorithm } => drop(self.make_key(role, algorithm)),
                Step::Publish(id) => set(id, |key| key.published = true),
                Step::SignDnskey(id) => set(id, |key| key.signs_dnskey = true),
                Step::SignZone(id) => set(id, |key| key.signs_zone = true),
                Step::StopSigningZone(id) => set(id, |key| key.signs_zone = false),
                Step::StopSigningDnskey(id) => set(id, |key| key.signs_dnskey = false),
                Step::Unpublish(id) => set(id, |key| key.published = false),
                Step::Remove(id) => self.keys.retain(|key| key.id != id),
            }
        }
        self.memory = plan.memory.clone();
        self.plan = Some(plan);
        for key in self.keys.iter().filter(|key| key.published && !self.forgets) {
            let first = *self.tags_served.entry(key.tag).or_insert(key.id);
            if first != key.id {
                return Err(format!("tag {} served for two keys", key.tag));
            }
        }
        if changed {
            self.publish();
        }
        Ok(())
    }

    /// What must be true of a plan whatever resolvers see.
    fn judge(&self, plan: &Plan, observations: &Observations) -> Result<(), String> {
        if observations.halt.is_some() && !plan.steps.is_empty() {
            return Err(format!("steps while halted: {:?}", plan.steps));
        }
        if observations.halt.is_some() && plan.zone.is_none() {
            return Err("halted without a word".to_owned());
        }
        for key in &plan.keys {
            let silent = matches!(key.state, KeyState::Published | KeyState::Retired) && key.wait.is_none();
            if silent && plan.steps.is_empty() {
                return Err(format!("key {} is {} and does not say what for", key.tag, key.state.word()));
            }
        }
        Ok(())
    }

    /// Whether anything is under way, so that time should pass in small steps.
    pub(super) fn is_busy(&self) -> bool {
        let Some(plan) = &self.plan else { return true };
        let memory = &plan.memory;
        !plan.steps.is_empty()
            || plan.zone.is_some()
            || plan.keys.iter().any(|key| key.wait.is_some())
            || !memory.dnskey.past.is_empty()
            || !memory.signers.past.is_empty()
            || memory.parent.seen.len() > 1
            || memory.parent.requests.len() > 1
            || self.parent.iter().any(|server| !server.ahead.is_empty())
            || self.replicas.iter().any(|replica| !replica.ahead.is_empty())
    }

    /// Something goes wrong, or someone presses a button.
    pub(super) fn disturb(&mut self) {
        let server = self.dice.below(self.parent.len() as u64) as usize;
        let replica = self.dice.below(3) as usize;
        let roles = [Role::Ksk, Role::Zsk, Role::Csk];
        let some_key = |world: &mut World| {
            let place = world.dice.below(world.keys.len() as u64) as usize;
            world.keys.get(place).map(|key| key.id)
        };
        match self.dice.below(19) {
            0 => self.parent[server].silent_until = self.now + self.dice.between(HOUR, 12 * DAY),
            1 if self.reports_replicas => {
                self.replicas[replica].cut_until = self.now + self.dice.between(HOUR, 9 * DAY);
            }
            2 => self.skew += 40 * DAY as i64 - self.dice.below(60 * DAY) as i64,
            3 => self.last_call = None,
            4 if self.forgets => {
                self.memory = Memory::default();
                // The journal knows how great TTLs were.
                self.ttl_peaks = (30 * HOUR, 60 * HOUR);
            }
            5 => self.halted_until = self.now + self.dice.between(HOUR, 6 * DAY),
            6 => self.ds_ttl = self.dice.between(HOUR, 60 * HOUR),
            7 | 8 => {
                self.ttl_peaks = (self.dnskey_ttl.max(self.ttl_peaks.0), self.zone_ttl.max(self.ttl_peaks.1));
                self.dnskey_ttl = self.dice.between(HOUR, 30 * HOUR);
                self.zone_ttl = self.dice.between(HOUR, 60 * HOUR);
                self.publish();
            }
            9 | 10 => {
                let role = roles[self.dice.below(3) as usize];
                self.acts.push(Act::Roll(role));
            }
            11 => {
                let key = some_key(self);
                self.acts.extend(key.map(Act::Emergency));
            }
            12 => {
                let key = some_key(self);
                self.acts.extend(key.map(Act::Retire));
            }
            13 => {
                // True where nobody can look, and a lie where we can.
                let blind = self.parent.iter().all(|server| server.silent_until > self.now);
                let agreed = self.parent.iter().all(|s| s.keys == self.parent[0].keys && s.ahead.is_empty());
                let keys = if blind { self.parent[0].keys.clone() } else { some_key(self).into_iter().collect() };
                if !blind || agreed {
                    self.acts.push(Act::ConfirmDs { keys, reason: "I looked".to_owned() });
                }
            }
            14 => {
                let act = if self.memory.insecure { Act::GoSecure } else { Act::GoInsecure };
                self.acts.push(act);
            }
            15 => self.policy.algorithm = [8, 13, 15][self.dice.below(3) as usize],
            16 => {
                self.policy.layout = if self.policy.layout == Layout::Csk { Layout::KskAndZsk } else { Layout::Csk };
                self.policy.standby_zsk = 0;
            }
            17 => {
                self.policy.standby_ksk = self.dice.below(2) as u8;
                self.policy.standby_zsk = if self.policy.layout == Layout::Csk { 0 } else { self.dice.below(2) as u8 };
            }
            18 => {
                // A key by hand, as PowerDNS's tool would add it: of the algorithm in use, published at times.
                let role = roles[self.dice.below(2) as usize];
                let algorithm = self.policy.algorithm;
                let alike = self.keys.iter().any(|key| key.signs_zone && key.algorithm == algorithm);
                let id = self.make_key(role, algorithm);
                let tag_is_new = !self.memory.tags.contains(&self.pairs[&id].tag);
                if alike && tag_is_new && self.dice.one_in(2) && self.published_is_settled(algorithm) {
                    self.keys.last_mut().expect("made above").published = true;
                    self.publish();
                }
            }
            _ => {}
        }
    }

    /// Whether one more published key of `algorithm` changes nothing for validators.
    fn published_is_settled(&self, algorithm: u8) -> bool {
        !self.is_busy() && self.keys.iter().any(|key| key.published && key.algorithm == algorithm)
    }

    /// No more trouble: what was going on can end.
    pub(super) fn calm(&mut self) {
        self.parent.iter_mut().for_each(|server| server.silent_until = 0);
        self.halted_until = 0;
        self.acts = vec![Act::GoSecure];
    }

    /// Whether the zone is signed as policy wants it, and nothing is left over.
    pub(super) fn steady(&self) -> Result<(), String> {
        let plan = self.plan.as_ref().expect("it ran");
        let told = || format!("{:#?}\n{:#?}\n{:?}", plan.keys, plan.zone, plan.request);
        let RequestedDs::Keys(wanted) = &plan.request else { return Err(told()) };
        if self.parent.iter().any(|server| server.keys != *wanted) {
            return Err(format!("the parent has not what it was asked for\n{}", told()));
        }
        let of = |role: Role| self.keys.iter().filter(|key| key.role == role && key.published).count();
        let good = match self.policy.layout {
            Layout::Csk => of(Role::Csk) > 0 && of(Role::Ksk) == 0 && of(Role::Zsk) == 0,
            Layout::KskAndZsk => of(Role::Csk) == 0 && of(Role::Ksk) > 0 && of(Role::Zsk) > 0,
        };
        let algorithm = self.keys.iter().all(|key| !key.published || key.algorithm == self.policy.algorithm);
        if good && algorithm { Ok(()) } else { Err(told()) }
    }

    /// A simulated run: trouble for `years`, then calm.
    pub(super) fn run(&mut self, years: u64) -> Result<(), String> {
        let trouble_ends = self.now + years * 365 * DAY;
        let calm_ends = trouble_ends + 80 * DAY;
        let mut next_trouble = self.now + self.dice.between(DAY, 20 * DAY);
        let mut calm = false;
        // A roll that was due may be under way at the end.
        while self.now < calm_ends || (self.steady().is_err() && self.now < calm_ends + 40 * DAY) {
            self.tick()?;
            if !calm && self.now >= trouble_ends {
                calm = true;
                self.calm();
            }
            let wake = self.plan.as_ref().and_then(|plan| plan.wake);
            let wake = wake.map_or(u64::MAX, |wake| self.now + wake.0.saturating_sub(self.wall()).max(1));
            let patience = if self.is_busy() { self.dice.between(HOUR / 2, 5 * HOUR) } else { 10 * DAY };
            let mut until = (self.now + patience).min(wake.max(self.now + HOUR / 2));
            if !calm {
                until = until.min(next_trouble);
            }
            self.pass(until.max(self.now + 1))?;
            if !calm && self.now >= next_trouble {
                self.disturb();
                // Troubles come in swarms.
                let swarm = self.dice.one_in(2);
                next_trouble =
                    self.now + if swarm { self.dice.between(HOUR, 2 * DAY) } else { self.dice.between(DAY, 40 * DAY) };
            }
        }
        self.steady()
    }
}
