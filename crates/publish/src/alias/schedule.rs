//! When which target is asked for, and what its answers are worth: no sockets, no clock.
//!
//! ```text
//!            asked            answer's TTL is over                 stale_max after
//!  pending ────────▶ resolved ─────────────────────▶ stale ────────────────────────▶ withheld
//!     │                 ▲   asked shortly before that  │ asked every 1 to 30 s            │
//!     └─ withheld ──────┴──────────────────────────────┴─────────────────────────────────┘ answered
//! ```
//!
//! NXDOMAIN is an answer and ends what was known before (RFC 8767 section 4).

use super::{ALIAS_TYPES, Answer, Fault, Known, Wish};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};
use wire::{Name, RecordType};
use zone::WithheldReason;

/// No answer is asked for again sooner, whatever its TTL.
const REFRESH_MIN: Duration = Duration::from_secs(5);
/// Every answer is asked for again by then: the resolver may hear of changes sooner than a TTL of days says.
const REFRESH_MAX: Duration = Duration::from_secs(3600);
/// How long before the end of its TTL an answer is asked for again, at most; less for short TTLs.
const LEAD_MAX: Duration = Duration::from_secs(10);
/// Least pause after a failure; each further one doubles it.
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(30);
/// The same where the resolver itself is away: it burdens nobody else, and all targets are to be fresh soon after it is back.
const RETRY_UNREACHABLE_MAX: Duration = Duration::from_secs(5);
/// A question whose end was never heard of is put again after this.
const LOST: Duration = Duration::from_secs(60);
/// TTL in seconds of stale data (RFC 8767 section 4).
const STALE_TTL: u32 = 30;

/// All targets and types.
pub(crate) struct Schedule {
    stale_max: Duration,
    /// Targets that are kept resolved; those beyond wait until others go.
    targets_max: usize,
    entries: HashMap<(Name, RecordType), Entry>,
    /// The same by when they are due.
    queue: BTreeSet<(Instant, Name, RecordType)>,
    /// Targets for which there is no room.
    waiting: BTreeSet<Name>,
    standing: Standing,
}

struct Entry {
    due_at: Instant,
    failures: u32,
    last: Option<Last>,
    /// What the publisher was told.
    told: Option<Known>,
    is_stale: bool,
}

/// The last answer.
struct Last {
    answer: Answer,
    ttl: u32,
    expires_at: Instant,
}

/// How many are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) targets: u64,
    /// RRsets served beyond their TTL.
    pub(crate) stale: u64,
    /// RRsets of which there is nothing to serve.
    pub(crate) unresolved: u64,
}

impl Schedule {
    pub(crate) fn new(stale_max: Duration, targets_max: usize) -> Schedule {
        Schedule {
            stale_max,
            targets_max,
            entries: HashMap::new(),
            queue: BTreeSet::new(),
            waiting: BTreeSet::new(),
            standing: Standing::default(),
        }
    }

    /// Takes changes of what is wanted; targets to keep are due at once, and what is known of them is news.
    pub(crate) fn apply(&mut self, changes: BTreeMap<Name, Wish>, now: Instant) {
        for (target, wish) in changes {
            match wish {
                Wish::Keep => self.keep(target, now),
                Wish::Drop => self.drop(&target),
            }
        }
        while self.has_room()
            && let Some(target) = self.waiting.pop_first()
        {
            self.keep(target, now);
        }
    }

    fn has_room(&self) -> bool {
        self.entries.len() < self.targets_max * ALIAS_TYPES.len()
    }

    fn keep(&mut self, target: Name, now: Instant) {
        if !self.has_room() && !self.entries.contains_key(&(target.clone(), ALIAS_TYPES[0])) {
            if self.waiting.is_empty() {
                tracing::error!(%target, max = self.targets_max, "too many ALIAS targets: not all are resolved");
            }
            self.waiting.insert(target);
            return;
        }
        for rtype in ALIAS_TYPES {
            if let Some(entry) = self.entries.get_mut(&(target.clone(), rtype)) {
                // The last user went and another came before the wish to drop it was taken: what the publisher was told went with the
                // first one. The answer stays, for the resolver may be away.
                self.standing.take(entry);
                entry.told = None;
                self.standing.add(entry);
            } else {
                let entry = Entry { due_at: now, failures: 0, last: None, told: None, is_stale: false };
                self.standing.add(&entry);
                self.entries.insert((target.clone(), rtype), entry);
            }
            self.plan(&target, rtype, now);
        }
    }

