//! The settings of the whole program, checked, each part with its own.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use api::{RequestLog, SecretHash, ZoneDefaults};
use dataplane::profile::{Clients, Label};
use dataplane::{CookieSecret, CookieSecrets, RateLimits};
use dnssec::{Algorithm, RSA_BITS, SigningPolicy, WorkbenchBounds};
use wire::network::NetworkError;
use wire::{Name, Network};

use super::api_keys::NamedKey;
use super::error::{ConfigError, Origin, Warning};
use super::layers::Layers;
use super::postgres_url;
use super::transports::{self, ApiTls, TransportSettings};
use super::value::{Secret, split_list};

/// Everything that can be set.
#[derive(Debug)]
pub struct Settings {
    /// Absent: nobody named one.
    pub database: Option<DatabaseSettings>,
    /// Queries.
    pub dns: DnsSettings,
    /// HTTP.
    pub api: ApiSettings,
    /// HTTP for External-DNS.
    pub webhook: WebhookSettings,
    /// Where `pdns_control` finds the server; absent: nowhere.
    pub control_socket: Option<PathBuf>,
    /// New and newly secured zones.
    pub zones: ZoneDefaults,
    /// Signatures.
    pub signing: SigningPolicy,
    /// What is made while a query waits.
    pub workbench: WorkbenchBounds,
    /// From the database to DNS.
    pub publish: PublishSettings,
    /// Secondaries.
    pub notify: NotifySettings,
    /// ALIAS records.
    pub alias: AliasSettings,
    /// Logs.
    pub log: LogSettings,
    /// Every setting as text, for the API's `config`; secrets are hidden.
    pub shown: Vec<(String, String)>,
    /// What does not do what its writer may think; for the log.
    pub warnings: Vec<Warning>,
}

/// How to reach the database.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// With its password.
    pub url: Secret,
    /// Where it was named.
    pub origin: Origin,
    /// Most connections.
    pub connections_max: u32,
    /// For a statement or a connection.
    pub timeout: Duration,
}

/// How queries are answered.
#[derive(Debug, Clone)]
pub struct DnsSettings {
    /// UDP and TCP.
    pub listen: Vec<SocketAddr>,
    /// Absent: one per core.
    pub udp_workers: Option<NonZeroUsize>,
    /// Octets.
    pub udp_payload_max: u16,
    /// Whether UDP replies to one client go to the kernel together.
    pub udp_segmentation: bool,
    /// Whether each UDP worker keeps to one core.
    pub udp_core_affinity: bool,
    /// Connections.
    pub tcp_connections_max: usize,
    /// Connections of one source.
    pub tcp_per_source_max: usize,
    /// Until a quiet connection is closed.
    pub tcp_idle_timeout: Duration,
    /// NSID and `id.server`.
    pub server_id: ServerId,
    /// `version.bind`; absent: not told.
    pub version: Option<Label>,
    /// Whom to answer.
    pub clients: Clients,
    /// Server cookies.
    pub cookies: CookieSettings,
    /// Queries of a kind that each thread notes in a second.
    pub statistics_per_second: u32,
    /// For replies over UDP.
    pub rate_limits: RateLimits,
    /// Beside UDP and plain TCP.
    pub transports: TransportSettings,
}

/// Which server this says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerId {
    /// By the name of its host.
    Hostname,
    /// By this text.
    Text(Label),
    /// It does not.
    Disabled,
}

/// What becomes of cookies (RFC 7873).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CookieSettings {
    /// They are left unanswered.
    Off,
    /// They are answered.
    On {
        /// Absent: replicas share a secret through the database.
        secrets: Option<CookieSecrets>,
        /// Whether clients that know cookies must show a good one over UDP.
        is_required: bool,
    },
}

/// How the API is served.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// Whether `/api` is served.
    pub has_api: bool,
    /// Whether `/` and `/metrics` are.
    pub has_pages: bool,
    /// TCP.
    pub listen: Vec<SocketAddr>,
    /// Unix sockets.
    pub sockets: Vec<PathBuf>,
    /// Their permissions.
    pub socket_mode: u32,
    /// TLS over TCP.
    pub tls: ApiTls,
    /// Absent: every request is refused.
    pub key: Option<Secret>,
    /// Keys with limits.
    pub named_keys: Vec<NamedKey>,
    /// Clients elsewhere get the connection closed.
    pub allow_from: Vec<Network>,
    /// Octets of a request.
    pub body_bytes_max: usize,
    /// Open at a time.
    pub connections_max: usize,
    /// Worked on at a time.
    pub requests_max: usize,
    /// Which requests the log tells of.
    pub request_log: RequestLog,
    /// For a client that keeps us waiting.
    pub connection_timeout: Duration,
    /// Access-Control-Allow-Origin.
    pub cross_origin: Option<String>,
    /// Whether External-DNS may turn a CNAME into other types, and back.
    pub external_dns_takeover: bool,
    /// What the API says it stands in for.
    pub version: String,
    /// Absent: the pages beside the API are open.
    pub web_password: Option<Secret>,
}

