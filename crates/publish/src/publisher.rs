//! The loop that turns the store's feed into served zones.

use crate::ZoneRules;
use crate::alias::{self, AliasBook, AliasCounters, AliasSettings, Resolving, Update};
use crate::apply::{ServedZones, contained, zone_of};
use crate::keeper::{Keeper, KeeperCounters, lock, unix_now};
use crate::load::Loaded;
use crate::loads::{Finished, Loads};
use dnssec::ZoneTable;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use store::{FeedBatch, FeedCursor, LoadZones, Store, StoreError, ZoneChange, ZoneId};
use tokio::sync::{mpsc, oneshot, watch};
use wire::ZoneName;

/// Waiters that may queue for the next reading of the feed before callers are held back.
const WAITERS_MAX: usize = 4096;
/// How often serials that depend on time are looked at.
const SERIAL_INTERVAL: Duration = Duration::from_secs(60);
/// The database may be away this long before it is reported: a restart is no news.
const REPORT_AFTER: Duration = Duration::from_secs(1);
/// Longest pause between tries while the database is away.
const RETRY_MAX: Duration = Duration::from_secs(2);

/// How long a reading waits for the loads that it asked for: those of zones just created are over by then, and whoever created them
/// need not wait for another reading.
const LOAD_PATIENCE: Duration = Duration::from_millis(20);

/// How long the first load waits for targets of ALIAS records.
const SETTLE_MAX: Duration = Duration::from_secs(3);
/// Answers for ALIAS records taken in one go: a zone that has many of them is then swapped once.
const UPDATES_AT_ONCE: usize = 256;

/// How the publisher works.
#[derive(Debug, Clone)]
pub struct PublishSettings {
    /// Pause between readings of the feed when nothing is notified. Default 50 ms.
    pub poll: Duration,
    /// What holds for every zone.
    pub rules: ZoneRules,
    /// How ALIAS records are resolved.
    pub alias: AliasSettings,
}

impl Default for PublishSettings {
    fn default() -> PublishSettings {
        PublishSettings {
            poll: Duration::from_millis(50),
            rules: ZoneRules::default(),
            alias: AliasSettings::default(),
        }
    }
}

/// What the publisher knows of itself.
#[derive(Debug, Clone, Default)]
pub struct PublishStatus {
    /// Whether everything has been loaded once.
    pub is_loaded: bool,
    /// When the feed was last read with success.
    pub last_success: Option<Instant>,
    /// Why the last reading failed, if it did.
    pub last_error: Option<String>,
    /// Zones being served.
    pub zones: usize,
    /// Rows that could not be served, since the start.
    pub bad_rows: u64,
    /// Zones with a key that cannot be used.
    pub zones_with_unusable_keys: usize,
    /// Those of them without any active key that can: whoever asks for signatures gets SERVFAIL.
    pub zones_unsignable: usize,
    /// Changes applied since the start.
    pub changes: u64,
    /// Full loads since the start.
    pub loads: u64,
    /// Zones that are being loaded afresh, or wait for it.
    pub loading: usize,
    /// Signatures made ahead of queries since the start.
    pub signed: u64,
    /// Presigned zones with faults.
    pub presigned_faulty: usize,
    /// When the first signature of a presigned zone ends, Unix seconds.
    pub presigned_expiry: Option<u32>,
    /// Of ALIAS records.
    pub alias: AliasStatus,
}

/// How it stands with targets of ALIAS records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AliasStatus {
    /// Targets that are kept resolved.
    pub targets: u64,
    /// A and AAAA RRsets of targets that are served beyond their TTL, since the resolver fails.
    pub stale: u64,
    /// Those of which there is nothing to serve.
    pub unresolved: u64,
    /// Questions put to the resolver since the start.
    pub queries: u64,
    /// Questions without an answer of use since the start.
    pub failures: u64,
}

/// A handle on the running publisher. The loop ends when the last handle is dropped.
#[derive(Debug, Clone)]
pub struct Publisher {
    waiters: mpsc::Sender<Waiter>,
    status: Arc<Mutex<PublishStatus>>,
    counters: Arc<KeeperCounters>,
    alias_counters: Option<Arc<AliasCounters>>,
    loaded: watch::Receiver<bool>,
}

/// Somebody who waits until what was committed is served.
#[derive(Debug)]
struct Waiter {
    /// Of this zone; `None`: of all.
    zone: Option<ZoneName>,
    served: oneshot::Sender<()>,
}

