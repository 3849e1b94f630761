//! Every setting of our own: name, kind, default, and what it does.
//!
//! A setting has one name everywhere: `api-key` in the TOML file, `--api-key` as a flag, `SIGNPOST_API_KEY` in the
//! environment. Where PowerDNS has a setting of the same meaning it also has PowerDNS's name, so `PDNS_api_key` and a
//! `pdns.conf` need no translation for it; [`super::powerdns`] holds the rest.

use super::value::Kind;

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// Lower case, words joined by dashes, unit last.
    pub name: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// As it would stand on the command line.
    pub default: &'static str,
    /// One sentence, for `--help`; the whole story is in `config/signpost.toml`.
    pub help: &'static str,
}

const fn setting(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Setting {
    Setting { name, kind, default, help }
}

/// Sources that no victim of forged addresses can be, and behind which load balancers hide clients: loopback, private use, shared
/// and link-local addresses (RFC 6890).
const PRIVATE_NETWORKS: &str =
    "127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,169.254.0.0/16,::1/128,fc00::/7,fe80::/10";

/// All settings in the order of `config/signpost.toml`.
pub const SETTINGS: &[Setting] = &[
    // --- database ---
    setting(
        "database-url",
        Kind::Secret,
        "",
        "Where zones are kept: postgres://user@host/database or sqlite:/path/file.db",
    ),
    setting("database-password", Kind::Secret, "", "Password, where the URL has none"),
    setting("database-password-file", Kind::Text, "", "File that holds the password"),
    setting("database-connections-max", Kind::Count { min: 1, max: 1000 }, "8", "Most connections held open"),
    setting(
        "database-timeout-secs",
        Kind::Count { min: 1, max: 3600 },
        "5",
        "A statement, or a wait for a connection, that takes longer fails",
    ),
    // --- DNS ---
    setting("dns-listen", Kind::List, "0.0.0.0:53,[::]:53", "Addresses for DNS over UDP and TCP"),
    setting("udp-workers", Kind::Count { min: 0, max: 1024 }, "0", "Threads that answer UDP; 0: one per core"),
    setting("udp-payload-max", Kind::Count { min: 512, max: 4096 }, "1232", "Longest UDP reply in octets"),
    setting("udp-segmentation", Kind::Switch, "yes", "Replies to one client go to the kernel together"),
    setting("udp-core-affinity", Kind::Switch, "no", "Each UDP worker keeps to one core"),
    setting(
        "tcp-connections-max",
        Kind::Count { min: 1, max: 1_000_000 },
        "4096",
        "Most DNS connections, over TCP, TLS, HTTPS and QUIC together",
    ),
    setting(
        "tcp-per-source-max",
        Kind::Count { min: 1, max: 1_000_000 },
        "256",
        "The same for each source: an IPv4 address or an IPv6 /64",
    ),
    setting(
        "tcp-idle-timeout-secs",
        Kind::Count { min: 1, max: 3600 },
        "10",
        "A connection without a query is closed after this",
    ),
    // --- AF_XDP ---
    setting("xdp-interfaces", Kind::List, "", "Interfaces whose UDP goes past the kernel's network stack; empty: none"),
    setting("xdp-queues", Kind::Count { min: 0, max: 256 }, "0", "Receive queues served, a thread each; 0: all"),
    setting(
        "xdp-mode",
        Kind::Choice(&["auto", "native", "generic"]),
        "auto",
        "Where datagrams are picked: native: in the driver, generic: behind it; auto: in the driver if it can",
    ),
    setting(
        "xdp-zero-copy",
        Kind::Choice(&["auto", "require", "never"]),
        "auto",
        "Whether the card reads and writes our memory: auto: if its driver can",
    ),
    // --- encrypted DNS ---
    setting("dot-listen", Kind::List, "", "Addresses for DNS over TLS; empty: none"),
    setting("doh-listen", Kind::List, "", "Addresses for DNS over HTTPS; empty: none"),
    setting("doq-listen", Kind::List, "", "Addresses for DNS over QUIC; empty: none"),
    setting("doh-plain-listen", Kind::List, "", "Addresses for the same over HTTP, behind a proxy that ends TLS"),
    setting("tls-cert", Kind::Text, "", "PEM file of the certificate and its issuers; empty: one is made"),
    setting("tls-key", Kind::Text, "", "PEM file of its private key"),
    setting("tls-names", Kind::List, "", "Names and addresses a made certificate is for; empty: the host's name"),
    // --- load balancers ---
    setting("proxy-protocol-from", Kind::List, "", "Networks that send a PROXY header, and have to"),
    setting(
        "proxy-protocol-bytes-max",
        Kind::Count { min: 16, max: 65_551 },
        "512",
        "Longest PROXY header in octets, extensions included",
    ),
    // --- statistics ---
    setting(
        "statistics-per-second",
        Kind::Count { min: 0, max: 1_000_000 },
        "1000",
        "Queries of a kind that each thread notes in a second, for statistics' rings; 0: none",
    ),
    // --- what the server tells of itself ---
    setting("server-id", Kind::Text, "", "What NSID and id.server say; empty: the host's name; disabled: nothing"),
    setting("version-string", Kind::Text, "full", "What version.bind says: full, powerdns, anonymous, or a text"),
    // --- defence ---
    setting("dns-allow-from", Kind::List, "0.0.0.0/0,::/0", "Networks whose queries are answered; others get REFUSED"),
    setting(
        "cookies",
        Kind::Choice(&["answer", "require", "off"]),
        "answer",
        "Server cookies: require: clients that know them must show a good one over UDP",
    ),
    setting("cookie-secret", Kind::Secret, "", "32 hex digits, or several: the first makes cookies, all are accepted"),
    setting("cookie-secret-file", Kind::Text, "", "File that holds them"),
    setting(
        "rrl-responses-per-second",
        Kind::Count { min: 0, max: 1_000_000 },
        "200",
        "Most UDP answers about one name to one network; 0: no limit, as in the next three",
    ),
    setting(
        "rrl-nxdomains-per-second",
        Kind::Count { min: 0, max: 1_000_000 },
        "500",
        "Most UDP answers to one network that a name of one zone does not exist",
    ),
    setting(
        "rrl-errors-per-second",
        Kind::Count { min: 0, max: 1_000_000 },
        "200",
        "Most refusals and errors over UDP to one network",
    ),
    setting(
        "rrl-all-per-second",
        Kind::Count { min: 0, max: 1_000_000 },
        "0",
        "Most UDP replies of any kind to one network",
    ),
    setting(
        "rrl-window-secs",
        Kind::Count { min: 1, max: 3600 },
        "15",
        "How long a network must be calm, at most, until it is answered again",
    ),
    setting(
        "rrl-slip",
        Kind::Count { min: 0, max: 100 },
        "2",
        "Every n-th reply withheld is replaced by a short one; 0: none",
    ),
    setting("rrl-ipv4-prefix", Kind::Count { min: 1, max: 32 }, "24", "Leading bits that make a network"),
    setting("rrl-ipv6-prefix", Kind::Count { min: 1, max: 128 }, "56", "The same for IPv6"),
    setting("rrl-exempt", Kind::List, PRIVATE_NETWORKS, "Networks that are never limited"),
    setting(
        "rrl-accounts",
        Kind::Count { min: 1024, max: 1 << 24 },
        "65536",
        "What each UDP worker remembers of networks and names, 16 octets each",
    ),
    // --- HTTP API ---
    setting("api", Kind::Switch, "yes", "Whether the HTTP API is served"),
    setting("web-pages", Kind::Switch, "yes", "Whether the pages beside the API are served, /metrics among them"),
    setting("api-listen", Kind::List, "127.0.0.1:8081", "Addresses for HTTP; unix:/path is a socket"),
    setting("api-socket-mode", Kind::Text, "660", "Permissions of such sockets, octal"),
    setting("api-tls-listen", Kind::List, "", "Addresses for HTTPS; empty: none"),
    setting("api-tls-cert", Kind::Text, "", "PEM file of the certificate of HTTPS and its issuers; empty: as tls-cert"),
    setting("api-tls-key", Kind::Text, "", "PEM file of its private key"),
    setting(
        "api-tls-client-ca",
        Kind::Text,
        "",
        "PEM file of issuers: HTTPS is for clients with a certificate of theirs; empty: for all",
    ),
    setting("api-key", Kind::Secret, "", "What clients send as X-API-Key, or its hash by pdnsutil hash-password"),
    setting("api-key-file", Kind::Text, "", "File that holds the key"),
    setting(
        "api-allow-from",
        Kind::List,
        "127.0.0.0/8,::1/128",
        "Networks of clients; whoever is outside gets the connection closed",
    ),
    setting(
        "api-body-bytes-max",
        Kind::Count { min: 1024, max: 1 << 30 },
        "16777216",
        "Longest request body in octets",
    ),
    setting(
        "api-connections-max",
        Kind::Count { min: 1, max: 100_000 },
        "100",
        "Most HTTP connections; more wait to be accepted",
    ),
    setting(
        "api-requests-max",
        Kind::Count { min: 1, max: 100_000 },
        "200",
        "Most requests worked on at once; more get 503 with Retry-After",
    ),
    setting(
        "api-log",
        Kind::Choice(&["none", "normal", "all"]),
        "normal",
        "Requests to log: normal: changes, and with the log at debug reads too",
    ),
    setting(
        "api-connection-timeout-secs",
        Kind::Count { min: 1, max: 3600 },
        "5",
        "How long a client may keep us waiting within a request, or between two",
    ),
    setting("api-cross-origin", Kind::Text, "", "Access-Control-Allow-Origin of API answers; empty: none"),
    setting(
        "api-external-dns-takeover",
        Kind::Switch,
        "no",
        "Whether a name that External-DNS turns from CNAME to A, or back, loses the old record, if it is its own",
    ),
    setting("api-version", Kind::Text, "4.9.4", "PowerDNS release that the API says it stands in for"),
    setting(
        "web-password",
        Kind::Secret,
        "",
        "Password of the pages beside the API, or its hash; empty: they are open",
    ),
    setting("web-password-file", Kind::Text, "", "File that holds it"),
    // --- pdns_control ---
    setting(
        "control-socket-dir",
        Kind::Text,
        "",
        "Folder of the socket pdns.controlsocket, for signpost control and pdns_control; empty: none",
    ),
    // --- External-DNS's webhook ---
    setting("webhook-listen", Kind::List, "", "Addresses for External-DNS with --provider=webhook; empty: none"),
    setting("webhook-password", Kind::Secret, "", "Password of the webhook, in its URL; empty: it is open"),
    setting("webhook-password-file", Kind::Text, "", "File that holds it"),
    setting(
        "webhook-allow-from",
        Kind::List,
        "127.0.0.0/8,::1/128",
        "Networks of External-DNS; whoever is outside gets the connection closed",
    ),
    setting(
        "webhook-domain-filter",
        Kind::List,
        "",
        "Only zones at or below these are shown to the webhook and written by it; empty: all",
    ),
    // --- new zones ---
    setting("default-ttl", Kind::Count { min: 0, max: 2_147_483_647 }, "3600", "TTL in seconds where none is given"),
    setting(
        "default-soa-content",
        Kind::Text,
        "a.misconfigured.dns.server.invalid hostmaster.@ 0 10800 3600 604800 3600",
        "SOA of a zone made without one; @ is the zone",
    ),
    setting("default-soa-edit", Kind::Text, "", "SOA-EDIT of zones that have none"),
    setting("default-soa-edit-signed", Kind::Text, "", "The same for signed zones; empty: default-soa-edit"),
    setting("default-soa-edit-api", Kind::Text, "DEFAULT", "SOA-EDIT-API of zones made through the API"),
    setting("default-api-rectify", Kind::Switch, "yes", "Whether changes keep ordername and auth right"),
    setting("default-catalog-zone", Kind::Text, "", "Catalog of new zones of kind Master"),
    // --- secondaries ---
    setting("also-notify", Kind::List, "", "Addresses that are told of every zone that is notified"),
    setting("only-notify", Kind::List, "0.0.0.0/0,::/0", "Networks that may be told"),
    // --- ALIAS ---
    setting("expand-alias", Kind::Switch, "yes", "Whether ALIAS records stand for addresses; no: they are left out"),
    setting("resolver", Kind::List, "", "Recursive resolvers that ALIAS targets are asked of; empty: SERVFAIL"),
    setting(
        "alias-stale-max-secs",
        Kind::Count { min: 0, max: 604_800 },
        "86400",
        "How long addresses of ALIAS targets are served beyond their TTL while the resolver fails",
    ),
    // --- DNSSEC ---
    setting(
        "dnssec-defaults",
        Kind::Choice(&["signpost", "pdns"]),
        "signpost",
        "What the next three are when not set: pdns: one ecdsa256 key and NSEC",
    ),
    setting("default-ksk-algorithm", Kind::Text, "ecdsa256", "Algorithm of a new key-signing key"),
    setting(
        "default-zsk-algorithm",
        Kind::Text,
        "ecdsa256",
        "Algorithm of a new zone-signing key; empty: one key for all",
    ),
    setting(
        "default-ksk-size",
        Kind::Count { min: 0, max: 4096 },
        "0",
        "Bits of a new RSA key-signing key; 0: 2048, or to be named",
    ),
    setting(
        "default-zsk-size",
        Kind::Count { min: 0, max: 4096 },
        "0",
        "Bits of a new RSA zone-signing key; 0: 2048, or to be named",
    ),
    setting("default-nsec3param", Kind::Text, "1 0 0 -", "Denial of newly secured zones; empty: NSEC"),
    setting("default-publish-cds", Kind::Text, "", "Digest types of CDS records; empty: none"),
    setting("default-publish-cdnskey", Kind::Text, "", "1: publish CDNSKEY records"),
    setting("max-nsec3-iterations", Kind::Count { min: 0, max: 2500 }, "100", "Most NSEC3 iterations a zone may have"),
    setting(
        "sign-on-query-max",
        Kind::Count { min: 1, max: 10_000_000 },
        "10000",
        "Signatures a second that are made while a query waits",
    ),
    setting(
        "proof-cache-mib",
        Kind::Count { min: 0, max: 65_536 },
        "16",
        "Memory for proofs that were made for a query; 0: none are kept",
    ),
    setting(
        "signature-lifetime-hours",
        Kind::Count { min: 1, max: 8784 },
        "504",
        "From a signature's inception to its expiration",
    ),
    setting(
        "signature-refresh-hours",
        Kind::Count { min: 0, max: 8784 },
        "336",
        "A signature is renewed when this much is left",
    ),
    setting(
        "signature-backdate-secs",
        Kind::Count { min: 0, max: 86_400 },
        "3600",
        "Signatures begin this long ago, for validators with slow clocks",
    ),
    // --- publishing ---
    setting(
        "feed-poll-ms",
        Kind::Count { min: 5, max: 60_000 },
        "50",
        "How often the database is asked for changes by others",
    ),
    setting(
        "confirm-timeout-ms",
        Kind::Count { min: 0, max: 60_000 },
        "5000",
        "How long a confirmation waits until DNS answers with the change",
    ),
    // --- logs ---
    setting("log-filter", Kind::Text, "info", "Least level to log, also per part: info,store=debug"),
    setting("log-format", Kind::Choice(&["text", "json"]), "text", "Lines for people or for machines"),
];

/// The setting of this name.
pub fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// The known name that is spelt most like `name`, for error texts.
pub fn nearest(name: &str) -> Option<&'static str> {
    let (distance, nearest) =
        SETTINGS.iter().map(|setting| (edit_distance(name, setting.name), setting.name)).min_by_key(|(d, _)| *d)?;
    (distance <= 3 && distance < name.len()).then_some(nearest)
}

/// Levenshtein's distance.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_lower_case_with_dashes_and_stands_once() {
        for (at, setting) in SETTINGS.iter().enumerate() {
            assert!(setting.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
            assert!(SETTINGS[..at].iter().all(|other| other.name != setting.name), "{} stands twice", setting.name);
        }
    }

    #[test]
    fn every_default_is_a_value_of_its_kind() {
        for setting in SETTINGS {
            setting.kind.from_text(setting.default).unwrap_or_else(|e| panic!("{}: {e}", setting.name));
        }
    }

    #[test]
    fn a_misspelt_name_finds_its_neighbour() {
        assert_eq!(nearest("api-lsten"), Some("api-listen"));
        assert_eq!(nearest("completely-different"), None);
    }
}
