//! `signpost serve`: builds the parts from settings, starts them, and stops them in order.

mod cookies;
mod descriptors;
mod late_store;
mod metrics;
mod signals;
mod system;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use api::{
    ApiKey, ApiSettings, ApiState, Check, Control, For, Keyring, Listener, NotifyQueue, PagePassword, Publication,
    Readiness, TLS_PROTOCOLS, UnixSocket, WebhookSettings,
};
use async_trait::async_trait;
use certificate::{CertificateSource, Certificates, ClientCertificates};
use dataplane::profile::{self, CookieDemand, Label, Profile};
use dataplane::udp::Segmentation;
use dataplane::{Addresses, CookieSecrets, DataPlane, DataPlaneSettings, ProfileHandle, Proxies};
use dnssec::ZoneTable;
use publish::{AliasRule, AliasSettings, PublishSettings, Publisher, ZoneRules};
use store::{Store, StoreError};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use transfer::{Notifier, NotifySettings};
use wire::ZoneName;

use crate::config::settings::{CookieSettings, DatabaseSettings, DnsSettings, ServerId};
use crate::config::transports::Certificate;
use crate::config::{self, Settings, postgres_url};
use crate::database;
use late_store::LateStore;
use metrics::Metrics;
pub use signals::stop_signal;

/// Longest pause between tries to open the database.
const OPEN_RETRY_MAX: Duration = Duration::from_secs(5);
/// Changes of others are late when the feed was read longer ago than this.
const FEED_AGE_MAX: Duration = Duration::from_secs(120);
/// Permissions of the control socket: it stops the server for whoever may write to it.
const CONTROL_SOCKET_MODE: u32 = 0o600;
/// Shortest pause between two looks at the stored API keys.
const KEY_POLL_MIN: Duration = Duration::from_millis(250);

/// A running server. It answers DNS and HTTP from the moment it exists; zones follow once the database does.
pub struct Server {
    dns: Vec<SocketAddr>,
    http: Vec<SocketAddr>,
    plane: Arc<DataPlane>,
    publisher: Publisher,
    store: Arc<LateStore>,
    table: Arc<ZoneTable>,
    opening: JoinHandle<Result<(), StoreError>>,
    stop_http: watch::Sender<bool>,
    http_tasks: Vec<JoinHandle<()>>,
    /// Told by `pdns_control` to stop.
    control: Option<Control>,
    /// What keeps the profile of answers up to date; it ends with the server.
    _keepers: JoinSet<()>,
}

/// Starts all parts. DNS says SERVFAIL and the API 503 until the database was reached and zones are loaded.
///
/// # Errors
///
/// No database is named, or an address cannot be listened on.
pub async fn start(settings: &Settings) -> anyhow::Result<Server> {
    let Some(database) = &settings.database else {
        anyhow::bail!(
            "no database is configured: set database-url (SIGNPOST_DATABASE_URL, --database-url), or PowerDNS's launch \
             with gpgsql-host and the like; `signpost quickstart` tries things out without"
        );
    };
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    let table = ZoneTable::with_bounds(settings.workbench);
    let own_secret = cookies::own()?;
    let profile = profile(&settings.dns, CookieSecrets::new(own_secret, []));
    let plane = DataPlane::bind(
        &DataPlaneSettings { profile, tcp_connections_max: connections_max(settings), ..dns_settings(&settings.dns) },
        Arc::clone(&table),
    )?;
    let dns = plane.local_addrs().to_vec();
    log_addresses(plane.addresses());
    let plane = Arc::new(plane);
    let (listeners, certificates) = http_listeners(settings)?;
    let webhook = webhook_listeners(settings)?;
    let control = control_listener(settings)?;

    let store = Arc::new(LateStore::default());
    let late: Arc<dyn Store> = Arc::clone(&store) as Arc<dyn Store>;
    let publisher = publish::spawn(Arc::clone(&late), Arc::clone(&table), publish_settings(settings))
        .context("cannot start the thread that signs")?;

    let mut keepers = JoinSet::new();
    keepers.spawn(become_ready(publisher.clone(), plane.profile()));
    if matches!(settings.dns.cookies, CookieSettings::On { secrets: None, .. }) {
        keepers.spawn(cookies::keep(Arc::clone(&late), plane.profile(), own_secret));
    }
    let mut server = Server {
        http: listeners.iter().filter_map(Listener::address).collect(),
        dns,
        plane: Arc::clone(&plane),
        publisher: publisher.clone(),
        table,
        opening: tokio::spawn(open(Arc::clone(&store), database.clone(), settings.zones.clone())),
        store,
        stop_http: watch::Sender::new(false),
        control: None,
        http_tasks: Vec::new(),
        _keepers: keepers,
    };
    if let Some(certificates) = certificates {
        let stop = server.stop_http.subscribe();
        server._keepers.spawn(certificates.watch(stop));
    }
    if !listeners.is_empty() || !webhook.is_empty() || control.is_some() {
        server.serve_http(listeners, webhook, control, settings, late)?;
    }
    Ok(server)
}