    fn drop(&mut self, target: &Name) {
        self.waiting.remove(target);
        for rtype in ALIAS_TYPES {
            if let Some(entry) = self.entries.remove(&(target.clone(), rtype)) {
                self.queue.remove(&(entry.due_at, target.clone(), rtype));
                self.standing.take(&entry);
            }
        }
    }

    /// When something is due next.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.queue.first().map(|(at, _, _)| *at)
    }

    /// Takes up to `max` that are due.
    pub(crate) fn take_due(&mut self, now: Instant, max: usize) -> Vec<(Name, RecordType)> {
        let due: Vec<_> = self.queue.iter().take(max).take_while(|(at, _, _)| *at <= now).cloned().collect();
        due.into_iter()
            .map(|(_, target, rtype)| {
                self.plan(&target, rtype, now + LOST);
                (target, rtype)
            })
            .collect()
    }

    /// Takes an answer with its TTL, and returns what the publisher is to be told, if that is news.
    pub(crate) fn answered(
        &mut self,
        target: &Name,
        rtype: RecordType,
        result: Result<(Answer, u32), Fault>,
        now: Instant,
    ) -> Option<Known> {
        let stale_max = self.stale_max;
        let entry = self.entries.get_mut(&(target.clone(), rtype))?;
        self.standing.take(entry);
        let fault = match result {
            Ok((answer, ttl)) => {
                entry.failures = 0;
                entry.take(answer, ttl, now);
                None
            }
            Err(fault) => {
                entry.failures = entry.failures.saturating_add(1);
                Some(fault)
            }
        };
        let due_at = now + entry.pause(fault, now, Spread::of(target, rtype));
        let known = entry.known(fault, stale_max, now);
        let is_news = entry.told.as_ref() != Some(&known);
        if is_news {
            entry.told = Some(known.clone());
        }
        self.standing.add(entry);
        self.plan(target, rtype, due_at);
        is_news.then_some(known)
    }

    /// How many are in which state.
    pub(crate) fn standing(&self) -> Standing {
        let waiting = (self.waiting.len() * ALIAS_TYPES.len()) as u64;
        Standing {
            targets: (self.entries.len() / ALIAS_TYPES.len()) as u64,
            unresolved: self.standing.unresolved + waiting,
            ..self.standing
        }
    }

    fn plan(&mut self, target: &Name, rtype: RecordType, due_at: Instant) {
        let Some(entry) = self.entries.get_mut(&(target.clone(), rtype)) else { return };
        self.queue.remove(&(entry.due_at, target.clone(), rtype));
        entry.due_at = due_at;
        self.queue.insert((due_at, target.clone(), rtype));
    }
}

impl Standing {
    /// Counts are kept, not made: this is asked after each answer.
    fn add(&mut self, entry: &Entry) {
        self.stale += u64::from(entry.is_stale);
        self.unresolved += u64::from(entry.is_unresolved());
    }

    fn take(&mut self, entry: &Entry) {
        self.stale -= u64::from(entry.is_stale);
        self.unresolved -= u64::from(entry.is_unresolved());
    }
}

/// Keeps those apart that came together: a share, the same each time, of the time that is open for asking again.
#[derive(Debug, Clone, Copy)]
struct Spread(u16);

impl Spread {
    fn of(target: &Name, rtype: RecordType) -> Spread {
        let mut hasher = DefaultHasher::new();
        (target, rtype).hash(&mut hasher);
        Spread(hasher.finish() as u16)
    }

    /// A time from half of `most` to all of it.
    fn within(self, most: Duration) -> Duration {
        most / 2 + most / 2 * u32::from(self.0) / u32::from(u16::MAX)
    }
}

