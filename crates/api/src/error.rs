//! The one place where what went wrong becomes a status and a body (PDNS-DIALECT 1.3 and 1.4).

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use store::StoreError;

use crate::negotiate::ErrorForm;
use crate::{json, reply};

/// Seconds after which a client may try again when the database did not answer.
const RETRY_AFTER_SECS: &str = "5";
/// The same when we had too much to do.
const RETRY_WHEN_BUSY_SECS: &str = "1";

/// What the client is told instead of a result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// 400: the request cannot be read.
    #[error("{0}")]
    BadRequest(String),
    /// 401: no key, or a wrong one.
    #[error("Unauthorized")]
    Unauthorized {
        /// What `WWW-Authenticate` asks for.
        challenge: &'static str,
    },
    /// 403: the key is good, and not for this.
    #[error("{0}")]
    Forbidden(String),
    /// 404: no such path, zone or key.
    #[error("Not Found")]
    NotFound,
    /// 404 with a word about what is missing.
    #[error("{0}")]
    Missing(String),
    /// 405, with the methods that the path has.
    #[error("Method Not Allowed")]
    MethodNotAllowed {
        /// For `Allow`.
        allow: String,
    },
    /// 409: it exists already.
    #[error("Conflict")]
    Conflict,
    /// 409 with a word about what is in the way.
    #[error("{0}")]
    Taken(String),
    /// 422: the request was understood and breaks a rule. At least one text.
    #[error("{}", .0.join("; "))]
    Invalid(Vec<String>),
    /// 503: more is asked at once than we do at once.
    #[error("the server is busy; try again later")]
    Busy,
    /// 503: the database did not do it, or did not say that it did.
    #[error("the database does not answer; try again later")]
    Unavailable(#[source] StoreError),
    /// 500: the database will not do it, however often it is asked.
    #[error("the database refuses to do this; see the server's log")]
    Refusal(#[source] StoreError),
    /// 500: the database holds something unreadable, or we are at fault.
    #[error("{0}")]
    Internal(String),
}

/// A 422 with one text.
pub(crate) fn invalid(text: impl Into<String>) -> ApiError {
    ApiError::Invalid(vec![text.into()])
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> ApiError {
        match error {
            StoreError::NotFound { .. } => ApiError::NotFound,
            StoreError::Exists { .. } => ApiError::Conflict,
            StoreError::Refused(text) => invalid(text),
            StoreError::Unavailable { .. } | StoreError::Changed { .. } => ApiError::Unavailable(error),
            StoreError::Failed { .. } => ApiError::Refusal(error),
            other => ApiError::Internal(other.to_string()),
        }
    }
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    errors: &'a [String],
}

impl ApiError {
    /// The status.
    pub fn status(&self) -> StatusCode {
        match self {
            ApiError::BadRequest(_) => StatusCode::BAD_REQUEST,
            ApiError::Unauthorized { .. } => StatusCode::UNAUTHORIZED,
            ApiError::Forbidden(_) => StatusCode::FORBIDDEN,
            ApiError::NotFound | ApiError::Missing(_) => StatusCode::NOT_FOUND,
            ApiError::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            ApiError::Conflict | ApiError::Taken(_) => StatusCode::CONFLICT,
            ApiError::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            ApiError::Busy | ApiError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            ApiError::Refusal(_) | ApiError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The answer, in the form the client reads.
    pub(crate) fn into_response(self, form: ErrorForm) -> Response {
        self.log();
        let status = self.status();
        let (content_type, body) = match (&self, form) {
            // A 422 is JSON whatever the client asked for.
            (ApiError::Invalid(errors), _) if errors.len() > 1 => {
                (reply::JSON, json::to_vec(&ErrorBody { error: "Multiple errors found in RRset", errors }))
            }
            (ApiError::Invalid(_), _) | (_, ErrorForm::Json) => {
                (reply::JSON, json::to_vec(&ErrorBody { error: &self.to_string(), errors: &[] }))
            }
            (_, ErrorForm::Html) => {
                let text = status.canonical_reason().unwrap_or("Error");
                let page = format!("<!html><title>{text}</title><h1>{text}</h1>");
                ("text/html; charset=utf-8", page.into_bytes())
            }
            (_, ErrorForm::Text) => {
                ("text/plain; charset=utf-8", status.canonical_reason().unwrap_or("Error").to_owned().into_bytes())
            }
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        match self {
            ApiError::Unauthorized { challenge } => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
            }
            ApiError::MethodNotAllowed { allow } => {
                headers.extend(HeaderValue::try_from(allow).ok().map(|allow| (header::ALLOW, allow)));
            }
            ApiError::Busy => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_WHEN_BUSY_SECS));
            }
            ApiError::Unavailable(_) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECS));
            }
            _ => {}
        }
        response
    }

    /// The whole chain goes to the log; the client gets only the message.
    fn log(&self) {
        if !self.status().is_server_error() {
            return;
        }
        tracing::warn!(error = store::with_causes(self), "request failed");
    }
}
