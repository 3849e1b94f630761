//! `views` and `networks` (PDNS-DIALECT section 11): which variants of zones the clients of a network see.

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use store::{StoredViews, ViewChange};
use wire::Network;

use crate::call::Call;
use crate::error::{ApiError, invalid};
use crate::state::Api;
use crate::{fields, names, reply, zone_id};

/// Longest name of a view, in characters.
const VIEW_CHARACTERS_MAX: usize = 255;

#[derive(Serialize)]
struct ViewList<'a> {
    views: Vec<&'a str>,
}

#[derive(Serialize)]
struct View {
    zones: Vec<String>,
}

#[derive(Serialize)]
struct NetworkList<'a> {
    networks: Vec<NetworkItem<'a>>,
}

#[derive(Serialize)]
struct NetworkItem<'a> {
    network: String,
    view: &'a str,
}

/// `GET views`: those that show a zone.
pub(crate) async fn list(api: &Api, _call: &Call) -> Result<Response, ApiError> {
    let stored = api.state.store.views().await?;
    Ok(reply::json(StatusCode::OK, &ViewList { views: stored.zones.keys().map(String::as_str).collect() }))
}

/// `GET views/VIEW`.
pub(crate) async fn get(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let view = view(call)?;
    let stored = api.state.store.views().await?;
    let zones = stored.zones.get(&view).ok_or(ApiError::NotFound)?;
    Ok(reply::json(StatusCode::OK, &View { zones: zones.iter().map(ToString::to_string).collect() }))
}

/// `POST views/VIEW`: the view shows a zone, in the place of another variant of it.
pub(crate) async fn add(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let view = view(call)?;
    let zone = names::zone_name(fields::string(&call.json()?, "name")?)?;
    change(api, ViewChange::AddZone { view, zone }).await
}

/// `DELETE views/VIEW/ZONEID`.
pub(crate) async fn remove(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let view = view(call)?;
    let zone = zone_id::decode(call.segments.get(1).map_or("", String::as_str))?;
    let stored = api.state.store.views().await?;
    if !stored.zones.get(&view).is_some_and(|zones| zones.contains(&zone)) {
        return Err(ApiError::NotFound);
    }
    change(api, ViewChange::RemoveZone { view, zone }).await
}

/// `GET networks`.
pub(crate) async fn networks(api: &Api, _call: &Call) -> Result<Response, ApiError> {
    let stored = api.state.store.views().await?;
    let networks = stored.networks.iter().map(|(network, view)| item(network, view)).collect();
    Ok(reply::json(StatusCode::OK, &NetworkList { networks }))
}

/// `GET networks/ADDRESS/LENGTH`.
pub(crate) async fn network(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let wanted = in_path(call)?;
    let StoredViews { networks, .. } = api.state.store.views().await?;
    let found = networks.iter().find(|(network, _)| network.parts() == wanted.parts()).ok_or(ApiError::NotFound)?;
    Ok(reply::json(StatusCode::OK, &item(&found.0, &found.1)))
}

/// `PUT networks/ADDRESS/LENGTH`: an empty view takes the network out.
pub(crate) async fn set_network(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let network = in_path(call)?;
    let body = call.json()?;
    let view = match fields::string(&body, "view")? {
        "" => None,
        view => Some(checked(view)?.to_owned()),
    };
    change(api, ViewChange::SetNetwork { network, view }).await
}

/// Confirmed once DNS answers by it.
async fn change(api: &Api, change: ViewChange) -> Result<Response, ApiError> {
    api.state.store.change_views(&change).await?;
    let bound = api.state.settings.publication_bound;
    if !api.state.publication.published(None, bound).await {
        tracing::warn!(bound_secs = bound.as_secs(), "a change of views is stored but not served within the bound");
    }
    Ok(reply::no_content())
}

fn item<'a>(network: &Network, view: &'a str) -> NetworkItem<'a> {
    let (first, length) = network.parts();
    NetworkItem { network: format!("{first}/{length}"), view }
}

fn in_path(call: &Call) -> Result<Network, ApiError> {
    let address = zone_id::percent_decode(call.segments.first().map_or("", String::as_str))?;
    let text = format!("{address}/{}", call.second_segment()?);
    text.parse().map_err(|why| invalid(format!("Invalid network: {why}")))
}

fn view(call: &Call) -> Result<String, ApiError> {
    let text = zone_id::percent_decode(call.segments.first().map_or("", String::as_str))?;
    checked(&text)?;
    Ok(text)
}

/// The name of a view: `A-Z a-z 0-9 space _ - .`, neither empty nor with a dot or space in front.
///
/// # Errors
///
/// 422, with the reason.
pub fn checked(view: &str) -> Result<&str, ApiError> {
    let is_legal = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b' ' | b'_' | b'-' | b'.');
    match view.bytes().next() {
        None => Err(invalid("Empty view names are not allowed")),
        Some(b'.') => Err(invalid(format!("View name '{view}' must not start with a dot"))),
        Some(b' ') => Err(invalid(format!("View name '{view}' must not start with a space"))),
        _ if view.len() > VIEW_CHARACTERS_MAX => {
            Err(invalid(format!("View name is longer than {VIEW_CHARACTERS_MAX} characters")))
        }
        _ if !view.bytes().all(is_legal) => Err(invalid(format!("View name '{view}' contains unsupported characters"))),
        _ => Ok(view),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn section_11_names_of_views_are_plain() {
        for good in ["a", "My view-1_x.y", "0", &"x".repeat(255)] {
            assert!(checked(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("", "Empty view names are not allowed"),
            (".a", "View name '.a' must not start with a dot"),
            (" a", "View name ' a' must not start with a space"),
            ("a/b", "View name 'a/b' contains unsupported characters"),
            ("\u{e4}", "View name '\u{e4}' contains unsupported characters"),
            (&"x".repeat(256), "View name is longer than 255 characters"),
        ] {
            assert_eq!(checked(bad).unwrap_err().to_string(), why);
        }
    }
}
