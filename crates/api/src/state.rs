//! What the API is made of: settings, and the parts of the program it talks to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::HeaderValue;
use store::Store;
use tokio::sync::Semaphore;
use wire::Network;

use crate::ZoneDefaults;
use crate::auth::{Keyring, PagePassword};
use crate::metrics::{ApiCounters, MetricsSource};
use crate::publication::{NotifyQueue, Publication, Readiness};

/// Settings of the web server and the API.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// `api`: whether `/api` is served. Default true.
    pub serve_api: bool,
    /// `webserver`: whether `/` and `/metrics` are served. Default true.
    pub serve_pages: bool,
    /// `webserver-password`, for `/` and `/metrics`. Default none: open.
    pub password: Option<Arc<PagePassword>>,
    /// `webserver-allow-from`. Connections from elsewhere are closed without an answer. Default loopback.
    pub allow_from: Vec<Network>,
    /// `webserver-max-bodysize`, in octets. Default 16 MiB, four times what External-DNS sends for 10,000 endpoints.
    pub body_octets_max: usize,
    /// `webserver-connection-timeout`: how long we wait for a request's header, for the next piece of its body, and for a
    /// client that does not take its answer. Default 5 s.
    pub connection_timeout: Duration,
    /// `webserver-max-concurrent-connections`; more wait in the listen queue. Default 100.
    pub connections_max: usize,
    /// Requests with a key or password that are worked on at once; more get 503 with `Retry-After`. Default 200.
    pub requests_max: usize,
    /// `webserver-loglevel`. Default [`RequestLog::Normal`].
    pub request_log: RequestLog,
    /// `webserver-cross-origin-request-header`: value of `Access-Control-Allow-Origin`. Default none.
    pub cross_origin: Option<HeaderValue>,
    /// What `version` says. Clients choose what they call by it, so it names the PowerDNS release we stand in for. Default 4.9.4:
    /// from 5.0 on clients expect views and networks.
    pub version: String,
    /// `enable-lua-record-updates`. Default false.
    pub lua_updates: bool,
    /// Whether a PATCH of External-DNS that turns a name from or to CNAME takes what it had there before. Default false.
    pub external_dns_takeover: bool,
    /// How long a write waits to be served before it is confirmed all the same. Default 5 s.
    pub publication_bound: Duration,
}

impl Default for ApiSettings {
    fn default() -> ApiSettings {
        ApiSettings {
            serve_api: true,
            serve_pages: true,
            password: None,
            allow_from: Network::loopback(),
            body_octets_max: 16 << 20,
            connection_timeout: Duration::from_secs(5),
            connections_max: 100,
            requests_max: 200,
            request_log: RequestLog::Normal,
            cross_origin: None,
            version: "4.9.4".to_owned(),
            lua_updates: false,
            external_dns_takeover: false,
            publication_bound: Duration::from_secs(5),
        }
    }
}

impl ApiSettings {
    /// Whether `version` is at least this release. What is no version is none.
    pub(crate) fn stands_for(&self, major: u32, minor: u32) -> bool {
        let mut parts = self.version.split('.').map(|part| {
            let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            part[..digits].parse().unwrap_or(0)
        });
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= (major, minor)
    }
}

/// Which requests the log tells of, one line each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestLog {
    /// None, but for failures.
    None,
    /// Those that change something; with the log at debug, reads too.
    Normal,
    /// All.
    All,
}

/// Everything a request may need.
#[derive(Clone)]
pub struct ApiState {
    /// Where zones are kept.
    pub store: Arc<dyn Store>,
    /// Keys of API clients. Without any every API request is 401.
    pub keyring: Arc<Keyring>,
    /// Tells when a change is served.
    pub publication: Arc<dyn Publication>,
    /// Takes NOTIFY requests.
    pub notify: Arc<dyn NotifyQueue>,
    /// Counters of the other parts.
    pub metrics: Arc<dyn MetricsSource>,
    /// Whether zones are loaded.
    pub readiness: Arc<dyn Readiness>,
    /// For new and newly secured zones.
    pub defaults: ZoneDefaults,
    /// For the API itself.
    pub settings: ApiSettings,
    /// All settings of the program by PowerDNS's name, for `config`; secrets are masked when shown.
    pub config: Vec<(String, String)>,
}

/// The state with what the API adds.
pub(crate) struct Api {
    pub(crate) state: ApiState,
    pub(crate) counters: ApiCounters,
    pub(crate) started: Instant,
    /// Places for requests that are worked on.
    pub(crate) places: Arc<Semaphore>,
}

impl Api {
    pub(crate) fn new(state: ApiState) -> Api {
        let places = Arc::new(Semaphore::new(state.settings.requests_max.max(1)));
        Api { state, counters: Default::default(), started: Instant::now(), places }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_we_stand_for_is_compared_by_numbers() {
        let stands = |version: &str| {
            let settings = ApiSettings { version: version.to_owned(), ..ApiSettings::default() };
            settings.stands_for(5, 1)
        };
        assert!(!stands("4.9.4") && !stands("5.0.3") && !stands("5") && !stands("x") && !stands(""));
        assert!(stands("5.1.0") && stands("5.2-dev") && stands("5.10-rc1") && stands("10.0"));
    }
}
