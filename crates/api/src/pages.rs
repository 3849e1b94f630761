//! Pages beside the API: the status page and the probes.

use axum::http::StatusCode;
use axum::response::Response;

use crate::error::ApiError;
use crate::reply;
use crate::state::Api;

const TEXT: &str = "text/plain; charset=utf-8";

/// `GET /`.
pub(crate) async fn status(api: &Api) -> Result<Response, ApiError> {
    let uptime = api.started.elapsed().as_secs();
    let (ready, database) = (api.state.readiness.is_ready(), api.state.store.ping().await);
    let zones = match ready {
        Ok(()) => "loaded".to_owned(),
        Err(why) => escape(&why),
    };
    let database = if database.is_ok() { "answers" } else { "does not answer; zones are served from memory" };
    let page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Signpost</title></head><body>\n\
         <h1>Signpost {}</h1>\n<table>\n\
         <tr><th>Up for</th><td>{} d {} h {} min</td></tr>\n\
         <tr><th>Zones</th><td>{zones}</td></tr>\n\
         <tr><th>Database</th><td>{database}</td></tr>\n\
         <tr><th>Speaks as</th><td>PowerDNS {}</td></tr>\n\
         </table>\n<p><a href=\"/metrics\">Metrics</a></p>\n</body></html>\n",
        env!("CARGO_PKG_VERSION"),
        uptime / 86_400,
        uptime / 3600 % 24,
        uptime / 60 % 60,
        escape(&api.state.settings.version),
    );
    Ok(reply::body(StatusCode::OK, "text/html; charset=utf-8", page))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// `GET /livez`: we answer, so we live.
pub(crate) fn alive() -> Response {
    reply::body(StatusCode::OK, TEXT, "ok\n")
}

/// `GET /readyz`: 200 once zones are served. A lost database does not change that: queries do not need it.
pub(crate) fn ready(api: &Api) -> Response {
    match api.state.readiness.is_ready() {
        Ok(()) => reply::body(StatusCode::OK, TEXT, "ok\n"),
        Err(why) => reply::body(StatusCode::SERVICE_UNAVAILABLE, TEXT, why + "\n"),
    }
}