impl Server {
    fn serve_http(
        &mut self,
        listeners: Vec<Listener>,
        webhook: Vec<TcpListener>,
        control: Option<UnixSocket>,
        settings: &Settings,
        store: Arc<dyn Store>,
    ) -> anyhow::Result<()> {
        let http = api_settings(settings)?;
        let keyring = Arc::new(Keyring::new(api_keys(&settings.api)?));
        if http.serve_api && keyring.is_unconfigured() {
            tracing::warn!("no api-key is set: only keys made with `signpost key create` open the API");
        }
        let poll = settings.publish.poll.max(KEY_POLL_MIN);
        self._keepers.spawn(Arc::clone(&keyring).keep(Arc::clone(&store), poll));
        let notifier = Notifier::spawn(Arc::clone(&store), notify_settings(&settings.notify));
        let state = ApiState {
            store,
            keyring,
            publication: Arc::new(Published(self.publisher.clone())),
            notify: Arc::new(Secondaries(notifier)),
            metrics: Arc::new(Metrics {
                plane: Arc::clone(&self.plane),
                publisher: self.publisher.clone(),
                store: Arc::clone(&self.store),
                table: Arc::clone(&self.table),
            }),
            readiness: Arc::new(Ready { publisher: self.publisher.clone(), store: Arc::clone(&self.store) }),
            defaults: settings.zones.clone(),
            settings: http.clone(),
            config: config::shown::shown(settings, &self.dns, &self.http, dns_settings(&settings.dns).udp_workers),
        };
        let hook = webhook_settings(settings)?;
        let hook_http = ApiSettings { allow_from: settings.webhook.allow_from.clone(), ..http.clone() };
        let hook_router = api::webhook_router(ApiState { settings: hook_http.clone(), ..state.clone() }, hook);
        let (router, answers) = api::router_and_control(state);
        if let Some(socket) = control {
            self.control = Some(answers.clone());
            let stopped = stopped(&self.stop_http);
            self.http_tasks.push(tokio::spawn(answers.serve(socket, stopped)));
        }
        let listeners = listeners.into_iter().map(|listener| (listener, &router, &http));
        let webhook = webhook.into_iter().map(|listener| (Listener::Tcp(listener), &hook_router, &hook_http));
        for (listener, router, http) in listeners.chain(webhook) {
            let stopped = stopped(&self.stop_http);
            let (router, http) = (router.clone(), http.clone());
            self.http_tasks.push(tokio::spawn(async move {
                api::serve(listener, router, http, stopped).await;
            }));
        }
        Ok(())
    }

    /// Where DNS is answered, with the ports that were taken for port 0.
    pub fn dns_addresses(&self) -> &[SocketAddr] {
        &self.dns
    }

    /// Where HTTP is answered.
    pub fn http_addresses(&self) -> &[SocketAddr] {
        &self.http
    }

