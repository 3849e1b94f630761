//! External-DNS's webhook protocol, version 1, spoken by the server itself: `--provider=webhook` needs no sidecar.
//!
//! It has a listener of its own. [`zones`] says which names are whose, [`endpoint`] turns External-DNS's endpoints into RRsets and
//! back, [`adjust`] brings what is wanted into the form in which it will be read again, so that no plan flaps, and [`apply`]
//! makes one edit of each zone.
//!
//! External-DNS takes a 4xx for fatal and ends; after a 5xx it tries again at its next interval. So what cannot be stored is left
//! out before it is planned, and what turns out later to clash with a zone does not keep the rest from being stored.

mod adjust;
mod apply;
mod endpoint;
mod zones;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::Name;

use crate::auth::{self, PagePassword};
use crate::error::ApiError;
use crate::negotiate::ErrorForm;
use crate::state::{Api, ApiState};
use crate::{body, cross_site, json, offload, reply};

use zones::Zones;

/// What both sides send; External-DNS compares the whole header.
const MEDIA_TYPE: &str = "application/external.dns.webhook+json;version=1";
/// The same without parameters.
const MEDIA_TYPE_NAME: &str = "application/external.dns.webhook+json";
/// Under this name the journal shows what came by this way.
const ACTOR: &str = "webhook";
/// Longest list of what was last left out; it is a log's, not a protocol's.
const NOTES_MAX: usize = 1000;

/// Settings of the webhook.
#[derive(Debug, Clone, Default)]
pub struct WebhookSettings {
    /// HTTP Basic with any user name. Default none: open to who may connect.
    pub password: Option<Arc<PagePassword>>,
    /// Only zones at or below one of these are shown and written. Default none: every zone.
    pub domain_filter: Vec<Name>,
}

struct Webhook {
    api: Api,
    settings: WebhookSettings,
    /// What the last `/adjustendpoints` left out or changed: told to the log once, not at every interval.
    noted: Mutex<BTreeSet<String>>,
}

/// The webhook as a service, for [`crate::serve()`].
pub fn webhook_router(state: ApiState, settings: WebhookSettings) -> Router {
    let api = Api::new(state);
    let webhook = Arc::new(Webhook { api, settings, noted: Mutex::default() });
    Router::new().fallback(move |request: Request| answer(Arc::clone(&webhook), request))
}

#[derive(Clone, Copy)]
enum Action {
    Negotiate,
    Records,
    Apply,
    Adjust,
    Health,
}

async fn answer(webhook: Arc<Webhook>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut response = run(webhook, parts, body).await.unwrap_or_else(|error| error.into_response(ErrorForm::Json));
    reply::add_common_headers(response.headers_mut(), None);
    response
}

async fn run(webhook: Arc<Webhook>, parts: Parts, body: Body) -> Result<Response, ApiError> {
    let action = find(parts.uri.path(), &parts.method)?;
    if matches!(action, Action::Health) {
        return Ok(webhook.health());
    }
    auth::page_password(&parts.headers, webhook.settings.password.as_deref()).await?;
    cross_site::refuse_browsers(&parts.headers)?;
    if let Some(refusal) = refuse_media_type(&parts.headers, action) {
        return Ok(refusal);
    }
    let settings = &webhook.api.state.settings;
    let body = body::read(body, settings.body_octets_max, settings.connection_timeout).await?;
    // A task of its own: a client that hangs up does not stop a write half way, and a panic costs one answer only.
    let task = tokio::spawn(async move {
        match action {
            Action::Negotiate => Ok(webhook.negotiate()),
            Action::Records => webhook.records().await,
            Action::Apply => webhook.apply(body).await,
            Action::Adjust => webhook.adjust(body).await,
            Action::Health => Ok(webhook.health()),
        }
    });
    task.await.unwrap_or_else(|failed| Err(ApiError::Internal(format!("request handler failed: {failed}"))))
}

fn find(path: &str, method: &Method) -> Result<Action, ApiError> {
    let methods: &[(Method, Action)] = match path {
        "/" => &[(Method::GET, Action::Negotiate)],
        "/records" => &[(Method::GET, Action::Records), (Method::POST, Action::Apply)],
        "/adjustendpoints" => &[(Method::POST, Action::Adjust)],
        "/healthz" => &[(Method::GET, Action::Health)],
        _ => return Err(ApiError::NotFound),
    };
    let found = methods.iter().find(|(known, _)| known == method).map(|&(_, action)| action);
    found.ok_or_else(|| {
        let allow: Vec<&str> = methods.iter().map(|(method, _)| method.as_str()).collect();
        ApiError::MethodNotAllowed { allow: allow.join(", ") }
    })
}

/// 406 for a client that reads another version only, 415 for a body of another kind. No header at all is taken for ours.
fn refuse_media_type(headers: &HeaderMap, action: Action) -> Option<Response> {
    let (name, status) = match action {
        Action::Apply | Action::Adjust => (header::CONTENT_TYPE, StatusCode::UNSUPPORTED_MEDIA_TYPE),
        _ => (header::ACCEPT, StatusCode::NOT_ACCEPTABLE),
    };
    let values: Vec<&str> = headers.get_all(&name).iter().filter_map(|value| value.to_str().ok()).collect();
    if values.is_empty() || values.iter().flat_map(|value| value.split(',')).any(is_ours) {
        return None;
    }
    let text = format!("this webhook speaks {MEDIA_TYPE} only, not '{}'", values.join(", "));
    Some(reply::json(status, &serde_json::json!({ "error": text })))
}

fn is_ours(media_type: &str) -> bool {
    let mut parts = media_type.split(';').map(str::trim);
    let name = parts.next().unwrap_or("").to_ascii_lowercase();
    let version = parts.find_map(|part| part.strip_prefix("version=")).unwrap_or("1");
    match name.as_str() {
        MEDIA_TYPE_NAME => version == "1",
        "*/*" | "application/*" | "application/json" => true,
        _ => false,
    }
}

