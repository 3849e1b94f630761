//! `cache/flush` (PDNS-DIALECT section 11).

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use crate::call::Call;
use crate::error::ApiError;
use crate::{names, reply};

/// Answers are laid out from the zone itself, so there is never anything to flush: the count is 0.
pub(crate) fn flush(call: &Call) -> Result<Response, ApiError> {
    #[derive(Serialize)]
    struct Flushed {
        count: u32,
        result: &'static str,
    }
    names::canonical(call.query("domain").unwrap_or(""), "DNS Name")?;
    Ok(reply::json(StatusCode::OK, &Flushed { count: 0, result: "Flushed cache." }))
}
