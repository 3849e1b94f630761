//! The way of a request: route, method, key, body, handler, headers. In this order (PDNS-DIALECT 1.2).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::HttpBody;
use axum::extract::{Query, Request};
use axum::http::request::Parts;
use axum::http::{Method, header};
use axum::response::Response;
use axum::{Router, body::Body};
use futures_util::StreamExt;
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument;
use wire::ZoneName;

use crate::auth::Scope;
use crate::auth::scope::Needs;
use crate::call::Call;
use crate::control::Control;
use crate::error::ApiError;
use crate::journey::Journey;
use crate::negotiate::Accepts;
use crate::routes::{self, Access, Action, Route};
use crate::state::{Api, ApiState};
use crate::{
    api_keys, auth, autoprimaries, body, cache, cross_site, cryptokeys, history, metadata, metrics, openapi, options,
    pages, reply, search, servers, status_page, tsigkeys, views, zone_actions, zone_create, zone_export, zone_get,
    zone_id, zone_patch, zone_put, zones_list,
};

/// The API as a service. Connections, and who may open one, are [`crate::serve`]'s.
pub fn router(state: ApiState) -> Router {
    router_and_control(state).0
}

/// The same, and what answers `pdns_control` about it.
pub fn router_and_control(state: ApiState) -> (Router, Control) {
    let api = Arc::new(Api::new(state));
    let control = Control::new(Arc::clone(&api));
    // One fallback instead of axum's routes: those answer HEAD by GET, and know no order between 404, 405 and 401.
    (Router::new().fallback(move |request: Request| answer(api.clone(), request)), control)
}

async fn answer(api: Arc<Api>, request: Request) -> Response {
    let journey = Journey::begin(request.headers());
    // At the level of errors, so that lines of all levels have the id.
    let span = tracing::error_span!("request", id = journey.id());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut who = String::new();
    let work = async {
        let mut response = respond(&api, request, &mut who).await;
        journey.mark(response.headers_mut());
        journey.log(api.state.settings.request_log, &method, &path, response.status().as_u16(), &who);
        response
    };
    work.instrument(span).await
}

async fn respond(api: &Arc<Api>, request: Request, who: &mut String) -> Response {
    let (parts, body) = request.into_parts();
    let accepts = Accepts::of(&parts.headers);
    let route = find_route(api, &parts);
    let counts = route.as_ref().is_none_or(|(route, _)| route.is_api());
    let result = match route {
        None => Err(ApiError::NotFound),
        Some((route, _)) if parts.method == Method::OPTIONS => Ok(options::options(route)),
        Some((route, segments)) => run(api, route, segments, parts, body, accepts.clone(), who).await,
    };
    let mut response = result.unwrap_or_else(|error| error.into_response(accepts.error_form()));
    if counts {
        api.counters.requests.fetch_add(1, Ordering::Relaxed);
        api.counters.count_result(response.status());
    }
    reply::add_common_headers(response.headers_mut(), api.state.settings.cross_origin.as_ref());
    response
}

fn find_route(api: &Api, parts: &Parts) -> Option<(&'static Route, Vec<String>)> {
    let found = routes::find(parts.uri.path())?;
    let settings = &api.state.settings;
    let is_served = match found.0.access {
        Access::Key => settings.serve_api,
        Access::Password => settings.serve_pages,
        Access::Open => true,
    };
    is_served.then_some(found)
}

async fn run(
    api: &Arc<Api>,
    route: &'static Route,
    segments: Vec<String>,
    parts: Parts,
    body: Body,
    accepts: Accepts,
    who: &mut String,
) -> Result<Response, ApiError> {
    let action = route.action(&parts.method).ok_or_else(|| ApiError::MethodNotAllowed { allow: route.allow() })?;
    let settings = &api.state.settings;
    let (actor, scope) = match route.access {
        Access::Key => {
            let key = auth::api_key(&parts.headers, &api.state.keyring).await?;
            (format!("api:{}", key.name()), Arc::clone(key.scope()))
        }
        Access::Password => {
            auth::page_password(&parts.headers, settings.password.as_deref()).await?;
            if parts.method != Method::GET {
                cross_site::refuse(&parts)?;
            }
            Default::default()
        }
        Access::Open => Default::default(),
    };
    who.clone_from(&actor);
    permit(&scope, action, &segments)?;
    // Who may ask may ask too much. Probes are answered all the same, and so is who may not.
    let place = match route.access {
        Access::Open => None,
        Access::Key | Access::Password => Some(Arc::clone(&api.places).try_acquire_owned().map_err(|_| {
            api.counters.shed.fetch_add(1, Ordering::Relaxed);
            ApiError::Busy
        })?),
    };
    let query = Query::try_from_uri(&parts.uri)
        .map_err(|why| ApiError::BadRequest(format!("query of the URL cannot be read: {why}")))?
        .0;
    let body = body::read(body, settings.body_octets_max, settings.connection_timeout).await?;
    let if_none_match =
        parts.headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let call = Call { segments, query, accepts, if_none_match, body, actor, scope };
    let api = Arc::clone(api);
    // A task of its own: a client that hangs up does not stop a write half way, and a panic costs one answer only.
    let work = async move {
        let answer = handle(&api, action, call).await;
        answer.map(|response| with_place(response, place))
    };
    let task = tokio::spawn(work.in_current_span());
    task.await.unwrap_or_else(|failed| Err(ApiError::Internal(format!("request handler failed: {failed}"))))
}

