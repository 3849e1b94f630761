//! One API on one SQLite file, and requests to it without a socket.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::{
    ApiKey, ApiSettings, ApiState, Check, For, Keyring, Metric, MetricKind, MetricsSource, NotifyQueue, Publication,
    Readiness, RingStatistic, ZoneDefaults,
};
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use store::{Store, StoreSettings};
use tower::ServiceExt;
use wire::ZoneName;

use crate::document::Documents;

pub(crate) const KEY: &str = "hush";
pub(crate) const ZONES: &str = "/api/v1/servers/localhost/zones";

/// Plays the rest of the program.
pub(crate) struct Program {
    pub(crate) published: AtomicUsize,
    pub(crate) is_late: bool,
    pub(crate) notified: Mutex<Vec<String>>,
    pub(crate) queue_is_full: bool,
    pub(crate) not_ready: Option<String>,
    /// What the ring `queries` holds.
    pub(crate) queries: Mutex<Vec<(String, u64)>>,
}

impl Default for Program {
    fn default() -> Program {
        Program {
            published: AtomicUsize::new(0),
            is_late: false,
            notified: Mutex::default(),
            queue_is_full: false,
            not_ready: None,
            queries: Mutex::new(vec![("example.com/A".to_owned(), 3)]),
        }
    }
}

#[async_trait]
impl Publication for Program {
    async fn published(&self, _zone: Option<&ZoneName>, _bound: Duration) -> bool {
        self.published.fetch_add(1, Ordering::SeqCst);
        !self.is_late
    }
}

impl NotifyQueue for Program {
    fn queue(&self, zone: &ZoneName) -> bool {
        if !self.queue_is_full {
            self.notified.lock().unwrap().push(zone.to_string());
        }
        !self.queue_is_full
    }

    fn queue_for(&self, zone: &ZoneName, host: IpAddr) -> bool {
        if !self.queue_is_full {
            self.notified.lock().unwrap().push(format!("{zone} {host}"));
        }
        !self.queue_is_full
    }
}

impl Readiness for Program {
    fn is_ready(&self) -> Result<(), String> {
        self.not_ready.clone().map_or(Ok(()), Err)
    }

    fn checks(&self) -> Vec<Check> {
        vec![
            Check { name: "zones", needed_for: For::Dns, is_ok: self.not_ready.is_none(), detail: String::new() },
            Check { name: "database", needed_for: For::Api, is_ok: !self.is_late, detail: "is away".to_owned() },
        ]
    }
}

impl MetricsSource for Program {
    fn metrics(&self) -> Vec<Metric> {
        vec![Metric { name: "udp-queries", help: "UDP queries", kind: MetricKind::Counter, value: 42 }]
    }

    fn maps(&self) -> Vec<(&'static str, Vec<(String, u64)>)> {
        vec![("response-by-qtype", vec![("A".to_owned(), 7)])]
    }

    fn ring_names(&self) -> Vec<&'static str> {
        vec!["queries", "remotes"]
    }

    fn ring(&self, name: &str) -> Option<RingStatistic> {
        match name {
            "queries" => {
                Some(RingStatistic { name: "queries", capacity: 10_000, entries: self.queries.lock().unwrap().clone() })
            }
            "remotes" => Some(RingStatistic { name: "remotes", capacity: 10_000, entries: Vec::new() }),
            _ => None,
        }
    }

    fn clear_ring(&self, name: &str) {
        if name == "queries" {
            self.queries.lock().unwrap().clear();
        }
    }

    fn own_text(&self) -> String {
        "signpost_zones 3\n".to_owned()
    }
}

pub(crate) struct Server {
    pub(crate) router: Router,
    /// External-DNS's webhook, open, over all zones.
    pub(crate) webhook: Router,
    pub(crate) state: ApiState,
    pub(crate) program: Arc<Program>,
    _database: Option<crate::database::Database>,
}

/// What the API says about itself. It is read once: it does not depend on what a test sets.
async fn documents() -> &'static Documents {
    static DOCUMENTS: tokio::sync::OnceCell<Documents> = tokio::sync::OnceCell::const_new();
    DOCUMENTS.get_or_init(async || Documents::read(&Server::start().await.router).await).await
}

pub(crate) fn settings() -> ApiSettings {
    ApiSettings::default()
}

pub(crate) fn full_key() -> ApiKey {
    ApiKey::new("test", KEY).unwrap()
}

impl Server {
    pub(crate) async fn start() -> Server {
        Server::with(Program::default(), settings(), ZoneDefaults::default()).await
    }

    pub(crate) async fn with(program: Program, settings: ApiSettings, defaults: ZoneDefaults) -> Server {
        Server::with_all(vec![full_key()], program, settings, defaults).await
    }

