//! Records as `pdnsutil` takes and shows them.

use store::{StoredRecord, StoredRrset};
use wire::{Name, RecordType};

use super::output::Failure;

/// The record type of a word.
pub(super) fn rtype(text: &str) -> Result<RecordType, Failure> {
    text.parse().map_err(|_| Failure::Said(format!("Error: '{text}' is not a record type")))
}

/// A content from the command line or a zone file's field, names relative to the root.
pub(super) fn parse(rtype: RecordType, text: &str) -> Result<StoredRecord, Failure> {
    let content = wire::content::from_zone_file(rtype, text, &Name::root()).map_err(|error| {
        Failure::Said(format!("Error: Parsing record content (try 'pdnsutil check-zone'): {error}"))
    })?;
    Ok(StoredRecord { content: content.stored, prio: content.prio, disabled: false })
}

/// The content with its priority, as the columns hold it: names without final dots.
pub(super) fn stored_text(rtype: RecordType, record: &StoredRecord) -> String {
    match rtype {
        RecordType::MX | RecordType::SRV => format!("{} {}", record.prio, record.content),
        _ => record.content.clone(),
    }
}

/// The content as a master file has it: final dots on names. One that cannot be read is shown as stored.
pub(super) fn dotted_text(rtype: RecordType, record: &StoredRecord) -> String {
    wire::content::to_api(rtype, &record.content, Some(record.prio)).unwrap_or_else(|_| stored_text(rtype, record))
}

/// `www.example.test. 300 IN A 192.0.2.1`, a line for each record.
pub(super) fn lines(rrset: &StoredRrset) -> impl Iterator<Item = String> + '_ {
    rrset
        .records
        .iter()
        .map(|record| format!("{} {} IN {} {}", rrset.name, rrset.ttl, rrset.rtype, stored_text(rrset.rtype, record)))
}

/// The content as 4.7's `list-zone` prints it: as stored, with a final dot where that is all of a dot there can be.
pub(super) fn half_dotted_text(rtype: RecordType, record: &StoredRecord) -> String {
    let mut text = stored_text(rtype, record);
    let ends_in_name = matches!(rtype, RecordType::NS | RecordType::MX | RecordType::SRV | RecordType::CNAME);
    if ends_in_name && !text.is_empty() && !text.ends_with('.') {
        text.push('.');
    }
    text
}