/// How External-DNS is served with `--provider=webhook`.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// None: it is not.
    pub listen: Vec<SocketAddr>,
    /// Absent: it is open to whoever may connect.
    pub password: Option<Secret>,
    /// Nobody else.
    pub allow_from: Vec<Network>,
    /// None: every zone.
    pub domain_filter: Vec<Name>,
}

/// How changes reach DNS.
#[derive(Debug, Clone)]
pub struct PublishSettings {
    /// Between two questions to the database.
    pub poll: Duration,
    /// How long a confirmation waits for DNS.
    pub confirm_timeout: Duration,
}

/// Who is told that a zone changed (RFC 1996).
#[derive(Debug, Clone)]
pub struct NotifySettings {
    /// Besides the zone's nameservers.
    pub also: Vec<SocketAddr>,
    /// Nobody outside.
    pub only: Vec<Network>,
}

/// What becomes of ALIAS records.
#[derive(Debug, Clone)]
pub struct AliasSettings {
    /// Whether they stand for addresses.
    pub expand: bool,
    /// Asked for those; none: they cannot be answered.
    pub resolvers: Vec<SocketAddr>,
    /// Beyond the TTL, while no resolver answers.
    pub stale_max: Duration,
}

/// How logs look.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// In the syntax of `tracing_subscriber::EnvFilter`.
    pub filter: String,
    /// Form.
    pub format: LogFormat,
}

/// Form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What the system takes, less the suffix under which a socket is made.
const SOCKET_PATH_OCTETS_MAX: usize = 95;

impl Settings {
    /// Checks what single values cannot tell, and reads the files that hold secrets.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`] naming the setting and its source.
    pub(super) fn from_layers(
        layers: &Layers,
        named_keys: Vec<NamedKey>,
        mut warnings: Vec<Warning>,
    ) -> Result<Settings, ConfigError> {
        warn_of_flags(layers, &mut warnings);
        let settings = Settings {
            database: database(layers, &mut warnings)?,
            dns: DnsSettings {
                listen: addresses(layers, "dns-listen")?,
                udp_workers: NonZeroUsize::new(layers.count("udp-workers")),
                udp_payload_max: layers.count("udp-payload-max"),
                udp_segmentation: layers.is_on("udp-segmentation"),
                udp_core_affinity: layers.is_on("udp-core-affinity"),
                tcp_connections_max: layers.count("tcp-connections-max"),
                tcp_per_source_max: layers.count("tcp-per-source-max"),
                tcp_idle_timeout: Duration::from_secs(layers.count("tcp-idle-timeout-secs")),
                server_id: server_id(layers)?,
                version: version(layers)?,
                clients: clients(layers)?,
                cookies: cookies(layers)?,
                statistics_per_second: layers.count("statistics-per-second"),
                rate_limits: rate_limits(layers)?,
                transports: transports::from_layers(layers, &mut warnings)?,
            },
            api: api(layers, named_keys, &mut warnings)?,
            webhook: webhook(layers)?,
            control_socket: control_socket(layers),
            zones: zones(layers)?,
            signing: signing(layers)?,
            workbench: WorkbenchBounds {
                signatures_per_second: layers.count("sign-on-query-max"),
                cache_octets: layers.count::<usize>("proof-cache-mib") << 20,
            },
            publish: PublishSettings {
                poll: Duration::from_millis(layers.count("feed-poll-ms")),
                confirm_timeout: Duration::from_millis(layers.count("confirm-timeout-ms")),
            },
            notify: notify(layers)?,
            alias: AliasSettings {
                expand: layers.is_on("expand-alias"),
                resolvers: targets(layers, "resolver")?,
                stale_max: Duration::from_secs(layers.count("alias-stale-max-secs")),
            },
            log: log(layers)?,
            shown: layers.shown(),
            warnings,
        };
        Ok(settings)
    }
}

