//! Settings as the API's `config` shows them: PowerDNS's names first, for the clients that read them, then ours.
//!
//! Every value is true for the server that runs. Where PowerDNS's setting has none of ours behind it, the value is what a PowerDNS
//! that does the same would have: Lua records are not run, so `enable-lua-records` is `no`. What has no such value is left out.

use std::net::SocketAddr;

use super::postgres_url;
use super::settings::{LogSettings, Settings};
use super::{catalog, powerdns};
use crate::database;
use api::RequestLog;

/// What is true of this server, whatever is set: it does these things, or does not.
const FIXED: &[(&str, &[&str])] = &[
    (
        "no",
        &[
            "8bit-dns",
            "autosecondary",
            "control-console",
            "daemon",
            "direct-dnskey",
            "dnsupdate",
            "edns-subnet-processing",
            "enable-gss-tsig",
            "enable-lua-records",
            "enable-lua-record-updates",
            "guardian",
            "log-dns-details",
            "log-dns-queries",
            "master",
            "outgoing-axfr-expand-alias",
            "primary",
            "query-logging",
            "secondary",
            "secondary-do-renotify",
            "slave",
            "slave-renotify",
            "superslave",
        ],
    ),
    ("yes", &["disable-axfr", "disable-syslog", "dname-processing", "resolve-across-zones", "reuseport"]),
    // No cache, no queue, no limit but ours.
    (
        "0",
        &[
            "cache-ttl",
            "dnssec-key-cache-ttl",
            "domain-metadata-cache-ttl",
            "max-cache-entries",
            "max-packet-cache-entries",
            "max-signature-cache-entries",
            "max-tcp-connection-duration",
            "max-tcp-transactions-per-conn",
            "negquery-cache-ttl",
            "query-cache-ttl",
            "tcp-fast-open",
            "zone-cache-refresh-interval",
            "zone-metadata-cache-ttl",
        ],
    ),
    (
        "",
        &[
            "allow-axfr-ips",
            "allow-dnsupdate-from",
            "allow-notify-from",
            "carbon-server",
            "chroot",
            "lua-axfr-script",
            "lua-dnsupdate-policy-script",
            "lua-prequery-script",
            "security-poll-suffix",
            "setgid",
            "setuid",
        ],
    ),
];

/// Files with secrets, which PowerDNS has no settings for, and a second spelling of others.
const LEFT_OUT: &[&str] = &[
    "api-key-file",
    "default-ksk-algorithms",
    "default-zsk-algorithms",
    // Shown with its database.
    "gpgsql-password",
    "gpgsql-password-file",
    "webserver-password-file",
];

/// Name and value of every setting. `dns` and `http` are where the server listens; `workers` answer UDP at each address.
pub fn shown(settings: &Settings, dns: &[SocketAddr], http: &[SocketAddr], workers: usize) -> Vec<(String, String)> {
    let ours = |name: &str| {
        let found = settings.shown.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let mut all: Vec<(String, String)> = Vec::new();
    let mut put = |name: &str, value: String| all.push((name.to_owned(), value));
    for (theirs, own) in powerdns::ALIASES.iter().filter(|(theirs, _)| !LEFT_OUT.contains(theirs)) {
        put(theirs, ours(own));
    }
    for (value, names) in FIXED {
        for name in *names {
            put(name, (*value).to_owned());
        }
    }
    let (address, port) = addresses(dns);
    put("local-address", address);
    put("local-port", port);
    let (address, port) = match (http, settings.api.sockets.first()) {
        ([], Some(socket)) => (socket.display().to_string(), String::new()),
        _ => addresses(http),
    };
    put("webserver-address", address);
    put("webserver-port", port);
    put("webserver-max-bodysize", (settings.api.body_bytes_max >> 20).max(1).to_string());
    put("webserver-loglevel", request_log(settings.api.request_log).to_owned());
    put("loglevel", log_level(&settings.log).to_owned());
    put("max-tcp-connections-per-client", settings.dns.tcp_per_source_max.to_string());
    put("receiver-threads", workers.to_string());
    if let Some(database) = &settings.database {
        match database::sqlite_path(&database.url.0) {
            Some(path) => {
                put("launch", "gsqlite3".to_owned());
                put("gsqlite3-database", path.display().to_string());
            }
            None => {
                put("launch", "gpgsql".to_owned());
                let has_password = postgres_url::redacted(&database.url.0) != database.url.0;
                put("gpgsql-password", if has_password { "***" } else { "" }.to_owned());
                for (parameter, value) in postgres_url::place(&database.url.0) {
                    put(&format!("gpgsql-{parameter}"), value);
                }
            }
        }
    }
    all.sort();
    all.dedup_by(|one, other| one.0 == other.0);
    let is_new = |name: &str| all.binary_search_by(|(known, _)| known.as_str().cmp(name)).is_err();
    let own: Vec<(String, String)> = settings.shown.iter().filter(|(name, _)| is_new(name)).cloned().collect();
    debug_assert!(own.iter().all(|(name, _)| catalog::find(name).is_some()));
    all.extend(own);
    all
}

/// `local-address` and `local-port`: the port once where all addresses share it, else with each address.
fn addresses(listen: &[SocketAddr]) -> (String, String) {
    let Some(first) = listen.first() else { return Default::default() };
    let share_port = listen.iter().all(|address| address.port() == first.port());
    let text = |address: &SocketAddr| if share_port { address.ip().to_string() } else { address.to_string() };
    (listen.iter().map(text).collect::<Vec<_>>().join(", "), first.port().to_string())
}

fn request_log(log: RequestLog) -> &'static str {
    match log {
        RequestLog::None => "none",
        RequestLog::Normal => "normal",
        RequestLog::All => "detailed",
    }
}

