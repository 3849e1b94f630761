//! `GET .../zones/ID/export`: the zone as text (PDNS-DIALECT 4.6).

use std::fmt::Write;

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use store::{RrsetFilter, StoredRrset};

use crate::call::Call;
use crate::error::ApiError;
use crate::state::Api;
use crate::{offload, reply, rrset_view};

/// `NAME\tTTL\tIN\tTYPE\tCONTENT`, a line each; disabled records are left out.
pub(crate) async fn export(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let zone = call.zone()?;
    let summary = api.state.store.zone(&zone).await?.ok_or(ApiError::NotFound)?;
    let mut rrsets = api.state.store.rrsets(summary.id, &RrsetFilter::default()).await?;
    let text = offload::run(rrsets.len() * 100, move || {
        rrset_view::make_presentable(&mut rrsets)?;
        Ok(zone_text(rrsets))
    })
    .await?;
    if !call.accepts.export_as_json() {
        return Ok(reply::body(StatusCode::OK, "text/plain; charset=us-ascii", text));
    }
    #[derive(Serialize)]
    struct Export {
        zone: String,
    }
    Ok(reply::json(StatusCode::OK, &Export { zone: text }))
}

/// The SOA comes first, so that the text loads as a master file; then by name and type.
fn zone_text(mut rrsets: Vec<StoredRrset>) -> String {
    rrsets.sort_by(|a, b| {
        let is_soa = |rrset: &StoredRrset| rrset.rtype == wire::RecordType::SOA;
        is_soa(b).cmp(&is_soa(a)).then_with(|| a.name.cmp(&b.name)).then_with(|| a.rtype.cmp(&b.rtype))
    });
    let mut text = String::new();
    for rrset in rrsets {
        for record in rrset.records.iter().filter(|record| !record.disabled) {
            let _ = writeln!(text, "{}\t{}\tIN\t{}\t{}", rrset.name, rrset.ttl, rrset.rtype, record.content);
        }
    }
    text
}
