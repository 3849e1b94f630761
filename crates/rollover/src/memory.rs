//! What is kept between calls: which versions of DS, DNSKEY and signatures caches may hold.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::chain::{DnskeySet, DsSet, Signers};
use crate::key::{KeyId, KeyState, RecordState, Role, Time};
use crate::observe::Ds;

/// Time that was watched to pass, counted from when the zone was taken over.
pub type Watched = Duration;

/// What is kept between calls. Plain data; a new one takes a zone over as it is found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Memory {
    /// Time that was watched to pass.
    pub watched: Watched,
    /// Whether the zone was seen at all. What it served before then is unknown.
    pub taken_over: bool,
    /// Whether everything that was served before the zone was taken over has left the caches.
    pub settled: bool,
    /// Whether it had keys when it was taken over.
    pub found_signed: bool,
    /// Since when all that was served is known, as long as it is not settled.
    pub known_since: Watched,
    /// Whether a replica was behind at the last call.
    pub lagged: bool,
    /// Every tag that a key of the zone ever had. None is used again.
    pub tags: BTreeSet<u16>,
    /// Keys that are there, or that a cache may know.
    pub keys: BTreeMap<KeyId, Record>,
    /// DNSKEY sets.
    pub dnskey: Versions<DnskeySet>,
    /// Who signed the data.
    pub signers: Versions<Signers>,
    /// The parent.
    pub parent: Parent,
    /// TTLs of DNSKEY sets that caches may hold.
    pub dnskey_ttl: Ttls,
    /// TTLs of data that caches may hold.
    pub zone_ttl: Ttls,
    /// Whether the zone is to be unsigned.
    pub insecure: bool,
    /// Since when [`Plan::zone`](crate::Plan::zone) has waited for the same thing, and what it is.
    pub waiting: Option<(String, Time)>,
}

impl Memory {
    /// Whether a cache may need `key`, or the parent may yet publish its DS.
    pub(crate) fn may_be_needed(&self, key: KeyId) -> bool {
        self.dnskey.all().any(|set| set.contains_key(&key))
            || self.signers.all().any(|set| set.contains(&key))
            || self.parent.may_have(key)
    }
}

/// A key as it was last seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Key tag.
    pub tag: u16,
    /// DNSSEC algorithm number.
    pub algorithm: u8,
    /// What it is for.
    pub role: Role,
    /// When it was made.
    pub created: Time,
    /// Why it is to go, if it is.
    pub retire: Option<String>,
    /// Whether others know the private key.
    pub compromised: bool,
    /// Where it stood.
    pub state: KeyState,
    /// Since when.
    pub since: Time,
    /// What it waits for, and since when.
    pub waiting: Option<(String, Time)>,
}

/// Versions of one RRset: the one that is served, and those that caches may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions<T> {
    /// What is served.
    pub current: T,
    /// What was served.
    pub past: Vec<Past<T>>,
}

/// A version that was replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past<T> {
    /// What it was.
    pub version: T,
    /// When it was last served, as far as that is known.
    pub left: Watched,
    /// Whether every replica has confirmed that it serves another. Until then it may still be served.
    pub confirmed: bool,
}

impl<T: Default> Default for Versions<T> {
    fn default() -> Versions<T> {
        Versions { current: T::default(), past: Vec::new() }
    }
}

impl<T: PartialEq> Versions<T> {
    /// Serves `next` from `now` on.
    pub(crate) fn change(&mut self, next: T, now: Watched) {
        if next != self.current {
            let version = std::mem::replace(&mut self.current, next);
            self.past.push(Past { version, left: now, confirmed: false });
            // A version that returns is served, not past.
            self.past.retain(|past| past.version != self.current);
        }
    }