impl Entry {
    fn is_unresolved(&self) -> bool {
        !matches!(self.told, Some(Known::Records { .. } | Known::Absent))
    }

    fn take(&mut self, answer: Answer, ttl: u32, now: Instant) {
        let expires_at = now + Duration::from_secs(ttl.into());
        if let Some(last) = &self.last
            && last.answer == answer
            && expires_at <= last.expires_at + Duration::from_secs(1)
        {
            // The same answer out of the resolver's cache, its TTL counted down. What is served keeps its TTL, or it would have to be
            // signed again for nothing.
            return;
        }
        self.last = Some(Last { answer, ttl, expires_at });
    }

    /// How long to wait before asking again.
    fn pause(&self, fault: Option<Fault>, now: Instant, spread: Spread) -> Duration {
        if let Some(fault) = fault {
            let most = if fault == Fault::Unreachable { RETRY_UNREACHABLE_MAX } else { RETRY_MAX };
            return spread.within((RETRY_MIN * 2_u32.saturating_pow(self.failures.min(8))).min(most));
        }
        let Some(last) = &self.last else { return REFRESH_MIN };
        let left = last.expires_at.saturating_duration_since(now);
        let whole = Duration::from_secs(last.ttl.into());
        // Shortly before the end; and if that brought what was in a cache, at the end.
        let lead = spread.within((whole / 10).min(LEAD_MAX));
        let pause = if left > lead { left - lead } else { left + Duration::from_secs(1) };
        pause.clamp(REFRESH_MIN, spread.within(REFRESH_MAX))
    }

