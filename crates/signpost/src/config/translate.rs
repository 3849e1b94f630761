//! From PowerDNS's settings to ours.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::environment::unknown;
use super::error::{ConfigError, Origin, Warning};
use super::layers::{Layers, Rank};
use super::pdns_conf::{Assigned, PdnsSettings, normal_name};
use super::powerdns::{self, Meaning};
use super::value::split_list;
use super::{catalog, postgres_url};

/// Puts what PowerDNS's settings say into `layers`; what they cannot say here becomes a warning.
///
/// # Errors
///
/// [`ConfigError::Value`] naming PowerDNS's setting and where it stands.
pub(super) fn translate(
    mut pdns: PdnsSettings,
    layers: &mut Layers,
    warnings: &mut Vec<Warning>,
) -> Result<(), ConfigError> {
    let backend = backend(&mut pdns, layers)?;
    let tolerated: Vec<String> = pdns
        .at("ignore-unknown-settings")
        .map(|assigned| split_list(&assigned.text).iter().map(|name| normal_name(name)).collect())
        .unwrap_or_default();
    for (name, assigned) in &pdns.0 {
        match powerdns::find(name) {
            Some(Meaning::As(own)) => {
                let own = catalog::find(own).expect("a test checks every alias").name;
                layers.set_text(own, name, &assigned.text, &assigned.origin, assigned.rank)?;
            }
            Some(Meaning::Combined) => {
                let is_other = |prefix, wanted| name.starts_with(prefix) && backend != Some(wanted);
                if is_other("gpgsql-", Backend::Postgres) || is_other("gsqlite3-", Backend::Sqlite) {
                    let launch = if name.starts_with("gpgsql-") { "gpgsql" } else { "gsqlite3" };
                    warnings.push(warning(name, assigned, format!("has no effect without launch={launch}")));
                }
            }
            Some(Meaning::Ignored(reason)) => warnings.push(warning(name, assigned, reason.to_owned())),
            None if tolerated.contains(name) => {}
            None => warnings.push(unknown(name.clone(), assigned.origin.clone())),
        }
    }
    match backend {
        Some(Backend::Postgres) => postgres_url::from_gpgsql(&pdns, layers, warnings)?,
        Some(Backend::Sqlite) => sqlite(&pdns, layers)?,
        None => {}
    }
    dns_listen(&pdns, layers)?;
    http(&pdns, layers)?;
    tcp_per_source(&pdns, layers)?;
    log_level(&pdns, layers)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backend {
    Postgres,
    Sqlite,
}

/// What `launch` names. `gpgsql:main` reads its settings from `gpgsql-main-*`; they get their usual names here.
fn backend(pdns: &mut PdnsSettings, layers: &Layers) -> Result<Option<Backend>, ConfigError> {
    let Some(launch) = pdns.at("launch").cloned() else { return Ok(None) };
    // Whoever names a database of ours has decided.
    if layers.at("database-url").rank > launch.rank {
        return Ok(None);
    }
    let names = split_list(&launch.text);
    let (backend, name) = match names.as_slice() {
        [] => return Ok(None),
        [one] => one.split_once(':').unwrap_or((one, "")),
        _ => return Err(refuse("launch", &launch, "more than one backend; zones are kept in one database")),
    };
    let found = match backend {
        "gpgsql" => Backend::Postgres,
        "gsqlite3" => Backend::Sqlite,
        other => {
            let reason =
                format!("backend '{other}' is not offered: zones are kept in Postgres (gpgsql) or SQLite (gsqlite3)");
            return Err(refuse("launch", &launch, &reason));
        }
    };
    if !name.is_empty() {
        let prefix = format!("{backend}-{}-", normal_name(name));
        let named: Vec<String> = pdns.0.keys().filter(|key| key.starts_with(&prefix)).cloned().collect();
        for key in named {
            let assigned = pdns.0.remove(&key).expect("it was just found");
            pdns.0.insert(format!("{backend}-{}", &key[prefix.len()..]), assigned);
        }
    }
    Ok(Some(found))
}

fn sqlite(pdns: &PdnsSettings, layers: &mut Layers) -> Result<(), ConfigError> {
    let (origin, rank) = strongest(pdns, &["launch", "gsqlite3-database"]);
    let path = pdns.at("gsqlite3-database").map(|assigned| assigned.text.as_str()).unwrap_or_default();
    if path.is_empty() {
        let launch = pdns.at("launch").expect("the backend was read from it");
        return Err(refuse("launch", launch, "gsqlite3 needs gsqlite3-database, the path of the file"));
    }
    // In a URL these two mean something.
    let path = path.replace('%', "%25").replace('?', "%3F");
    layers.set_text("database-url", "gsqlite3-database", &format!("sqlite:{path}"), &origin, rank)
}

/// `local-address`, each address with its own port or with `local-port`.
fn dns_listen(pdns: &PdnsSettings, layers: &mut Layers) -> Result<(), ConfigError> {
    if pdns.at("local-address").is_none() && pdns.at("local-port").is_none() {
        return Ok(());
    }
    let port = port(pdns, "local-port", 53)?;
    let addresses = match pdns.at("local-address") {
        Some(assigned) => split_list(&assigned.text)
            .iter()
            .map(|text| {
                socket_address(text, port)
                    .ok_or_else(|| refuse("local-address", assigned, &format!("'{text}' is not an address")))
            })
            .collect::<Result<Vec<_>, _>>()?,
        None => vec![SocketAddr::from(([0, 0, 0, 0], port)), SocketAddr::from(([0u16; 8], port))],
    };
    let (origin, rank) = strongest(pdns, &["local-address", "local-port"]);
    let text = addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(",");
    layers.set_text("dns-listen", "local-address", &text, &origin, rank)
}

/// Where HTTP listens, and how much it takes.
fn http(pdns: &PdnsSettings, layers: &mut Layers) -> Result<(), ConfigError> {
    http_listen(pdns, layers)?;
    http_log(pdns, layers)?;
    http_body(pdns, layers)
}

fn http_listen(pdns: &PdnsSettings, layers: &mut Layers) -> Result<(), ConfigError> {
    if pdns.at("webserver-address").is_some() || pdns.at("webserver-port").is_some() {
        let port = port(pdns, "webserver-port", 8081)?;
        if let Some(path) = pdns.at("webserver-address").filter(|assigned| assigned.text.starts_with('/')) {
            // A socket has no port.
            let listen = format!("unix:{}", path.text);
            return layers.set_text("api-listen", "webserver-address", &listen, &path.origin, path.rank);
        }
        let address = match pdns.at("webserver-address") {
            Some(assigned) => assigned.text.parse::<IpAddr>().map_err(|_| {
                refuse("webserver-address", assigned, &format!("'{}' is not an IP address", assigned.text))
            })?,
            None => IpAddr::from([127, 0, 0, 1]),
        };
        let (origin, rank) = strongest(pdns, &["webserver-address", "webserver-port"]);
        let mut listen = SocketAddr::new(address, port).to_string();
        if address == IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
            // PowerDNS's webserver takes IPv4 on this address too; an IPv6 listener here does not.
            listen.insert_str(0, &format!("{},", SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))));
        }
        layers.set_text("api-listen", "webserver-address", &listen, &origin, rank)?;
    }
    Ok(())
}

