//! `GET .../zones` (PDNS-DIALECT 4.1). External-DNS asks two to five times a cycle, so it is one query and one pass.

use axum::http::StatusCode;
use axum::response::Response;
use store::ZoneFilter;

use crate::call::Call;
use crate::error::ApiError;
use crate::state::Api;
use crate::zone_view::{ViewContext, ZoneListItem};
use crate::{json, names, reply};

/// All zones, or the one that `zone=` names.
pub(crate) async fn list(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let name = match call.query("zone") {
        None | Some("") => None,
        Some(name) => Some(names::zone_name(name)?),
    };
    let with_dnssec = !call.query("dnssec").is_some_and(|value| value.eq_ignore_ascii_case("false"));
    let zones = api.state.store.zones(&ZoneFilter { name, without_dnssec: !with_dnssec }).await?;
    let context = ViewContext::new(api);
    let mut text = Vec::with_capacity(zones.len() * 320 + 2);
    text.push(b'[');
    for (at, zone) in zones.iter().enumerate() {
        if at > 0 {
            text.extend_from_slice(b", ");
        }
        json::append(&mut text, &ZoneListItem::new(zone, &context, with_dnssec));
        // Other tasks get their turn: 100,000 zones take about 100 ms.
        if at % 1000 == 999 {
            tokio::task::yield_now().await;
        }
    }
    text.push(b']');
    Ok(reply::body(StatusCode::OK, reply::JSON, text))
}