/// Flags are seen by everyone who may list processes.
fn warn_of_flags(layers: &Layers, warnings: &mut Vec<Warning>) {
    for name in ["api-key", "web-password", "database-password", "cookie-secret"] {
        let origin = &layers.at(name).origin;
        if matches!(origin, Origin::Flag(_)) && !layers.secret(name).0.is_empty() {
            let reason = format!("can be read by every user of this machine who lists processes; use {name}-file");
            warnings.push(Warning { name: name.to_owned(), origin: origin.clone(), reason });
        }
    }
}

fn database(layers: &Layers, warnings: &mut Vec<Warning>) -> Result<Option<DatabaseSettings>, ConfigError> {
    let password = secret(layers, "database-password", "database-password-file")?;
    let url = layers.secret("database-url");
    if url.0.is_empty() {
        return Ok(None);
    }
    let (scheme, rest) = url.0.split_once(':').unwrap_or((&url.0, ""));
    let url = match scheme {
        "postgres" | "postgresql" if rest.starts_with("//") => match &password {
            Some(password) => postgres_url::with_password(&url.0, &password.0),
            None => url.0.clone(),
        },
        "sqlite" if !rest.trim_start_matches('/').is_empty() => {
            if password.is_some() {
                let origin = layers.at("database-password").origin.clone();
                let reason = "has no effect: SQLite has no passwords".to_owned();
                warnings.push(Warning { name: "database-password".to_owned(), origin, reason });
            }
            url.0.clone()
        }
        _ => {
            let reason = "expected postgres://user@host/database or sqlite:/path/file.db";
            return Err(layers.refuse("database-url", reason));
        }
    };
    Ok(Some(DatabaseSettings {
        url: Secret(url),
        origin: layers.at("database-url").origin.clone(),
        connections_max: layers.count("database-connections-max"),
        timeout: Duration::from_secs(layers.count("database-timeout-secs")),
    }))
}

fn server_id(layers: &Layers) -> Result<ServerId, ConfigError> {
    match layers.text("server-id") {
        "" => Ok(ServerId::Hostname),
        // PowerDNS's word.
        "disabled" => Ok(ServerId::Disabled),
        text => Ok(ServerId::Text(label(layers, "server-id", text)?)),
    }
}

fn version(layers: &Layers) -> Result<Option<Label>, ConfigError> {
    // PowerDNS's words.
    let text = match layers.text("version-string") {
        "anonymous" => return Ok(None),
        "full" => concat!("Signpost ", env!("CARGO_PKG_VERSION")),
        "powerdns" => "Signpost",
        text => text,
    };
    label(layers, "version-string", text).map(Some)
}

fn label(layers: &Layers, name: &str, text: &str) -> Result<Label, ConfigError> {
    Label::new(text).map_err(|error| layers.refuse(name, error.to_string()))
}

fn clients(layers: &Layers) -> Result<Clients, ConfigError> {
    let networks = networks(layers, "dns-allow-from")?;
    if networks.is_empty() {
        return Err(layers.refuse("dns-allow-from", "names no network: nobody would be answered"));
    }
    let all = ["0.0.0.0/0", "::/0"].map(|text| text.parse::<Network>().expect("it is a network"));
    let is_all = all.iter().all(|network| networks.contains(network));
    Ok(if is_all { Clients::All } else { Clients::Within(networks) })
}

fn cookies(layers: &Layers) -> Result<CookieSettings, ConfigError> {
    // PowerDNS's setting has one secret; several make a change of it possible that no client notices.
    let refuse = |reason: &str| Err(layers.refuse("cookie-secret", reason));
    let mut secrets = Vec::new();
    for text in secret(layers, "cookie-secret", "cookie-secret-file")?.iter().flat_map(|text| split_list(&text.0)) {
        match hex_octets(&text) {
            Some(octets) => secrets.push(CookieSecret::new(octets)),
            None => return refuse("expected 32 hex digits, or several such separated by commas"),
        }
    }
    if secrets.len() > CookieSecrets::OTHERS_MAX + 1 {
        return refuse("more than eight secrets");
    }
    let mut secrets = secrets.into_iter();
    let secrets = secrets.next().map(|first| CookieSecrets::new(first, secrets));
    Ok(match layers.text("cookies") {
        "off" => CookieSettings::Off,
        word => CookieSettings::On { secrets, is_required: word == "require" },
    })
}

