//! A store that is not there yet: everything fails as with a database that does not answer, until it is.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use store::{
    ApiKeyChange, Autoprimary, AutoprimaryChange, Commit, FeedBatch, FeedCursor, Found, HistoryEntry, HistoryFilter,
    LoadItem, LoadZones, NewZone, RrsetFilter, Search, SecretPurpose, SharedSecret, Store, StoreError, StoredApiKey,
    StoredKey, StoredRrset, StoredViews, TsigKey, TsigKeyChange, ViewChange, ZoneEdit, ZoneFilter, ZoneId, ZoneRows,
    ZoneSummary,
};
use tokio::sync::SetOnce;
use wire::{Name, ZoneName};

/// Stands in for a store until it is opened.
#[derive(Default)]
pub(crate) struct LateStore(SetOnce<Arc<dyn Store>>);

impl LateStore {
    /// The store is open. Only the first one counts.
    pub(crate) fn set(&self, store: Arc<dyn Store>) {
        let _ = self.0.set(store);
    }

    /// Whether there is a store.
    pub(crate) fn is_open(&self) -> bool {
        self.0.initialized()
    }

    fn store(&self) -> Result<&Arc<dyn Store>, StoreError> {
        self.0.get().ok_or_else(|| StoreError::Unavailable {
            doing: "opening the database",
            source: "it was not reached since the start".into(),
        })
    }
}

#[async_trait]
impl Store for LateStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.store()?.ping().await
    }
    async fn zones(&self, filter: &ZoneFilter) -> Result<Vec<ZoneSummary>, StoreError> {
        self.store()?.zones(filter).await
    }
    async fn zone(&self, name: &ZoneName) -> Result<Option<ZoneSummary>, StoreError> {
        self.store()?.zone(name).await
    }
    async fn rrsets(&self, zone: ZoneId, filter: &RrsetFilter) -> Result<Vec<StoredRrset>, StoreError> {
        self.store()?.rrsets(zone, filter).await
    }
    async fn metadata(&self, zone: ZoneId) -> Result<Vec<(String, Vec<String>)>, StoreError> {
        self.store()?.metadata(zone).await
    }
    async fn keys(&self, zone: ZoneId) -> Result<Vec<StoredKey>, StoreError> {
        self.store()?.keys(zone).await
    }
    async fn search(&self, search: &Search) -> Result<Found, StoreError> {
        self.store()?.search(search).await
    }
    async fn zone_rows(&self, zone: ZoneId) -> Result<ZoneRows, StoreError> {
        self.store()?.zone_rows(zone).await
    }
    async fn restore_zone(&self, rows: &ZoneRows) -> Result<(), StoreError> {
        self.store()?.restore_zone(rows).await
    }
    async fn tsig_keys(&self, name: Option<&Name>) -> Result<Vec<TsigKey>, StoreError> {
        self.store()?.tsig_keys(name).await
    }
    async fn autoprimaries(&self) -> Result<Vec<Autoprimary>, StoreError> {
        self.store()?.autoprimaries().await
    }
    async fn change_tsig_key(&self, change: TsigKeyChange) -> Result<(), StoreError> {
        self.store()?.change_tsig_key(change).await
    }
    async fn change_autoprimary(&self, change: AutoprimaryChange) -> Result<(), StoreError> {
        self.store()?.change_autoprimary(change).await
    }
    async fn create_zone(&self, zone: NewZone) -> Result<Commit, StoreError> {
        self.store()?.create_zone(zone).await
    }
    async fn edit_zone(&self, zone: &ZoneName, edit: ZoneEdit) -> Result<Commit, StoreError> {
        self.store()?.edit_zone(zone, edit).await
    }
    async fn delete_zone(&self, zone: &ZoneName, actor: &str) -> Result<(), StoreError> {
        self.store()?.delete_zone(zone, actor).await
    }
    async fn history(&self, zone: &ZoneName, filter: &HistoryFilter) -> Result<Vec<HistoryEntry>, StoreError> {
        self.store()?.history(zone, filter).await
    }
    async fn views(&self) -> Result<StoredViews, StoreError> {
        self.store()?.views().await
    }
    async fn change_views(&self, change: &ViewChange) -> Result<bool, StoreError> {
        self.store()?.change_views(change).await
    }
    async fn api_keys(&self) -> Result<Vec<StoredApiKey>, StoreError> {
        self.store()?.api_keys().await
    }
    async fn change_api_key(&self, change: ApiKeyChange) -> Result<(), StoreError> {
        self.store()?.change_api_key(change).await
    }
    /// Waits for the store, as whoever calls this does.
    async fn shared_secret(
        &self,
        purpose: SecretPurpose,
        candidate: &SharedSecret,
    ) -> Result<SharedSecret, StoreError> {
        self.0.wait().await.shared_secret(purpose, candidate).await
    }
    /// Waits for the store: only the publisher calls this, it has nothing else to do, and a failure would be logged.
    async fn load(&self, zones: LoadZones, sink: &mut (dyn FnMut(LoadItem) + Send)) -> Result<FeedCursor, StoreError> {
        self.0.wait().await.load(zones, sink).await
    }
    async fn changes(&self, cursor: &FeedCursor) -> Result<FeedBatch, StoreError> {
        self.store()?.changes(cursor).await
    }
    async fn wait_for_change(&self, poll: Duration) {
        match self.store() {
            Ok(store) => store.wait_for_change(poll).await,
            // Time over is as good as a change: both make the reader try again.
            Err(_) => drop(tokio::time::timeout(poll, self.0.wait()).await),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn until_it_is_opened_everything_is_unavailable() {
        let late = LateStore::default();
        assert!(!late.is_open());
        let name = ZoneName::parse("example.test").unwrap();
        assert!(matches!(late.zone(&name).await, Err(StoreError::Unavailable { .. })));
        assert!(matches!(late.ping().await, Err(StoreError::Unavailable { .. })));
        late.wait_for_change(Duration::from_millis(1)).await;
    }
}
