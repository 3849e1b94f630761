//! Loads of single zones, which go on while the feed is read and other zones change.
//!
//! A zone that waits for its load or is being loaded is *awaited*. What the feed says of it meanwhile is left alone: when the load is
//! over, the feed is read again from where the load's snapshot of the database stands ([`FeedCursor::meet`]), and says it once more.

use crate::apply::ServedZones;
use crate::keeper::unix_now;
use crate::load::{LARGE, Loaded, Loading, Made};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{FeedCursor, LoadZones, Store, StoreError, ZoneId};
use tokio::task::{Id, JoinError, JoinSet};
use wire::ZoneName;

/// Loads at a time, each on a database connection of its own.
const AT_ONCE_MAX: usize = 4;
/// Those of them that are known to be of a large zone: others find a way past.
const LARGE_AT_ONCE_MAX: usize = 2;
/// Pause after a load that failed; longer if it fails again.
const RETRY_MIN: Duration = Duration::from_millis(50);
/// Longest such pause.
const RETRY_MAX: Duration = Duration::from_secs(2);

type Awaited = BTreeMap<ZoneId, Names>;

/// Under which names a zone is served.
struct Names {
    now: Option<ZoneName>,
    /// `None`: it is not known.
    then: Option<ZoneName>,
}

/// What is being loaded, and what will be.
#[derive(Default)]
pub(crate) struct Loads {
    queued: Awaited,
    running: BTreeMap<Id, Running>,
    tasks: JoinSet<Result<Finished, StoreError>>,
    /// Loads that ended while another was waited for.
    ended: Vec<Ended>,
    failures: u32,
    /// Nothing is started before.
    resume_at: Option<Instant>,
}

struct Running {
    zones: Awaited,
    is_large: bool,
}

/// A load of some zones.
pub(crate) struct Finished {
    pub(crate) made: Vec<Made>,
    /// Where the feed goes on for them.
    pub(crate) cursor: FeedCursor,
    /// Zones that are there no longer.
    pub(crate) missing: Vec<ZoneId>,
    pub(crate) bad_rows: u64,
}

type Ended = Result<(Id, Result<Finished, StoreError>), JoinError>;

impl Loads {
    /// Asks for a load that begins after now.
    pub(crate) fn queue(&mut self, zone: ZoneId, now: Option<ZoneName>, then: Option<ZoneName>) {
        self.queued.insert(zone, Names { now, then });
    }

    /// Whether what the feed says of a zone is for later.
    pub(crate) fn awaits(&self, zone: ZoneId) -> bool {
        self.queued.contains_key(&zone) || self.running.values().any(|running| running.zones.contains_key(&zone))
    }

    /// Whether a zone that is about to be served may have this name.
    pub(crate) fn may_bring(&self, name: &ZoneName) -> bool {
        self.awaited().any(|names| names.then.as_ref().is_none_or(|then| then == name))
    }

    /// Whether what is served under this name is about to change.
    pub(crate) fn concerns(&self, name: &ZoneName) -> bool {
        self.may_bring(name) || self.awaited().any(|names| names.now.as_ref() == Some(name))
    }

    /// Whether nothing is loaded or waits for it.
    pub(crate) fn is_idle(&self) -> bool {
        self.awaited().next().is_none()
    }

    /// How many zones are loaded or wait for it.
    pub(crate) fn count(&self) -> usize {
        self.awaited().count()
    }

    /// Whether the last load failed and was not made good yet.
    pub(crate) fn is_failing(&self) -> bool {
        self.failures > 0
    }

    fn awaited(&self) -> impl Iterator<Item = &Names> {
        self.running.values().flat_map(|running| running.zones.values()).chain(self.queued.values())
    }

    /// A zone is gone: what is loaded of it is not wanted any more.
    pub(crate) fn forget(&mut self, zone: ZoneId) {
        self.queued.remove(&zone);
        for running in self.running.values_mut() {
            running.zones.remove(&zone);
        }
    }

    /// Stops everything: all zones are loaded afresh.
    pub(crate) fn stop(&mut self) {
        *self = Loads::default();
    }