    /// All that caches may hold.
    pub(crate) fn all(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.current).chain(self.past.iter().map(|past| &past.version))
    }

    /// Forgets what was last served longer ago than `wait`.
    pub(crate) fn expire(&mut self, now: Watched, wait: Duration) {
        self.past.retain(|past| past.left + wait > now);
    }

    /// What no call has seen confirmed may have been served until now, even if it is confirmed by now.
    pub(crate) fn confirm(&mut self, now: Watched, confirmed: bool) {
        for past in self.past.iter_mut().filter(|past| !past.confirmed) {
            (past.left, past.confirmed) = (now, confirmed);
        }
    }

    /// When the last of the versions that `matches` will have left the caches.
    pub(crate) fn gone(&self, wait: Duration, matches: impl Fn(&T) -> bool) -> Option<Watched> {
        self.past.iter().filter(|past| matches(&past.version)).map(|past| past.left + wait).max()
    }

    /// Where a record stands that `has` finds in a version.
    pub(crate) fn state(&self, has: impl Fn(&T) -> bool) -> RecordState {
        let past = |wanted: bool| self.past.iter().any(|past| has(&past.version) == wanted);
        match has(&self.current) {
            true if past(false) => RecordState::Introducing,
            true => RecordState::Known,
            false if past(true) => RecordState::Withdrawing,
            false => RecordState::Hidden,
        }
    }
}

/// TTLs that something was served with, each with when it last was.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ttls(pub Vec<(Duration, Watched)>);

impl Ttls {
    /// Notes that `ttl` was served until now. `slack` is how much longer than its TTL a version may be around.
    pub(crate) fn note(&mut self, ttl: Duration, now: Watched, slack: Duration) {
        self.0.retain(|(seen, last)| *seen > ttl && *last + *seen + slack > now);
        self.0.push((ttl, now));
    }

    /// All of them may still have been served at `now`.
    pub(crate) fn linger(&mut self, now: Watched) {
        self.0.iter_mut().for_each(|(_, last)| *last = now);
    }

    /// The greatest that a cached version may have been served with.
    pub(crate) fn greatest(&self) -> Option<Duration> {
        self.0.iter().map(|(ttl, _)| *ttl).max()
    }
}

/// What is known of the parent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parent {
    /// What each server said last.
    pub servers: BTreeMap<String, DsSet>,
    /// Servers that were silent at the last call, and why.
    pub silent: BTreeMap<String, String>,
    /// DS sets that were seen, or may have been served, and when that last was.
    pub seen: BTreeMap<DsSet, Watched>,
    /// TTLs of DS sets.
    pub ttl: Ttls,
    /// What it was asked for, the latest last, each with when the next one was asked for.
    pub requests: Vec<Request>,
    /// What people said that they saw there.
    pub confirmed: Vec<(Time, BTreeSet<KeyId>, String)>,
}

/// A DS set that the parent was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The set.
    pub set: DsSet,
    /// When it was asked for.
    pub since: Time,
    /// Since when another one is asked for.
    pub replaced: Option<Watched>,
}

impl Parent {
    /// Whether any answer was ever seen, or told by a person.
    pub(crate) fn is_known(&self) -> bool {
        !self.seen.is_empty()
    }

    /// DS sets that may be cached now, or may be served before we hear of it.
    pub(crate) fn possible(&self) -> impl Iterator<Item = &DsSet> {
        self.seen.keys().chain(self.requests.iter().map(|request| &request.set))
    }

    /// Whether the DS of `key` may be cached or may yet be served.
    pub(crate) fn may_have(&self, key: KeyId) -> bool {
        self.possible().any(|set| set.contains(&Ds::Ours(key)))
    }

    /// Whether each server serves exactly `set`, as far as it was ever heard.
    pub(crate) fn agrees_on(&self, set: &DsSet) -> bool {
        self.unheard().next().is_none() && !self.servers.is_empty() && self.servers.values().all(|served| served == set)
    }

    /// Servers that have never said anything.
    pub(crate) fn unheard(&self) -> impl Iterator<Item = &str> {
        self.silent.keys().filter(|name| !self.servers.contains_key(*name)).map(String::as_str)
    }

    /// What the servers said last is what they served until now.
    pub(crate) fn note_served(&mut self, now: Watched) {
        for set in self.servers.values() {
            self.seen.insert(set.clone(), now);
        }
    }

    /// Forgets what was last served longer ago than `wait`.
    pub(crate) fn expire(&mut self, now: Watched, wait: Duration) {
        self.seen.retain(|_, last| *last + wait > now);
    }
}