    /// Returns once all zones are loaded and answered.
    pub async fn loaded(&self) {
        self.publisher.loaded().await;
    }

    /// Runs until `stop` completes, then stops: HTTP first, while DNS goes on, so that what was confirmed is answered.
    ///
    /// # Errors
    ///
    /// The database cannot be used, however often it is tried.
    pub async fn run(mut self, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        let outcome = {
            let mut stop = std::pin::pin!(stop);
            let mut quit = std::pin::pin!(quit_asked(self.control.take()));
            let mut announced = false;
            let publisher = self.publisher.clone();
            let mut loaded = std::pin::pin!(publisher.loaded());
            let mut is_open = false;
            loop {
                tokio::select! {
                    () = &mut stop => break Ok(()),
                    () = &mut quit => break Ok(()),
                    opened = &mut self.opening, if !is_open => match opened {
                        Ok(Ok(())) => is_open = true,
                        Ok(Err(error)) => break Err(anyhow::Error::from(error).context("the database cannot be used")),
                        Err(error) => break Err(anyhow::Error::from(error).context("opening the database failed")),
                    },
                    () = &mut loaded, if !announced => {
                        announced = true;
                        let zones = publisher.status().zones;
                        tracing::info!(zones, dns = ?self.dns, http = ?self.http, "ready");
                    }
                }
            }
        };
        tracing::info!("stopping");
        self.opening.abort();
        self.stop_http.send_replace(true);
        for task in std::mem::take(&mut self.http_tasks) {
            if let Err(error) = task.await {
                tracing::error!(%error, "HTTP listener failed");
            }
        }
        // The metrics held the other reference; it went with the routers.
        match Arc::try_unwrap(self.plane) {
            Ok(plane) => plane.shutdown().await,
            Err(plane) => drop(plane),
        }
        tracing::info!("stopped");
        outcome
    }
}

/// Completes when HTTP is to stop.
fn stopped(stop: &watch::Sender<bool>) -> impl Future<Output = ()> + Send + 'static {
    let mut stop = stop.subscribe();
    async move {
        // An error means that the sender is gone, which is a stop too.
        let _ = stop.wait_for(|stop| *stop).await;
    }
}