    pub(crate) async fn with_keys(keys: Vec<ApiKey>) -> Server {
        Server::with_all(keys, Program::default(), settings(), ZoneDefaults::default()).await
    }

    pub(crate) async fn with_all(
        keys: Vec<ApiKey>,
        program: Program,
        settings: ApiSettings,
        defaults: ZoneDefaults,
    ) -> Server {
        let database = crate::database::Database::new().await;
        let settings_of_store = StoreSettings {
            url: database.url(),
            connections_max: 4,
            timeout: Duration::from_secs(10),
            default_ttl: 3600,
            migrate: true,
        };
        let store = store::open(&settings_of_store).await.expect("an empty database is opened");
        let keyring = Arc::new(Keyring::new(keys));
        let mut server = Server::on_with(store, keyring, program, settings, defaults);
        server._database = Some(database);
        server
    }

    pub(crate) fn on(store: Arc<dyn Store>, program: Program, settings: ApiSettings, defaults: ZoneDefaults) -> Server {
        let keyring = Arc::new(Keyring::new(vec![full_key()]));
        Server::on_with(store, keyring, program, settings, defaults)
    }

    pub(crate) fn on_with(
        store: Arc<dyn Store>,
        keyring: Arc<Keyring>,
        program: Program,
        settings: ApiSettings,
        defaults: ZoneDefaults,
    ) -> Server {
        let program = Arc::new(program);
        let state = ApiState {
            store,
            keyring,
            publication: program.clone(),
            notify: program.clone(),
            metrics: program.clone(),
            readiness: program.clone(),
            defaults,
            settings,
            config: vec![("local-port".to_owned(), "53".to_owned()), ("api-key".to_owned(), KEY.to_owned())],
        };
        let webhook = api::webhook_router(state.clone(), api::WebhookSettings::default());
        Server { router: api::router(state.clone()), webhook, state, program, _database: None }
    }

    /// Sends a request exactly as built.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().to_string(), request.uri().to_string());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let body = String::from_utf8(body.into()).unwrap();
        let answer = Answer { status: parts.status, headers: parts.headers, body };
        documents().await.check(&method, &path, &answer);
        answer
    }

    /// Sends a request with the key; a JSON `null` body means none.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        self.call_as(KEY, method, path, body).await
    }

    /// The same with another key.
    pub(crate) async fn call_as(&self, key: &str, method: &str, path: &str, body: Value) -> Answer {
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let request = Request::builder().method(method).uri(path).header("x-api-key", key);
        self.send(request.body(body).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, Value::Null).await
    }

    /// A zone with SOA and NS, Native.
    pub(crate) async fn make_zone(&self, name: &str) -> String {
        let body = json!({"name": name, "kind": "Native", "nameservers": [format!("ns1.{name}")]});
        let answer = self.call("POST", ZONES, body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        format!("{ZONES}/{name}")
    }

    pub(crate) async fn patch(&self, zone: &str, rrsets: Value) -> Answer {
        self.call("PATCH", zone, json!({ "rrsets": rrsets })).await
    }

    /// `name type ttl content`, a line for each record, sorted; disabled ones marked.
    pub(crate) async fn lines(&self, zone: &str) -> Vec<String> {
        let answer = self.get(zone).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let value = answer.json();
        let mut lines = Vec::new();
        for rrset in value["rrsets"].as_array().unwrap() {
            for record in rrset["records"].as_array().unwrap() {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                let disabled = if record["disabled"] == true { " disabled" } else { "" };
                lines.push(format!(
                    "{} {} {} {}{disabled}",
                    text(&rrset["name"]),
                    text(&rrset["type"]),
                    rrset["ttl"],
                    text(&record["content"])
                ));
            }
        }
        lines.sort();
        lines
    }

    /// The lines without SOA and apex NS.
    pub(crate) async fn data(&self, zone: &str) -> Vec<String> {
        let mut lines = self.lines(zone).await;
        lines.retain(|line| !line.contains(" SOA ") && !line.contains(" NS "));
        lines
    }

    pub(crate) fn published(&self) -> usize {
        self.program.published.load(Ordering::SeqCst)
    }
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|why| panic!("{why}: {}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Asserts a 422 (or what else) with this `error`.
    #[track_caller]
    pub(crate) fn is_error(&self, status: u16, error: &str) {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.json()["error"], error);
    }

    #[track_caller]
    pub(crate) fn is(&self, status: u16) -> &Answer {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }
}

/// One REPLACE of a whole RRset.
pub(crate) fn replace(name: &str, rtype: &str, ttl: u32, contents: &[&str]) -> Value {
    let records: Vec<Value> = contents.iter().map(|content| json!({"content": content, "disabled": false})).collect();
    json!({"name": name, "type": rtype, "ttl": ttl, "changetype": "REPLACE", "records": records})
}