fn hex_octets(text: &str) -> Option<[u8; 16]> {
    let is_hex = text.len() == 32 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hex.then(|| u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes))?
}

fn rate_limits(layers: &Layers) -> Result<RateLimits, ConfigError> {
    Ok(RateLimits {
        responses_per_second: layers.count("rrl-responses-per-second"),
        nxdomains_per_second: layers.count("rrl-nxdomains-per-second"),
        errors_per_second: layers.count("rrl-errors-per-second"),
        all_per_second: layers.count("rrl-all-per-second"),
        window: Duration::from_secs(layers.count("rrl-window-secs")),
        slip: layers.count("rrl-slip"),
        ipv4_prefix: layers.count("rrl-ipv4-prefix"),
        ipv6_prefix: layers.count("rrl-ipv6-prefix"),
        exempt: networks(layers, "rrl-exempt")?,
        accounts: layers.count("rrl-accounts"),
    })
}

fn api(layers: &Layers, named_keys: Vec<NamedKey>, warnings: &mut Vec<Warning>) -> Result<ApiSettings, ConfigError> {
    let (listen, sockets) = api_addresses(layers)?;
    let version = layers.text("api-version");
    // Clients take it apart at its dots and compare numbers.
    if version.split('.').count() < 3 || !version.split('.').take(3).all(|part| part.parse::<u16>().is_ok()) {
        return Err(layers.refuse("api-version", format!("'{version}' is not like 4.9.4")));
    }
    let cross_origin = match layers.text("api-cross-origin") {
        "" => None,
        text if text.bytes().all(|octet| octet.is_ascii_graphic()) => Some(text.to_owned()),
        text => return Err(layers.refuse("api-cross-origin", format!("'{text}' is not an origin"))),
    };
    let web_password = secret(layers, "web-password", "web-password-file")?;
    let key = secret(layers, "api-key", "api-key-file")?;
    for (name, secret) in [("api-key", &key), ("web-password", &web_password)] {
        if let Some(Err(error)) = secret.as_ref().map(|secret| SecretHash::of_setting(&secret.0)) {
            return Err(layers.refuse(name, error.to_string()));
        }
    }
    Ok(ApiSettings {
        has_api: layers.is_on("api"),
        has_pages: layers.is_on("web-pages"),
        listen,
        sockets,
        socket_mode: socket_mode(layers)?,
        tls: transports::api_tls(layers, warnings)?,
        key,
        named_keys,
        allow_from: networks(layers, "api-allow-from")?,
        body_bytes_max: layers.count("api-body-bytes-max"),
        connections_max: layers.count("api-connections-max"),
        requests_max: layers.count("api-requests-max"),
        request_log: match layers.text("api-log") {
            "none" => RequestLog::None,
            "all" => RequestLog::All,
            _ => RequestLog::Normal,
        },
        connection_timeout: Duration::from_secs(layers.count("api-connection-timeout-secs")),
        cross_origin,
        external_dns_takeover: layers.is_on("api-external-dns-takeover"),
        version: version.to_owned(),
        web_password,
    })
}

/// Addresses and paths of `api-listen`.
fn api_addresses(layers: &Layers) -> Result<(Vec<SocketAddr>, Vec<PathBuf>), ConfigError> {
    let name = "api-listen";
    let (mut listen, mut sockets) = (Vec::new(), Vec::new());
    for text in layers.list(name) {
        if let Some(path) = text.strip_prefix("unix:") {
            if !path.starts_with('/') || path.len() > SOCKET_PATH_OCTETS_MAX {
                let reason =
                    format!("'{text}' is not unix: and a path of at most {SOCKET_PATH_OCTETS_MAX} octets from /");
                return Err(layers.refuse(name, reason));
            }
            sockets.push(PathBuf::from(path));
        } else {
            let refuse = || {
                layers.refuse(
                    name,
                    format!("'{text}' is not an address with a port, like 192.0.2.1:53 or [::]:53, nor unix:/path"),
                )
            };
            listen.push(text.parse().map_err(|_| refuse())?);
        }
    }
    if listen.is_empty() && sockets.is_empty() && layers.list("api-tls-listen").is_empty() {
        return Err(layers.refuse(name, "names no address"));
    }
    Ok((listen, sockets))
}

fn socket_mode(layers: &Layers) -> Result<u32, ConfigError> {
    let text = layers.text("api-socket-mode");
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err(layers.refuse("api-socket-mode", format!("'{text}' is not an octal number from 0 to 777"))),
    }
}