/// Tries until the database opens. Only what no waiting can mend is an error.
async fn open(late: Arc<LateStore>, database: DatabaseSettings, zones: api::ZoneDefaults) -> Result<(), StoreError> {
    let settings = database::store_settings(&database, &zones, true);
    let url = postgres_url::redacted(&database.url.0);
    // A file is there or is not; a server may come up later.
    let can_come_up = database::sqlite_path(&database.url.0).is_none();
    let mut pause = Duration::from_millis(250);
    loop {
        match store::open(&settings).await {
            Ok(store) => {
                tracing::info!(database = %url, "database opened");
                late.set(store);
                return Ok(());
            }
            Err(error @ StoreError::Unavailable { .. }) if can_come_up => {
                let error = store::with_causes(&error);
                tracing::error!(database = %url, error, "database does not open, trying again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(OPEN_RETRY_MAX);
            }
            Err(error) => return Err(error),
        }
    }
}

fn log_addresses(addresses: &Addresses) {
    let Addresses { dns, dot, doh, doh_plain, doq } = addresses;
    let named = [
        (dns, "DNS listens"),
        (dot, "DNS over TLS listens"),
        (doh, "DNS over HTTPS listens"),
        (doh_plain, "DNS over HTTP listens"),
        (doq, "DNS over QUIC listens"),
    ];
    for (addresses, message) in named {
        for address in addresses {
            tracing::info!(%address, "{message}");
        }
    }
}

/// Where the API is reached, and the certificates that have to be watched for that.
fn http_listeners(settings: &Settings) -> anyhow::Result<(Vec<Listener>, Option<Arc<Certificates>>)> {
    let http = &settings.api;
    let mut listeners = Vec::new();
    if !http.has_api && !http.has_pages {
        return Ok((listeners, None));
    }
    let bind = |address: SocketAddr| {
        let listener = dataplane::bind_tcp(address).and_then(TcpListener::from_std);
        listener.with_context(|| format!("cannot listen for HTTP on {address}"))
    };
    for address in &http.listen {
        listeners.push(Listener::Tcp(bind(*address)?));
    }
    for path in &http.sockets {
        let socket = UnixSocket::bind(path, http.socket_mode);
        let socket = socket.with_context(|| format!("cannot listen for HTTP on unix:{}", path.display()))?;
        listeners.push(Listener::Unix(socket));
    }
    if http.tls.listen.is_empty() {
        return Ok((listeners, None));
    }
    let certificates = Certificates::open(&certificate(&http.tls.certificate)).context("the certificate of HTTPS")?;
    let certificates = Arc::new(certificates);
    let clients = http.tls.client_ca.as_deref().map(ClientCertificates::issued_by);
    let clients = clients.transpose().context("setting api-tls-client-ca")?;
    let config = certificates.tls(certificate::VERSIONS, TLS_PROTOCOLS, clients).context("HTTPS cannot be set up")?;
    for address in &http.tls.listen {
        listeners.push(Listener::Tls(bind(*address)?, Arc::clone(&config)));
    }
    Ok((listeners, Some(certificates)))
}

fn control_listener(settings: &Settings) -> anyhow::Result<Option<UnixSocket>> {
    let Some(path) = &settings.control_socket else { return Ok(None) };
    let socket = UnixSocket::bind(path, CONTROL_SOCKET_MODE);
    let socket = socket.with_context(|| format!("cannot listen for pdns_control on {}", path.display()))?;
    tracing::info!(path = %path.display(), "control socket listens");
    Ok(Some(socket))
}

/// Completes when somebody told the server to stop over its control socket.
async fn quit_asked(control: Option<Control>) {
    match control {
        Some(control) => control.quit_asked().await,
        None => std::future::pending().await,
    }
}

fn webhook_listeners(settings: &Settings) -> anyhow::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    for address in &settings.webhook.listen {
        let listener = dataplane::bind_tcp(*address).and_then(TcpListener::from_std);
        listeners.push(listener.with_context(|| format!("cannot listen for External-DNS's webhook on {address}"))?);
        tracing::info!(%address, "External-DNS's webhook listens");
    }
    Ok(listeners)
}

/// The cap on DNS connections, cut to the open files that the system allows beside everything else.
fn connections_max(settings: &Settings) -> usize {
    let workers = dns_settings(&settings.dns).udp_workers;
    let transports = &settings.dns.transports;
    let others = settings.dns.listen.len() * (workers + 1)
        + transports.dot_listen.len()
        + transports.doh_listen.len()
        + transports.doh_plain_listen.len()
        + transports.doq_listen.len()
        + settings.api.connections_max
        + settings.api.listen.len()
        + settings.api.sockets.len()
        + settings.api.tls.listen.len()
        + settings.webhook.listen.len()
        // One connection more listens for changes.
        + settings.database.as_ref().map_or(0, |database| database.connections_max as usize + 1);
    descriptors::fitting(settings.dns.tcp_connections_max, others, descriptors::raise())
}

fn dns_settings(dns: &DnsSettings) -> DataPlaneSettings {
    let transports = &dns.transports;
    DataPlaneSettings {
        listen: dns.listen.clone(),
        udp_workers: dns.udp_workers.map_or_else(|| DataPlaneSettings::default().udp_workers, usize::from),
        udp_payload_max: dns.udp_payload_max,
        udp_segmentation: if dns.udp_segmentation { Segmentation::On } else { Segmentation::Off },
        udp_core_affinity: dns.udp_core_affinity,
        notes_per_second: dns.statistics_per_second,
        tcp_connections_max: dns.tcp_connections_max,
        tcp_per_source_max: dns.tcp_per_source_max,
        tcp_idle: dns.tcp_idle_timeout,
        rate_limits: dns.rate_limits.clone(),
        dot_listen: transports.dot_listen.clone(),
        doh_listen: transports.doh_listen.clone(),
        doh_plain_listen: transports.doh_plain_listen.clone(),
        doq_listen: transports.doq_listen.clone(),
        certificate: certificate(&transports.certificate),
        proxies: Proxies { from: transports.proxies_from.clone(), header_octets_max: transports.proxy_bytes_max },
        xdp: transports.xdp.clone(),
        ..DataPlaneSettings::default()
    }
}