/// PowerDNS's number for the level that holds for all parts.
fn log_level(log: &LogSettings) -> &'static str {
    let overall = log.filter.split(',').find(|part| !part.contains('=')).unwrap_or("error");
    match overall.trim().to_ascii_lowercase().as_str() {
        "off" | "error" => "3",
        "warn" => "4",
        "info" => "6",
        _ => "7",
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Sources, flags, load};
    use super::*;

    fn shown_for(given: &[(&str, &str)]) -> Vec<(String, String)> {
        let (flags, _) = flags::split(given.iter().map(|(name, text)| format!("--{name}={text}")));
        let root = Some(std::path::PathBuf::from("/nowhere"));
        let settings = load(&Sources { flags, root, ..Sources::default() }).unwrap();
        let (dns, http) = (["127.0.0.1:5300".parse().unwrap()], ["127.0.0.1:8081".parse().unwrap()]);
        shown(&settings, &dns, &http, 2)
    }

    fn value<'s>(shown: &'s [(String, String)], name: &str) -> Option<&'s str> {
        let mut found = shown.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let first = found.next();
        assert_eq!(found.next(), None, "{name} stands twice");
        first
    }

    #[test]
    fn section_11_config_has_powerdns_names_with_what_is_true_here() {
        let shown = shown_for(&[
            ("database-url", "sqlite:/var/lib/zones.db"),
            ("api-key", "hush"),
            ("api-allow-from", "10.0.0.0/8,::1"),
            ("api-log", "all"),
            ("log-filter", "debug,store=info"),
        ]);
        for (name, wanted) in [
            ("local-address", "127.0.0.1"),
            ("local-port", "5300"),
            ("webserver-port", "8081"),
            ("enable-lua-records", "no"),
            ("launch", "gsqlite3"),
            ("gsqlite3-database", "/var/lib/zones.db"),
            ("api-key", "***"),
            ("webserver-password", ""),
            ("webserver-allow-from", "10.0.0.0/8,::1"),
            ("webserver-max-bodysize", "16"),
            ("webserver-loglevel", "detailed"),
            ("loglevel", "7"),
            ("cache-ttl", "0"),
            ("disable-axfr", "yes"),
            ("default-ttl", "3600"),
            ("receiver-threads", "2"),
            // Ours, where PowerDNS has no name for it.
            ("dns-listen", "0.0.0.0:53,[::]:53"),
        ] {
            assert_eq!(value(&shown, name), Some(wanted), "{name}");
        }
        for (name, _) in &shown {
            value(&shown, name);
            assert!(powerdns::find(name).is_some() || catalog::find(name).is_some(), "{name} is nobody's");
        }
    }

    #[test]
    fn section_11_secrets_of_a_database_are_never_shown() {
        let shown = shown_for(&[
            ("database-url", "postgres://signpost:hush1@db.example:5433/zones?password=hush2"),
            ("database-password", "hush3"),
            ("web-password", "hush4"),
            ("cookie-secret", "00112233445566778899aabbccddeeff"),
        ]);
        for (name, wanted) in [
            ("launch", "gpgsql"),
            ("gpgsql-host", "db.example"),
            ("gpgsql-port", "5433"),
            ("gpgsql-dbname", "zones"),
            ("gpgsql-user", "signpost"),
            ("gpgsql-password", "***"),
            ("edns-cookie-secret", "***"),
        ] {
            assert_eq!(value(&shown, name), Some(wanted), "{name}");
        }
        for (name, value) in &shown {
            assert!(!value.contains("hush") && !value.contains("00112233"), "{name} is {value}");
        }
    }

    #[test]
    fn addresses_share_a_port_or_have_their_own() {
        let listen = |texts: &[&str]| addresses(&texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>());
        assert_eq!(listen(&["0.0.0.0:53", "[::]:53"]), ("0.0.0.0, ::".to_owned(), "53".to_owned()));
        assert_eq!(listen(&["192.0.2.1:53", "[::]:54"]), ("192.0.2.1:53, [::]:54".to_owned(), "53".to_owned()));
        assert_eq!(listen(&[]), Default::default());
    }
}
