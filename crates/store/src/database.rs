//! The [`Store`] over either database: who takes which connection, and what follows a commit.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::{Semaphore, SemaphorePermit};
use wire::{Name, ZoneName};

use crate::connect::Pools;
use crate::listen::Bell;
use crate::session::{Session, Sql};
use crate::{
    ApiKeyChange, Autoprimary, AutoprimaryChange, Commit, FeedBatch, FeedCursor, Found, HistoryEntry, HistoryFilter,
    LoadItem, LoadZones, NewZone, RrsetFilter, Search, SecretPurpose, SharedSecret, Store, StoreError, StoreSettings,
    StoredApiKey, StoredKey, StoredRrset, StoredViews, TsigKey, TsigKeyChange, ViewChange, ZoneEdit, ZoneFilter,
    ZoneId, ZoneRows, ZoneSummary, api_key, autoprimary, changes, copy, history, load, read, schema, search, secret,
    tsig, views, write,
};

/// Between two looks at what can be pruned.
const PRUNE_EVERY: Duration = Duration::from_secs(300);

/// An open database.
pub(crate) struct DatabaseStore {
    pools: Pools,
    timeout: Duration,
    default_ttl: u32,
    bell: Bell,
    /// Turns to write, in order of arrival. SQLite has one writer at a time, and its own way of waiting is to sleep and
    /// try again, unfairly. In Postgres writers that wait for a zone must leave connections to the readers.
    writers: Semaphore,
    pruned_at: Mutex<Instant>,
    is_feed_failing: AtomicBool,
}

impl DatabaseStore {
    /// Connects, brings the tables up to date or checks them, and begins to listen.
    pub(crate) async fn open(settings: &StoreSettings) -> Result<DatabaseStore, StoreError> {
        let pools = Pools::open(settings).await?;
        let mut session = pools.session(settings.timeout).await?;
        schema::refuse_old_powerdns(&mut session).await?;
        // A hot standby takes its tables from the primary.
        let may_migrate = settings.migrate && !schema::is_standby(&mut session).await?;
        if !may_migrate {
            schema::require(&mut session).await?;
        }
        let must_migrate = may_migrate && !schema::is_current(&mut session).await?;
        drop(session);
        if must_migrate {
            schema::migrate(&pools).await?;
        }
        if may_migrate {
            changes::begin(&mut pools.session(settings.timeout).await?).await?;
        }
        let bell = Bell::new(&pools, settings.timeout);
        let writers = match pools {
            Pools::Postgres { .. } => (settings.connections_max as usize * 3 / 4).max(1),
            Pools::Sqlite { .. } => 1,
        };
        Ok(DatabaseStore {
            pools,
            timeout: settings.timeout,
            default_ttl: settings.default_ttl,
            bell,
            writers: Semaphore::new(writers),
            pruned_at: Mutex::new(Instant::now()),
            is_feed_failing: AtomicBool::new(false),
        })
    }

    async fn session(&self) -> Result<Session, StoreError> {
        self.pools.session(self.timeout).await
    }

