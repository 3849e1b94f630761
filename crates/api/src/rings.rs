//! Rings: the last queries and who asked them, by how often they came (PDNS-DIALECT section 11).

use std::sync::Arc;

use crate::error::ApiError;
use crate::metrics::MetricsSource;
use crate::offload;

/// What one ring shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RingStatistic {
    /// PowerDNS's name for it: `queries`.
    pub name: &'static str,
    /// How many of the last it holds at most.
    pub capacity: usize,
    /// What came, and how often; the most frequent first. Strangers chose these texts.
    pub entries: Vec<(String, u64)>,
}

/// Reads rings by their names; on another thread, since counting a full one takes milliseconds.
pub(crate) async fn read(
    source: &Arc<dyn MetricsSource>,
    names: Vec<&'static str>,
) -> Result<Vec<RingStatistic>, ApiError> {
    let source = Arc::clone(source);
    offload::run(usize::MAX, move || Ok(names.into_iter().filter_map(|name| source.ring(name)).collect())).await
}
