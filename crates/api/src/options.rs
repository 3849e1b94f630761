//! OPTIONS, for browsers that ask before they ask (PDNS-DIALECT 1.5). No key needed.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use crate::reply;
use crate::routes::Route;

/// The methods and headers of a path.
pub(crate) fn options(route: &Route) -> Response {
    let mut response = reply::body(StatusCode::OK, "text/plain", Body::empty());
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Content-Type, X-API-Key"));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3600"));
    let methods = HeaderValue::try_from(route.allow()).expect("method names are header text");
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    response
}
