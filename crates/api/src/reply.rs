//! Answers that succeed, and the headers every answer carries (PDNS-DIALECT 1.5).

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use data_encoding::HEXLOWER;
use ring::digest;
use serde::Serialize;

use crate::call::Call;
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

/// 200 with JSON text and an `ETag` of it, or 304 if the client has just that (RFC 9110 section 13.1.2).
pub(crate) fn json_unless_had(call: &Call, text: Vec<u8>) -> Response {
    let digest = digest::digest(&digest::SHA256, &text);
    let tag = format!("\"{}\"", HEXLOWER.encode(&digest.as_ref()[..16]));
    let is_had = call.if_none_match.as_deref().is_some_and(|had| {
        had.split(',').map(str::trim).any(|had| had == "*" || had.strip_prefix("W/").unwrap_or(had) == tag)
    });
    let mut response = match is_had {
        false => body(StatusCode::OK, JSON, text),
        true => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        }
    };
    let tag = HeaderValue::try_from(tag).expect("hex digits in quotes are header text");
    response.headers_mut().insert(header::ETAG, tag);
    response
}

/// 204: no body, no Content-Type.
pub(crate) fn no_content() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// Adds what keeps browsers out of trouble, and CORS where configured (`cross_origin` empty: not). What a page says itself stays.
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
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.extend(cross_origin.cloned().map(|value| (header::ACCESS_CONTROL_ALLOW_ORIGIN, value)));
}
