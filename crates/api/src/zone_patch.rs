//! `PATCH .../zones/ID`: what External-DNS sends (PDNS-DIALECT section 5).

use std::collections::HashSet;

use axum::http::HeaderValue;
use axum::response::Response;
use serde_json::Value;
use store::{Commit, RrsetChange, RrsetEdit, ZoneEdit, ZoneKind};
use wire::{Name, RecordType, ZoneName};

use crate::call::{Call, parse_json};
use crate::commit::commit;
use crate::error::{ApiError, invalid};
use crate::rrset_input::{self, InputRecord, RrsetContext, RrsetKey};
use crate::rrset_rules::Hostnames;
use crate::state::Api;
use crate::{fields, hostnames, offload, reply, takeover};

/// Applies all items in one transaction, and answers when DNS does.
pub(crate) async fn patch(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let zone = call.zone()?;
    let summary = api.state.store.zone(&zone).await?.ok_or(ApiError::NotFound)?;
    let kind = summary.kind;
    let lua_updates = api.state.settings.lua_updates;
    let parse = |hostnames: Hostnames| {
        let (body, zone) = (call.body.clone(), zone.clone());
        offload::run(body.len(), move || {
            let body = parse_json(&body)?;
            let changes = changes(&body, kind, &RrsetContext { zone: zone.apex(), hostnames, lua_updates })?;
            Ok((changes, writes_unchanged(&body)))
        })
    };
    let mut read = parse(Hostnames::Strict).await;
    if let Some(hostnames) = hostnames::looser(api, summary.id, &read).await? {
        read = parse(hostnames).await;
    }
    let (changes, writes_unchanged) = read?;
    for change in &changes {
        let (name, rtype) = change.owner();
        call.scope.check_rrset(name, rtype)?;
    }
    if changes.is_empty() && !writes_unchanged {
        return Ok(reply::no_content());
    }
    let edit = ZoneEdit {
        rrsets: RrsetEdit::Patch(changes),
        writes_unchanged,
        rectify: api.rectify_of(&summary),
        actor: Some(call.actor.clone()),
        ..ZoneEdit::default()
    };
    let committed = match api.state.settings.external_dns_takeover {
        true => commit_taking_over(api, call, &zone, edit).await?,
        false => commit(api, &zone, edit).await?,
    };
    let mut response = reply::no_content();
    if let Some((old, new)) = committed.serials {
        let headers = response.headers_mut();
        headers.insert("x-pdns-old-serial", HeaderValue::from(old));
        headers.insert("x-pdns-new-serial", HeaderValue::from(new));
    }
    Ok(response)
}

/// Applies `edit`; where a CNAME is in its way, or it brings one, what External-DNS had there goes first.
async fn commit_taking_over(api: &Api, call: &Call, zone: &ZoneName, edit: ZoneEdit) -> Result<Commit, ApiError> {
    let refused = match commit(api, zone, edit.clone()).await {
        Err(ApiError::Invalid(texts)) if texts.iter().any(|text| store::is_cname_conflict(text)) => texts,
        done => return done,
    };
    let deletions = allowed_deletions(call, &edit, zone);
    if deletions.is_empty() {
        return Err(ApiError::Invalid(refused));
    }
    commit(api, zone, after(deletions, edit)).await
}

/// What may give way to this PATCH, as far as the key may touch it.
fn allowed_deletions(call: &Call, edit: &ZoneEdit, zone: &ZoneName) -> Vec<RrsetChange> {
    let RrsetEdit::Patch(changes) = &edit.rrsets else { return Vec::new() };
    let mut deletions = takeover::deletions(changes, zone.apex());
    deletions.retain(|deletion| {
        let RrsetChange::DeleteOwned { name, rtype, registry, .. } = deletion else { return false };
        call.scope.check_rrset(name, *rtype).is_ok() && call.scope.check_rrset(registry, RecordType::TXT).is_ok()
    });
    deletions
}

/// The edit with `deletions` before everything else.
fn after(mut deletions: Vec<RrsetChange>, mut edit: ZoneEdit) -> ZoneEdit {
    if let RrsetEdit::Patch(changes) = &mut edit.rrsets {
        deletions.append(changes);
        *changes = deletions;
    }
    edit
}

/// `write_unchanged`: the serial moves although nothing else does. Beside `rrsets`, or in any of them.
fn writes_unchanged(body: &Value) -> bool {
    let asks = |object: &Value| fields::boolean_or(object, "write_unchanged", false);
    asks(body) || body["rrsets"].as_array().is_some_and(|items| items.iter().any(asks))
}

