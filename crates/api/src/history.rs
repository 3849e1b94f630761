//! `zones/ZONE/history` and `zones/ZONE/undo`, which PowerDNS has not: who changed what, and back.

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use store::{HistoryEntry, HistoryFilter, HistoryRrset, HistoryState, RrsetChange, UndoError};
use wire::{RecordType, content};

use crate::call::Call;
use crate::commit::await_publication;
use crate::error::{ApiError, invalid};
use crate::state::Api;
use crate::{fields, reply};

/// Entries of an answer if the client does not say.
const COUNT_DEFAULT: u32 = 50;
/// And at most.
const COUNT_MAX: u32 = 1000;

#[derive(Serialize)]
struct Entry<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<&'a str>,
    id: i64,
    is_after_gap: bool,
    is_complete: bool,
    rrsets: Vec<Rrset>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial_after: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial_before: Option<u32>,
    settings: &'a [String],
    time: i64,
}

#[derive(Serialize)]
struct Rrset {
    name: String,
    new: State,
    old: State,
    #[serde(rename = "type")]
    rtype: String,
}

#[derive(Serialize)]
struct State {
    comments: Vec<Comment>,
    records: Vec<Record>,
}

#[derive(Serialize)]
struct Comment {
    account: String,
    content: String,
}

#[derive(Serialize)]
struct Record {
    content: String,
    disabled: bool,
    ttl: u32,
}

#[derive(Serialize)]
struct Undone {
    result: String,
    rrsets: Vec<Change>,
}

#[derive(Serialize)]
struct Change {
    changetype: &'static str,
    name: String,
    records: Vec<Record>,
    #[serde(rename = "type")]
    rtype: String,
}

/// `GET history`, the newest first: `limit` entries before the one that `before` names.
pub(crate) async fn list(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let zone = call.zone()?;
    let number = |name: &str| match call.query(name).filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => match text.parse::<i64>() {
            Ok(number) if number > 0 => Ok(Some(number)),
            _ => Err(invalid(format!("'{name}' request parameter value '{text}' is not a positive number"))),
        },
    };
    let count = number("limit")?.map_or(COUNT_DEFAULT, |limit| u32::try_from(limit).unwrap_or(COUNT_MAX));
    let filter = HistoryFilter { before: number("before")?, count_max: count.min(COUNT_MAX) };
    let entries = api.state.store.history(&zone, &filter).await?;
    // A zone that is gone has a history still; one that PowerDNS made has none yet.
    if entries.is_empty() && api.state.store.zone(&zone).await?.is_none() {
        return Err(ApiError::NotFound);
    }
    let entries: Vec<Entry<'_>> = entries.iter().map(entry).collect();
    Ok(reply::json(StatusCode::OK, &entries))
}

/// `PUT undo`: records and comments as they were at `serial`; with `dry_run` it only tells.
pub(crate) async fn undo(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let zone = call.zone()?;
    let body = call.json()?;
    let serial = fields::integer(&body["serial"])
        .and_then(|serial| u32::try_from(serial).ok())
        .ok_or_else(|| invalid("Key 'serial' not present or not an unsigned 32-bit Integer"))?;
    let is_trial = fields::boolean_if_present(&body, "dry_run", false)?;
    let done = store::undo_to(api.state.store.as_ref(), &zone, serial, &call.actor, is_trial).await;
    let (changes, _) = done.map_err(|error| match error {
        UndoError::Store(error) => error.into(),
        why => invalid(format!("Zone '{zone}' cannot be taken back to serial {serial}: {why}")),
    })?;
    if !is_trial && !changes.is_empty() {
        await_publication(api, &zone).await;
    }
    let result = match (changes.is_empty(), is_trial) {
        (true, _) => "Nothing to undo".to_owned(),
        (false, true) => format!("Would undo to serial {serial}"),
        (false, false) => format!("Undone to serial {serial}"),
    };
    Ok(reply::json(StatusCode::OK, &Undone { result, rrsets: changes.into_iter().filter_map(change).collect() }))
}

fn entry(entry: &HistoryEntry) -> Entry<'_> {
    Entry {
        actor: entry.actor.as_deref(),
        id: entry.id,
        is_after_gap: entry.is_after_gap,
        is_complete: entry.rrsets.is_some(),
        rrsets: entry.rrsets.iter().flatten().map(rrset).collect(),
        serial_after: entry.serials.1,
        serial_before: entry.serials.0,
        settings: &entry.settings,
        time: entry.written_at,
    }
}

fn rrset(rrset: &HistoryRrset) -> Rrset {
    let state = |state: &HistoryState| State {
        comments: state
            .comments
            .iter()
            .map(|comment| Comment { account: comment.account.clone(), content: comment.content.clone() })
            .collect(),
        records: state.records.iter().map(|(stored, ttl)| record(rrset.rtype, stored, *ttl)).collect(),
    };
    Rrset {
        name: rrset.name.to_string(),
        new: state(&rrset.new),
        old: state(&rrset.old),
        rtype: rrset.rtype.to_string(),
    }
}

fn record(rtype: RecordType, stored: &store::StoredRecord, ttl: u32) -> Record {
    // What nobody can read is shown as it stands.
    let content = content::to_api(rtype, &stored.content, Some(stored.prio)).unwrap_or_else(|_| stored.content.clone());
    Record { content, disabled: stored.disabled, ttl }
}

fn change(change: RrsetChange) -> Option<Change> {
    let (changetype, name, rtype, records) = match change {
        RrsetChange::Delete { name, rtype } => ("DELETE", name, rtype, Vec::new()),
        RrsetChange::Replace { name, rtype, ttl, records, .. } => {
            let records = records.unwrap_or_default().iter().map(|stored| record(rtype, stored, ttl)).collect();
            ("REPLACE", name, rtype, records)
        }
        RrsetChange::DeleteOwned { .. } | RrsetChange::Extend { .. } | RrsetChange::Prune { .. } => return None,
    };
    Some(Change { changetype, name: name.to_string(), records, rtype: rtype.to_string() })
}
