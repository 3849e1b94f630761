//! load-zone: a zone from a master file.

use std::collections::BTreeMap;

use store::{NewZone, Rectify, RrsetChange, RrsetEdit, SerialBump, StoredRecord, ZoneEdit, ZoneKind};
use wire::zonefile::ZoneFileRecord;
use wire::{Name, RecordType};

use super::Tool;
use super::output::{Failure, Outcome};

/// Longest master file, in octets.
const FILE_BYTES_MAX: u64 = 2 << 30;

pub(super) async fn load(tool: &mut Tool, parameters: &[String]) -> Outcome {
    if !parameters.len().is_multiple_of(2) {
        return Err(Failure::Usage);
    }
    for pair in parameters.chunks_exact(2) {
        load_one(tool, &pair[0], &pair[1]).await?;
    }
    Ok(())
}

async fn load_one(tool: &mut Tool, zone: &str, file: &str) -> Outcome {
    let zone = Tool::zone_name(zone)?;
    let shown = zone.to_dotless();
    let exists = tool.store.zone(&zone).await?.is_some();
    tool.output.chatter(match exists {
        true => format!("Zone '{shown}' exists already, replacing contents"),
        false => format!("Creating '{shown}'"),
    });
    let records = wire::zonefile::parse(&read(file)?, zone.apex(), tool.defaults.ttl)
        .map_err(|error| Failure::Said(format!("Error: {file}: {error}")))?;
    let edit = ZoneEdit {
        rrsets: RrsetEdit::ReplaceAll(changes(records, zone.apex())?),
        // The file's serial is what its writer wants.
        serial: SerialBump::Keep,
        rectify: Rectify::Whole,
        actor: Some("pdnsutil".to_owned()),
        ..ZoneEdit::default()
    };
    if exists {
        tool.edit(&zone, edit, || format!("Zone '{shown}' not found!")).await?;
    } else {
        let content = ZoneEdit { kind: Some(ZoneKind::Native), account: Some(String::new()), ..edit };
        tool.store.create_zone(NewZone { name: zone, content }).await?;
    }
    Ok(())
}

/// The text of a master file.
pub(super) fn read(file: &str) -> Result<String, Failure> {
    let unable = |error: std::io::Error| Failure::Said(format!("Error: Unable to open file '{file}': {error}"));
    let length = std::fs::metadata(file).map_err(unable)?.len();
    if length > FILE_BYTES_MAX {
        return Err(Failure::Said(format!("Error: file '{file}' has {length} octets, more than {FILE_BYTES_MAX}")));
    }
    let octets = std::fs::read(file).map_err(unable)?;
    // Master files are ASCII; some hold Latin-1 in comments, which must not stop the load.
    Ok(match String::from_utf8(octets) {
        Ok(text) => text,
        Err(error) => error.into_bytes().into_iter().map(char::from).collect(),
    })
}

/// One `Replace` for each RRset; the least TTL of its records counts (RFC 2181 section 5.2).
fn changes(records: Vec<ZoneFileRecord>, zone: &Name) -> Result<Vec<RrsetChange>, Failure> {
    let mut rrsets: BTreeMap<(Name, RecordType), (u32, Vec<StoredRecord>)> = BTreeMap::new();
    for record in records {
        if !record.name.is_under(zone) {
            return Err(Failure::Said(format!(
                "File contains record named '{}' which is not part of zone '{}'",
                record.name.to_dotless(),
                zone.to_dotless()
            )));
        }
        let stored = StoredRecord { content: record.content.stored, prio: record.content.prio, disabled: false };
        let entry = rrsets.entry((record.name.to_lowercase(), record.rtype)).or_insert((record.ttl, Vec::new()));
        entry.0 = entry.0.min(record.ttl);
        if !entry.1.contains(&stored) {
            entry.1.push(stored);
        }
    }
    let changes = rrsets.into_iter().map(|((name, rtype), (ttl, records))| RrsetChange::Replace {
        name,
        rtype,
        ttl,
        records: Some(records),
        comments: None,
    });
    Ok(changes.collect())
}