    /// Starts what may be started now, and returns which of these loads are not known to take long.
    pub(crate) fn start(&mut self, store: &Arc<dyn Store>, zones: &ServedZones) -> BTreeSet<Id> {
        if self.queued.is_empty() || self.resume_at.is_some_and(|at| Instant::now() < at) {
            return BTreeSet::new();
        }
        let is_large = |id: &ZoneId| zones.rrset_count(*id) >= LARGE;
        let (large, small): (Awaited, Awaited) =
            std::mem::take(&mut self.queued).into_iter().partition(|(id, _)| is_large(id));
        let started = if small.is_empty() { None } else { self.start_one(small, false, store, zones) };
        for (id, names) in large {
            self.start_one(BTreeMap::from([(id, names)]), true, store, zones);
        }
        started.into_iter().collect()
    }

    /// Starts one load, or queues its zones again where there are too many.
    fn start_one(
        &mut self,
        wanted: Awaited,
        is_large: bool,
        store: &Arc<dyn Store>,
        zones: &ServedZones,
    ) -> Option<Id> {
        let large = self.running.values().filter(|running| running.is_large).count();
        if self.running.len() >= AT_ONCE_MAX || (is_large && large >= LARGE_AT_ONCE_MAX) {
            self.queued.extend(wanted);
            return None;
        }
        let ids: Vec<ZoneId> = wanted.keys().copied().collect();
        let loading = zones.loading(Some(&ids), unix_now());
        let id = self.tasks.spawn(load(Arc::clone(store), loading, ids)).id();
        self.running.insert(id, Running { zones: wanted, is_large });
        Some(id)
    }

    /// Waits until a load has ended.
    pub(crate) async fn ended(&mut self) {
        if !self.ended.is_empty() {
            return;
        }
        match self.tasks.join_next_with_id().await {
            Some(ended) => self.ended.push(ended),
            None => std::future::pending().await,
        }
    }

    /// Waits until these loads have ended, but no longer than `patience`, and takes them.
    pub(crate) async fn wait(
        &mut self,
        mut ids: BTreeSet<Id>,
        patience: Duration,
    ) -> Vec<Result<Finished, StoreError>> {
        let mut taken = Vec::new();
        let until = tokio::time::Instant::now() + patience;
        while !ids.is_empty() {
            let Ok(Some(ended)) = tokio::time::timeout_at(until, self.tasks.join_next_with_id()).await else { break };
            match ids.remove(&id_of(&ended)) {
                true => taken.extend(self.settle(ended)),
                false => self.ended.push(ended),
            }
        }
        taken
    }

    /// Takes those that have ended.
    pub(crate) fn take(&mut self) -> Vec<Result<Finished, StoreError>> {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            self.ended.push(ended);
        }
        std::mem::take(&mut self.ended).into_iter().filter_map(|ended| self.settle(ended)).collect()
    }

    /// What a load brought, less what is not wanted any more. One that failed is queued again.
    fn settle(&mut self, ended: Ended) -> Option<Result<Finished, StoreError>> {
        let Running { zones: wanted, .. } = self.running.remove(&id_of(&ended))?;
        let result = match ended {
            Ok((_, Ok(mut finished))) => {
                self.failures = 0;
                self.resume_at = None;
                finished.made.retain(|made| wanted.contains_key(&made.header.id));
                finished.missing.retain(|id| wanted.contains_key(id));
                return Some(Ok(finished));
            }
            Ok((_, Err(error))) => Some(Err(error)),
            Err(error) => {
                tracing::error!(%error, "a panic while zones were loaded: it is tried again");
                None
            }
        };
        let pause = RETRY_MIN.saturating_mul(2_u32.saturating_pow(self.failures.min(16))).min(RETRY_MAX);
        self.failures += 1;
        self.resume_at = Some(Instant::now() + pause);
        for (id, names) in wanted {
            // What was asked for since knows the names better.
            self.queued.entry(id).or_insert(names);
        }
        result
    }
}

fn id_of(ended: &Ended) -> Id {
    match ended {
        Ok((id, _)) => *id,
        Err(error) => error.id(),
    }
}

async fn load(store: Arc<dyn Store>, mut loading: Loading, ids: Vec<ZoneId>) -> Result<Finished, StoreError> {
    let mut made = Vec::new();
    let mut take = |item| {
        if let Some(Loaded::Zone(zone)) = loading.take(item) {
            made.push(*zone);
        }
    };
    let cursor = store.load(LoadZones::Some(ids.clone()), &mut take).await?;
    let missing = ids.into_iter().filter(|id| !loading.loaded.contains(id)).collect();
    Ok(Finished { made, cursor, missing, bad_rows: loading.bad_rows })
}
