//! A store whose loads of one zone are held, or fail, as a test wants it.

use async_trait::async_trait;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;
use store::{
    ApiKeyChange, Autoprimary, AutoprimaryChange, Commit, FeedBatch, FeedCursor, Found, HistoryEntry, HistoryFilter,
    LoadItem, LoadZones, NewZone, RrsetFilter, Search, SecretPurpose, SharedSecret, Store, StoreError, StoredApiKey,
    StoredKey, StoredRrset, StoredViews, TsigKey, TsigKeyChange, ViewChange, ZoneEdit, ZoneFilter, ZoneId, ZoneRows,
    ZoneSummary,
};
use tokio::sync::watch;
use wire::{Name, ZoneName};

/// What happens to loads of a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    /// They end as they would.
    Open,
    /// They have read everything, and do not end.
    Held,
    /// They fail.
    Failing,
}

/// The store.
pub(crate) struct Gated {
    pub(crate) inner: Arc<dyn Store>,
    zone: Mutex<Option<ZoneId>>,
    gate: watch::Sender<Gate>,
    /// Loads of the zone that came to a gate that was not open.
    stopped: watch::Sender<u32>,
}

impl Gated {
    pub(crate) fn over(inner: Arc<dyn Store>) -> Arc<Gated> {
        let (gate, stopped) = (watch::Sender::new(Gate::Open), watch::Sender::new(0));
        Arc::new(Gated { inner, zone: Mutex::default(), gate, stopped })
    }

    /// From now on loads of this zone find the gate so.
    pub(crate) fn set(&self, zone: ZoneId, gate: Gate) {
        *self.zone.lock().unwrap() = Some(zone);
        self.gate.send_replace(gate);
    }

    /// Lets everybody pass.
    pub(crate) fn open(&self) {
        self.gate.send_replace(Gate::Open);
    }

    /// Returns once so many loads were stopped.
    pub(crate) async fn stopped(&self, count: u32) {
        self.stopped.subscribe().wait_for(|&stopped| stopped >= count).await.unwrap();
    }
}

#[async_trait]
impl Store for Gated {
    async fn load(&self, zones: LoadZones, sink: &mut (dyn FnMut(LoadItem) + Send)) -> Result<FeedCursor, StoreError> {
        let zone = *self.zone.lock().unwrap();
        let is_gated = matches!(&zones, LoadZones::Some(ids) if zone.is_some_and(|zone| ids.contains(&zone)));
        let cursor = self.inner.load(zones, sink).await?;
        let gate = *self.gate.borrow();
        if !is_gated || gate == Gate::Open {
            return Ok(cursor);
        }
        self.stopped.send_modify(|stopped| *stopped += 1);
        if gate == Gate::Failing {
            return Err(StoreError::Unavailable { doing: "loading", source: "the test wants it so".into() });
        }
        self.gate.subscribe().wait_for(|&gate| gate == Gate::Open).await.unwrap();
        Ok(cursor)
    }
    async fn changes(&self, cursor: &FeedCursor) -> Result<FeedBatch, StoreError> {
        self.inner.changes(cursor).await
    }
    async fn wait_for_change(&self, poll: Duration) {
        self.inner.wait_for_change(poll).await;
    }
    async fn ping(&self) -> Result<(), StoreError> {
        self.inner.ping().await
    }
    async fn zones(&self, filter: &ZoneFilter) -> Result<Vec<ZoneSummary>, StoreError> {
        self.inner.zones(filter).await
    }
    async fn zone(&self, name: &ZoneName) -> Result<Option<ZoneSummary>, StoreError> {
        self.inner.zone(name).await
    }
    async fn rrsets(&self, zone: ZoneId, filter: &RrsetFilter) -> Result<Vec<StoredRrset>, StoreError> {
        self.inner.rrsets(zone, filter).await
    }
    async fn metadata(&self, zone: ZoneId) -> Result<Vec<(String, Vec<String>)>, StoreError> {
        self.inner.metadata(zone).await
    }
    async fn keys(&self, zone: ZoneId) -> Result<Vec<StoredKey>, StoreError> {
        self.inner.keys(zone).await
    }
    async fn search(&self, search: &Search) -> Result<Found, StoreError> {
        self.inner.search(search).await
    }
    async fn zone_rows(&self, zone: ZoneId) -> Result<ZoneRows, StoreError> {
        self.inner.zone_rows(zone).await
    }
    async fn restore_zone(&self, rows: &ZoneRows) -> Result<(), StoreError> {
        self.inner.restore_zone(rows).await
    }
    async fn tsig_keys(&self, name: Option<&Name>) -> Result<Vec<TsigKey>, StoreError> {
        self.inner.tsig_keys(name).await
    }
    async fn autoprimaries(&self) -> Result<Vec<Autoprimary>, StoreError> {
        self.inner.autoprimaries().await
    }
    async fn change_tsig_key(&self, change: TsigKeyChange) -> Result<(), StoreError> {
        self.inner.change_tsig_key(change).await
    }
    async fn change_autoprimary(&self, change: AutoprimaryChange) -> Result<(), StoreError> {
        self.inner.change_autoprimary(change).await
    }
    async fn create_zone(&self, zone: NewZone) -> Result<Commit, StoreError> {
        self.inner.create_zone(zone).await
    }
    async fn edit_zone(&self, zone: &ZoneName, edit: ZoneEdit) -> Result<Commit, StoreError> {
        self.inner.edit_zone(zone, edit).await
    }
    async fn delete_zone(&self, zone: &ZoneName, actor: &str) -> Result<(), StoreError> {
        self.inner.delete_zone(zone, actor).await
    }
    async fn history(&self, zone: &ZoneName, filter: &HistoryFilter) -> Result<Vec<HistoryEntry>, StoreError> {
        self.inner.history(zone, filter).await
    }
    async fn views(&self) -> Result<StoredViews, StoreError> {
        self.inner.views().await
    }
    async fn change_views(&self, change: &ViewChange) -> Result<bool, StoreError> {
        self.inner.change_views(change).await
    }
    async fn api_keys(&self) -> Result<Vec<StoredApiKey>, StoreError> {
        self.inner.api_keys().await
    }
    async fn change_api_key(&self, change: ApiKeyChange) -> Result<(), StoreError> {
        self.inner.change_api_key(change).await
    }
    async fn shared_secret(
        &self,
        purpose: SecretPurpose,
        candidate: &SharedSecret,
    ) -> Result<SharedSecret, StoreError> {
        self.inner.shared_secret(purpose, candidate).await
    }
}
