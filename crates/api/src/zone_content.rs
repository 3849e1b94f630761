//! Zone content in a request: `rrsets`, `zone` text and `nameservers` become what a zone is to hold (PDNS-DIALECT 4.3, 4.4).

use std::collections::HashMap;

use serde_json::Value;
use store::{Comment, RrsetChange};
use wire::{Name, RecordType, zonefile};

use crate::error::{ApiError, invalid};
use crate::fields;
use crate::rrset_input::{self, InputRecord, RrsetContext, RrsetKey};
use crate::rrset_rules;

/// The RRsets a zone is to hold, each once, in the order given.
#[derive(Debug, Default)]
pub(crate) struct ZoneContent {
    rrsets: Vec<ContentRrset>,
    by_key: HashMap<RrsetKey, usize>,
}

#[derive(Debug)]
struct ContentRrset {
    key: RrsetKey,
    ttl: u32,
    records: Vec<InputRecord>,
    comments: Option<Vec<Comment>>,
}

impl ZoneContent {
    /// Reads a list of RRsets without `changetype` (one that is there is ignored).
    pub(crate) fn from_rrsets(items: &[Value], zone: &Name) -> Result<ZoneContent, ApiError> {
        let mut content = ZoneContent::default();
        for item in items {
            let key = rrset_input::key(item)?;
            rrset_input::check_in_zone(&key, zone)?;
            let records = match item["records"].as_array() {
                Some(records) => {
                    records.iter().map(|record| rrset_input::record(record, &key)).collect::<Result<_, _>>()?
                }
                None => Vec::new(),
            };
            // Comments alone need no TTL, an empty list of records does.
            let ttl = if item["records"].is_array() { fields::ttl(item)? } else { 0 };
            let comments = rrset_input::comments(item)?;
            content.add(key, ttl, records, comments);
        }
        Ok(content)
    }

    /// Reads a master file. The least TTL of an RRset holds for all of it (RFC 2181 section 5.2).
    pub(crate) fn from_zone_file(text: &str, zone: &Name, default_ttl: u32) -> Result<ZoneContent, ApiError> {
        let records = zonefile::parse(text, zone, default_ttl)
            .map_err(|why| invalid(format!("An error occurred while parsing the zonedata: {why}")))?;
        let mut content = ZoneContent::default();
        for record in records {
            let key = RrsetKey { name: record.name.to_lowercase(), rtype: record.rtype };
            rrset_input::check_in_zone(&key, zone)?;
            content.add(key, record.ttl, vec![InputRecord { content: record.content, disabled: false }], None);
        }
        Ok(content)
    }

    /// Adds to the RRset of `key`. An RRset that comes in several items is one RRset: duplicates show in the checks.
    pub(crate) fn add(
        &mut self,
        key: RrsetKey,
        ttl: u32,
        mut records: Vec<InputRecord>,
        comments: Option<Vec<Comment>>,
    ) {
        match self.by_key.get(&key) {
            Some(&at) => {
                let rrset = &mut self.rrsets[at];
                rrset.ttl = if rrset.records.is_empty() { ttl } else { rrset.ttl.min(ttl) };
                rrset.records.append(&mut records);
                if let Some(mut comments) = comments {
                    rrset.comments.get_or_insert_default().append(&mut comments);
                }
            }
            None => {
                self.by_key.insert(key.clone(), self.rrsets.len());
                self.rrsets.push(ContentRrset { key, ttl, records, comments });
            }
        }
    }

    /// Whether there are records of this type at `name`.
    pub(crate) fn has(&self, name: &Name, rtype: RecordType) -> bool {
        let key = RrsetKey { name: name.clone(), rtype };
        self.by_key.get(&key).is_some_and(|&at| !self.rrsets[at].records.is_empty())
    }

    /// Whether there is nothing at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.rrsets.is_empty()
    }

    /// Holds everything to the rules of 6.3.
    pub(crate) fn check(&self, context: &RrsetContext<'_>) -> Result<(), ApiError> {
        let mut faults: Vec<String> = Vec::new();
        for rrset in &self.rrsets {
            if rrset.key.rtype == RecordType::LUA && !context.lua_updates && !rrset.records.is_empty() {
                faults.push(rrset.key.text("update of Lua records is not allowed"));
            }
            faults.extend(rrset_rules::faults(&rrset.key, &rrset.records, context));
        }
        faults.extend(rrset_rules::faults_between(self.rrsets.iter().map(|rrset| (&rrset.key, &rrset.records[..]))));
        if faults.is_empty() { Ok(()) } else { Err(ApiError::Invalid(faults)) }
    }

    /// What the store is asked for. Comments that were not given stay.
    pub(crate) fn into_changes(self) -> Vec<RrsetChange> {
        let change = |rrset: ContentRrset| RrsetChange::Replace {
            name: rrset.key.name,
            rtype: rrset.key.rtype,
            ttl: rrset.ttl,
            // An RRset of comments alone has no records to set.
            records: Some(rrset.records.into_iter().map(InputRecord::stored).collect()),
            comments: rrset.comments,
        };
        self.rrsets.into_iter().map(change).collect()
    }
}

/// Refuses a PUT's RRset whose items disagree about the TTL (6.3).
pub(crate) fn check_equal_ttls(items: &[Value]) -> Result<(), ApiError> {
    let mut ttls: HashMap<RrsetKey, u32> = HashMap::new();
    for item in items.iter().filter(|item| item["records"].as_array().is_some_and(|records| !records.is_empty())) {
        let key = rrset_input::key(item)?;
        let ttl = fields::ttl(item)?;
        if *ttls.entry(key.clone()).or_insert(ttl) != ttl {
            return Err(key.error("uses a different TTL value than the remainder of the RRset"));
        }
    }
    Ok(())
}