/// The socket's name is PowerDNS's.
fn control_socket(layers: &Layers) -> Option<PathBuf> {
    let folder = layers.text("control-socket-dir");
    (!folder.is_empty()).then(|| Path::new(folder).join("pdns.controlsocket"))
}

fn webhook(layers: &Layers) -> Result<WebhookSettings, ConfigError> {
    let password = secret(layers, "webhook-password", "webhook-password-file")?;
    if let Some(Err(error)) = password.as_ref().map(|password| SecretHash::of_setting(&password.0)) {
        return Err(layers.refuse("webhook-password", error.to_string()));
    }
    let domain = |text: &String| match Name::parse(text) {
        Ok(name) if !name.is_root() => Ok(name.to_lowercase()),
        Ok(_) => Err(layers.refuse("webhook-domain-filter", "the root is every name: leave the setting empty")),
        Err(why) => Err(layers.refuse("webhook-domain-filter", format!("'{text}' is not a name: {why}"))),
    };
    Ok(WebhookSettings {
        listen: addresses_if_any(layers, "webhook-listen")?,
        password,
        allow_from: networks(layers, "webhook-allow-from")?,
        domain_filter: layers.list("webhook-domain-filter").iter().map(domain).collect::<Result<_, _>>()?,
    })
}

fn zones(layers: &Layers) -> Result<ZoneDefaults, ConfigError> {
    let pdns = layers.text("dnssec-defaults") == "pdns";
    // Set by hand they hold; otherwise PowerDNS's are one key, of ecdsa256, and NSEC.
    let own = |name: &str| if pdns && !layers.is_set(name) { "" } else { layers.text(name) };
    let ksk_algorithm = algorithm(layers, "default-ksk-algorithm", layers.text("default-ksk-algorithm"))?;
    let zsk_algorithm = algorithm(layers, "default-zsk-algorithm", own("default-zsk-algorithm"))?;
    if ksk_algorithm.is_none() && zsk_algorithm.is_none() {
        return Err(
            layers.refuse("default-ksk-algorithm", "is empty and so is default-zsk-algorithm: no key could be made")
        );
    }
    let ksk_bits = rsa_bits(layers, "default-ksk-size")?;
    let zsk_bits = rsa_bits(layers, "default-zsk-size")?;
    let nsec3param = Some(own("default-nsec3param").to_owned()).filter(|text| !text.is_empty());
    let iterations_max = layers.count("max-nsec3-iterations");
    if let Some(text) = &nsec3param {
        api::nsec3param::canonical(text, iterations_max)
            .map_err(|reason| layers.refuse("default-nsec3param", reason.to_string()))?;
    }
    let catalog = match layers.text("default-catalog-zone") {
        "" => None,
        text => {
            let name = Name::parse(text).map_err(|error| layers.refuse("default-catalog-zone", error.to_string()))?;
            Some(name.to_lowercase())
        }
    };
    let zones = ZoneDefaults {
        soa_content: layers.text("default-soa-content").to_owned(),
        soa_edit_api: layers.text("default-soa-edit-api").to_owned(),
        soa_edit: layers.text("default-soa-edit").to_owned(),
        soa_edit_signed: layers.text("default-soa-edit-signed").to_owned(),
        ttl: layers.count("default-ttl"),
        api_rectify: layers.is_on("default-api-rectify"),
        ksk_algorithm,
        zsk_algorithm,
        ksk_bits,
        zsk_bits,
        nsec3param,
        catalog,
        publish_cds: layers.text("default-publish-cds").to_owned(),
        publish_cdnskey: layers.text("default-publish-cdnskey").to_owned(),
        nsec3_iterations_max: iterations_max,
    };
    // Stored SOAs may lack fields at the end; a setting that does is a mistake.
    if zones.soa_content.split_whitespace().count() != 7 {
        let reason = "expected two names and five numbers: nameserver mailbox serial refresh retry expire minimum";
        return Err(layers.refuse("default-soa-content", reason));
    }
    let example = Name::parse("example.com").expect("it is a name");
    zones.soa_change(&example, 0).map_err(|error| layers.refuse("default-soa-content", error.to_string()))?;
    Ok(zones)
}

fn algorithm(layers: &Layers, name: &str, text: &str) -> Result<Option<Algorithm>, ConfigError> {
    if text.is_empty() {
        return Ok(None);
    }
    let unknown =
        || layers.refuse(name, format!("'{text}' is not an algorithm that keys can be made for; use ecdsa256"));
    let algorithm: Algorithm = text.parse().map_err(|_| unknown())?;
    Ok(Some(algorithm))
}

