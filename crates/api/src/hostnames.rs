//! RFC1123-CONFORMANCE: the metadata that allows underscores in targets, read only when it matters.

use store::ZoneId;

use crate::error::ApiError;
use crate::rrset_rules::{self, Hostnames};
use crate::state::Api;

/// The rule to try again with, if a request failed by the strict one over a hostname and the zone's metadata allows
/// underscores. Most requests never read the metadata.
pub(crate) async fn looser<T>(
    api: &Api,
    zone: ZoneId,
    result: &Result<T, ApiError>,
) -> Result<Option<Hostnames>, ApiError> {
    match result {
        Err(ApiError::Invalid(texts)) if texts.iter().any(|text| text.contains(rrset_rules::NON_HOSTNAME)) => {}
        _ => return Ok(None),
    }
    let metadata = api.state.store.metadata(zone).await?;
    let is_loose = metadata.iter().any(|(kind, values)| {
        kind.eq_ignore_ascii_case("RFC1123-CONFORMANCE") && values.first().is_some_and(|value| value == "0")
    });
    Ok(is_loose.then_some(Hostnames::Underscores))
}