    /// Waits for the turn to write.
    async fn turn(&self) -> Result<SemaphorePermit<'_>, StoreError> {
        let doing = "waiting to write";
        match tokio::time::timeout(self.timeout, self.writers.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(closed)) => Err(StoreError::Unavailable { doing, source: Box::new(closed) }),
            Err(elapsed) => Err(StoreError::Unavailable { doing, source: Box::new(elapsed) }),
        }
    }

    /// Runs a write until it is committed, refused, or has failed for good.
    async fn write(&self, change: write::Change<'_>) -> Result<Commit, StoreError> {
        let mut attempt = 0;
        loop {
            let turn = self.turn().await?;
            let mut session = self.session().await?;
            let done = write::run(&mut session, &change, unix_now(), self.default_ttl).await;
            if done.is_err() {
                session.rollback().await;
            }
            drop(session);
            drop(turn);
            match done {
                Ok(commit) => {
                    if commit.changed {
                        self.bell.ring(&self.pools, self.timeout);
                    }
                    return Ok(commit);
                }
                Err(error) => {
                    attempt += 1;
                    let Some(pause) = write::pause_before_retry(&error, attempt) else { return Err(error) };
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }

    /// Prunes now and then, in the background: by the clock, never because of what the feed says.
    fn prune_if_due(&self) {
        {
            let mut pruned_at = self.pruned_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if pruned_at.elapsed() < PRUNE_EVERY {
                return;
            }
            *pruned_at = Instant::now();
        }
        let (pools, timeout) = (self.pools.clone(), self.timeout);
        tokio::spawn(async move {
            let Ok(mut session) = pools.session(timeout).await else { return };
            if let Err(error) = changes::prune(&mut session).await {
                tracing::debug!(%error, "the feed was not pruned");
            }
        });
    }
}

#[async_trait]
impl Store for DatabaseStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.session().await?.execute("asking for a sign of life", Sql::both("SELECT 1"), []).await.map(|_| ())
    }

    async fn zones(&self, filter: &ZoneFilter) -> Result<Vec<ZoneSummary>, StoreError> {
        read::zones(&mut self.session().await?, filter).await
    }

    async fn zone(&self, name: &ZoneName) -> Result<Option<ZoneSummary>, StoreError> {
        let filter = ZoneFilter { name: Some(name.clone()), without_dnssec: false };
        Ok(self.zones(&filter).await?.into_iter().next())
    }

    async fn rrsets(&self, zone: ZoneId, filter: &RrsetFilter) -> Result<Vec<StoredRrset>, StoreError> {
        read::rrsets(&mut self.session().await?, zone, filter, self.default_ttl).await
    }

    async fn metadata(&self, zone: ZoneId) -> Result<Vec<(String, Vec<String>)>, StoreError> {
        read::metadata(&mut self.session().await?, zone).await
    }

    async fn keys(&self, zone: ZoneId) -> Result<Vec<StoredKey>, StoreError> {
        read::keys(&mut self.session().await?, zone).await
    }

    async fn search(&self, search: &Search) -> Result<Found, StoreError> {
        search::search(&mut self.session().await?, search, self.default_ttl).await
    }

    async fn zone_rows(&self, zone: ZoneId) -> Result<ZoneRows, StoreError> {
        copy::read(&mut self.session().await?, zone).await
    }

    async fn restore_zone(&self, rows: &ZoneRows) -> Result<(), StoreError> {
        self.write(write::Change::Restore(rows)).await.map(|_| ())
    }

    async fn tsig_keys(&self, name: Option<&Name>) -> Result<Vec<TsigKey>, StoreError> {
        tsig::keys(&mut self.session().await?, name).await
    }

    async fn autoprimaries(&self) -> Result<Vec<Autoprimary>, StoreError> {
        autoprimary::autoprimaries(&mut self.session().await?).await
    }

    async fn change_tsig_key(&self, change: TsigKeyChange) -> Result<(), StoreError> {
        self.write(write::Change::TsigKey(&change)).await.map(|_| ())
    }

    async fn change_autoprimary(&self, change: AutoprimaryChange) -> Result<(), StoreError> {
        self.write(write::Change::Autoprimary(&change)).await.map(|_| ())
    }

    async fn create_zone(&self, zone: NewZone) -> Result<Commit, StoreError> {
        self.write(write::Change::Create(&zone)).await
    }

    async fn edit_zone(&self, zone: &ZoneName, edit: ZoneEdit) -> Result<Commit, StoreError> {
        self.write(write::Change::Edit(zone, &edit)).await
    }

    async fn delete_zone(&self, zone: &ZoneName, actor: &str) -> Result<(), StoreError> {
        self.write(write::Change::Delete(zone, actor)).await.map(|_| ())
    }

    async fn history(&self, zone: &ZoneName, filter: &HistoryFilter) -> Result<Vec<HistoryEntry>, StoreError> {
        history::read(&mut self.session().await?, zone, filter).await
    }

    async fn views(&self) -> Result<StoredViews, StoreError> {
        views::read(&mut self.session().await?).await
    }

    async fn change_views(&self, change: &ViewChange) -> Result<bool, StoreError> {
        self.write(write::Change::View(change)).await.map(|commit| commit.changed)
    }

    async fn api_keys(&self) -> Result<Vec<StoredApiKey>, StoreError> {
        api_key::api_keys(&mut self.session().await?).await
    }

    async fn change_api_key(&self, change: ApiKeyChange) -> Result<(), StoreError> {
        let _turn = self.turn().await?;
        api_key::change(&mut self.session().await?, &change).await
    }

    async fn shared_secret(
        &self,
        purpose: SecretPurpose,
        candidate: &SharedSecret,
    ) -> Result<SharedSecret, StoreError> {
        let _turn = self.turn().await?;
        secret::shared(&mut self.session().await?, purpose, candidate).await
    }

    async fn load(&self, zones: LoadZones, sink: &mut (dyn FnMut(LoadItem) + Send)) -> Result<FeedCursor, StoreError> {
        load::load(&mut self.session().await?, zones, self.default_ttl, sink).await
    }

    async fn changes(&self, cursor: &FeedCursor) -> Result<FeedBatch, StoreError> {
        self.prune_if_due();
        // A failure may be a crash that the server's time of starting does not show.
        let cursor = match self.is_feed_failing.load(Ordering::Relaxed) && cursor.started != 0 {
            true => &FeedCursor { started: -1, ..cursor.clone() },
            false => cursor,
        };
        let batch = async { changes::changes(&mut self.session().await?, cursor, self.default_ttl).await }.await;
        self.is_feed_failing.store(batch.is_err(), Ordering::Relaxed);
        batch
    }

    async fn wait_for_change(&self, poll: Duration) {
        self.bell.wait(poll).await;
    }

    async fn prune(&self) -> Result<(), StoreError> {
        let _turn = self.turn().await?;
        changes::prune(&mut self.session().await?).await
    }
}

fn unix_now() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}

/// Opens the store that the settings name.
pub(crate) async fn open(settings: &StoreSettings) -> Result<Arc<dyn Store>, StoreError> {
    Ok(Arc::new(DatabaseStore::open(settings).await?))
}