/// PowerDNS's `detailed` shows headers and bodies, which may hold secrets; here it is one line for each request.
fn http_log(pdns: &PdnsSettings, layers: &mut Layers) -> Result<(), ConfigError> {
    let Some(assigned) = pdns.at("webserver-loglevel") else { return Ok(()) };
    let word = match assigned.text.to_ascii_lowercase().as_str() {
        "none" => "none",
        "normal" => "normal",
        "detailed" => "all",
        _ => return Err(refuse("webserver-loglevel", assigned, "expected none, normal or detailed")),
    };
    layers.set_text("api-log", "webserver-loglevel", word, &assigned.origin, assigned.rank)
}

fn http_body(pdns: &PdnsSettings, layers: &mut Layers) -> Result<(), ConfigError> {
    if let Some(assigned) = pdns.at("webserver-max-bodysize") {
        let refuse = || refuse("webserver-max-bodysize", assigned, "expected a number of mebibytes from 1 to 1024");
        let mebibytes: u64 = assigned.text.parse().map_err(|_| refuse())?;
        if !(1..=1024).contains(&mebibytes) {
            return Err(refuse());
        }
        let octets = (mebibytes << 20).to_string();
        layers.set_text("api-body-bytes-max", "webserver-max-bodysize", &octets, &assigned.origin, assigned.rank)?;
    }
    Ok(())
}

