//! Answers that succeed, and the headers every answer carries (PDNS-DIALECT 1.5).

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;

use crate::json;

/// Exactly this: clients compare the whole header.
pub(crate) const JSON: &str = "application/json";

/// A JSON answer.
pub(crate) fn json<T: Serialize + ?Sized>(status: StatusCode, value: &T) -> Response {
    body(status, JSON, json::to_vec(value))
}

/// 200 with `{"result": "..."}`.
pub(crate) fn result(text: &str) -> Response {
    #[derive(Serialize)]
    struct Outcome<'a> {
        result: &'a str,
    }
    json(StatusCode::OK, &Outcome { result: text })
}

/// Any answer with a body.
pub(crate) fn body(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// 204: no body, no Content-Type.
pub(crate) fn no_content() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// Adds what keeps browsers out of trouble, and CORS where configured (`cross_origin` empty: not).
pub(crate) fn add_common_headers(headers: &mut HeaderMap, cross_origin: Option<&HeaderValue>) {
    const COMMON: [(HeaderName, &str); 6] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "deny"),
        (HeaderName::from_static("x-permitted-cross-domain-policies"), "none"),
        (header::X_XSS_PROTECTION, "1; mode=block"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'self'; style-src 'self' 'unsafe-inline'"),
        // Who answers: `version` must look like PowerDNS's, or clients cannot read it.
        (header::SERVER, concat!("Signpost/", env!("CARGO_PKG_VERSION"))),
    ];
    for (name, value) in COMMON {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.extend(cross_origin.cloned().map(|value| (header::ACCESS_CONTROL_ALLOW_ORIGIN, value)));
}
