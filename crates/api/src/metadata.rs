//! `.../zones/ID/metadata` (PDNS-DIALECT section 10).

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use store::{Rectify, SerialBump, ZoneEdit, ZoneSummary};
use wire::ZoneName;

use crate::call::Call;
use crate::commit::commit;
use crate::error::{ApiError, invalid};
use crate::state::{Api, ApiSettings};
use crate::{fields, reply};

/// Longest kind (column `domainmetadata.kind`).
const KIND_CHARACTERS_MAX: usize = 32;

/// What the API may do with a kind by its own path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Read and write.
    Write,
    /// Read; before release 5 also write, since then it is written through the zone.
    WriteBefore5,
    /// Read; it is written through the zone, or not at all.
    Read,
    /// Seen in the list only.
    List,
}

const KINDS: [(&str, Reach); 28] = [
    ("ALLOW-AXFR-FROM", Reach::Write),
    ("ALLOW-DNSUPDATE-FROM", Reach::Write),
    ("ALSO-NOTIFY", Reach::Write),
    ("API-RECTIFY", Reach::List),
    ("AXFR-MASTER-TSIG", Reach::Read),
    ("AXFR-SOURCE", Reach::Write),
    ("ENABLE-LUA-RECORDS", Reach::List),
    ("FORWARD-DNSUPDATE", Reach::Write),
    ("GSS-ACCEPTOR-PRINCIPAL", Reach::Write),
    ("GSS-ALLOW-AXFR-PRINCIPAL", Reach::Write),
    ("IXFR", Reach::Write),
    ("LUA-AXFR-SCRIPT", Reach::Read),
    ("NOTIFY-DNSUPDATE", Reach::Write),
    ("NSEC3NARROW", Reach::Read),
    ("NSEC3PARAM", Reach::Read),
    ("PRESIGNED", Reach::Read),
    ("PUBLISH-CDNSKEY", Reach::Write),
    ("PUBLISH-CDS", Reach::Write),
    ("RFC1123-CONFORMANCE", Reach::Write),
    ("SIGNALING-ZONE", Reach::Write),
    ("SLAVE-RENOTIFY", Reach::Write),
    ("SOA-EDIT", Reach::WriteBefore5),
    ("SOA-EDIT-API", Reach::List),
    ("SOA-EDIT-DNSUPDATE", Reach::Write),
    ("TSIG-ALLOW-AXFR", Reach::Write),
    ("TSIG-ALLOW-DNSUPDATE", Reach::Write),
    // Names of two of the kinds above since 4.9.
    ("AXFR-PRIMARY-TSIG", Reach::Read),
    ("SECONDARY-RENOTIFY", Reach::Write),
];

/// Refuses a kind that the API may not read, or write.
fn check_kind(kind: &str, wanted: Reach, settings: &ApiSettings) -> Result<(), ApiError> {
    let refused = || Err(invalid(format!("Unsupported metadata kind '{kind}'")));
    if kind.starts_with("X-") {
        return fields::at_most("kind", kind, KIND_CHARACTERS_MAX).map(|_| ());
    }
    match KINDS.iter().find(|(known, _)| *known == kind) {
        Some((_, Reach::Write)) => Ok(()),
        Some((_, Reach::WriteBefore5)) if !settings.stands_for(5, 0) => Ok(()),
        Some((_, Reach::WriteBefore5 | Reach::Read)) if wanted == Reach::Read => Ok(()),
        _ => refused(),
    }
}

#[derive(Serialize)]
struct Metadata<'a> {
    kind: &'a str,
    metadata: &'a [String],
    #[serde(rename = "type")]
    object_type: &'static str,
}

fn view<'a>(kind: &'a str, values: &'a [String]) -> Metadata<'a> {
    Metadata { kind, metadata: values, object_type: "Metadata" }
}

async fn zone(api: &Api, call: &Call) -> Result<(ZoneName, ZoneSummary), ApiError> {
    let zone = call.zone()?;
    let summary = api.state.store.zone(&zone).await?.ok_or(ApiError::NotFound)?;
    Ok((zone, summary))
}

