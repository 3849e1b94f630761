//! PowerDNS's settings: which mean something here, and why the others do not (PDNS-DIALECT section 14.2).

/// What a PowerDNS setting means to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The setting of ours that takes the same values.
    As(&'static str),
    /// Several of them together make one of ours.
    Combined,
    /// Nothing, for this reason.
    Ignored(&'static str),
}

/// PowerDNS's names of settings that take the same values as ours.
pub(super) const ALIASES: &[(&str, &str)] = &[
    ("api-key", "api-key"),
    // The way container images give secrets: PDNS_api_key_file. Not PowerDNS's own.
    ("api-key-file", "api-key-file"),
    ("gpgsql-password", "database-password"),
    ("gpgsql-password-file", "database-password-file"),
    ("webserver-allow-from", "api-allow-from"),
    ("webserver", "web-pages"),
    ("webserver-password", "web-password"),
    ("webserver-password-file", "web-password-file"),
    ("webserver-connection-timeout", "api-connection-timeout-secs"),
    ("webserver-max-concurrent-connections", "api-connections-max"),
    ("webserver-cross-origin-request-header", "api-cross-origin"),
    ("api", "api"),
    ("socket-dir", "control-socket-dir"),
    ("also-notify", "also-notify"),
    ("expand-alias", "expand-alias"),
    ("resolver", "resolver"),
    ("only-notify", "only-notify"),
    ("default-ttl", "default-ttl"),
    ("default-soa-content", "default-soa-content"),
    ("default-soa-edit", "default-soa-edit"),
    ("default-soa-edit-signed", "default-soa-edit-signed"),
    ("default-soa-edit-api", "default-soa-edit-api"),
    ("default-api-rectify", "default-api-rectify"),
    ("default-catalog-zone", "default-catalog-zone"),
    ("default-ksk-algorithm", "default-ksk-algorithm"),
    ("default-zsk-algorithm", "default-zsk-algorithm"),
    ("default-ksk-algorithms", "default-ksk-algorithm"),
    ("default-zsk-algorithms", "default-zsk-algorithm"),
    ("default-ksk-size", "default-ksk-size"),
    ("default-zsk-size", "default-zsk-size"),
    ("default-publish-cds", "default-publish-cds"),
    ("default-publish-cdnskey", "default-publish-cdnskey"),
    ("max-nsec3-iterations", "max-nsec3-iterations"),
    ("udp-truncation-threshold", "udp-payload-max"),
    ("max-tcp-connections", "tcp-connections-max"),
    ("tcp-idle-timeout", "tcp-idle-timeout-secs"),
    ("server-id", "server-id"),
    ("version-string", "version-string"),
    ("edns-cookie-secret", "cookie-secret"),
    ("proxy-protocol-from", "proxy-protocol-from"),
    ("proxy-protocol-maximum-size", "proxy-protocol-bytes-max"),
];

/// Settings that make one of ours together with others.
const COMBINED: &[&str] = &[
    "config-dir",
    "config-name",
    "gpgsql-dbname",
    "gpgsql-extra-connection-parameters",
    "gpgsql-host",
    "gpgsql-port",
    "gpgsql-prepared-statements",
    "gpgsql-user",
    "gsqlite3-database",
    "ignore-unknown-settings",
    "include-dir",
    "launch",
    "local-address",
    "local-port",
    "loglevel",
    "max-tcp-connections-per-client",
    "webserver-address",
    "webserver-loglevel",
    "webserver-max-bodysize",
    "webserver-port",
];

/// Settings without effect, by reason.
const IGNORED: &[(&str, &[&str])] = &[
    (
        "has no effect: answers come from memory and follow the database, there is no cache to tune",
        &[
            "cache-ttl",
            "consistent-backends",
            "dnssec-key-cache-ttl",
            "domain-metadata-cache-ttl",
            "max-cache-entries",
            "max-packet-cache-entries",
            "max-signature-cache-entries",
            "negquery-cache-ttl",
            "query-cache-ttl",
            "zone-cache-refresh-interval",
            "zone-metadata-cache-ttl",
        ],
    ),
    (
        "has no effect: one worker a core answers, see udp-workers",
        &[
            "distributor-threads",
            "max-queue-length",
            "overload-queue-length",
            "queue-limit",
            "receiver-threads",
            "retrieval-threads",
            "reuseport",
            "signing-threads",
        ],
    ),
    (
        "has no effect: zones are not transferred and UPDATE is not taken yet",
        &[
            "allow-axfr-ips",
            "allow-dnsupdate-from",
            "allow-notify-from",
            "allow-unsigned-autoprimary",
            "allow-unsigned-notify",
            "allow-unsigned-supermaster",
            "autosecondary",
            "axfr-fetch-timeout",
            "axfr-lower-serial",
            "delay-notifications",
            "disable-axfr",
            "disable-axfr-rectify",
            "dnsupdate",
            "dnsupdate-require-tsig",
            "enable-gss-tsig",
            "forward-dnsupdate",
            "forward-notify",
            "lua-axfr-script",
            "lua-dnsupdate-policy-script",
            "master",
            "outgoing-axfr-expand-alias",
            "prevent-self-notification",
            "primary",
            "query-local-address",
            "secondary",
            "secondary-check-signature-freshness",
            "secondary-do-renotify",
            "send-signed-notify",
            "slave",
            "slave-cycle-interval",
            "slave-renotify",
            "superslave",
            "trusted-notification-proxy",
            "xfr-cycle-interval",
            "xfr-max-received-mbytes",
        ],
    ),
    ("has no effect: CNAME is followed into every zone that is served", &["resolve-across-zones"]),
    (
        "has no effect: Lua is not run",
        &[
            "enable-lua-record-updates",
            "enable-lua-records",
            "lua-consistent-hashes-cleanup-interval",
            "lua-consistent-hashes-expire-delay",
            "lua-global-include-dir",
            "lua-health-checks-expire-delay",
            "lua-health-checks-interval",
            "lua-health-checks-max-concurrent",
            "lua-prequery-script",
            "lua-records-exec-limit",
            "lua-records-insert-whitespace",
        ],
    ),
    (
        "has no effect: the supervisor (systemd, Kubernetes) runs the process and drops its rights",
        &[
            "chroot",
            "control-console",
            "daemon",
            "guardian",
            "load-modules",
            "module-dir",
            "setgid",
            "setuid",
            "tcp-control-address",
            "tcp-control-port",
            "tcp-control-range",
            "tcp-control-secret",
            "traceback-handler",
            "write-pid",
        ],
    ),
    (
        "has no effect: logs go to standard error, see log-filter and log-format",
        &[
            "disable-syslog",
            "log-dns-details",
            "log-dns-queries",
            "log-timestamp",
            "logging-facility",
            "loglevel-show",
            "query-logging",
            "structured-logging",
            "webserver-print-arguments",
        ],
    ),
    (
        "has no effect: nothing is sent anywhere, metrics are read from /metrics",
        &[
            "carbon-instance",
            "carbon-interval",
            "carbon-namespace",
            "carbon-ourname",
            "carbon-server",
            "security-poll-suffix",
        ],
    ),
    (
        "has no effect: resource limits are our own",
        &[
            "max-ent-entries",
            "max-generate-steps",
            "max-include-depth",
            "max-tcp-connection-duration",
            "max-tcp-transactions-per-conn",
            "tcp-fast-open",
        ],
    ),
    ("has no effect: keys and metadata are always used", &["gpgsql-dnssec", "gsqlite3-dnssec"]),
    (
        "has no effect: SQLite is set for durability and not slower or faster",
        &["gsqlite3-pragma-foreign-keys", "gsqlite3-pragma-journal-mode", "gsqlite3-pragma-synchronous"],
    ),
    ("has no effect: random numbers come from the operating system", &["entropy-source", "rng"]),
    (
        "has no effect here",
        &[
            "8bit-dns",
            "any-to-tcp",
            "direct-dnskey",
            "direct-dnskey-signature",
            "dname-processing",
            "dnsproxy-udp-port-range",
            "edns-subnet-processing",
            "local-address-nonexist-fail",
            "no-shuffle",
            "non-local-bind",
            "soa-edit-spread",
            "svc-autohints",
            "upgrade-unknown-types",
            "views",
            "webserver-hash-plaintext-credentials",
            "workaround-11804",
        ],
    ),
];

/// Backends that are not ours, by the prefix of their settings.
const OTHER_BACKENDS: &[&str] =
    &["bind", "geoip", "gmysql", "godbc", "ldap", "lmdb", "lua2", "opendbx", "pipe", "random", "remote", "tinydns"];

/// What the setting `name` (lower case, dashes) means; `None` if PowerDNS has none of that name either.
pub fn find(name: &str) -> Option<Meaning> {
    if let Some((_, own)) = ALIASES.iter().find(|(theirs, _)| *theirs == name) {
        return Some(Meaning::As(own));
    }
    if COMBINED.contains(&name) {
        return Some(Meaning::Combined);
    }
    if let Some((reason, _)) = IGNORED.iter().find(|(_, names)| names.contains(&name)) {
        return Some(Meaning::Ignored(reason));
    }
    let (backend, rest) = name.split_once('-')?;
    if OTHER_BACKENDS.contains(&backend) {
        return Some(Meaning::Ignored("has no effect: zones are kept in Postgres or SQLite"));
    }
    let is_statement = rest.ends_with("-query") || rest.contains("autoprimar") || rest.starts_with("supermaster-");
    (matches!(backend, "gpgsql" | "gsqlite3") && is_statement)
        .then_some(Meaning::Ignored("has no effect: the SQL is our own, for PowerDNS's standard tables"))
}

#[cfg(test)]
mod tests {
    use super::super::catalog;
    use super::*;

    #[test]
    fn every_alias_names_a_setting_of_ours() {
        for (theirs, own) in ALIASES {
            assert!(catalog::find(own).is_some(), "{theirs} stands for {own}, which is not there");
        }
    }

    #[test]
    fn no_name_stands_twice() {
        let mut names: Vec<&str> = ALIASES.iter().map(|(name, _)| *name).collect();
        names.extend(COMBINED);
        names.extend(IGNORED.iter().flat_map(|(_, names)| *names));
        let total = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), total);
    }

    #[test]
    fn settings_that_exist_here_under_the_same_name_are_aliases() {
        for setting in catalog::SETTINGS {
            let meaning = find(setting.name);
            assert!(matches!(meaning, None | Some(Meaning::As(_))), "{} is ours and {meaning:?}", setting.name);
        }
    }

    #[test]
    fn the_manual_names_every_setting_that_means_something() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configure.md");
        let manual = std::fs::read_to_string(path).unwrap();
        for name in ALIASES.iter().map(|(theirs, _)| theirs).chain(COMBINED) {
            let stands = manual.contains(&format!("`{name}`")) || manual.contains(&format!("`{name}="));
            assert!(stands, "docs/configure.md does not name {name}");
        }
    }

    #[test]
    fn backends_and_statements_are_known_by_pattern() {
        assert!(matches!(find("gmysql-host"), Some(Meaning::Ignored(_))));
        assert!(matches!(find("gpgsql-get-all-domains-query"), Some(Meaning::Ignored(_))));
        assert_eq!(find("gpgsql-hots"), None);
        assert_eq!(find("made-up"), None);
    }
}