/// Algorithms other than RSA have one size, so that nothing else can be set.
fn rsa_bits(layers: &Layers, name: &str) -> Result<Option<u32>, ConfigError> {
    match layers.count(name) {
        0 => Ok(None),
        bits if RSA_BITS.contains(&bits) => Ok(Some(bits)),
        bits => {
            let (min, max) = (RSA_BITS.start(), RSA_BITS.end());
            Err(layers.refuse(name, format!("{bits} is not 0 and not within {min} to {max}")))
        }
    }
}

fn signing(layers: &Layers) -> Result<SigningPolicy, ConfigError> {
    let hours = |name: &str| Duration::from_secs(layers.count::<u64>(name) * 3600);
    let policy = SigningPolicy {
        lifetime: hours("signature-lifetime-hours"),
        refresh: hours("signature-refresh-hours"),
        inception_offset: Duration::from_secs(layers.count("signature-backdate-secs")),
    };
    if policy.refresh + policy.inception_offset >= policy.lifetime {
        let reason = "renewal would begin before the signature does; it must be below signature-lifetime-hours";
        return Err(layers.refuse("signature-refresh-hours", reason));
    }
    Ok(policy)
}

fn notify(layers: &Layers) -> Result<NotifySettings, ConfigError> {
    Ok(NotifySettings { also: targets(layers, "also-notify")?, only: networks(layers, "only-notify")? })
}

/// Addresses that we send to, port 53 where they have none.
fn targets(layers: &Layers, name: &str) -> Result<Vec<SocketAddr>, ConfigError> {
    let address = |text: &String| {
        let with_port = text.parse().ok().or_else(|| Some(SocketAddr::new(text.parse().ok()?, 53)));
        with_port.ok_or_else(|| layers.refuse(name, format!("'{text}' is not an address, with or without a port")))
    };
    layers.list(name).iter().map(address).collect()
}

pub(super) fn networks(layers: &Layers, name: &str) -> Result<Vec<Network>, ConfigError> {
    let parse = |text: &String| text.parse().map_err(|error: NetworkError| layers.refuse(name, error.to_string()));
    layers.list(name).iter().map(parse).collect()
}

fn log(layers: &Layers) -> Result<LogSettings, ConfigError> {
    let filter = layers.text("log-filter").to_owned();
    tracing_subscriber::EnvFilter::try_new(&filter).map_err(|error| layers.refuse("log-filter", error.to_string()))?;
    let format = if layers.text("log-format") == "json" { LogFormat::Json } else { LogFormat::Text };
    Ok(LogSettings { filter, format })
}

fn addresses(layers: &Layers, name: &str) -> Result<Vec<SocketAddr>, ConfigError> {
    let addresses = addresses_if_any(layers, name)?;
    if addresses.is_empty() {
        return Err(layers.refuse(name, "names no address"));
    }
    Ok(addresses)
}

pub(super) fn addresses_if_any(layers: &Layers, name: &str) -> Result<Vec<SocketAddr>, ConfigError> {
    let parse = |text: &String| {
        text.parse().map_err(|_| {
            layers.refuse(name, format!("'{text}' is not an address with a port, like 192.0.2.1:53 or [::]:53"))
        })
    };
    layers.list(name).iter().map(parse).collect()
}

/// A secret that stands in the settings or in a file that they name. The one from the stronger source counts; from
/// equally strong ones, both is an error.
fn secret(layers: &Layers, name: &str, file_name: &str) -> Result<Option<Secret>, ConfigError> {
    let (direct, file) = (layers.secret(name), layers.text(file_name));
    let (direct_rank, file_rank) = (layers.at(name).rank, layers.at(file_name).rank);
    let is_direct = !direct.0.is_empty();
    if file.is_empty() || (is_direct && direct_rank > file_rank) {
        return Ok(is_direct.then(|| direct.clone()));
    }
    if is_direct && direct_rank == file_rank {
        return Err(layers.refuse(file_name, format!("{name} is set too")));
    }
    let text = std::fs::read_to_string(Path::new(file))
        .map_err(|error| layers.refuse(file_name, format!("cannot read {file}: {error}")))?;
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() {
        return Err(layers.refuse(file_name, format!("{file} is empty")));
    }
    Ok(Some(Secret(text.to_owned())))
}
