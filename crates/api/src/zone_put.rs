//! `PUT .../zones/ID`: settings, and the whole content (PDNS-DIALECT 4.4).

use std::sync::Arc;

use axum::response::Response;
use serde_json::Value;
use store::{Rectify, RrsetChange, RrsetEdit, SerialBump, StoreError, ZoneEdit, ZoneKind};
use wire::{Name, RecordType};

use crate::call::{Call, parse_json};
use crate::commit::commit;
use crate::error::{ApiError, invalid};
use crate::rrset_input::RrsetContext;
use crate::rrset_rules::Hostnames;
use crate::state::Api;
use crate::zone_content::{self, ZoneContent};
use crate::{hostnames, offload, reply, tsigkeys, zone_settings};

/// How often a change is decided anew while others change what it was decided on.
const ATTEMPTS_MAX: u32 = 5;

/// Applies the fields that are there.
pub(crate) async fn put(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let mut attempt = 1;
    loop {
        match put_once(api, call).await {
            Err(ApiError::Unavailable(StoreError::Changed { .. })) if attempt < ATTEMPTS_MAX => attempt += 1,
            other => return other,
        }
    }
}

async fn put_once(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let zone = call.zone()?;
    let summary = api.state.store.zone(&zone).await?.ok_or(ApiError::NotFound)?;
    let body = call.body.clone();
    let body = offload::run(body.len(), move || parse_json(&body)).await?;
    let mut edit = ZoneEdit { actor: Some(call.actor.clone()), ..ZoneEdit::default() };
    zone_settings::apply_plain(&body, &mut edit)?;
    tsigkeys::apply_to_zone(api, &body, &mut edit).await?;
    let (defaults, name, is_secured) = (api.state.defaults.clone(), zone.clone(), summary.is_secured);
    let (body, mut edit, changes_dnssec) = offload::run(zone_settings::dnssec_work(&body, &defaults), move || {
        let changes = zone_settings::apply_dnssec(&body, &name, is_secured, &defaults, &mut edit)?;
        Ok((body, edit, changes))
    })
    .await?;
    edit.expects_secured = changes_dnssec.then_some(summary.is_secured);
    let kind = edit.kind.unwrap_or(summary.kind);
    let replaces_content = body["rrsets"].is_array();
    if replaces_content {
        let (body, lua_updates) = (Arc::new(body), api.state.settings.lua_updates);
        let read = |hostnames: Hostnames| {
            let (body, zone) = (Arc::clone(&body), zone.clone());
            let work = move || content(&body, kind, &RrsetContext { zone: zone.apex(), hostnames, lua_updates });
            offload::run(call.body.len(), work)
        };
        let mut changes = read(Hostnames::Strict).await;
        if let Some(hostnames) = hostnames::looser(api, summary.id, &changes).await? {
            changes = read(hostnames).await;
        }
        edit.rrsets = RrsetEdit::ReplaceAll(changes?);
    }
    edit.rectify = rectify(api, &summary, &edit);
    // Only what DNS shows moves the serial.
    edit.serial = match changes_dnssec || replaces_content {
        true => SerialBump::BySoaEditApi,
        false => SerialBump::Keep,
    };
    commit(api, &zone, edit).await?;
    Ok(reply::no_content())
}

/// The switch in the body counts already.
fn rectify(api: &Api, summary: &store::ZoneSummary, edit: &ZoneEdit) -> Rectify {
    let switch = edit.metadata.iter().find(|(kind, _)| kind == "API-RECTIFY").and_then(|(_, values)| values.first());
    match switch.map(String::as_str) {
        Some("1") => Rectify::Touched,
        Some(_) => Rectify::Skip,
        None => api.rectify_of(summary),
    }
}

/// The zone's whole new content.
fn content(body: &Value, kind: ZoneKind, context: &RrsetContext<'_>) -> Result<Vec<RrsetChange>, ApiError> {
    let items = body["rrsets"].as_array().map_or(&[][..], Vec::as_slice);
    if kind == ZoneKind::Consumer && !items.is_empty() {
        return Err(invalid("Modifying RRsets in Consumer zones is unsupported"));
    }
    let content = ZoneContent::from_rrsets(items, context.zone)?;
    let needs_soa = !matches!(kind, ZoneKind::Slave | ZoneKind::Consumer);
    if needs_soa && !content.has(context.zone, RecordType::SOA) {
        return Err(invalid("Must give SOA record for zone when replacing all RR sets"));
    }
    zone_content::check_equal_ttls(items)?;
    content.check(context)?;
    Ok(content.into_changes())
}

/// What reading the `rrsets` of a PUT body gives, for fuzzing: any octets must end in a list or an error.
pub fn read_put_body(body: &[u8], zone: &Name) -> Result<Vec<RrsetChange>, ApiError> {
    let context = RrsetContext { zone, hostnames: Hostnames::Strict, lua_updates: false };
    content(&parse_json(body)?, ZoneKind::Native, &context)
}