/// 0 is no bound for PowerDNS, and ours for us.
fn tcp_per_source(pdns: &PdnsSettings, layers: &mut Layers) -> Result<(), ConfigError> {
    let name = "max-tcp-connections-per-client";
    match pdns.at(name).filter(|assigned| assigned.text != "0") {
        Some(assigned) => layers.set_text("tcp-per-source-max", name, &assigned.text, &assigned.origin, assigned.rank),
        None => Ok(()),
    }
}

/// PowerDNS's numbers are those of syslog.
fn log_level(pdns: &PdnsSettings, layers: &mut Layers) -> Result<(), ConfigError> {
    let Some(assigned) = pdns.at("loglevel") else { return Ok(()) };
    let level: u8 = assigned.text.parse().map_err(|_| refuse("loglevel", assigned, "expected a number from 0 to 9"))?;
    let filter = match level {
        0..=3 => "error",
        4 => "warn",
        5 | 6 => "info",
        _ => "debug",
    };
    layers.set_text("log-filter", "loglevel", filter, &assigned.origin, assigned.rank)
}

fn port(pdns: &PdnsSettings, name: &str, default: u16) -> Result<u16, ConfigError> {
    match pdns.at(name) {
        Some(assigned) => assigned
            .text
            .parse()
            .map_err(|_| refuse(name, assigned, &format!("'{}' is not a port number", assigned.text))),
        None => Ok(default),
    }
}

/// `192.0.2.1`, `192.0.2.1:5300`, `::1` or `[::1]:5300`.
fn socket_address(text: &str, port: u16) -> Option<SocketAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    text.parse().ok().or_else(|| Some(SocketAddr::new(bare.parse().ok()?, port)))
}

/// Where the most important of several settings stands, and its rank.
pub(crate) fn strongest(pdns: &PdnsSettings, names: &[&str]) -> (Origin, Rank) {
    let strongest = names.iter().filter_map(|name| pdns.at(name)).max_by_key(|assigned| assigned.rank);
    strongest.map_or((Origin::Default, Rank::Default), |assigned| (assigned.origin.clone(), assigned.rank))
}

/// An error about a setting of PowerDNS.
pub(crate) fn refuse(name: &str, assigned: &Assigned, reason: &str) -> ConfigError {
    ConfigError::Value { name: name.to_owned(), origin: assigned.origin.clone(), reason: reason.to_owned() }
}

