//! `GET .../zones/ID` (PDNS-DIALECT 4.2), and the same view for the answer to a creation.

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use store::{RrsetFilter, StoredRrset, ZoneSummary};
use wire::Name;

use crate::call::Call;
use crate::error::{ApiError, invalid};
use crate::state::Api;
use crate::zone_view::{ViewContext, head_and_tail};
use crate::{json, offload, reply, rrset_view, zone_id};

/// The zone with its RRsets, filtered.
pub(crate) async fn get(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let zone = call.zone()?;
    let with_rrsets = call.query_flag("rrsets", true)?;
    let with_disabled = call.query_flag("include_disabled", true)?;
    // 5.2 counts unasked; clients of what came before do not know the field.
    let with_count = call.query_flag("record_count", with_rrsets && api.state.settings.stands_for(5, 2))?;
    let filter = rrset_filter(call)?;
    let summary = api.state.store.zone(&zone).await?.ok_or(ApiError::NotFound)?;
    let Some(filter) = filter else {
        return view(api, StatusCode::OK, &summary, Rrsets::Loaded(Vec::new()), with_count).await;
    };
    let rrsets = match with_rrsets || with_count {
        false => Rrsets::LeftOut { record_count: 0 },
        true => {
            let mut rrsets = api.state.store.rrsets(summary.id, &filter).await?;
            if filter.name.is_some() && !with_disabled {
                rrsets.iter_mut().for_each(|rrset| rrset.records.retain(|record| !record.disabled));
                rrsets.retain(|rrset| !rrset.records.is_empty() || !rrset.comments.is_empty());
            }
            match with_rrsets {
                true => Rrsets::Loaded(rrsets),
                false => Rrsets::LeftOut { record_count: count_records(&rrsets) },
            }
        }
    };
    view(api, StatusCode::OK, &summary, rrsets, with_count).await
}

/// The filter of the query; `None` if nothing can match it.
fn rrset_filter(call: &Call) -> Result<Option<RrsetFilter>, ApiError> {
    let Some(name) = call.query("rrset_name").filter(|name| !name.is_empty()) else {
        return Ok(Some(RrsetFilter::default()));
    };
    let name = Name::parse(name).map_err(|why| invalid(format!("Unable to parse DNS Name '{name}': {why}")))?;
    let rtype = match call.query("rrset_type").filter(|rtype| !rtype.is_empty()).map(str::parse) {
        None => None,
        Some(Ok(rtype)) => Some(rtype),
        Some(Err(_)) => return Ok(None),
    };
    Ok(Some(RrsetFilter { name: Some(name.to_lowercase()), rtype }))
}

/// What a view shows as `rrsets`.
pub(crate) enum Rrsets {
    /// These.
    Loaded(Vec<StoredRrset>),
    /// The field is absent.
    LeftOut {
        /// Shown if asked for.
        record_count: usize,
    },
}

fn count_records(rrsets: &[StoredRrset]) -> usize {
    rrsets.iter().map(|rrset| rrset.records.len()).sum()
}

/// The answer that shows a zone.
pub(crate) async fn view(
    api: &Api,
    status: StatusCode,
    zone: &ZoneSummary,
    rrsets: Rrsets,
    with_count: bool,
) -> Result<Response, ApiError> {
    let metadata = api.state.store.metadata(zone.id).await?;
    let id = zone_id::encode(&zone.name);
    let count = match &rrsets {
        Rrsets::Loaded(rrsets) => count_records(rrsets),
        Rrsets::LeftOut { record_count } => *record_count,
    };
    let (head, tail) = head_and_tail(zone, &id, &metadata, with_count.then_some(count), &ViewContext::new(api));
    let (mut head, tail) = (json::to_vec(&head), json::to_vec(&tail));
    // Both are objects: the RRsets go between the last field of the one and the first of the other.
    head.pop();
    let body = match rrsets {
        Rrsets::LeftOut { .. } => {
            head.extend_from_slice(b", ");
            head.extend_from_slice(&tail[1..]);
            Body::from(head)
        }
        Rrsets::Loaded(mut rrsets) => {
            let rrsets = offload::run(count * 100, move || {
                rrset_view::make_presentable(&mut rrsets)?;
                Ok(rrsets)
            })
            .await?;
            head.extend_from_slice(b", \"rrsets\": [");
            rrset_view::body(head, rrsets, [b"], ", &tail[1..]].concat())
        }
    };
    Ok(reply::body(status, reply::JSON, body))
}
