//! RRsets as request bodies give them (PDNS-DIALECT sections 5 and 6): owner, type, TTL, records, comments.

use serde_json::Value;
use store::{Comment, StoredRecord};
use wire::content::{self, Content};
use wire::{Name, RecordType};

use crate::error::{ApiError, invalid};
use crate::rrset_rules::{self, Hostnames};
use crate::{fields, names};

/// What an error message quotes of a record's content.
const QUOTED_CHARACTERS_MAX: usize = 1000;
/// Longest comment account (column `comments.account`).
const ACCOUNT_CHARACTERS_MAX: usize = 40;

/// What RRsets of one request are held to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RrsetContext<'a> {
    /// The zone's apex, lower case.
    pub(crate) zone: &'a Name,
    /// Whether targets of NS, MX and SRV may hold underscores (metadata RFC1123-CONFORMANCE "0").
    pub(crate) hostnames: Hostnames,
    /// `enable-lua-record-updates`.
    pub(crate) lua_updates: bool,
}

/// Which RRset an item is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RrsetKey {
    pub(crate) name: Name,
    pub(crate) rtype: RecordType,
}

impl RrsetKey {
    /// `RRset NAME IN TYPE: why`.
    pub(crate) fn error(&self, why: &str) -> ApiError {
        invalid(self.text(why))
    }

    pub(crate) fn text(&self, why: &str) -> String {
        format!("RRset {} IN {}: {why}", self.name, self.rtype)
    }
}

/// Reads `name` and `type`.
pub(crate) fn key(item: &Value) -> Result<RrsetKey, ApiError> {
    let name = names::owner_name(fields::string(item, "name")?)?;
    let text = fields::string(item, "type")?.to_ascii_uppercase();
    let shown = text.chars().take(QUOTED_CHARACTERS_MAX).collect::<String>();
    let Ok(rtype) = text.parse::<RecordType>() else {
        return Err(invalid(format!("RRset {name} IN {shown}: unknown type given")));
    };
    match rtype.0 {
        // OPT, and the meta and question types (RFC 6895 section 3.1), TSIG among them.
        0 | 41 | 128..=255 => Err(invalid(format!("RRset {name} IN {shown}: invalid type given"))),
        _ => Ok(RrsetKey { name, rtype }),
    }
}

/// Refuses an owner outside the zone.
pub(crate) fn check_in_zone(key: &RrsetKey, zone: &Name) -> Result<(), ApiError> {
    if key.name.is_under(zone) { Ok(()) } else { Err(key.error("Name is out of zone")) }
}

/// A record that was accepted, in both its forms.
#[derive(Debug, Clone)]
pub(crate) struct InputRecord {
    pub(crate) content: Content,
    pub(crate) disabled: bool,
}

impl InputRecord {
    pub(crate) fn stored(self) -> StoredRecord {
        StoredRecord { content: self.content.stored, prio: self.content.prio, disabled: self.disabled }
    }
}

/// Reads one element of `records`.
pub(crate) fn record(item: &Value, key: &RrsetKey) -> Result<InputRecord, ApiError> {
    let shape = |error: ApiError| invalid(format!("New RRsets are invalid: {error}"));
    if !item["priority"].is_null() {
        return Err(invalid("New RRsets are invalid: `priority` element is not allowed in record"));
    }
    let text = fields::string(item, "content").map_err(shape)?;
    let disabled = fields::boolean_if_present(item, "disabled", false).map_err(shape)?;
    let content = content::from_api(key.rtype, text).map_err(|why| {
        let shown = text.chars().take(QUOTED_CHARACTERS_MAX).collect::<String>();
        invalid(format!("Record {}/{} '{shown}': {why}", key.name, key.rtype))
    })?;
    Ok(InputRecord { content, disabled })
}

/// Reads `records` if it is a list, and checks the RRset they make.
pub(crate) fn records(
    item: &Value,
    key: &RrsetKey,
    context: &RrsetContext<'_>,
) -> Result<Option<Vec<InputRecord>>, ApiError> {
    let Some(items) = item["records"].as_array() else { return Ok(None) };
    if key.rtype == RecordType::LUA && !context.lua_updates && !items.is_empty() {
        return Err(key.error("update of Lua records is not allowed"));
    }
    let records = items.iter().map(|item| record(item, key)).collect::<Result<Vec<_>, _>>()?;
    let faults = rrset_rules::faults(key, &records, context);
    if faults.is_empty() { Ok(Some(records)) } else { Err(ApiError::Invalid(faults)) }
}

/// Reads `comments` if it is a list; `null` and absence keep the old ones.
pub(crate) fn comments(item: &Value) -> Result<Option<Vec<Comment>>, ApiError> {
    let Some(items) = item["comments"].as_array() else { return Ok(None) };
    items.iter().map(comment).collect::<Result<_, _>>().map(Some)
}

fn comment(item: &Value) -> Result<Comment, ApiError> {
    let shape = |error: ApiError| invalid(format!("New RRsets are invalid: {error}"));
    let content = fields::string(item, "content").map_err(shape)?.to_owned();
    let account = fields::string(item, "account").map_err(shape)?;
    let account = fields::at_most("account", account, ACCOUNT_CHARACTERS_MAX).map_err(shape)?.to_owned();
    let modified_at = match &item["modified_at"] {
        Value::Null => None,
        value => match fields::integer(value) {
            Some(seconds @ 0..=fields::TTL_MAX) => Some(seconds),
            _ => return Err(invalid("New RRsets are invalid: Key 'modified_at' is not a valid number")),
        },
    };
    Ok(Comment { content, account, modified_at })
}
