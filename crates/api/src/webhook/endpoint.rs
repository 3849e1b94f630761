//! External-DNS's endpoints, and the RRsets they stand for.
//!
//! Targets are given and taken as External-DNS's own providers do: host names without final dot, except in SRV and NAPTR, TXT with
//! quotes. An ALIAS is a CNAME with the property `alias`.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use store::{StoredRrset, ZoneSummary};
use wire::content::{self, Content};
use wire::{Name, RecordType};

use super::zones::Zones;

/// The property that makes a CNAME an ALIAS.
pub(crate) const ALIAS_PROPERTY: &str = "alias";
/// The label by which an ownership record names the record it belongs to.
const OWNED_RECORD_LABEL: &str = "ownedRecord";
/// What External-DNS can manage.
const TYPES: [RecordType; 11] = [
    RecordType::A,
    RecordType::AAAA,
    RecordType::CNAME,
    RecordType::TXT,
    RecordType::SRV,
    RecordType::NS,
    RecordType::PTR,
    RecordType::MX,
    RecordType::NAPTR,
    RecordType::DNAME,
    RecordType::ALIAS,
];

/// One RRset as External-DNS knows it. Fields that it may add one day are not looked at.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Endpoint {
    #[serde(deserialize_with = "or_default")]
    pub(crate) dns_name: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) targets: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) record_type: String,
    /// One of several RRsets of a name and type, as some providers have them.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub(crate) set_identifier: String,
    /// Seconds; 0: none is asked for.
    #[serde(rename = "recordTTL", deserialize_with = "or_default", skip_serializing_if = "is_zero")]
    pub(crate) record_ttl: i64,
    #[serde(deserialize_with = "or_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub(crate) provider_specific: Vec<Property>,
}

/// One item of `providerSpecific`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Property {
    #[serde(deserialize_with = "or_default")]
    pub(crate) name: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) value: String,
}

/// `null` counts as absent.
fn or_default<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(ttl: &i64) -> bool {
    *ttl == 0
}

impl Endpoint {
    /// What External-DNS is shown of an RRset; none for what it does not manage: other types, disabled records, and the NS of a
    /// zone's apex, which are the zone's own and would keep it from every other record there.
    pub(crate) fn of(rrset: &StoredRrset, zone: &ZoneSummary, zones: &Zones) -> Option<Endpoint> {
        if !TYPES.contains(&rrset.rtype) || (rrset.rtype == RecordType::NS && rrset.name == *zone.name.apex()) {
            return None;
        }
        let dns_name = zones.dns_name(&rrset.name, rrset.rtype, zone)?;
        let enabled = rrset.records.iter().filter(|record| !record.disabled);
        // A row that somebody else wrote and nobody can read is not for External-DNS to mend.
        let targets: Vec<String> =
            enabled.filter_map(|record| target(rrset.rtype, &record.content, record.prio)).collect();
        let is_alias = rrset.rtype == RecordType::ALIAS;
        let record_type = if is_alias { RecordType::CNAME } else { rrset.rtype };
        (!targets.is_empty()).then(|| Endpoint {
            dns_name,
            targets,
            record_type: record_type.to_string(),
            record_ttl: i64::from(rrset.ttl),
            provider_specific: if is_alias { vec![alias_property()] } else { Vec::new() },
            ..Endpoint::default()
        })
    }

    /// The record that this ownership record belongs to.
    pub(crate) fn owned_record(&self) -> Option<&str> {
        self.labels.get(OWNED_RECORD_LABEL).map(String::as_str).filter(|name| !name.is_empty())
    }

    /// The type of its records at `owner`. A CNAME at an apex can only be an ALIAS.
    ///
    /// # Errors
    ///
    /// If External-DNS does not manage such a type here.
    pub(crate) fn rtype(&self, owner: &Name, zone: &Name) -> Result<RecordType, String> {
        let rtype = self.record_type.parse::<RecordType>().ok().filter(|rtype| TYPES.contains(rtype));
        match rtype {
            Some(RecordType::CNAME) if owner == zone || self.is_alias() => Ok(RecordType::ALIAS),
            Some(RecordType::NS) if owner == zone => Err("the nameservers of a zone are not External-DNS's".to_owned()),
            Some(rtype) => Ok(rtype),
            None => Err(format!("recordType '{}' is not managed", shorten(&self.record_type))),
        }
    }

    fn is_alias(&self) -> bool {
        self.provider_specific.iter().any(|property| property.name == ALIAS_PROPERTY && property.value == "true")
    }

    /// Its targets as contents, each once, in the order of their text. Of several targets of a CNAME the first counts, as
    /// a name has one alias only.
    ///
    /// # Errors
    ///
    /// Which target is none, and why.
    pub(crate) fn contents(&self, rtype: RecordType) -> Result<Vec<Content>, String> {
        let mut contents = Vec::with_capacity(self.targets.len());
        for text in &self.targets {
            contents.push(read(rtype, text).map_err(|why| format!("target '{}': {why}", shorten(text)))?);
        }
        if contents.is_empty() {
            return Err("it has no targets".to_owned());
        }
        contents.sort_by(|a, b| (a.prio, &a.stored).cmp(&(b.prio, &b.stored)));
        contents.dedup_by(|a, b| a.wire == b.wire);
        if matches!(rtype, RecordType::CNAME | RecordType::ALIAS | RecordType::DNAME) {
            contents.truncate(1);
        }
        Ok(contents)
    }
}

/// The property of an ALIAS.
pub(crate) fn alias_property() -> Property {
    Property { name: ALIAS_PROPERTY.to_owned(), value: "true".to_owned() }
}

/// A target in any spelling that has one meaning: final dots or none, text with quotes or without.
fn read(rtype: RecordType, text: &str) -> Result<Content, String> {
    let text = text.trim();
    let quoted;
    let text = match rtype {
        RecordType::TXT if !text.starts_with('"') => {
            quoted = format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
            &quoted
        }
        _ => text,
    };
    content::from_zone_file(rtype, text, &Name::root()).map_err(|why| why.to_string())
}

/// A stored content as a target.
pub(crate) fn target(rtype: RecordType, stored: &str, prio: i32) -> Option<String> {
    let mut text = content::to_api(rtype, stored, Some(prio)).ok()?;
    let ends_in_host = matches!(
        rtype,
        RecordType::CNAME | RecordType::ALIAS | RecordType::NS | RecordType::PTR | RecordType::DNAME | RecordType::MX
    );
    if ends_in_host && text.len() > 1 && text.ends_with('.') && !text.ends_with(" .") {
        text.pop();
    }
    Some(text)
}

/// What a log line shows of a text from outside.
pub(crate) fn shorten(text: &str) -> String {
    text.chars().take(200).collect()
}