/// What a streamed answer still has to tell is held in memory, so that it takes its place until it is read or given up.
fn with_place(response: Response, place: Option<OwnedSemaphorePermit>) -> Response {
    if response.body().size_hint().exact().is_some() {
        return response;
    }
    response.map(|body| {
        Body::from_stream(body.into_data_stream().inspect(move |_| {
            let _held = &place;
        }))
    })
}

/// Whether the key may do this at all, before anything is looked up or read.
fn permit(scope: &Scope, action: Action, segments: &[String]) -> Result<(), ApiError> {
    let needs = action.needs();
    let zone = match needs {
        Needs::ZoneRead | Needs::RrsetWrite | Needs::ZoneWrite => {
            Some(zone_id::decode(segments.first().map_or("", String::as_str))?)
        }
        _ => None,
    };
    scope.check(needs, zone.as_ref().map(ZoneName::apex))
}

async fn handle(api: &Api, action: Action, call: Call) -> Result<Response, ApiError> {
    match action {
        Action::Versions => Ok(servers::versions()),
        Action::Features => Ok(servers::features()),
        Action::Docs => openapi::docs(api, &call),
        Action::Servers => Ok(servers::list(api)),
        Action::Server => Ok(servers::one(api)),
        Action::Config => Ok(servers::config(api)),
        Action::Statistics => metrics::statistics(api, &call).await,
        Action::CacheFlush => cache::flush(&call),
        Action::ZoneList => zones_list::list(api, &call).await,
        Action::ZoneCreate => zone_create::create(api, &call).await,
        Action::ZoneGet => zone_get::get(api, &call).await,
        Action::ZonePatch => zone_patch::patch(api, &call).await,
        Action::ZonePut => zone_put::put(api, &call).await,
        Action::ZoneDelete => zone_actions::delete(api, &call).await,
        Action::ZoneExport => zone_export::export(api, &call).await,
        Action::ZoneRetrieve => zone_actions::retrieve(api, &call).await,
        Action::ZoneNotify => zone_actions::notify(api, &call).await,
        Action::ZoneRectify => zone_actions::rectify(api, &call).await,
        Action::ZoneHistory => history::list(api, &call).await,
        Action::ZoneUndo => history::undo(api, &call).await,
        Action::KeyList => cryptokeys::list(api, &call).await,
        Action::KeyCreate | Action::KeyCreateById => cryptokeys::create(api, &call).await,
        Action::KeyGet => cryptokeys::get(api, &call).await,
        Action::KeyPut => cryptokeys::put(api, &call).await,
        Action::KeyDelete => cryptokeys::delete(api, &call).await,
        Action::MetadataList => metadata::list(api, &call).await,
        Action::MetadataCreate => metadata::create(api, &call).await,
        Action::MetadataGet => metadata::get(api, &call).await,
        Action::MetadataPut => metadata::put(api, &call).await,
        Action::MetadataDelete => metadata::delete(api, &call).await,
        Action::Search => search::search(api, &call).await,
        Action::ViewList => views::list(api, &call).await,
        Action::ViewGet => views::get(api, &call).await,
        Action::ViewAdd => views::add(api, &call).await,
        Action::ViewRemove => views::remove(api, &call).await,
        Action::NetworkList => views::networks(api, &call).await,
        Action::NetworkGet => views::network(api, &call).await,
        Action::NetworkPut => views::set_network(api, &call).await,
        Action::TsigKeyList => tsigkeys::list(api, &call).await,
        Action::TsigKeyCreate => tsigkeys::create(api, &call).await,
        Action::TsigKeyGet => tsigkeys::get(api, &call).await,
        Action::TsigKeyPut => tsigkeys::put(api, &call).await,
        Action::TsigKeyDelete => tsigkeys::delete(api, &call).await,
        Action::AutoprimaryList => autoprimaries::list(api, &call).await,
        Action::AutoprimaryCreate => autoprimaries::create(api, &call).await,
        Action::AutoprimaryDelete => autoprimaries::delete(api, &call).await,
        Action::ApiKeyList => api_keys::list(api, &call).await,
        Action::ApiKeyCreate => api_keys::create(api, &call).await,
        Action::ApiKeyGet => api_keys::get(api, &call).await,
        Action::ApiKeyDelete => api_keys::delete(api, &call).await,
        Action::StatusPage => status_page::show(api).await,
        Action::RingReset => status_page::reset(api, &call).await,
        Action::StyleSheet => Ok(status_page::style()),
        Action::Prometheus => Ok(metrics::prometheus(api)),
        Action::Alive => Ok(pages::alive()),
        Action::Ready => pages::ready(api, &call),
        Action::Version => Ok(pages::version(api)),
    }
}