/// How a server answers that has just been started; without secrets in the settings it makes cookies with `own`.
fn profile(dns: &DnsSettings, own: CookieSecrets) -> Profile {
    let mut profile = Profile::default();
    profile.server_id = match &dns.server_id {
        ServerId::Hostname => hostname().and_then(|name| Label::new(&name).ok()),
        ServerId::Text(label) => Some(label.clone()),
        ServerId::Disabled => None,
    };
    profile.version = dns.version.clone();
    profile.clients = dns.clients.clone();
    profile.readiness = profile::Readiness::Loading;
    if let CookieSettings::On { secrets, is_required } = &dns.cookies {
        profile.cookies = Some(secrets.clone().unwrap_or(own));
        profile.cookie_demand = if *is_required { CookieDemand::Always } else { CookieDemand::UnderLoad };
    }
    profile
}

/// The host's name, which in Kubernetes is the pod's.
fn hostname() -> Option<String> {
    let text = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(text.trim().to_owned()).filter(|name| !name.is_empty())
}

/// From now on a name outside of the zones is known to be outside.
async fn become_ready(publisher: Publisher, profile: ProfileHandle) {
    publisher.loaded().await;
    profile.update(|profile| profile.readiness = profile::Readiness::Ready);
}

fn certificate(configured: &Certificate) -> CertificateSource {
    match configured {
        Certificate::Files { certificate, key } => {
            CertificateSource::Files { certificate: certificate.clone(), key: key.clone() }
        }
        Certificate::Made(names) if names.is_empty() => {
            hostname().map_or_else(CertificateSource::default, |name| CertificateSource::Made { names: vec![name] })
        }
        Certificate::Made(names) => CertificateSource::Made { names: names.clone() },
    }
}

fn publish_settings(settings: &Settings) -> PublishSettings {
    PublishSettings {
        poll: settings.publish.poll,
        rules: zone_rules(settings),
        alias: AliasSettings { resolvers: settings.alias.resolvers.clone(), stale_max: settings.alias.stale_max },
    }
}

fn notify_settings(notify: &config::settings::NotifySettings) -> NotifySettings {
    let only = notify.only.clone();
    NotifySettings {
        also_notify: notify.also.clone(),
        is_allowed: Arc::new(move |address| only.iter().any(|network| network.contains(address))),
        ..NotifySettings::default()
    }
}

/// What holds for every zone that is built, here and in `signpost export`.
pub fn zone_rules(settings: &Settings) -> ZoneRules {
    ZoneRules {
        signing: settings.signing.clone(),
        soa_edit: settings.zones.soa_edit.clone(),
        soa_edit_signed: settings.zones.soa_edit_signed.clone(),
        publish_cds: settings.zones.publish_cds.clone(),
        publish_cdnskey: settings.zones.publish_cdnskey.clone(),
        alias: if settings.alias.expand { AliasRule::Expand } else { AliasRule::LeaveOut },
    }
}

/// The keys that stand in the settings.
fn api_keys(http: &config::settings::ApiSettings) -> anyhow::Result<Vec<ApiKey>> {
    let mut keys = Vec::new();
    if let Some(key) = &http.key {
        keys.push(ApiKey::new("api-key", &key.0).context("setting api-key")?);
    }
    let named = http.named_keys.iter().cloned();
    keys.extend(named.map(|key| ApiKey::with(key.name, key.hash, key.scope, key.expires_at)));
    Ok(keys)
}

