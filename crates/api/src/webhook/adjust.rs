//! `/adjustendpoints`: what is wanted, in the form in which it will be read again. Whatever would differ would be planned as a
//! change at every interval.

use std::collections::BTreeSet;

use wire::RecordType;

use super::endpoint::{ALIAS_PROPERTY, Endpoint, alias_property, shorten, target};
use super::zones::Zones;
use crate::fields::TTL_MAX;
use crate::rrset_input::{InputRecord, RrsetContext, RrsetKey};
use crate::rrset_rules::{self, Hostnames};

/// The endpoint as it will be read, or none for what cannot be stored; why, and what was changed in it, is noted.
pub(crate) fn adjust(mut endpoint: Endpoint, zones: &Zones, notes: &mut BTreeSet<String>) -> Option<Endpoint> {
    let what = format!("{} {}", shorten(&endpoint.dns_name), shorten(&endpoint.record_type));
    match adjusted(&mut endpoint, zones) {
        Ok(changes) => {
            notes.extend(changes.into_iter().map(|change| format!("{what}: {change}")));
            Some(endpoint)
        }
        Err(why) => {
            notes.insert(format!("{what} is left out: {why}"));
            None
        }
    }
}

fn adjusted(endpoint: &mut Endpoint, zones: &Zones) -> Result<Vec<String>, String> {
    let mut notes = Vec::new();
    let place = zones.place(endpoint)?.ok_or("it is in no zone that the webhook may write")?;
    let rtype = endpoint.rtype(&place.owner, place.zone.name.apex())?;
    let contents = endpoint.contents(rtype)?;
    if rtype == RecordType::CNAME || rtype == RecordType::ALIAS || rtype == RecordType::DNAME {
        let distinct: BTreeSet<&String> = endpoint.targets.iter().collect();
        if distinct.len() > 1 {
            notes.push(format!("only the first of {} targets is used: a name has one alias", distinct.len()));
        }
    }
    if endpoint.record_ttl > TTL_MAX {
        notes.push(format!("recordTTL {} is cut to {TTL_MAX}", endpoint.record_ttl));
    }
    if !endpoint.set_identifier.is_empty() {
        notes.push("setIdentifier is ignored: a name and type have one set of records here".to_owned());
        endpoint.set_identifier.clear();
    }
    let records: Vec<InputRecord> =
        contents.into_iter().map(|content| InputRecord { content, disabled: false }).collect();
    check(&RrsetKey { name: place.owner, rtype }, &records, place.zone.name.apex())?;
    endpoint.targets =
        records.iter().filter_map(|record| target(rtype, &record.content.stored, record.content.prio)).collect();
    endpoint.record_ttl = endpoint.record_ttl.clamp(0, TTL_MAX);
    endpoint.provider_specific = match rtype {
        RecordType::ALIAS => vec![alias_property()],
        _ => {
            let others = endpoint.provider_specific.iter().map(|property| shorten(&property.name));
            let others: Vec<String> = others.filter(|name| name != ALIAS_PROPERTY).collect();
            if !others.is_empty() {
                notes.push(format!("providerSpecific {} means nothing here", others.join(", ")));
            }
            Vec::new()
        }
    };
    Ok(notes)
}

/// The rules of an RRset by itself.
pub(crate) fn check(key: &RrsetKey, records: &[InputRecord], zone: &wire::Name) -> Result<(), String> {
    let context = RrsetContext { zone, hostnames: Hostnames::Strict, lua_updates: false };
    let faults = rrset_rules::faults(key, records, &context);
    if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
}