impl Webhook {
    fn health(&self) -> Response {
        match self.api.state.readiness.is_ready() {
            Ok(()) => reply::body(StatusCode::OK, "text/plain; charset=utf-8", "ok\n"),
            Err(why) => reply::body(StatusCode::SERVICE_UNAVAILABLE, "text/plain; charset=utf-8", format!("{why}\n")),
        }
    }

    /// `GET /`: the names that External-DNS may plan for. It asks once, when it starts, so that zones are not listed: one that is
    /// made later would be left out. What lies in no zone falls out of `/adjustendpoints`.
    fn negotiate(&self) -> Response {
        #[derive(Serialize)]
        struct DomainFilter {
            #[serde(skip_serializing_if = "Vec::is_empty")]
            include: Vec<String>,
        }
        let include = self.settings.domain_filter.iter().map(Name::to_dotless).collect();
        ours(json::to_vec(&DomainFilter { include }))
    }

    /// `GET /records`: everything of a type that External-DNS may manage, its ownership records among them.
    async fn records(&self) -> Result<Response, ApiError> {
        let zones = self.zones().await?;
        let mut text = vec![b'['];
        for zone in zones.ours() {
            let rrsets = self.api.state.store.rrsets(zone.id, &store::RrsetFilter::default()).await?;
            let endpoints: Vec<_> =
                rrsets.iter().filter_map(|rrset| endpoint::Endpoint::of(rrset, zone, &zones)).collect();
            let piece = offload::run(rrsets.len() * 100, move || Ok(json::to_vec(&endpoints))).await?;
            if piece.len() > 2 {
                if text.len() > 1 {
                    text.push(b',');
                }
                text.extend_from_slice(&piece[1..piece.len() - 1]);
            }
        }
        text.push(b']');
        Ok(ours(text))
    }

    async fn zones(&self) -> Result<Zones, ApiError> {
        let filter = store::ZoneFilter { name: None, without_dnssec: true };
        Ok(Zones::new(self.api.state.store.zones(&filter).await?, &self.settings.domain_filter))
    }

    /// `POST /adjustendpoints`: what the sources want, as it will be read once it is stored.
    async fn adjust(&self, body: Bytes) -> Result<Response, ApiError> {
        let zones = self.zones().await?;
        let (text, notes) = offload::run(body.len(), move || adjusted(&body, &zones)).await?;
        self.tell(notes);
        Ok(ours(text))
    }

    /// Logs what was not said at the last interval.
    fn tell(&self, notes: BTreeSet<String>) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        for note in notes.difference(&noted).take(NOTES_MAX) {
            tracing::warn!("External-DNS webhook: {note}");
        }
        *noted = notes.into_iter().take(NOTES_MAX).collect();
    }

    /// `POST /records`: one edit of each zone, and an answer when DNS has them all.
    async fn apply(&self, body: Bytes) -> Result<Response, ApiError> {
        let zones = self.zones().await?;
        let plan = offload::run(body.len(), move || apply::Plan::read(&body, &zones)).await?;
        let left_out = apply::apply(&self.api, plan).await?;
        if left_out.is_empty() {
            return Ok(reply::no_content());
        }
        for why in &left_out {
            tracing::warn!("External-DNS webhook: left out: {why}");
        }
        let shown: Vec<&str> = left_out.iter().take(10).map(String::as_str).collect();
        let text = format!("{} left out, the rest is stored: {}", left_out.len(), shown.join("; "));
        // Not a 4xx, over which External-DNS would end.
        Ok(reply::json(StatusCode::INTERNAL_SERVER_ERROR, &serde_json::json!({ "error": text })))
    }
}

/// An answer of the protocol.
fn ours(text: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    response
}

/// What is wanted as it will be read once it is stored, and what was left out or changed.
fn adjusted(body: &[u8], zones: &Zones) -> Result<(Vec<u8>, BTreeSet<String>), ApiError> {
    let mut notes = BTreeSet::new();
    let wanted: Vec<Option<endpoint::Endpoint>> = parse_list(body)?;
    let kept: Vec<_> =
        wanted.into_iter().flatten().filter_map(|wanted| adjust::adjust(wanted, zones, &mut notes)).collect();
    Ok((json::to_vec(&kept), notes))
}

/// What reading a body of the webhook gives, for fuzzing: the adjusted endpoints, or an error. A plan of changes is read and dropped.
pub fn read_webhook_body(body: &[u8], zones: Vec<store::ZoneSummary>) -> Result<Vec<u8>, ApiError> {
    let zones = Zones::new(zones, &[]);
    apply::Plan::read(body, &zones).map(|_| Vec::new()).or_else(|_| adjusted(body, &zones).map(|(text, _)| text))
}

/// A list in JSON; Go writes an empty one as `null` too.
fn parse_list<T: DeserializeOwned>(body: &[u8]) -> Result<Vec<T>, ApiError> {
    let parsed: Result<Option<Vec<T>>, _> = serde_json::from_slice(body);
    match parsed {
        Ok(list) => Ok(list.unwrap_or_default()),
        Err(why) => Err(ApiError::BadRequest(format!("request body is not a list of endpoints: {why}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1_is_spoken_and_no_other() {
        for taken in [MEDIA_TYPE, MEDIA_TYPE_NAME, "Application/External.DNS.webhook+json; version=1", "*/*"] {
            assert!(is_ours(taken), "{taken}");
        }
        for refused in ["application/external.dns.webhook+json;version=2", "text/html", ""] {
            assert!(!is_ours(refused), "{refused}");
        }
    }
}