fn warning(name: &str, assigned: &Assigned, reason: String) -> Warning {
    Warning { name: name.to_owned(), origin: assigned.origin.clone(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn translated(conf: &str) -> Result<(Layers, Vec<String>), ConfigError> {
        let mut pdns = PdnsSettings::default();
        super::super::pdns_conf::parse(conf, Path::new("p"), &mut pdns)?;
        let (mut layers, mut warnings) = (Layers::new(), Vec::new());
        translate(pdns, &mut layers, &mut warnings)?;
        Ok((layers, warnings.iter().map(Warning::to_string).collect()))
    }

    fn error(conf: &str) -> String {
        translated(conf).unwrap_err().to_string()
    }

    #[test]
    fn addresses_and_ports_come_together() {
        let (layers, warnings) =
            translated("local-address=192.0.2.1, ::1, 192.0.2.2:54 [::2]:55\nlocal-port=5300\n").unwrap();
        assert_eq!(layers.list("dns-listen"), ["192.0.2.1:5300", "[::1]:5300", "192.0.2.2:54", "[::2]:55"]);
        assert!(warnings.is_empty());
        let (layers, _) = translated("local-port=5300").unwrap();
        assert_eq!(layers.list("dns-listen"), ["0.0.0.0:5300", "[::]:5300"]);
        let (layers, _) = translated("webserver-address=::\n").unwrap();
        assert_eq!(layers.list("api-listen"), ["0.0.0.0:8081", "[::]:8081"]);
        let (layers, _) = translated("webserver-address=::1\n").unwrap();
        assert_eq!(layers.list("api-listen"), ["[::1]:8081"]);
        assert_eq!(error("local-address=eth0"), "setting local-address (p:1): 'eth0' is not an address");
        assert_eq!(error("\nlocal-port=x"), "setting local-port (p:2): 'x' is not a port number");
        let (layers, _) = translated("webserver-address=/run/api\nwebserver-port=80\n").unwrap();
        assert_eq!(layers.list("api-listen"), ["unix:/run/api"]);
        assert_eq!(
            error("webserver-address=run/api"),
            "setting webserver-address (p:1): 'run/api' is not an IP address"
        );
    }

    #[test]
    fn launch_names_the_database() {
        let (layers, _) = translated("launch=gsqlite3\ngsqlite3-database=/var/lib/pdns.db\n").unwrap();
        assert_eq!(layers.secret("database-url").0, "sqlite:/var/lib/pdns.db");
        let (layers, warnings) = translated("launch=gsqlite3:x\ngsqlite3-x-database=/a\n").unwrap();
        assert_eq!(layers.secret("database-url").0, "sqlite:/a");
        assert!(warnings.is_empty());
        assert!(error("launch=gsqlite3").ends_with("gsqlite3 needs gsqlite3-database, the path of the file"));
        assert_eq!(
            error("launch=bind"),
            "setting launch (p:1): backend 'bind' is not offered: zones are kept in Postgres (gpgsql) or SQLite (gsqlite3)"
        );
        assert!(error("launch=gpgsql,bind").contains("more than one backend"));
        let (layers, _) = translated("launch=\n").unwrap();
        assert!(!layers.is_set("database-url"));
    }

    #[test]
    fn what_does_nothing_is_named_with_its_reason() {
        let (_, warnings) = translated(
            "cache-ttl=20\nmade-up=1\nlua-records-exec-limit=5\ngpgsql-host=db\nold=1\nignore-unknown-settings=old\n",
        )
        .unwrap();
        assert_eq!(
            warnings,
            [
                "setting cache-ttl (p:1): has no effect: answers come from memory and follow the database, there is no cache to tune",
                "setting gpgsql-host (p:4): has no effect without launch=gpgsql",
                "setting lua-records-exec-limit (p:3): has no effect: Lua is not run",
                "setting made-up (p:2): is not known and does nothing",
            ]
        );
    }

    #[test]
    fn aliases_keep_their_writers_name_in_errors() {
        let (layers, _) =
            translated("webserver-allow-from=10.0.0.0/8,::1\ndefault-ttl=60\nwebserver-max-bodysize=3").unwrap();
        assert_eq!(layers.list("api-allow-from"), ["10.0.0.0/8", "::1"]);
        assert_eq!(layers.count::<u32>("default-ttl"), 60);
        assert_eq!(layers.count::<u64>("api-body-bytes-max"), 3 << 20);
        assert_eq!(
            error("udp-truncation-threshold=9"),
            "setting udp-truncation-threshold (p:1): 9 is not between 512 and 4096"
        );
        assert_eq!(
            error("webserver-max-bodysize=0"),
            "setting webserver-max-bodysize (p:1): expected a number of mebibytes from 1 to 1024"
        );
    }

    #[test]
    fn api_and_webserver_are_switches_of_their_own() {
        let (layers, warnings) = translated("api=no\nwebserver=yes\nmax-tcp-connections-per-client=0\n").unwrap();
        assert!(!layers.is_on("api") && layers.is_on("web-pages"));
        assert!(warnings.is_empty() && !layers.is_set("tcp-per-source-max"));
        assert_eq!(error("api=perhaps"), "setting api (p:1): 'perhaps' is neither yes nor no");
        assert_eq!(translated("max-tcp-connections-per-client=9").unwrap().0.count::<usize>("tcp-per-source-max"), 9);
    }

    #[test]
    fn webserver_loglevel_says_which_requests_are_logged() {
        for (word, ours) in [("none", "none"), ("Normal", "normal"), ("detailed", "all")] {
            assert_eq!(translated(&format!("webserver-loglevel={word}")).unwrap().0.text("api-log"), ours);
        }
        assert!(error("webserver-loglevel=loud").ends_with("expected none, normal or detailed"));
    }

    #[test]
    fn loglevel_becomes_a_filter() {
        assert_eq!(translated("loglevel=4").unwrap().0.text("log-filter"), "warn");
        assert_eq!(translated("loglevel=7").unwrap().0.text("log-filter"), "debug");
        assert!(translated("loglevel=high").is_err());
    }
}
