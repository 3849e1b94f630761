//! add-record, replace-rrset, delete-rrset.

use store::{RrsetChange, RrsetEdit, RrsetFilter, StoreError, StoredRecord, StoredRrset, ZoneEdit};
use wire::{Name, RecordType, ZoneName};

use super::commands::Spelling;
use super::output::{Failure, Outcome};
use super::{Tool, content};

/// How often a change is tried while others change the same RRset.
const ATTEMPTS_MAX: u32 = 5;

/// What the parameters `ZONE NAME TYPE [TTL] CONTENT...` say.
struct Wanted {
    zone: ZoneName,
    name: Name,
    rtype: RecordType,
    ttl: u32,
    records: Vec<StoredRecord>,
}

pub(super) async fn add(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let wanted = parse(tool, parameters)?;
    // Another writer may come between reading and changing; then the change is refused, and what is there read again.
    for attempt in 1.. {
        let present = present(tool, &wanted).await?;
        refuse_cname_conflict(&present, &wanted)?;
        let changes = added(&present, &wanted);
        let edit = ZoneEdit { rrsets: RrsetEdit::Patch(changes), ..ZoneEdit::default() };
        match tool.edit(&wanted.zone, edit, || no_such_zone(&wanted.zone)).await {
            Err(Failure::Store(StoreError::Refused(_))) if attempt < ATTEMPTS_MAX => continue,
            other => other?,
        };
        break;
    }
    show(tool, &wanted).await
}

/// The changes that add the records. An RRset has one TTL (RFC 2181 section 5.2), that of what is added last: records
/// with another one are taken out and put back.
fn added(present: &[StoredRrset], wanted: &Wanted) -> Vec<RrsetChange> {
    let extend = |record: &StoredRecord| RrsetChange::Extend {
        name: wanted.name.clone(),
        rtype: wanted.rtype,
        ttl: wanted.ttl,
        record: record.clone(),
    };
    let mut changes = Vec::new();
    let other_ttl =
        |rrset: &&StoredRrset| rrset.rtype == wanted.rtype && rrset.ttl != wanted.ttl && !rrset.records.is_empty();
    if let Some(rrset) = present.iter().find(other_ttl) {
        changes.extend(rrset.records.iter().map(|record| RrsetChange::Prune {
            name: wanted.name.clone(),
            rtype: wanted.rtype,
            ttl: rrset.ttl,
            record: record.clone(),
        }));
        changes.extend(rrset.records.iter().map(extend));
    }
    changes.extend(wanted.records.iter().map(extend));
    changes
}

pub(super) async fn replace(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let wanted = parse(tool, parameters)?;
    tool.zone(&wanted.zone, || no_such_zone(&wanted.zone)).await?;
    let which = match tool.spelling {
        Spelling::Old => "Current records",
        Spelling::New => "All existing records",
    };
    tool.output.data(format_args!("{which} for {} IN {} will be replaced", wanted.name.to_dotless(), wanted.rtype));
    let replace = RrsetChange::Replace {
        name: wanted.name.clone(),
        rtype: wanted.rtype,
        ttl: wanted.ttl,
        records: Some(wanted.records.clone()),
        comments: None,
    };
    let edit = ZoneEdit { rrsets: RrsetEdit::Patch(vec![replace]), ..ZoneEdit::default() };
    tool.edit(&wanted.zone, edit, || no_such_zone(&wanted.zone)).await?;
    show(tool, &wanted).await
}

pub(super) async fn delete(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let zone = Tool::zone_name(&parameters[0])?;
    let name = owner(tool.spelling, &parameters[1], zone.apex())?;
    let delete = RrsetChange::Delete { name, rtype: content::rtype(&parameters[2])? };
    let edit = ZoneEdit { rrsets: RrsetEdit::Patch(vec![delete]), ..ZoneEdit::default() };
    tool.edit(&zone, edit, || no_such_zone(&zone)).await?;
    Ok(())
}

