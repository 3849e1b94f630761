//! One authenticated request, its body read.

use std::sync::Arc;

use axum::body::Bytes;
use serde_json::Value;
use wire::ZoneName;

use crate::auth::Scope;
use crate::error::{ApiError, invalid};
use crate::negotiate::Accepts;
use crate::zone_id;

/// What a handler sees of a request.
pub(crate) struct Call {
    /// The segments of the path that the route leaves open, as they came.
    pub(crate) segments: Vec<String>,
    /// Query parameters, decoded.
    pub(crate) query: Vec<(String, String)>,
    /// What the client reads.
    pub(crate) accepts: Accepts,
    /// `If-None-Match`: what the client has of this already.
    pub(crate) if_none_match: Option<String>,
    /// The body, empty for most reads.
    pub(crate) body: Bytes,
    /// Who asks, for the journal.
    pub(crate) actor: String,
    /// What they may do. The router has asked it what the action needs; handlers ask about what only they can tell.
    pub(crate) scope: Arc<Scope>,
}

impl Call {
    /// The zone in the path.
    pub(crate) fn zone(&self) -> Result<ZoneName, ApiError> {
        zone_id::decode(self.segments.first().map_or("", String::as_str))
    }

    /// The first open segment, percent-decoded.
    pub(crate) fn first_segment(&self) -> Result<String, ApiError> {
        zone_id::percent_decode(self.segments.first().map_or("", String::as_str))
    }

    /// The second open segment, percent-decoded.
    pub(crate) fn second_segment(&self) -> Result<String, ApiError> {
        zone_id::percent_decode(self.segments.get(1).map_or("", String::as_str))
    }

    /// The body as JSON, which it must be.
    pub(crate) fn json(&self) -> Result<Value, ApiError> {
        parse_json(&self.body)
    }

    /// A query parameter; the first if there are several.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A boolean query parameter, in any case.
    pub(crate) fn query_flag(&self, name: &str, default: bool) -> Result<bool, ApiError> {
        match self.query(name) {
            None => Ok(default),
            Some(value) if value.eq_ignore_ascii_case("true") => Ok(true),
            Some(value) if value.eq_ignore_ascii_case("false") => Ok(false),
            Some(value) => Err(invalid(format!("'{name}' request parameter value '{value}' is not supported"))),
        }
    }
}

/// A body as JSON. `null` is refused as no body is.
pub(crate) fn parse_json(body: &[u8]) -> Result<Value, ApiError> {
    match serde_json::from_slice(body) {
        Ok(Value::Null) => Err(ApiError::BadRequest("request body is null".to_owned())),
        Ok(value) => Ok(value),
        Err(_) if body.is_empty() => Err(ApiError::BadRequest("request body is missing".to_owned())),
        Err(why) => Err(ApiError::BadRequest(format!("request body is not JSON: {why}"))),
    }
}
