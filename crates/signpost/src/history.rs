//! `signpost history` and `signpost undo`: who changed what in a zone, and back.

use std::io::Write;

use anyhow::{Context, bail};
use store::{HistoryEntry, HistoryFilter, HistoryRrset, HistoryState, RrsetChange, StoredRecord};
use wire::{RecordType, ZoneName, content};

use crate::config::Settings;
use crate::database;

/// Prints the newest `count_max` changes of `zone`, the newest first.
///
/// # Errors
///
/// No database, no such zone, or `out` failed.
pub async fn history(settings: &Settings, zone: &str, count_max: u32, out: &mut dyn Write) -> anyhow::Result<()> {
    let zone = parse(zone)?;
    let database = settings.database.as_ref().context(NO_DATABASE)?;
    database::refuse_missing_file(database)?;
    let store = database::open_to_read(database, &settings.zones).await?;
    let entries = store.history(&zone, &HistoryFilter { before: None, count_max }).await?;
    if entries.is_empty() && store.zone(&zone).await?.is_none() {
        bail!("zone {zone} not found");
    }
    for entry in &entries {
        print(entry, out)?;
    }
    Ok(out.flush()?)
}

/// Takes the records and comments of `zone` back to how they were at `serial`, and prints what that changes.
///
/// # Errors
///
/// As [`history`]; and if history does not reach back to the serial, or others have written the zone since.
pub async fn undo(
    settings: &Settings,
    zone: &str,
    serial: u32,
    is_trial: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let zone = parse(zone)?;
    let database = settings.database.as_ref().context(NO_DATABASE)?;
    database::refuse_missing_file(database)?;
    let store = store::open(&database::store_settings(database, &settings.zones, true)).await?;
    let done = store::undo_to(store.as_ref(), &zone, serial, "signpost", is_trial).await;
    let (changes, commit) = done.with_context(|| format!("zone {zone} cannot be taken back to serial {serial}"))?;
    for change in &changes {
        match change {
            RrsetChange::Delete { name, rtype } => writeln!(out, "- {name} {rtype}")?,
            RrsetChange::Replace { name, rtype, ttl, records, .. } => {
                for record in records.iter().flatten() {
                    writeln!(out, "= {name} {ttl} {rtype} {}", text(*rtype, record))?;
                }
            }
            RrsetChange::DeleteOwned { .. } | RrsetChange::Extend { .. } | RrsetChange::Prune { .. } => {}
        }
    }
    match commit.and_then(|commit| commit.serials) {
        Some((_, new)) => writeln!(out, "Undone to serial {serial}; the zone now has serial {new}")?,
        None if changes.is_empty() => writeln!(out, "Nothing to undo")?,
        None if is_trial => writeln!(out, "Nothing was changed: this was a dry run")?,
        None => writeln!(out, "Undone to serial {serial}")?,
    }
    Ok(out.flush()?)
}

const NO_DATABASE: &str = "no database is configured: set database-url (SIGNPOST_DATABASE_URL, --database-url)";

fn parse(zone: &str) -> anyhow::Result<ZoneName> {
    ZoneName::parse(zone).with_context(|| format!("'{zone}' is not the name of a zone"))
}

fn print(entry: &HistoryEntry, out: &mut dyn Write) -> anyhow::Result<()> {
    let time = jiff::Timestamp::from_second(entry.written_at)?;
    let serial = |serial: Option<u32>| serial.map_or_else(|| "-".to_owned(), |serial| serial.to_string());
    let (before, after) = entry.serials;
    let actor = entry.actor.as_deref().unwrap_or("unknown");
    writeln!(out, "{time} serial {} -> {} by {actor}", serial(before), serial(after))?;
    if entry.is_after_gap {
        writeln!(out, "  ? the tables may have been written without Signpost before this")?;
    }
    for setting in &entry.settings {
        writeln!(out, "  * {setting}")?;
    }
    let Some(rrsets) = &entry.rrsets else {
        writeln!(out, "  ~ too many RRsets to be kept")?;
        return Ok(());
    };
    for rrset in rrsets {
        print_difference(rrset, out)?;
    }
    Ok(())
}

fn print_difference(rrset: &HistoryRrset, out: &mut dyn Write) -> anyhow::Result<()> {
    let lines = |state: &HistoryState| -> Vec<String> {
        let record = |(record, ttl): &(StoredRecord, u32)| {
            let disabled = if record.disabled { " (disabled)" } else { "" };
            format!("{} {ttl} {} {}{disabled}", rrset.name, rrset.rtype, text(rrset.rtype, record))
        };
        let comments = state.comments.iter().map(|comment| {
            format!("{} {} comment of {}: {}", rrset.name, rrset.rtype, comment.account, comment.content)
        });
        state.records.iter().map(record).chain(comments).collect()
    };
    let (old, new) = (lines(&rrset.old), lines(&rrset.new));
    for line in old.iter().filter(|line| !new.contains(line)) {
        writeln!(out, "  - {line}")?;
    }
    for line in new.iter().filter(|line| !old.contains(line)) {
        writeln!(out, "  + {line}")?;
    }
    Ok(())
}

fn text(rtype: RecordType, record: &StoredRecord) -> String {
    content::to_api(rtype, &record.content, Some(record.prio)).unwrap_or_else(|_| record.content.clone())
}