/// Starts the loop and the keeper of signatures.
///
/// # Errors
///
/// When the system gives no thread for the keeper.
pub fn spawn(store: Arc<dyn Store>, table: Arc<ZoneTable>, settings: PublishSettings) -> std::io::Result<Publisher> {
    let keeper = Keeper::spawn(Arc::clone(&table))?;
    let (waiters, waiting) = mpsc::channel(WAITERS_MAX);
    let (loaded_sender, loaded) = watch::channel(false);
    let status = Arc::new(Mutex::new(PublishStatus::default()));
    let resolving = (!settings.alias.resolvers.is_empty()).then(|| alias::spawn(&settings.alias));
    let publisher = Publisher {
        waiters,
        status: Arc::clone(&status),
        counters: Arc::clone(keeper.counters()),
        alias_counters: resolving.as_ref().map(|resolving| Arc::clone(&resolving.counters)),
        loaded,
    };
    let book = AliasBook::new(resolving.as_ref().map(|resolving| Arc::clone(&resolving.targets)));
    let zones = ServedZones::new(Arc::clone(&table), settings.rules.clone(), book);
    let run = Run {
        store,
        table,
        zones,
        loads: Loads::default(),
        gone_later: Vec::new(),
        updates: resolving.map(|Resolving { updates, .. }| updates),
        keeper,
        status,
        loaded: loaded_sender,
        cursor: None,
        poll: settings.poll,
        failing: None,
    };
    tokio::spawn(run.run(waiting));
    Ok(publisher)
}

impl Publisher {
    /// Returns once everything that was committed to `zone` before the call is answered by this replica: `true`; or after `bound`:
    /// `false`. Without a zone it waits for all of them, large ones that are being loaded afresh included.
    pub async fn published(&self, zone: Option<&ZoneName>, bound: Duration) -> bool {
        let (served, receiver) = oneshot::channel();
        let waiter = Waiter { zone: zone.cloned(), served };
        let reached = async {
            self.waiters.send(waiter).await.ok()?;
            receiver.await.ok()
        };
        matches!(tokio::time::timeout(bound, reached).await, Ok(Some(())))
    }

    /// Returns once all zones have been loaded for the first time.
    pub async fn loaded(&self) {
        let mut loaded = self.loaded.clone();
        // The sender lives as long as the loop; when it is gone nothing will ever load.
        if loaded.wait_for(|&is_loaded| is_loaded).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// How it stands.
    pub fn status(&self) -> PublishStatus {
        let mut status = lock(&self.status).clone();
        status.signed = self.counters.signed.load(Ordering::Relaxed);
        let presigned = lock(&self.counters.presigned);
        status.presigned_faulty = presigned.values().filter(|(faults, _)| *faults > 0).count();
        status.presigned_expiry = presigned.values().filter_map(|(_, expiry)| *expiry).min();
        if let Some(counters) = &self.alias_counters {
            status.alias = AliasStatus {
                targets: counters.targets.load(Ordering::Relaxed),
                stale: counters.stale.load(Ordering::Relaxed),
                unresolved: counters.unresolved.load(Ordering::Relaxed),
                queries: counters.queries.load(Ordering::Relaxed),
                failures: counters.failures.load(Ordering::Relaxed),
            };
        }
        status
    }
}

struct Run {
    store: Arc<dyn Store>,
    table: Arc<ZoneTable>,
    zones: ServedZones,
    loads: Loads,
    /// Zones that are gone, and served until the ones of the same names that are being loaded take their place.
    gone_later: Vec<ZoneId>,
    /// What is newly heard of targets of ALIAS records.
    updates: Option<mpsc::Receiver<Update>>,
    keeper: Keeper,
    status: Arc<Mutex<PublishStatus>>,
    loaded: watch::Sender<bool>,
    cursor: Option<FeedCursor>,
    poll: Duration,
    /// Since when the feed cannot be read, and whether that was logged.
    failing: Option<(Instant, bool)>,
}

impl Run {
    async fn run(mut self, mut waiting: mpsc::Receiver<Waiter>) {
        let mut waiters: Vec<Waiter> = Vec::new();
        let mut failures = 0_u32;
        let mut serials_due = Instant::now() + SERIAL_INTERVAL;
        loop {
            // Whoever waits now waits for a reading that begins after this point.
            while let Ok(waiter) = waiting.try_recv() {
                waiters.push(waiter);
            }
            match self.read().await {
                Ok(()) => {
                    failures = 0;
                    for waiter in waiters.extract_if(.., |waiter| self.is_served(waiter.zone.as_ref())) {
                        // A waiter that gave up is no concern.
                        let _ = waiter.served.send(());
                    }
                }
                Err(error) => {
                    failures += 1;
                    self.failed(&error);
                }
            }
            waiters.retain(|waiter| !waiter.served.is_closed());
            if Instant::now() >= serials_due {
                serials_due = Instant::now() + SERIAL_INTERVAL;
                self.zones.refresh_serials(unix_now());
            }
            // Also after a failure: what was applied before it is served.
            if !self.zones.unsigned.is_empty() {
                self.keeper.sign(std::mem::take(&mut self.zones.unsigned));
            }
            // What a reader still held when it was replaced, and no write may come for hours.
            self.zones.reclaim();
            let pause = match failures {
                0 => self.poll,
                n => (self.poll * 2_u32.saturating_pow(n.min(6))).min(RETRY_MAX),
            };
            let store = Arc::clone(&self.store);
            // After a failure a plain pause, so that a broken listener cannot make the loop spin.
            let wait = async {
                if failures == 0 { store.wait_for_change(pause).await } else { tokio::time::sleep(pause).await }
            };
            let loads = &mut self.loads;
            let arrived = async {
                tokio::select! {
                    () = wait => Some(None),
                    () = loads.ended(), if failures == 0 => Some(None),
                    waiter = waiting.recv() => waiter.map(Some),
                }
            };
            match meanwhile(arrived, &mut self.updates, &mut self.zones).await {
                Some(waiter) => waiters.extend(waiter),
                None => return,
            }
        }
    }