async fn values(api: &Api, zone: &ZoneSummary, kind: &str) -> Result<Vec<String>, ApiError> {
    let all = api.state.store.metadata(zone.id).await?;
    Ok(all.into_iter().find(|(known, _)| known == kind).map(|(_, values)| values).unwrap_or_default())
}

/// `GET`: every kind there is, hidden ones too.
pub(crate) async fn list(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let (_, summary) = zone(api, call).await?;
    let all = api.state.store.metadata(summary.id).await?;
    let views: Vec<Metadata<'_>> = all.iter().map(|(kind, values)| view(kind, values)).collect();
    Ok(reply::json(StatusCode::OK, &views))
}

/// `GET /KIND`: its values, none if it is not set.
pub(crate) async fn get(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let (_, summary) = zone(api, call).await?;
    let kind = call.second_segment()?;
    check_kind(&kind, Reach::Read, &api.state.settings)?;
    let values = values(api, &summary, &kind).await?;
    Ok(reply::json(StatusCode::OK, &view(&kind, &values)))
}

/// `POST`: adds values that are not there yet, and shows all of the kind.
pub(crate) async fn create(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let (name, summary) = zone(api, call).await?;
    let body = call.json()?;
    let kind = body["kind"].as_str().ok_or_else(|| invalid("kind is not specified or not a string"))?;
    check_kind(kind, Reach::Write, &api.state.settings)?;
    let added = vec![(kind.to_owned(), given_values(&body)?)];
    commit(api, &name, ZoneEdit { metadata_added: added, ..setting_edit(call) }).await?;
    let values = values(api, &summary, kind).await?;
    Ok(reply::json(StatusCode::CREATED, &view(kind, &values)))
}

/// `PUT /KIND`: exactly these values.
pub(crate) async fn put(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let (name, _) = zone(api, call).await?;
    let kind = call.second_segment()?;
    check_kind(&kind, Reach::Write, &api.state.settings)?;
    let values = given_values(&call.json()?)?;
    let metadata = vec![(kind.clone(), values.clone())];
    commit(api, &name, ZoneEdit { metadata, ..setting_edit(call) }).await?;
    Ok(reply::json(StatusCode::OK, &view(&kind, &values)))
}

/// `DELETE /KIND`.
pub(crate) async fn delete(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let (name, _) = zone(api, call).await?;
    let kind = call.second_segment()?;
    check_kind(&kind, Reach::Write, &api.state.settings)?;
    commit(api, &name, ZoneEdit { metadata: vec![(kind, Vec::new())], ..setting_edit(call) }).await?;
    Ok(reply::no_content())
}

/// Metadata neither bumps the serial nor rectifies (7.3).
fn setting_edit(call: &Call) -> ZoneEdit {
    ZoneEdit {
        serial: SerialBump::Keep,
        rectify: Rectify::Skip,
        actor: Some(call.actor.clone()),
        ..ZoneEdit::default()
    }
}

fn given_values(body: &serde_json::Value) -> Result<Vec<String>, ApiError> {
    let items = body["metadata"].as_array().ok_or_else(|| invalid("metadata is not specified or not an array"))?;
    let text =
        |item: &serde_json::Value| item.as_str().map(str::to_owned).ok_or_else(|| invalid("metadata must be strings"));
    items.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn section_10_each_kind_has_its_reach() {
        let settings = ApiSettings::default();
        for (kind, read, write) in [
            ("ALLOW-AXFR-FROM", true, true),
            ("NSEC3PARAM", true, false),
            ("PRESIGNED", true, false),
            ("SOA-EDIT-API", false, false),
            ("API-RECTIFY", false, false),
            ("X-ANYTHING", true, true),
            ("NOT-KNOWN", false, false),
            ("allow-axfr-from", false, false),
        ] {
            assert_eq!(check_kind(kind, Reach::Read, &settings).is_ok(), read, "{kind}");
            assert_eq!(check_kind(kind, Reach::Write, &settings).is_ok(), write, "{kind}");
        }
        assert!(check_kind(&format!("X-{}", "y".repeat(31)), Reach::Write, &settings).is_err());
    }
}