fn api_settings(settings: &Settings) -> anyhow::Result<ApiSettings> {
    let http = &settings.api;
    let password = match &http.web_password {
        Some(password) => Some(Arc::new(PagePassword::new(&password.0).context("setting web-password")?)),
        None => None,
    };
    let cross_origin = match &http.cross_origin {
        Some(origin) => Some(origin.parse().context("setting api-cross-origin")?),
        None => None,
    };
    Ok(ApiSettings {
        serve_api: http.has_api,
        serve_pages: http.has_pages,
        password,
        allow_from: http.allow_from.clone(),
        body_octets_max: http.body_bytes_max,
        connection_timeout: http.connection_timeout,
        connections_max: http.connections_max,
        requests_max: http.requests_max,
        request_log: http.request_log,
        cross_origin,
        version: http.version.clone(),
        external_dns_takeover: http.external_dns_takeover,
        publication_bound: settings.publish.confirm_timeout,
        ..ApiSettings::default()
    })
}

fn webhook_settings(settings: &Settings) -> anyhow::Result<WebhookSettings> {
    let password = match &settings.webhook.password {
        Some(password) => Some(Arc::new(PagePassword::new(&password.0).context("setting webhook-password")?)),
        None => None,
    };
    Ok(WebhookSettings { password, domain_filter: settings.webhook.domain_filter.clone() })
}

/// Tells the API when DNS answers with a change.
struct Published(Publisher);

#[async_trait]
impl Publication for Published {
    async fn published(&self, zone: Option<&ZoneName>, bound: Duration) -> bool {
        self.0.published(zone, bound).await
    }
}

/// Ready once zones are loaded; a database lost later changes nothing.
struct Ready {
    publisher: Publisher,
    store: Arc<LateStore>,
}

impl Readiness for Ready {
    fn is_ready(&self) -> Result<(), String> {
        if self.publisher.status().is_loaded {
            return Ok(());
        }
        Err(match self.store.is_open() {
            true => "zones are being loaded",
            false => "the database was not reached yet",
        }
        .to_owned())
    }

    fn checks(&self) -> Vec<Check> {
        let status = self.publisher.status();
        let check = |name, needed_for, is_ok, detail: String| Check { name, needed_for, is_ok, detail };
        let zones = match self.is_ready() {
            Ok(()) => format!("{} zones are served", status.zones),
            Err(why) => why,
        };
        let age = status.last_success.map(|at| at.elapsed());
        let feed = match age {
            Some(age) => format!("read {:.1} s ago", age.as_secs_f64()),
            None => "not read yet".to_owned(),
        };
        let database = match (&status.last_error, self.store.is_open()) {
            (_, false) => "not reached since the start".to_owned(),
            (Some(_), true) => "does not answer; see the log".to_owned(),
            (None, true) => "answers".to_owned(),
        };
        let has_database = self.store.is_open() && status.last_error.is_none();
        let is_fresh = age.is_some_and(|age| age < FEED_AGE_MAX);
        let signer = match status.zones_unsignable {
            0 => "all zones with active keys can be signed".to_owned(),
            zones => format!("{zones} zones have active keys none of which can be used"),
        };
        vec![
            check("zones", For::Dns, status.is_loaded, zones),
            check("database", For::Api, has_database, database),
            check("feed", For::Api, is_fresh, feed),
            check("signer", For::Attention, status.zones_unsignable == 0, signer),
        ]
    }
}

/// Takes what the API asks to notify.
struct Secondaries(Notifier);

impl NotifyQueue for Secondaries {
    fn queue(&self, zone: &ZoneName) -> bool {
        self.0.queue(zone.clone())
    }

    fn queue_for(&self, zone: &ZoneName, host: IpAddr) -> bool {
        self.0.queue_for(zone.clone(), host)
    }
}