    /// Whether the last reading brought all that was committed to a zone before.
    fn is_served(&self, zone: Option<&ZoneName>) -> bool {
        match zone {
            Some(zone) => !self.loads.concerns(zone),
            None => self.loads.is_idle(),
        }
    }

    /// One reading of the feed, or a load where there is nothing to go on from.
    async fn read(&mut self) -> Result<(), StoreError> {
        if self.cursor.is_none() {
            return self.load_all().await;
        }
        // Before the feed is read: it is read from where these stand.
        let finished = self.loads.take();
        self.serve(finished);
        let Some(cursor) = &self.cursor else { return self.load_all().await };
        // Answers for ALIAS records do not wait for a database that hangs.
        let batch = meanwhile(self.store.changes(cursor), &mut self.updates, &mut self.zones).await?;
        let (changes, views, next) = match batch {
            FeedBatch::LoadAll => return self.load_all().await,
            FeedBatch::Changes { changes, views, cursor, bad_rows } => {
                self.zones.bad_rows += bad_rows;
                (changes, views, cursor)
            }
        };
        self.cursor = Some(next);
        let count = changes.len() as u64;
        let now = unix_now();
        // What is gone goes last: a zone deleted and created again in one batch is then replaced, and not missing until the new
        // one is loaded, which takes for ever if the database fails in between.
        let (gone, mut changes): (Vec<_>, Vec<_>) =
            changes.into_iter().partition(|change| matches!(change, ZoneChange::Gone(_)));
        changes.retain(|change| !self.loads.awaits(zone_of(change)));
        for (zone, name) in self.zones.apply_all(changes, now) {
            self.loads.queue(zone, self.zones.name_of(zone).cloned(), name);
        }
        for zone in gone.iter().map(zone_of) {
            self.loads.forget(zone);
            self.gone_later.push(zone);
        }
        let started = self.loads.start(&self.store, &self.zones);
        let finished = meanwhile(self.loads.wait(started, LOAD_PATIENCE), &mut self.updates, &mut self.zones).await;
        // Their snapshots of the database are later than the batch's.
        self.serve(finished);
        // After the zones they may show.
        if let Some(views) = &views {
            self.zones.set_views(views);
        }
        self.succeeded(count);
        Ok(())
    }

    /// Serves what was loaded. Zones come as they were when their load began; the feed is read again from there.
    fn serve(&mut self, finished: Vec<Result<Finished, StoreError>>) {
        for finished in finished {
            match finished {
                Ok(Finished { made, cursor, missing, bad_rows }) => {
                    let now = unix_now();
                    self.zones.bad_rows += bad_rows;
                    for made in made {
                        contained(made.header.id, || self.zones.put(made, now));
                    }
                    self.gone_later.extend(missing);
                    self.cursor = self.cursor.take().map(|own| own.meet(&cursor));
                }
                // It is tried again, and what other zones need does not wait for that.
                Err(error) => self.failed(&error),
            }
        }
        self.remove_gone();
    }

