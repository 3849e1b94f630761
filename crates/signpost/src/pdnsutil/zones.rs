//! create-zone, delete-zone, clear-zone, list-zone, list-all-zones, set-kind, set-account, increase-serial.

use store::{
    NewZone, Rectify, RrsetChange, RrsetEdit, RrsetFilter, SerialBump, StoreError, StoredRrset, ZoneEdit, ZoneFilter,
    ZoneKind,
};
use wire::RecordType;

use super::commands::Spelling;
use super::output::{Failure, Outcome};
use super::{Tool, content};

pub(super) async fn create(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let zone = Tool::zone_name(&parameters[0])?;
    let shown = zone.to_dotless();
    if tool.store.zone(&zone).await?.is_some() {
        return Err(Failure::Said(format!("Zone '{shown}' exists already")));
    }
    let soa = tool
        .defaults
        .soa_change(zone.apex(), 0)
        .map_err(|error| Failure::Said(format!("Error: default-soa-content does not make a SOA: {error}")))?;
    let mut changes = vec![soa];
    tool.output.chatter(format_args!("Creating empty zone '{shown}'"));
    if let Some(nameserver) = parameters.get(1) {
        let nameserver = Tool::name(nameserver)?;
        tool.output.data("Also adding one NS record");
        changes.push(RrsetChange::Replace {
            name: zone.apex().clone(),
            rtype: RecordType::NS,
            ttl: tool.defaults.ttl,
            records: Some(vec![content::parse(RecordType::NS, &nameserver.to_string())?]),
            comments: None,
        });
    }
    // From 5.0 on, not before: PDNS-DIALECT 12.3.
    let metadata = match (tool.spelling, tool.defaults.soa_edit_api.as_str()) {
        (Spelling::Old, _) | (_, "") => Vec::new(),
        (Spelling::New, mode) => vec![("SOA-EDIT-API".to_owned(), vec![mode.to_owned()])],
    };
    let edit = ZoneEdit {
        rrsets: RrsetEdit::ReplaceAll(changes),
        kind: Some(ZoneKind::Native),
        account: Some(String::new()),
        metadata,
        serial: SerialBump::Keep,
        rectify: Rectify::Whole,
        actor: Some("pdnsutil".to_owned()),
        ..ZoneEdit::default()
    };
    match tool.store.create_zone(NewZone { name: zone, content: edit }).await {
        Err(StoreError::Exists { .. }) => Err(Failure::Said(format!("Zone '{shown}' exists already"))),
        other => {
            other?;
            Ok(())
        }
    }
}

pub(super) async fn delete(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let zone = Tool::zone_name(&parameters[0])?;
    match tool.store.delete_zone(&zone, "pdnsutil").await {
        Err(StoreError::NotFound { .. }) => Err(not_found(&zone)),
        other => Ok(other?),
    }
}

pub(super) async fn clear(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let zone = Tool::zone_name(&parameters[0])?;
    let edit = ZoneEdit { rrsets: RrsetEdit::ReplaceAll(Vec::new()), serial: SerialBump::Keep, ..ZoneEdit::default() };
    tool.edit(&zone, edit, || format!("Zone '{}' not found!", zone.to_dotless())).await?;
    Ok(())
}

/// Zones without an enabled SOA are not served, and shown only when asked for.
pub(super) async fn list_all(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let kind = match parameters.first().map(|word| word.to_ascii_lowercase()) {
        None => None,
        Some(word) => match word.as_str() {
            "primary" | "master" => Some(ZoneKind::Master),
            "secondary" | "slave" => Some(ZoneKind::Slave),
            "native" => Some(ZoneKind::Native),
            "producer" => Some(ZoneKind::Producer),
            "consumer" => Some(ZoneKind::Consumer),
            _ => {
                return Err(Failure::said(
                    "Syntax: pdnsutil list-all-zones [primary|secondary|native|producer|consumer]",
                ));
            }
        },
    };
    let mut count = 0;
    for zone in tool.store.zones(&ZoneFilter { without_dnssec: true, ..ZoneFilter::default() }).await? {
        let is_wanted = kind.is_none_or(|kind| kind == zone.kind) && (zone.serial.is_some() || tool.is_verbose);
        if is_wanted {
            tool.output.data(zone.name.to_dotless());
            count += 1;
        }
    }
    if tool.is_verbose {
        let kind = parameters.first().map_or("All", String::as_str);
        tool.output.data(format_args!("{kind} zonecount: {count}"));
    }
    Ok(())
}

pub(super) async fn list(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let zone = Tool::zone_name(&parameters[0])?;
    let summary = tool.zone(&zone, || format!("Zone '{}' not found!", zone.to_dotless())).await?;
    let mut rrsets = tool.store.rrsets(summary.id, &RrsetFilter::default()).await?;
    let sort_key = |rrset: &StoredRrset| (rrset.name.to_dotless(), rrset.rtype.to_string());
    rrsets.sort_by_cached_key(sort_key);
    tool.output.data("$ORIGIN .");
    for rrset in &rrsets {
        let name = match tool.spelling {
            Spelling::Old => rrset.name.to_dotless(),
            Spelling::New => rrset.name.to_string(),
        };
        for record in rrset.records.iter().filter(|record| !record.disabled) {
            let text = match tool.spelling {
                Spelling::Old => content::half_dotted_text(rrset.rtype, record),
                Spelling::New => content::dotted_text(rrset.rtype, record),
            };
            tool.output.data(format_args!("{name}\t{}\tIN\t{}\t{text}", rrset.ttl, rrset.rtype));
        }
    }
    Ok(())
}

/// An unknown kind becomes Native, as in PowerDNS (PDNS-DIALECT section 17, 3).
pub(super) async fn set_kind(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let zone = Tool::zone_name(&parameters[0])?;
    let edit = ZoneEdit {
        kind: Some(ZoneKind::parse_lenient(&parameters[1])),
        serial: SerialBump::Keep,
        ..ZoneEdit::default()
    };
    tool.edit(&zone, edit, || format!("No such zone {} in the database", zone.to_dotless())).await?;
    Ok(())
}

pub(super) async fn set_account(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let zone = Tool::zone_name(&parameters[0])?;
    let edit = ZoneEdit { account: Some(parameters[1].clone()), serial: SerialBump::Keep, ..ZoneEdit::default() };
    tool.edit(&zone, edit, || format!("No such zone {} in the database", zone.to_dotless())).await?;
    Ok(())
}

pub(super) async fn increase_serial(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let zone = Tool::zone_name(&parameters[0])?;
    let shown = zone.to_dotless();
    let missing = || format!("No SOA for zone '{shown}'");
    if tool.zone(&zone, missing).await?.serial.is_none() {
        return Err(Failure::Said(missing()));
    }
    let edit = ZoneEdit { serial: SerialBump::Increase, ..ZoneEdit::default() };
    let commit = tool.edit(&zone, edit, missing).await?;
    let serial = match commit.serials {
        Some((_, new)) => new,
        None => tool.zone(&zone, missing).await?.serial.unwrap_or_default(),
    };
    tool.output.data(format_args!("SOA serial for zone {shown} set to {serial}"));
    Ok(())
}

fn not_found(zone: &wire::ZoneName) -> Failure {
    Failure::Said(format!("Zone '{}' not found!", zone.to_dotless()))
}
