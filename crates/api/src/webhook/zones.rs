//! Which zone a name belongs to, and where an ownership record goes that has no zone of its own.

use std::collections::HashMap;

use store::{ZoneKind, ZoneSummary};
use wire::{Name, RecordType};

use super::endpoint::Endpoint;

/// Below this label of a zone stand the ownership records whose own name is in none of our zones. External-DNS calls the one of
/// the apex `example.com` `a-example.com`, which is in the parent.
const OUTSIDE_LABEL: &[u8] = b"_external-dns";

/// All zones of the server that everybody sees: External-DNS has no word for variants.
pub(crate) struct Zones {
    by_name: HashMap<Name, Zone>,
}

struct Zone {
    summary: ZoneSummary,
    /// Within the domain filter, and not a copy of someone else's.
    is_ours: bool,
}

/// Where an endpoint's records are kept.
pub(crate) struct Place<'z> {
    pub(crate) zone: &'z ZoneSummary,
    pub(crate) owner: Name,
}

impl Zones {
    pub(crate) fn new(zones: Vec<ZoneSummary>, domain_filter: &[Name]) -> Zones {
        let zone = |summary: ZoneSummary| {
            let is_named =
                domain_filter.is_empty() || domain_filter.iter().any(|domain| summary.name.apex().is_under(domain));
            let is_ours = is_named && matches!(summary.kind, ZoneKind::Native | ZoneKind::Master);
            (summary.name.apex().clone(), Zone { summary, is_ours })
        };
        let plain = zones.into_iter().filter(|summary| summary.name.variant().is_none());
        Zones { by_name: plain.map(zone).collect() }
    }

    /// The zones that are shown and written.
    pub(crate) fn ours(&self) -> impl Iterator<Item = &ZoneSummary> {
        self.by_name.values().filter(|zone| zone.is_ours).map(|zone| &zone.summary)
    }

    /// The nearest zone of `name`, which is in lower case; none if that one is not ours.
    pub(crate) fn zone_of(&self, name: &Name) -> Option<&ZoneSummary> {
        let mut at = Some(name.clone());
        while let Some(candidate) = at {
            if let Some(zone) = self.by_name.get(&candidate) {
                return zone.is_ours.then_some(&zone.summary);
            }
            at = candidate.parent();
        }
        None
    }

    /// Where the records of `endpoint` are; none if it is in no zone of ours.
    ///
    /// # Errors
    ///
    /// Why its name cannot be used.
    pub(crate) fn place(&self, endpoint: &Endpoint) -> Result<Option<Place<'_>>, String> {
        let owner = plain_name(&endpoint.dns_name)?;
        if let Some(zone) = self.zone_of(&owner) {
            return Ok(Some(Place { zone, owner }));
        }
        let Some(owned) = endpoint.owned_record() else { return Ok(None) };
        let Some(zone) = self.zone_of(&plain_name(owned)?) else { return Ok(None) };
        let outside = zone.name.apex().child(OUTSIDE_LABEL).map_err(|why| format!("'{}': {why}", endpoint.dns_name))?;
        let owner = Name::parse_relative(owner.to_dotless().as_str(), &outside)
            .map_err(|why| format!("'{}' below {outside}: {why}", endpoint.dns_name))?;
        Ok(Some(Place { zone, owner }))
    }

    /// What External-DNS calls the owner of an RRset in `zone`; none if it has no use for it.
    pub(crate) fn dns_name(&self, owner: &Name, rtype: RecordType, zone: &ZoneSummary) -> Option<String> {
        // A cut may have records in the parent while a zone of that name is served too; that one counts.
        let is_nearest = self.zone_of(owner).is_some_and(|nearest| nearest.id == zone.id);
        if !is_nearest || owner.is_root() {
            return None;
        }
        let text = owner.to_dotless();
        let below = zone.name.apex().child(OUTSIDE_LABEL).ok()?;
        if rtype == RecordType::TXT && owner.is_under(&below) && *owner != below {
            let end = text.len().checked_sub(below.to_dotless().len() + 1)?;
            return text.get(..end).map(str::to_owned);
        }
        // With longer labels, as escapes make them, External-DNS crashes; with others it cannot have made it.
        plain_name(&text).ok().map(|_| text)
    }
}

/// A name in lower case, of the characters that the API takes, and asterisks anywhere: ownership records of wildcards have them
/// (`a-*.example.com`, `edns.*.example.com`). Only a whole first label of one is a wildcard (RFC 4592 section 2.1.1).
pub(crate) fn plain_name(text: &str) -> Result<Name, String> {
    let dotless = text.strip_suffix('.').unwrap_or(text);
    let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'_' | b'/' | b'-' | b'*');
    if !dotless.bytes().all(is_plain) {
        return Err(format!("name '{text}' contains unsupported characters"));
    }
    match Name::parse(dotless) {
        Ok(name) if !name.is_root() => Ok(name.to_lowercase()),
        Ok(_) => Err("dnsName is empty".to_owned()),
        Err(why) => Err(format!("name '{text}': {why}")),
    }
}
