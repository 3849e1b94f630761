//! get-meta, set-meta, add-meta, and the commands that set one kind.

use store::{Rectify, SerialBump, ZoneEdit};
use wire::ZoneName;

use super::Tool;
use super::output::{Failure, Outcome};

/// Longest kind, as the column holds it (PDNS-DIALECT section 12.3).
const KIND_OCTETS_MAX: usize = 32;

pub(super) async fn get(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let zone = Tool::zone_name(&parameters[0])?;
    let summary = tool.zone(&zone, || invalid_zone(&zone)).await?;
    let metadata = tool.store.metadata(summary.id).await?;
    tool.output.data(format_args!("Metadata for '{}'", zone.to_dotless()));
    if parameters.len() == 1 {
        for (kind, values) in &metadata {
            tool.output.data(format_args!("{kind} = {}", values.join(", ")));
        }
    }
    for kind in &parameters[1..] {
        let values = metadata.iter().find(|(present, _)| present == kind).map(|(_, values)| values.join(", "));
        tool.output.data(format_args!("{kind} = {}", values.unwrap_or_default()));
    }
    Ok(())
}

pub(super) async fn set(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let (zone, kind) = (Tool::zone_name(&parameters[0])?, kind(&parameters[1])?);
    let edit = ZoneEdit { metadata: vec![(kind.clone(), parameters[2..].to_vec())], ..quiet_edit() };
    tool.edit(&zone, edit, || invalid_zone(&zone)).await?;
    confirm(tool, &zone, &kind).await
}

pub(super) async fn add(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let (zone, kind) = (Tool::zone_name(&parameters[0])?, kind(&parameters[1])?);
    let edit = ZoneEdit { metadata_added: vec![(kind.clone(), parameters[2..].to_vec())], ..quiet_edit() };
    tool.edit(&zone, edit, || invalid_zone(&zone)).await?;
    confirm(tool, &zone, &kind).await
}

async fn confirm(tool: &mut Tool, zone: &ZoneName, kind: &str) -> Outcome {
    let summary = tool.zone(zone, || invalid_zone(zone)).await?;
    let metadata = tool.store.metadata(summary.id).await?;
    let values = metadata.iter().find(|(present, _)| present == kind).map(|(_, values)| values.join(", "));
    tool.output.data(format_args!("Set '{}' meta {kind} = {}", zone.to_dotless(), values.unwrap_or_default()));
    Ok(())
}

/// Sets one kind to these values, or removes it without any.
pub(super) async fn put_silently(tool: &mut Tool, parameters: &[String], kind: &str, values: &[&str]) -> Outcome {
    let zone = Tool::zone_name(&parameters[0])?;
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    let edit = ZoneEdit { metadata: vec![(kind.to_owned(), values)], ..quiet_edit() };
    tool.edit(&zone, edit, || invalid_zone(&zone)).await?;
    Ok(())
}

/// Digest types of the CDS records, SHA-256 alone if none are named (RFC 8624 section 3.3).
pub(super) async fn set_publish_cds(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let types = parameters.get(1).map_or("2", String::as_str);
    if !types.split(',').all(|digest_type| digest_type.trim().parse::<u8>().is_ok()) {
        return Err(Failure::Said(format!("Error: '{types}' is not a list of digest types")));
    }
    put_silently(tool, parameters, "PUBLISH-CDS", &[types]).await
}

/// `delete` publishes the CDNSKEY that asks the parent to remove its DS (RFC 8078 section 4).
pub(super) async fn set_publish_cdnskey(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let value = match parameters.get(1).map(String::as_str) {
        None => "1",
        Some("delete") => "0",
        Some(_) => return Err(Failure::Usage),
    };
    put_silently(tool, parameters, "PUBLISH-CDNSKEY", &[value]).await
}

fn quiet_edit() -> ZoneEdit {
    ZoneEdit { serial: SerialBump::Keep, rectify: Rectify::Touched, ..ZoneEdit::default() }
}

fn kind(text: &str) -> Result<String, Failure> {
    if text.is_empty() || text.len() > KIND_OCTETS_MAX {
        return Err(Failure::Said(format!("Error: metadata kind '{text}' is not of 1 to {KIND_OCTETS_MAX} octets")));
    }
    Ok(text.to_owned())
}

fn invalid_zone(zone: &ZoneName) -> String {
    format!("Invalid zone '{}'", zone.to_dotless())
}
