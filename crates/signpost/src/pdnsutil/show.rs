//! show-zone and export-zone-ds.

use api::keys::{KeyDescription, KeyType, algorithm_name, describe_all};
use store::{ZoneKind, ZoneSummary};
use wire::Name;

use super::Tool;
use super::output::{Failure, Outcome};

pub(super) async fn show(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let zone = Tool::zone_name(&parameters[0])?;
    let summary = tool.zone(&zone, || "No such zone in the database".to_owned()).await?;
    let metadata = tool.store.metadata(summary.id).await?;
    let values = |kind: &str| {
        metadata.iter().find(|(present, _)| present == kind).map(|(_, values)| values.as_slice()).unwrap_or_default()
    };
    let keys = describe_all(zone.apex(), &tool.store.keys(summary.id).await?, "");

    if !summary.account.is_empty() {
        tool.output.data(format_args!("This zone is owned by {}", summary.account));
    }
    tool.output.data(format_args!("This is a {} zone", summary.kind.as_api()));
    show_transfers(tool, &summary);
    let is_presigned = values("PRESIGNED").first().is_some_and(|value| value == "1");
    if !summary.is_secured && !is_presigned {
        tool.output.data("Zone is not actively secured");
    }
    for (kind, text) in [
        ("TSIG-ALLOW-AXFR", "Zone has following allowed TSIG key(s): "),
        ("AXFR-MASTER-TSIG", "Zone uses following TSIG key(s): "),
    ] {
        if !values(kind).is_empty() {
            tool.output.data(format_args!("{text}{}", values(kind).join(",")));
        }
    }
    if metadata.is_empty() {
        tool.output.data("Metadata items: None");
    } else {
        tool.output.data("Metadata items: ");
        for (kind, values) in &metadata {
            for value in values {
                tool.output.data(format_args!("\t{kind}\t{value}"));
            }
        }
    }
    if is_presigned {
        tool.output.data("Zone is presigned");
    }
    // Of a presigned zone the keys in the database are not used.
    if keys.is_empty() || is_presigned {
        tool.output.chatter(format_args!("No keys for zone '{}'.", zone.to_dotless()));
    } else {
        tool.output.data(semantics(&summary));
        tool.output.data("keys: ");
        for key in &keys {
            show_key(tool, zone.apex(), key);
        }
    }
    if !summary.options.is_empty() {
        tool.output.data(format_args!("Options:\n{}", summary.options));
    }
    if let Some(catalog) = &summary.catalog {
        tool.output.data(format_args!("Catalog: \n{}", catalog.to_dotless()));
    }
    Ok(())
}

/// What concerns primaries and secondaries.
fn show_transfers(tool: &mut Tool, zone: &ZoneSummary) {
    match zone.kind {
        ZoneKind::Native => {}
        ZoneKind::Master | ZoneKind::Producer => {
            let (notified, serial) = (zone.notified_serial, zone.serial.unwrap_or_default());
            let sign = if notified == serial { "==" } else { "!=" };
            tool.output.data(format_args!(
                "Last SOA serial number we notified: {notified} {sign} {serial} (serial in the database)"
            ));
        }
        ZoneKind::Slave | ZoneKind::Consumer => {
            let label = if zone.masters.len() == 1 { "Primary" } else { "Primaries" };
            let primaries: String = zone.masters.iter().map(|primary| with_port(primary) + " ").collect();
            tool.output.data(format_args!("{label}: {primaries}"));
            let checked = match jiff::Timestamp::from_second(zone.last_check) {
                Ok(at) if zone.last_check > 0 => {
                    at.to_zoned_datetime(jiff::tz::TimeZone::system()).strftime("%a %Y-%m-%d %H:%M:%S").to_string()
                }
                _ => "Never".to_owned(),
            };
            tool.output.data(format_args!("Last time we got update from primary: {checked}"));
            match zone.serial {
                Some(serial) => tool.output.data(format_args!("SOA serial in database: {serial}")),
                None => tool.output.data("No SOA serial found in database"),
            }
        }
    }
}

fn with_port(primary: &str) -> String {
    match primary.parse::<std::net::IpAddr>() {
        Ok(address) => std::net::SocketAddr::new(address, 53).to_string(),
        Err(_) => primary.to_owned(),
    }
}

fn semantics(zone: &ZoneSummary) -> String {
    match &zone.nsec3param {
        Some(params) => {
            let narrow = if zone.nsec3narrow { "NARROW " } else { "" };
            format!("Zone has {narrow}hashed NSEC3 semantics, configuration: {params}")
        }
        None => "Zone has NSEC semantics".to_owned(),
    }
}

fn show_key(tool: &mut Tool, zone: &Name, key: &KeyDescription) {
    let keytype = key.keytype.as_str().to_ascii_uppercase();
    let algorithm = algorithm_name(key.algorithm);
    let (tag, bits) = match &key.public {
        Ok(public) => (public.key_tag.to_string(), public.bits.to_string()),
        Err(_) => ("?".to_owned(), "?".to_owned()),
    };
    let active = if key.active { "  Active" } else { "Inactive" };
    let published = if key.published { " Published" } else { " Unpublished" };
    tool.output.data(format_args!(
        "ID = {} ({keytype}), flags = {}, tag = {tag}, algo = {}, bits = {bits}\t{active}\t{published}  ( {algorithm} ) ",
        key.id, key.flags, key.algorithm
    ));
    match &key.public {
        Ok(public) if key.keytype != KeyType::Zsk => {
            tool.output.data(format_args!("{keytype} DNSKEY = {zone} IN DNSKEY {} ; ( {algorithm} )", public.dnskey));
            for line in ds_lines(zone, key) {
                tool.output.data(format_args!("DS = {line}"));
            }
        }
        Ok(_) | Err(_) => {}
    }
    if let Some(why) = &key.unusable {
        tool.output.chatter(format_args!("Key {} cannot be used: {why}", key.id));
    }
}

/// `zone. IN DS ...`, a line for each digest.
fn ds_lines(zone: &Name, key: &KeyDescription) -> Vec<String> {
    let Ok(public) = &key.public else { return Vec::new() };
    let digest_name = |digest_type| if digest_type == 4 { "SHA-384" } else { "SHA256" };
    let line = |ds: &api::keys::Ds| format!("{zone} IN DS {} ; ( {} digest )", ds.text, digest_name(ds.digest_type));
    public.ds.iter().map(line).collect()
}

pub(super) async fn export_ds(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let zone = Tool::zone_name(&parameters[0])?;
    let summary = tool.zone(&zone, || "No such zone in the database".to_owned()).await?;
    let keys = describe_all(zone.apex(), &tool.store.keys(summary.id).await?, "");
    if keys.is_empty() || !summary.is_secured {
        return Err(Failure::said("Zone is not actively secured"));
    }
    for line in keys.iter().filter(|key| key.keytype != KeyType::Zsk).flat_map(|key| ds_lines(zone.apex(), key)) {
        tool.output.data(line);
    }
    Ok(())
}