    /// What is to be served, when the last question failed with `fault` or was answered.
    fn known(&mut self, fault: Option<Fault>, stale_max: Duration, now: Instant) -> Known {
        self.is_stale = false;
        let usable = self.last.as_ref().filter(|last| fault.is_none() || now < last.expires_at + stale_max);
        match (usable, fault) {
            (Some(Last { answer: Answer::Records(rdatas), ttl, expires_at }), _) => {
                self.is_stale = fault.is_some() && now >= *expires_at;
                let ttl = if self.is_stale { STALE_TTL.min(*ttl) } else { *ttl };
                Known::Records { ttl, rdatas: rdatas.clone() }
            }
            (Some(Last { answer: Answer::NoData, .. }), _) => Known::Absent,
            (Some(Last { answer: Answer::NoName, .. }), _) => Known::Withheld(WithheldReason::AliasNoName),
            (None, Some(Fault::Unreachable)) => Known::Withheld(WithheldReason::AliasUnreachable),
            (None, Some(Fault::Failed)) => Known::Withheld(WithheldReason::AliasFailed),
            (None, None) => Known::Withheld(WithheldReason::AliasPending),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: RecordType = RecordType::A;

    fn target() -> Name {
        Name::parse("t.example").unwrap()
    }

    fn secs(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn started(now: Instant) -> Schedule {
        let mut schedule = Schedule::new(secs(3600), 100);
        schedule.apply(BTreeMap::from([(target(), Wish::Keep)]), now);
        assert_eq!(schedule.take_due(now, 9).len(), 2);
        schedule
    }

    fn records(last: u8) -> Answer {
        Answer::Records(vec![vec![192, 0, 2, last]])
    }

    fn served(ttl: u32, last: u8) -> Option<Known> {
        Some(Known::Records { ttl, rdatas: vec![vec![192, 0, 2, last]] })
    }

    fn due_in(schedule: &Schedule, now: Instant) -> Duration {
        schedule.entries[&(target(), A)].due_at - now
    }

    #[test]
    fn an_answer_is_asked_for_again_before_its_ttl_ends() {
        let now = Instant::now();
        for (ttl, wanted) in
            [(300, 290..=295), (60, 54..=57), (0, 5..=5), (5, 5..=5), (86_400, 1800..=3600), (u32::MAX, 1800..=3600)]
        {
            let mut schedule = started(now);
            assert_eq!(schedule.answered(&target(), A, Ok((records(1), ttl)), now), served(ttl, 1));
            assert!(wanted.contains(&due_in(&schedule, now).as_secs()), "TTL {ttl}");
        }
    }

    #[test]
    fn targets_that_came_together_are_asked_for_again_one_after_the_other() {
        let now = Instant::now();
        let mut schedule = Schedule::new(secs(3600), 100);
        let names: Vec<Name> = (0..100).map(|n| Name::parse(&format!("t{n}.example")).unwrap()).collect();
        schedule.apply(names.iter().map(|name| (name.clone(), Wish::Keep)).collect(), now);
        for name in &names {
            schedule.answered(name, A, Ok((records(1), 300)), now);
        }
        let due: BTreeSet<u128> =
            names.iter().map(|name| (schedule.entries[&(name.clone(), A)].due_at - now).as_millis() / 100).collect();
        assert!(due.len() > 30, "within five seconds: {due:?}");
    }

    #[test]
    fn beyond_the_bound_targets_wait_for_others_to_go() {
        let now = Instant::now();
        let mut schedule = Schedule::new(secs(3600), 100);
        let name = |n: usize| Name::parse(&format!("t{n}.example")).unwrap();
        schedule.apply((0..102).map(|n| (name(n), Wish::Keep)).collect(), now);
        let standing = Standing { targets: 100, stale: 0, unresolved: 204 };
        assert_eq!(schedule.standing(), standing);
        let kept = schedule.entries.keys().next().unwrap().0.clone();
        schedule.apply(BTreeMap::from([(kept.clone(), Wish::Keep)]), now);
        assert_eq!(schedule.standing(), standing, "it has its place already");
        schedule.apply(BTreeMap::from([(kept, Wish::Drop)]), now);
        assert_eq!((schedule.waiting.len(), schedule.standing().targets), (1, 100));
        schedule.apply((0..102).map(|n| (name(n), Wish::Drop)).collect(), now);
        assert_eq!(schedule.standing(), Standing::default());
        assert!(schedule.queue.is_empty() && schedule.entries.is_empty());
    }

    #[test]
    fn the_same_answer_from_the_resolvers_cache_is_no_news_and_keeps_its_ttl() {
        let start = Instant::now();
        let mut schedule = started(start);
        schedule.answered(&target(), A, Ok((records(1), 300)), start);
        let later = start + secs(296);
        assert_eq!(schedule.answered(&target(), A, Ok((records(1), 4)), later), None);
        assert_eq!(due_in(&schedule, later), secs(5), "just after the resolver has to ask itself");
        // Fresh again: another TTL is news, the same is not.
        let fresh = later + secs(5);
        assert_eq!(schedule.answered(&target(), A, Ok((records(1), 300)), fresh), None);
        assert_eq!(schedule.answered(&target(), A, Ok((records(1), 600)), fresh + secs(291)), served(600, 1));
        assert_eq!(schedule.answered(&target(), A, Ok((records(2), 20)), fresh + secs(400)), served(20, 2));
    }

    #[test]
    fn rfc8767_section_4_while_the_resolver_fails_the_last_answer_is_served_with_30_seconds() {
        let start = Instant::now();
        let mut schedule = started(start);
        schedule.answered(&target(), A, Ok((records(1), 300)), start);
        let mut at = start + secs(290);
        assert_eq!(schedule.answered(&target(), A, Err(Fault::Unreachable), at), None, "it holds for 10 seconds yet");
        assert!((secs(1)..=secs(2)).contains(&due_in(&schedule, at)));
        assert_eq!(schedule.standing().stale, 0);
        at = start + secs(300);
        assert_eq!(schedule.answered(&target(), A, Err(Fault::Failed), at), served(30, 1));
        assert_eq!(schedule.standing(), Standing { targets: 1, stale: 1, unresolved: 1 }, "AAAA was never heard of");
        for _ in 0..9 {
            assert_eq!(schedule.answered(&target(), A, Err(Fault::Failed), at), None);
        }
        assert!((secs(15)..=secs(30)).contains(&due_in(&schedule, at)));
        assert_eq!(schedule.answered(&target(), A, Err(Fault::Unreachable), at), None);
        assert!(due_in(&schedule, at) <= secs(5), "the resolver is ours, and may be back soon");
        assert_eq!(schedule.answered(&target(), A, Ok((records(1), 300)), at + secs(1)), served(300, 1));
        assert_eq!(schedule.standing().stale, 0);
        // The cap.
        let end = at + secs(1 + 300 + 3600);
        assert_eq!(schedule.answered(&target(), A, Err(Fault::Failed), end - secs(1)), served(30, 1));
        let gone = Some(Known::Withheld(WithheldReason::AliasFailed));
        assert_eq!(schedule.answered(&target(), A, Err(Fault::Failed), end), gone);
    }

    #[test]
    fn a_target_that_changes_hands_is_asked_for_and_told_again() {
        let start = Instant::now();
        let mut schedule = started(start);
        assert_eq!(schedule.answered(&target(), A, Ok((records(1), 300)), start), served(300, 1));
        let later = start + secs(10);
        // To the publisher it is a new one: the ALIAS was deleted at one name, and put at another in the same change.
        schedule.apply(BTreeMap::from([(target(), Wish::Keep)]), later);
        assert_eq!(schedule.standing(), Standing { targets: 1, stale: 0, unresolved: 2 });
        assert_eq!(schedule.take_due(later, 9).len(), 2);
        assert_eq!(schedule.answered(&target(), A, Ok((records(1), 290)), later), served(300, 1));
        schedule.apply(BTreeMap::from([(target(), Wish::Keep)]), later);
        assert_eq!(schedule.answered(&target(), A, Err(Fault::Unreachable), later), served(300, 1), "it is known");
        assert_eq!(schedule.queue.len(), 2);
    }

    #[test]
    fn what_was_never_resolved_is_withheld_with_the_reason() {
        let now = Instant::now();
        let mut schedule = started(now);
        let withheld = |reason| Some(Known::Withheld(reason));
        assert_eq!(
            schedule.answered(&target(), A, Err(Fault::Unreachable), now),
            withheld(WithheldReason::AliasUnreachable)
        );
        assert_eq!(schedule.answered(&target(), A, Err(Fault::Failed), now), withheld(WithheldReason::AliasFailed));
        assert_eq!(
            schedule.answered(&target(), A, Ok((Answer::NoName, 60)), now),
            withheld(WithheldReason::AliasNoName)
        );
        assert_eq!(schedule.answered(&target(), A, Ok((Answer::NoData, 60)), now), Some(Known::Absent));
    }

    #[test]
    fn rfc8767_section_4_nxdomain_is_an_answer_and_ends_stale_data() {
        let start = Instant::now();
        let mut schedule = started(start);
        schedule.answered(&target(), A, Ok((records(1), 60)), start);
        let later = start + secs(90);
        assert_eq!(schedule.answered(&target(), A, Err(Fault::Failed), later), served(30, 1));
        let gone = Some(Known::Withheld(WithheldReason::AliasNoName));
        assert_eq!(schedule.answered(&target(), A, Ok((Answer::NoName, 60)), later), gone);
        assert_eq!(schedule.answered(&target(), A, Err(Fault::Failed), later + secs(1)), None);
    }

    #[test]
    fn each_is_due_once_and_a_lost_question_is_put_again() {
        let now = Instant::now();
        let mut schedule = started(now);
        assert!(schedule.take_due(now, 9).is_empty());
        assert_eq!(schedule.next_due(), Some(now + LOST));
        assert_eq!(schedule.take_due(now + LOST, 1).len(), 1, "no more than there is room for");
        schedule.apply(BTreeMap::from([(target(), Wish::Drop)]), now);
        assert_eq!((schedule.next_due(), schedule.entries.len()), (None, 0));
        assert_eq!(schedule.answered(&target(), A, Ok((records(1), 60)), now), None, "nobody wants it any more");
    }
}