    /// Stops serving zones that are gone, unless others of the same names are on their way.
    fn remove_gone(&mut self) {
        let (zones, loads) = (&self.zones, &self.loads);
        let is_replaced_later = |zone: &ZoneId| zones.name_of(*zone).is_some_and(|name| loads.may_bring(name));
        let (later, gone): (Vec<ZoneId>, Vec<ZoneId>) =
            std::mem::take(&mut self.gone_later).into_iter().partition(is_replaced_later);
        self.gone_later = later;
        for zone in gone {
            self.zones.apply(ZoneChange::Gone(zone), unix_now());
        }
    }

    async fn load_all(&mut self) -> Result<(), StoreError> {
        let started = Instant::now();
        self.loads.stop();
        let mut loading = self.zones.loading(None, unix_now());
        let zones = &mut self.zones;
        let mut take = |item| match loading.take(item) {
            Some(Loaded::Views(views)) => zones.set_views(&views),
            Some(Loaded::Zone(made)) => {
                contained(made.header.id, || zones.put(*made, unix_now()));
            }
            None => {}
        };
        let cursor = self.store.load(LoadZones::All, &mut take).await?;
        self.zones.bad_rows += loading.bad_rows;
        let loaded = loading.loaded;
        self.zones.retain(&loaded);
        self.gone_later.clear();
        self.cursor = Some(cursor);
        self.succeeded(0);
        lock(&self.status).loads += 1;
        if !*self.loaded.borrow() {
            self.settle_aliases().await;
        }
        self.loaded.send_replace(true);
        tracing::info!(zones = loaded.len(), seconds = started.elapsed().as_secs_f64(), "loaded");
        Ok(())
    }

    /// Gives the resolver a moment before the first load counts as done, so that a server that starts is not sent queries which it
    /// could answer with SERVFAIL alone.
    async fn settle_aliases(&mut self) {
        let Some(updates) = &mut self.updates else { return };
        let zones = &mut self.zones;
        let settled = async {
            let mut batch = Vec::new();
            while !zones.aliases.is_settled() && updates.recv_many(&mut batch, UPDATES_AT_ONCE).await > 0 {
                zones.resolved(std::mem::take(&mut batch), unix_now());
            }
        };
        if tokio::time::timeout(SETTLE_MAX, settled).await.is_err() {
            tracing::warn!("not all ALIAS targets are resolved yet");
        }
    }

    fn succeeded(&mut self, changes: u64) {
        let mut status = lock(&self.status);
        // A zone that cannot be loaded is as good as a feed that cannot be read.
        if !self.loads.is_failing() {
            if let Some((_, true)) = self.failing.take() {
                tracing::info!("changes can be read again");
            }
            status.last_error = None;
        }
        status.loading = self.loads.count();
        status.is_loaded = true;
        status.last_success = Some(Instant::now());
        status.zones = self.table.view().len();
        status.bad_rows = self.zones.bad_rows;
        (status.zones_with_unusable_keys, status.zones_unsignable) = self.zones.unusable_keys();
        status.changes += changes;
    }

    /// Logs once for each outage, not at every try.
    fn failed(&mut self, error: &StoreError) {
        let chain = store::with_causes(error);
        let (since, is_reported) = self.failing.get_or_insert_with(|| (Instant::now(), false));
        if !*is_reported && since.elapsed() >= REPORT_AFTER {
            *is_reported = true;
            tracing::error!(error = chain, "changes cannot be read; answers go on from what is known");
        }
        lock(&self.status).last_error = Some(chain);
    }
}

/// Waits for `done`, and serves what is heard of ALIAS targets in the meantime.
async fn meanwhile<T>(
    done: impl Future<Output = T>,
    updates: &mut Option<mpsc::Receiver<Update>>,
    zones: &mut ServedZones,
) -> T {
    let mut done = std::pin::pin!(done);
    let Some(updates) = updates else { return done.await };
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            biased;
            done = &mut done => return done,
            count = updates.recv_many(&mut batch, UPDATES_AT_ONCE) => match count {
                0 => return done.await,
                _ => zones.resolved(std::mem::take(&mut batch), unix_now()),
            },
        }
    }
}
