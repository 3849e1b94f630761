//! `POST .../zones` (PDNS-DIALECT 4.3).

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;
use store::{NewZone, Rectify, RrsetEdit, RrsetFilter, ZoneEdit, ZoneKind};
use wire::{Name, RecordType, ZoneName, content};

use crate::call::{Call, parse_json};
use crate::commit::await_publication;
use crate::error::{ApiError, invalid};
use crate::rrset_input::{InputRecord, RrsetContext, RrsetKey};
use crate::rrset_rules::Hostnames;
use crate::state::{Api, ApiSettings};
use crate::zone_content::ZoneContent;
use crate::zone_get::{self, Rrsets};
use crate::{ZoneDefaults, fields, names, offload, tsigkeys, zone_settings};

/// Creates the zone with all it comes with, and shows it.
pub(crate) async fn create(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let with_rrsets = call.query_flag("rrsets", true)?;
    let body = call.body.clone();
    let body = offload::run(body.len(), move || parse_json(&body)).await?;
    let name = names::zone_name(fields::string(&body, "name")?)?;
    call.scope.check_zone(name.apex())?;
    if api.state.store.zone(&name).await?.is_some() {
        return Err(ApiError::Conflict);
    }
    let mut tsig = ZoneEdit::default();
    tsigkeys::apply_to_zone(api, &body, &mut tsig).await?;
    let (zone, defaults, settings) = (name.clone(), api.state.defaults.clone(), api.state.settings.clone());
    let work = call.body.len().max(zone_settings::dnssec_work(&body, &defaults));
    let mut content = offload::run(work, move || new_zone(&body, &zone, &defaults, &settings)).await?;
    content.metadata.append(&mut tsig.metadata);
    content.actor = Some(call.actor.clone());
    api.state.store.create_zone(NewZone { name: name.clone(), content }).await?;
    await_publication(api, &name).await;
    let summary = api.state.store.zone(&name).await?.ok_or(ApiError::NotFound)?;
    let rrsets = match with_rrsets {
        true => Rrsets::Loaded(api.state.store.rrsets(summary.id, &RrsetFilter::default()).await?),
        false => Rrsets::LeftOut { record_count: 0 },
    };
    zone_get::view(api, StatusCode::CREATED, &summary, rrsets, with_rrsets && api.state.settings.stands_for(5, 2)).await
}

/// What the body asks for.
fn new_zone(
    body: &Value,
    name: &ZoneName,
    defaults: &ZoneDefaults,
    settings: &ApiSettings,
) -> Result<ZoneEdit, ApiError> {
    let zone = name.apex();
    let kind = ZoneKind::parse_lenient(fields::string(body, "kind")?);
    let is_secondary = matches!(kind, ZoneKind::Slave | ZoneKind::Consumer);
    let mut content = match (body["rrsets"].as_array(), fields::string_if_any(body, "zone").filter(|z| !z.is_empty())) {
        (Some(rrsets), Some(_)) if !rrsets.is_empty() => {
            return Err(invalid("You cannot give rrsets AND zone data as text"));
        }
        (_, Some(text)) => ZoneContent::from_zone_file(text, zone, defaults.ttl)?,
        (Some(rrsets), None) => ZoneContent::from_rrsets(rrsets, zone)?,
        (None, None) => ZoneContent::default(),
    };
    if kind == ZoneKind::Consumer && !content.is_empty() {
        return Err(invalid("Zone data MUST NOT be given for Consumer zones"));
    }
    add_nameservers(body, kind, zone, defaults, &mut content)?;
    // The creation itself is no exception to a zone's own switches; a new zone has no metadata that loosens hostnames.
    content.check(&RrsetContext { zone, hostnames: Hostnames::Strict, lua_updates: settings.lua_updates })?;
    let needs_soa = !is_secondary && !content.has(zone, RecordType::SOA);
    let mut changes = content.into_changes();
    if needs_soa {
        let serial = serial(body)?;
        let soa = defaults
            .soa_change(zone, serial)
            .map_err(|why| ApiError::Internal(format!("default-soa-content makes no SOA for {zone}: {why}")))?;
        changes.insert(0, soa);
    }
    let mut edit = ZoneEdit { rrsets: RrsetEdit::ReplaceAll(changes), ..ZoneEdit::default() };
    zone_settings::apply_plain(body, &mut edit)?;
    edit.kind = Some(kind);
    let is_set = edit.metadata.iter().any(|(kind, _)| kind == "SOA-EDIT-API");
    if !is_set && !defaults.soa_edit_api.is_empty() {
        edit.metadata.push(("SOA-EDIT-API".to_owned(), vec![defaults.soa_edit_api.clone()]));
    }
    if kind == ZoneKind::Master && edit.catalog.is_none() {
        edit.catalog = defaults.catalog.clone().map(Some);
    }
    zone_settings::apply_dnssec(body, name, false, defaults, &mut edit)?;
    if !defaults.api_rectify && !body["api_rectify"].as_bool().unwrap_or(false) {
        edit.rectify = Rectify::Skip;
    }
    Ok(edit)
}

/// The serial of the made-up SOA.
fn serial(body: &Value) -> Result<u32, ApiError> {
    match &body["serial"] {
        Value::Null => Ok(0),
        value => fields::integer(value)
            .and_then(|serial| u32::try_from(serial).ok())
            .ok_or_else(|| invalid("Key 'serial' is not an unsigned 32-bit Integer")),
    }
}

/// NS records at the apex from `nameservers`.
fn add_nameservers(
    body: &Value,
    kind: ZoneKind,
    zone: &Name,
    defaults: &ZoneDefaults,
    content: &mut ZoneContent,
) -> Result<(), ApiError> {
    let list = match &body["nameservers"] {
        Value::Null => return Ok(()),
        Value::Array(list) if list.is_empty() => return Ok(()),
        Value::Array(_) if kind == ZoneKind::Consumer => {
            return Err(invalid("Nameservers MUST NOT be given for Consumer zones"));
        }
        _ if matches!(kind, ZoneKind::Slave | ZoneKind::Consumer) => return Ok(()),
        Value::Array(list) => list,
        _ => return Err(invalid("Nameservers is not a list")),
    };
    if content.has(zone, RecordType::NS) {
        return Err(invalid("Nameservers list MUST NOT be mixed with zone-level NS in rrsets"));
    }
    let mut records = Vec::with_capacity(list.len());
    for item in list {
        let text = item.as_str().filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| invalid("Nameservers must be non-empty strings"))?;
        if !text.ends_with('.') {
            return Err(invalid(format!("Nameserver is not canonical: '{text}'")));
        }
        let content = content::from_api(RecordType::NS, text)
            .map_err(|why| invalid(format!("Record {zone}/NS '{text}': {why}")))?;
        records.push(InputRecord { content, disabled: false });
    }
    content.add(RrsetKey { name: zone.clone(), rtype: RecordType::NS }, defaults.ttl, records, None);
    Ok(())
}
