//! Pages beside the API that are for programs: the probes, and which program this is.

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use crate::call::Call;
use crate::error::{ApiError, invalid};
use crate::publication::For;
use crate::reply;
use crate::state::Api;

const TEXT: &str = "text/plain; charset=utf-8";

/// `GET /livez`: we answer, so we live.
pub(crate) fn alive() -> Response {
    reply::body(StatusCode::OK, TEXT, "ok\n")
}

/// `GET /version`: which program answers.
pub(crate) fn version(api: &Api) -> Response {
    #[derive(Serialize)]
    struct Version<'a> {
        api_version: &'a str,
        name: &'static str,
        version: &'static str,
    }
    let version = env!("CARGO_PKG_VERSION");
    reply::json(StatusCode::OK, &Version { api_version: &api.state.settings.version, name: "signpost", version })
}

#[derive(Serialize)]
struct State<'a> {
    checks: Vec<CheckState<'a>>,
    ready: bool,
}

#[derive(Serialize)]
struct CheckState<'a> {
    detail: &'a str,
    name: &'static str,
    needed_for: &'static str,
    ok: bool,
}

/// `GET /readyz`: 200 once zones are served. A lost database does not change that: queries do not need it. `for=api` asks whether the
/// API works too, which does. As JSON it tells of every part.
pub(crate) fn ready(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let with_api = match call.query("for") {
        None | Some("" | "dns") => false,
        Some("api") => true,
        Some(other) => return Err(invalid(format!("'for' is dns or api, not '{other}'"))),
    };
    let checks = api.state.readiness.checks();
    let api_is_ready = || match checks.iter().find(|check| check.needed_for == For::Api && !check.is_ok) {
        Some(check) => Err(format!("{}: {}", check.name, check.detail)),
        None => Ok(()),
    };
    let ready = api.state.readiness.is_ready().and_then(|()| if with_api { api_is_ready() } else { Ok(()) });
    let status = if ready.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    if call.accepts.wants_json() {
        let checks = checks.iter().map(|check| CheckState {
            detail: &check.detail,
            name: check.name,
            needed_for: match check.needed_for {
                For::Dns => "dns",
                For::Api => "api",
                For::Attention => "attention",
            },
            ok: check.is_ok,
        });
        return Ok(reply::json(status, &State { checks: checks.collect(), ready: ready.is_ok() }));
    }
    Ok(reply::body(status, TEXT, ready.err().unwrap_or_else(|| "ok".to_owned()) + "\n"))
}
