//! `search-data` (PDNS-DIALECT section 11).

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use store::{FoundComment, FoundRecord, Search};
use wire::{ZoneName, content};

use crate::auth::scope::ZonePattern;
use crate::call::Call;
use crate::error::{ApiError, invalid};
use crate::state::Api;
use crate::{reply, zone_id};

/// How many of each kind are found if the client does not say.
const COUNT_DEFAULT: u32 = 100;
/// And at most, whatever it says: an answer is made in memory.
const COUNT_MAX: u32 = 100_000;
/// Longest pattern. Names have 255 characters, contents rarely more.
const PATTERN_CHARACTERS_MAX: usize = 4096;

/// One thing that was found. Fields stand in byte order.
#[derive(Serialize)]
struct Item {
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled: Option<bool>,
    name: String,
    object_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<u32>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    rtype: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zone_id: Option<String>,
}

/// Zones first, then records, then comments.
pub(crate) async fn search(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let mut wanted = wanted(call)?;
    let count_max = wanted.count_max;
    if !call.scope.zones.is_empty() {
        // The database looks in about the right zones; what may be seen, and counts, is decided below.
        wanted.within = call.scope.zones.iter().flat_map(ZonePattern::search_patterns).collect();
        wanted.count_max = COUNT_MAX;
    }
    let mut found = api.state.store.search(&wanted).await?;
    let sees = |zone: &Option<ZoneName>| match zone {
        Some(zone) => call.scope.sees(zone.apex()),
        None => call.scope.zones.is_empty(),
    };
    found.zones.retain(|zone| call.scope.sees(zone.apex()));
    found.records.retain(|record| sees(&record.zone));
    found.comments.retain(|comment| sees(&comment.zone));
    found.zones.truncate(count_max as usize);
    found.records.truncate(count_max as usize);
    found.comments.truncate(count_max as usize);
    let mut items = Vec::with_capacity(found.zones.len() + found.records.len() + found.comments.len());
    items.extend(found.zones.iter().map(zone));
    items.extend(found.records.into_iter().map(record));
    items.extend(found.comments.into_iter().map(comment));
    Ok(reply::json(StatusCode::OK, &items))
}

fn wanted(call: &Call) -> Result<Search, ApiError> {
    let pattern = call.query("q").filter(|pattern| !pattern.is_empty());
    let pattern = pattern.ok_or_else(|| invalid("Query q can't be blank"))?;
    if pattern.chars().count() > PATTERN_CHARACTERS_MAX {
        return Err(invalid(format!("Query q is longer than {PATTERN_CHARACTERS_MAX} characters")));
    }
    if pattern.contains('\0') {
        return Err(invalid("Query q has a NUL character"));
    }
    let count = match call.query("max").filter(|max| !max.is_empty()) {
        None => COUNT_DEFAULT,
        Some(text) => match text.parse::<i64>() {
            Err(_) => return Err(invalid("Invalid value for maximum entries")),
            Ok(..1) => return Err(invalid("Maximum entries must be larger than 0")),
            Ok(count) => u32::try_from(count).unwrap_or(COUNT_MAX).min(COUNT_MAX),
        },
    };
    let kind = call.query("object_type").filter(|kind| !kind.is_empty()).unwrap_or("all");
    if !["all", "zone", "record", "comment"].contains(&kind) {
        return Err(invalid("object_type must be one of the following options: all, zone, record, comment"));
    }
    let is_wanted = |one| kind == "all" || kind == one;
    Ok(Search {
        pattern: pattern.to_owned(),
        within: Vec::new(),
        count_max: count,
        zones: is_wanted("zone"),
        records: is_wanted("record"),
        comments: is_wanted("comment"),
    })
}

fn zone(name: &ZoneName) -> Item {
    Item {
        content: None,
        disabled: None,
        name: name.to_string(),
        object_type: "zone",
        ttl: None,
        rtype: None,
        zone: None,
        zone_id: Some(zone_id::encode(name)),
    }
}

fn record(found: FoundRecord) -> Item {
    let stored = found.record;
    // One bad row must not hide the others: it is shown as it stands.
    let content = content::to_api(found.rtype, &stored.content, Some(stored.prio)).unwrap_or(stored.content);
    Item {
        content: Some(content),
        disabled: Some(stored.disabled),
        name: found.name.to_string(),
        object_type: "record",
        ttl: Some(found.ttl),
        rtype: Some(found.rtype.to_string()),
        zone: found.zone.as_ref().map(ZoneName::to_string),
        zone_id: found.zone.as_ref().map(zone_id::encode),
    }
}

fn comment(found: FoundComment) -> Item {
    Item {
        content: Some(found.content),
        disabled: None,
        name: found.name.to_string(),
        object_type: "comment",
        ttl: None,
        rtype: Some(found.rtype.to_string()),
        zone: found.zone.as_ref().map(ZoneName::to_string),
        zone_id: found.zone.as_ref().map(zone_id::encode),
    }
}