fn parse(tool: &Tool, parameters: &[String]) -> Result<Wanted, Failure> {
    let zone = Tool::zone_name(&parameters[0])?;
    let name = owner(tool.spelling, &parameters[1], zone.apex())?;
    let rtype = content::rtype(&parameters[2])?;
    // A number is the TTL if a content follows it.
    let ttl = parameters[3].parse().ok().filter(|_| parameters.len() > 4);
    let contents = &parameters[if ttl.is_some() { 4 } else { 3 }..];
    let ttl: u32 = ttl.unwrap_or(tool.defaults.ttl);
    if ttl > i32::MAX.unsigned_abs() {
        return Err(Failure::Said(format!("Error: TTL {ttl} is above 2147483647")));
    }
    let mut records = Vec::new();
    for text in contents {
        let record = content::parse(rtype, text)?;
        if !records.contains(&record) {
            records.push(record);
        }
    }
    Ok(Wanted { zone, name, rtype, ttl, records })
}

/// The owner: relative to the zone up to 4.9 unless it ends with a dot, absolute from 5.0 on; `@` is the apex.
fn owner(spelling: Spelling, text: &str, zone: &Name) -> Result<Name, Failure> {
    let parsed = match spelling {
        _ if text == "@" => return Ok(zone.clone()),
        Spelling::Old => Name::parse_relative(text, zone),
        Spelling::New => Name::parse(text),
    };
    let name = parsed.map_err(|source| Failure::Name { text: text.to_owned(), source })?.to_lowercase();
    if !name.is_under(zone) {
        return Err(Failure::Said(format!("Name '{name}' is not part of zone '{zone}'")));
    }
    Ok(name)
}

/// Everything at the owner.
async fn present(tool: &Tool, wanted: &Wanted) -> Result<Vec<StoredRrset>, Failure> {
    let zone = tool.zone(&wanted.zone, || no_such_zone(&wanted.zone)).await?;
    Ok(tool.store.rrsets(zone.id, &RrsetFilter { name: Some(wanted.name.clone()), rtype: None }).await?)
}

fn refuse_cname_conflict(present: &[StoredRrset], wanted: &Wanted) -> Outcome {
    let mut others = present.iter().filter(|rrset| rrset.records.iter().any(|record| !record.disabled));
    let shown = wanted.name.to_dotless();
    if wanted.rtype == RecordType::CNAME && others.next().is_some() {
        return Err(Failure::Said(format!("Attempting to add CNAME to {shown} which already had existing records")));
    }
    if wanted.rtype != RecordType::CNAME && others.any(|rrset| rrset.rtype == RecordType::CNAME) {
        return Err(Failure::Said(format!("Attempting to add record to {shown} which already had a CNAME record")));
    }
    Ok(())
}

async fn show(tool: &mut Tool, wanted: &Wanted) -> Outcome {
    let zone = tool.zone(&wanted.zone, || no_such_zone(&wanted.zone)).await?;
    let filter = RrsetFilter { name: Some(wanted.name.clone()), rtype: Some(wanted.rtype) };
    tool.output.data("New rrset:");
    for rrset in tool.store.rrsets(zone.id, &filter).await? {
        for line in content::lines(&rrset) {
            tool.output.data(line);
        }
    }
    Ok(())
}

fn no_such_zone(zone: &ZoneName) -> String {
    format!("Zone '{}' does not exist", zone.to_dotless())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_relative_in_the_old_spelling_and_absolute_in_the_new() {
        let zone = Name::parse("example.test").unwrap();
        let owner =
            |spelling, text| owner(spelling, text, &zone).map(|name| name.to_string()).map_err(|e| e.to_string());
        assert_eq!(owner(Spelling::Old, "www").unwrap(), "www.example.test.");
        assert_eq!(owner(Spelling::Old, "WWW.example.test.").unwrap(), "www.example.test.");
        assert_eq!(owner(Spelling::Old, "@").unwrap(), "example.test.");
        assert_eq!(owner(Spelling::New, "www.example.test").unwrap(), "www.example.test.");
        assert_eq!(owner(Spelling::New, "www").unwrap_err(), "Name 'www.' is not part of zone 'example.test.'");
    }
}
