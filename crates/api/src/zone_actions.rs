//! Actions on a zone without a body of their own: delete, rectify, notify, axfr-retrieve (PDNS-DIALECT 4.5 to 4.9).

use std::net::{IpAddr, SocketAddr};

use axum::response::Response;
use store::{Rectify, SerialBump, ZoneEdit, ZoneKind};

use crate::call::{Call, parse_json};
use crate::commit::{await_publication, commit};
use crate::error::{ApiError, invalid};
use crate::reply;
use crate::state::Api;

/// `DELETE`: the zone with everything that belongs to it.
pub(crate) async fn delete(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let zone = call.zone()?;
    api.state.store.delete_zone(&zone, &call.actor).await?;
    await_publication(api, &zone).await;
    Ok(reply::no_content())
}

/// `PUT .../rectify`: the whole zone, whatever API-RECTIFY says.
pub(crate) async fn rectify(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let zone = call.zone()?;
    let summary = api.state.store.zone(&zone).await?.ok_or(ApiError::NotFound)?;
    if summary.is_presigned {
        return Err(invalid(format!("Zone '{zone}' is pre-signed, not rectifying.")));
    }
    if summary.serial.is_none() {
        let why = format!("No SOA known for '{}', is such a zone in the database?", zone.to_dotless());
        return Err(invalid(format!("Failed to rectify '{zone}' {why}")));
    }
    let edit = ZoneEdit {
        rectify: Rectify::Whole,
        serial: SerialBump::Keep,
        actor: Some(call.actor.clone()),
        ..ZoneEdit::default()
    };
    commit(api, &zone, edit).await?;
    Ok(reply::result("Rectified"))
}

/// `PUT .../notify`: tells the secondaries, whatever the zone's kind.
pub(crate) async fn notify(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let zone = call.zone()?;
    api.state.store.zone(&zone).await?.ok_or(ApiError::NotFound)?;
    if !api.state.notify.queue(&zone) {
        return Err(invalid("Failed to add to the queue - see server log"));
    }
    let edit = ZoneEdit {
        mark_notified: true,
        serial: SerialBump::Keep,
        rectify: Rectify::Skip,
        actor: Some(call.actor.clone()),
        ..ZoneEdit::default()
    };
    // Nothing that DNS shows changes, so there is nothing to wait for.
    api.state.store.edit_zone(&zone, edit).await?;
    Ok(reply::result("Notification queued"))
}

/// `PUT .../axfr-retrieve`. Signpost does not transfer zones in, and says so instead of promising it.
pub(crate) async fn retrieve(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let zone = call.zone()?;
    let summary = api.state.store.zone(&zone).await?.ok_or(ApiError::NotFound)?;
    if !call.body.is_empty()
        && let Some(primary) = parse_json(&call.body)?["primary"].as_str()
        && primary.parse::<IpAddr>().is_err()
        && primary.parse::<SocketAddr>().is_err()
    {
        return Err(invalid("Invalid primary address"));
    }
    let is_secondary = matches!(summary.kind, ZoneKind::Slave | ZoneKind::Consumer);
    if !is_secondary || summary.masters.is_empty() {
        let text = format!("Domain '{zone}' is not a secondary domain (or has no primary defined)");
        return Err(invalid(text));
    }
    Err(invalid(format!("Domain '{zone}' cannot be retrieved: this server does not transfer zones from primaries")))
}