/// Reads a PATCH body: everything that does not depend on what the zone holds is checked here.
pub(crate) fn changes(body: &Value, kind: ZoneKind, context: &RrsetContext<'_>) -> Result<Vec<RrsetChange>, ApiError> {
    let items = body["rrsets"].as_array().ok_or_else(|| invalid("No rrsets given in update request"))?;
    let mut heads = Vec::with_capacity(items.len());
    let mut seen = HashSet::new();
    for item in items {
        let (change, key) = (ChangeType::of(item)?, rrset_input::key(item)?);
        if change != ChangeType::Delete {
            if kind == ZoneKind::Consumer {
                return Err(invalid("Modifying RRsets in Consumer zones is unsupported"));
            }
            rrset_input::check_in_zone(&key, context.zone)?;
        }
        if matches!(change, ChangeType::Delete | ChangeType::Replace) && !seen.insert((change, key.clone())) {
            let text = format!("Duplicate RRset {} IN {} with changetype: {}", key.name, key.rtype, change.as_str());
            return Err(invalid(text));
        }
        heads.push((change, key));
    }
    let changes = items.iter().zip(heads).map(|(item, (change, key))| read_change(item, change, key, context));
    changes.collect()
}

fn read_change(
    item: &Value,
    change: ChangeType,
    key: RrsetKey,
    context: &RrsetContext<'_>,
) -> Result<RrsetChange, ApiError> {
    match change {
        ChangeType::Delete => Ok(RrsetChange::Delete { name: key.name, rtype: key.rtype }),
        ChangeType::Replace => replace(item, key, context),
        ChangeType::Extend => {
            let (key, ttl, record) = single(item, key, context)?;
            Ok(RrsetChange::Extend { name: key.name, rtype: key.rtype, ttl, record: record.stored() })
        }
        ChangeType::Prune => {
            let (key, ttl, record) = single(item, key, context)?;
            Ok(RrsetChange::Prune { name: key.name, rtype: key.rtype, ttl, record: record.stored() })
        }
    }
}

fn replace(item: &Value, key: RrsetKey, context: &RrsetContext<'_>) -> Result<RrsetChange, ApiError> {
    let records = rrset_input::records(item, &key, context)?;
    let comments = rrset_input::comments(item)?;
    if records.is_none() && comments.is_none() {
        return Err(invalid(format!("No change for RRset {} IN {}", key.name, key.rtype)));
    }
    // An empty list deletes; PowerDNS wants a TTL with it all the same.
    let ttl = if records.is_some() { fields::ttl(item)? } else { 0 };
    let records = records.map(|records| records.into_iter().map(InputRecord::stored).collect());
    Ok(RrsetChange::Replace { name: key.name, rtype: key.rtype, ttl, records, comments })
}

/// The one record of EXTEND and PRUNE.
fn single(item: &Value, key: RrsetKey, context: &RrsetContext<'_>) -> Result<(RrsetKey, u32, InputRecord), ApiError> {
    let records = rrset_input::records(item, &key, context)?
        .ok_or_else(|| invalid("No record provided for PRUNE or EXTEND operation"))?;
    let mut records = records.into_iter();
    match (records.next(), records.next()) {
        (Some(record), None) => Ok((key, fields::ttl(item)?, record)),
        _ => Err(invalid("Exactly one record should be provided for PRUNE or EXTEND operation")),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum ChangeType {
    Replace,
    Delete,
    Extend,
    Prune,
}

impl ChangeType {
    fn of(item: &Value) -> Result<ChangeType, ApiError> {
        let text = fields::string(item, "changetype")?.to_ascii_uppercase();
        match text.as_str() {
            "REPLACE" => Ok(ChangeType::Replace),
            "DELETE" => Ok(ChangeType::Delete),
            "EXTEND" => Ok(ChangeType::Extend),
            "PRUNE" => Ok(ChangeType::Prune),
            _ => Err(invalid(format!("Changetype '{text}' is not a valid value"))),
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            ChangeType::Replace => "REPLACE",
            ChangeType::Delete => "DELETE",
            ChangeType::Extend => "EXTEND",
            ChangeType::Prune => "PRUNE",
        }
    }
}

/// What reading a PATCH body gives, for fuzzing: any octets must end in a list or an error.
pub fn read_patch_body(body: &[u8], zone: &Name) -> Result<Vec<RrsetChange>, ApiError> {
    let context = RrsetContext { zone, hostnames: Hostnames::Strict, lua_updates: false };
    changes(&parse_json(body)?, ZoneKind::Native, &context)
}
