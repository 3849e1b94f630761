//! `GET /api/docs`: what the API takes and answers, as Swagger 2.0 and as OpenAPI 3.1 (PDNS-DIALECT section 2).
//!
//! One description serves both: `operations.rs` says what each [`Action`](crate::routes::Action) takes and answers, `objects.rs`
//! what the objects hold, in the terms of `model.rs`; paths and methods come from the table that requests are routed by.
//! `render.rs` writes it down in either version, `yaml.rs` as YAML. The dialect's tests hold every answer to both documents.

mod model;
mod objects;
mod operations;
mod render;
mod yaml;

use axum::http::StatusCode;
use axum::response::Response;

use crate::call::Call;
use crate::error::{ApiError, invalid};
use crate::negotiate::DocsForm;
use crate::reply;
use crate::state::Api;

/// Which of the two documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    /// Swagger 2.0, which PowerDNS answered up to 5.0; bravado reads no other.
    Swagger2,
    /// OpenAPI 3.1, as PowerDNS since 5.1.
    OpenApi31,
}

/// `GET /api/docs`. The version is the one of the PowerDNS that `api-version` names, unless `?openapi=2.0` or `3.1` chooses.
pub(crate) fn docs(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let settings = &api.state.settings;
    let version = match call.query("openapi") {
        None if settings.stands_for(5, 1) => Version::OpenApi31,
        None => Version::Swagger2,
        Some("2" | "2.0") => Version::Swagger2,
        Some("3" | "3.1") => Version::OpenApi31,
        Some(other) => return Err(invalid(format!("'openapi' request parameter value '{other}' is not supported"))),
    };
    let document = render::document(version, &settings.version);
    Ok(match call.accepts.docs_form() {
        DocsForm::Json => reply::json(StatusCode::OK, &document),
        DocsForm::Yaml => reply::body(StatusCode::OK, "application/x-yaml", yaml::text(&document)),
        DocsForm::YamlAsText => reply::body(StatusCode::OK, "text/plain; charset=utf-8", yaml::text(&document)),
    })
}
