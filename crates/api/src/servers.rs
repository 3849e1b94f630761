//! Discovery: API versions, the one server, its settings (PDNS-DIALECT sections 2, 3 and 11).

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use crate::reply;
use crate::state::Api;

/// `GET /api`. lego falls back to paths without `/api/v1` unless it is exactly this.
pub(crate) fn versions() -> Response {
    #[derive(Serialize)]
    struct Version {
        url: &'static str,
        version: u8,
    }
    reply::json(StatusCode::OK, &[Version { url: "/api/v1", version: 1 }])
}

/// `GET /api/v1`.
pub(crate) fn features() -> Response {
    #[derive(Serialize)]
    struct Features {
        api_features: [&'static str; 0],
        server_url: &'static str,
    }
    reply::json(StatusCode::OK, &[Features { api_features: [], server_url: "/api/v1/servers{/server}" }])
}

#[derive(Serialize)]
struct Server<'a> {
    autoprimaries_url: &'static str,
    config_url: &'static str,
    daemon_type: &'static str,
    id: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    url: &'static str,
    version: &'a str,
    zones_url: &'static str,
}

impl Server<'_> {
    fn of(api: &Api) -> Server<'_> {
        Server {
            autoprimaries_url: "/api/v1/servers/localhost/autoprimaries{/autoprimary}",
            config_url: "/api/v1/servers/localhost/config{/config_setting}",
            daemon_type: "authoritative",
            id: "localhost",
            kind: "Server",
            url: "/api/v1/servers/localhost",
            version: &api.state.settings.version,
            zones_url: "/api/v1/servers/localhost/zones{/zone}",
        }
    }
}

/// `GET /api/v1/servers`.
pub(crate) fn list(api: &Api) -> Response {
    reply::json(StatusCode::OK, &[Server::of(api)])
}

/// `GET /api/v1/servers/localhost`.
pub(crate) fn one(api: &Api) -> Response {
    reply::json(StatusCode::OK, &Server::of(api))
}

#[derive(Serialize)]
struct ConfigSetting<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    value: &'a str,
}

/// `GET .../config`: every setting, secrets masked.
pub(crate) fn config(api: &Api) -> Response {
    let settings: Vec<ConfigSetting<'_>> = api.state.config.iter().map(|(name, value)| show(name, value)).collect();
    reply::json(StatusCode::OK, &settings)
}

fn show<'a>(name: &'a str, value: &'a str) -> ConfigSetting<'a> {
    ConfigSetting { name, kind: "ConfigSetting", value: shown(name, value) }
}

/// The value, or that there is one.
pub(crate) fn shown<'a>(name: &str, value: &'a str) -> &'a str {
    let spelled = name.replace('_', "-").to_ascii_lowercase();
    let is_secret = ["-password", "password", "api-key", "-secret", "-url", "-extra-connection-parameters"]
        .iter()
        .any(|end| spelled.ends_with(end));
    if is_secret && !value.is_empty() { "***" } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn section_11_secrets_are_masked() {
        for name in ["api-key", "gpgsql-password", "webserver-password", "database_url", "tls-secret"] {
            assert_eq!(show(name, "hush").value, "***", "{name}");
        }
        assert_eq!(show("local-port", "53").value, "53");
        assert_eq!(show("api-key", "").value, "");
    }
}
