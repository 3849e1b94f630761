//! set-catalog, list-member-zones, set-option, set-options-json.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use store::{Rectify, SerialBump, ZoneEdit, ZoneFilter, ZoneKind};
use wire::ZoneName;

use super::Tool;
use super::commands::Spelling;
use super::output::{Failure, Outcome};

/// Without a catalog, or with an empty one, the zone is in none.
pub(super) async fn set(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let zone = Tool::zone_name(&parameters[0])?;
    let catalog = match parameters.get(1).map(String::as_str) {
        None if tool.spelling == Spelling::Old => return Err(Failure::Usage),
        None | Some("") => None,
        Some(text) => Some(Tool::name(text)?),
    };
    let edit = ZoneEdit { catalog: Some(catalog), ..quiet_edit() };
    tool.edit(&zone, edit, || no_such_zone(&zone)).await?;
    Ok(())
}

pub(super) async fn list_members(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let catalog = Tool::zone_name(&parameters[0])?;
    let summary = tool.zone(&catalog, || no_such_zone(&catalog)).await?;
    if !matches!(summary.kind, ZoneKind::Producer | ZoneKind::Consumer) {
        return Err(Failure::Said(format!("Zone '{}' is not a catalog zone", catalog.to_dotless())));
    }
    let mut count = 0;
    for zone in tool.store.zones(&ZoneFilter { without_dnssec: true, ..ZoneFilter::default() }).await? {
        if zone.catalog.as_ref().is_some_and(|of| of == catalog.apex()) {
            tool.output.data(zone.name.to_dotless());
            count += 1;
        }
    }
    if tool.is_verbose {
        tool.output.data(format_args!("All zonecount: {count}"));
    }
    Ok(())
}

/// `ZONE producer|consumer coo|unique|group VALUE...`; an empty value removes the option.
pub(super) async fn set_option(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let usage = || {
        let command = if tool.spelling == Spelling::Old { "set-option" } else { "zone set-option" };
        Failure::Said(format!(
            "Syntax: pdnsutil {command} ZONE [producer|consumer] [coo|unique|group] VALUE [VALUE ...]"
        ))
    };
    let [zone, side, option, values @ ..] = parameters else { return Err(usage()) };
    let is_known = ["producer", "consumer"].contains(&&side[..]) && ["coo", "unique", "group"].contains(&&option[..]);
    if !is_known || values.is_empty() || (option != "group" && values.len() > 1) {
        return Err(usage());
    }
    let zone = Tool::zone_name(zone)?;
    let summary = tool.zone(&zone, || no_such_zone(&zone)).await?;
    let mut options = read(&summary.options)?;
    let entry = options.entry(side.as_str()).or_insert_with(|| Value::Object(Map::new()));
    let Value::Object(entry) = entry else {
        return Err(Failure::Said(format!("Error: the options of '{}' have no object '{side}'", zone.to_dotless())));
    };
    let given: BTreeSet<&String> = values.iter().filter(|value| !value.is_empty()).collect();
    match (option.as_str(), given.first()) {
        (_, None) => drop(entry.remove(option.as_str())),
        ("group", _) => drop(entry.insert(option.clone(), given.iter().map(|value| value.as_str()).collect())),
        // Where the zone goes, and the label it has in the catalog, are names.
        (_, Some(value)) => drop(entry.insert(option.clone(), Value::String(Tool::name(value)?.to_string()))),
    }
    let text = api::json_text(&Value::Object(options));
    tool.edit(&zone, ZoneEdit { options: Some(Some(text)), ..quiet_edit() }, || no_such_zone(&zone)).await?;
    Ok(())
}

pub(super) async fn set_options_json(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let [zone, text] = parameters else {
        return Err(Failure::said("Syntax: pdnsutil set-options-json ZONE JSON"));
    };
    let zone = Tool::zone_name(zone)?;
    read(text)?;
    let options = Some(text.clone()).filter(|text| !text.is_empty());
    tool.edit(&zone, ZoneEdit { options: Some(options), ..quiet_edit() }, || no_such_zone(&zone)).await?;
    Ok(())
}

fn read(text: &str) -> Result<Map<String, Value>, Failure> {
    if text.is_empty() {
        return Ok(Map::new());
    }
    let options: Value =
        serde_json::from_str(text).map_err(|why| Failure::Said(format!("Parsing of JSON document failed:{why}")))?;
    match options {
        Value::Object(options) => Ok(options),
        _ => Err(Failure::said("Parsing of JSON document failed:options are not an object")),
    }
}

fn quiet_edit() -> ZoneEdit {
    ZoneEdit { serial: SerialBump::Keep, rectify: Rectify::Skip, ..ZoneEdit::default() }
}

fn no_such_zone(zone: &ZoneName) -> String {
    format!("No such zone {} in the database", zone.to_dotless())
}
