//! The end of every write: the change is durable, then served, then confirmed .

use std::sync::atomic::Ordering;

use store::{Commit, Rectify, ZoneEdit, ZoneSummary};
use wire::ZoneName;

use crate::error::ApiError;
use crate::state::Api;

/// Applies `edit`, and returns once DNS answers with it or the bound has passed.
pub(crate) async fn commit(api: &Api, zone: &ZoneName, edit: ZoneEdit) -> Result<Commit, ApiError> {
    let committed = api.state.store.edit_zone(zone, edit).await?;
    // Nothing to change means that it is stored, by an earlier try or another server; not that it is served here yet.
    await_publication(api, zone).await;
    Ok(committed)
}

/// Waits until what was committed is served. Past the bound the change is confirmed all the same, and counted.
pub(crate) async fn await_publication(api: &Api, zone: &ZoneName) {
    let bound = api.state.settings.publication_bound;
    if !api.state.publication.published(Some(zone), bound).await {
        api.counters.published_late.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(%zone, bound_secs = bound.as_secs(), "change is stored but not served within the bound");
    }
}

impl Api {
    /// Whether the derived columns of `zone` are kept: by its API-RECTIFY, else by `default-api-rectify` (PDNS-DIALECT 8).
    pub(crate) fn rectify_of(&self, zone: &ZoneSummary) -> Rectify {
        match zone.api_rectify.as_deref() {
            None | Some("") if !self.state.defaults.api_rectify => Rectify::Skip,
            _ => Rectify::Touched,
        }
    }
}
