//! `signpost quickstart`: a signed zone to try things on, with nothing to install.
//!
//! Everything is kept in one folder: the SQLite database with the zone and its keys, the API key, and the trust anchor
//! for `delv`. What is there is never made again, so that stopping and starting keeps data and keys.

mod guide;
mod sample;

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use data_encoding::BASE64URL_NOPAD;
use dnssec::ZoneKey;
use ring::rand::{SecureRandom, SystemRandom};
use wire::{Name, ZoneName};

use crate::config::flags::Flag;
use crate::config::value::Secret;
use crate::config::{self, Origin, Settings, Sources};
use crate::{logging, serve};
pub use guide::Guide;

/// Octets of randomness in the API key.
const API_KEY_OCTETS: usize = 24;

/// What can be chosen.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where everything is kept.
    pub dir: PathBuf,
    /// For UDP and TCP on loopback.
    pub dns_port: u16,
    /// For HTTP on loopback.
    pub api_port: u16,
}

/// Makes what is missing, starts a server, prints what to try, and runs until it is told to stop.
///
/// # Errors
///
/// A port is in use, the folder cannot be written, or the server fails.
pub async fn run(options: &Options, flags: Vec<Flag>) -> anyhow::Result<()> {
    let stop = serve::stop_signal()?;
    make_folder(&options.dir)?;
    let api_key = api_key(&options.dir.join("api-key"))?;
    let settings = settings(options, flags, &api_key)?;
    logging::start(&settings.log);
    let zone = sample::zone();
    let is_new = sample::ensure(&settings, &zone).await?;
    let keys = entry_keys(&settings, &zone).await?;
    let anchor = options.dir.join("trust-anchor.conf");
    write_trust_anchor(&anchor, &zone, &keys)?;

    let server = serve::start(&settings).await.map_err(|error| with_port_hint(error, options))?;
    server.loaded().await;
    let guide = Guide {
        zone,
        is_new,
        folder: options.dir.clone(),
        dns: first_v4(server.dns_addresses()),
        api: first_v4(server.http_addresses()),
        anchor,
        keys,
    };
    let mut out = std::io::stdout().lock();
    write!(out, "{guide}")?;
    out.flush()?;
    drop(out);
    server.run(stop).await
}

/// The defaults of a server, but for a small one of its own: loopback, SQLite, its own key. Other settings may come
/// from flags and the environment; `pdns.conf` and `signpost.toml` are another server's.
fn settings(options: &Options, flags: Vec<Flag>, api_key: &str) -> anyhow::Result<Settings> {
    let own =
        ["database-url", "dns-listen", "api-listen", "api-key", "api-key-file", "config", "config-dir", "config-name"];
    if let Some(flag) = flags.iter().find(|flag| own.contains(&flag.name.as_str())) {
        bail!("quickstart chooses {} itself: see --dir, --dns-port, --api-port, or use signpost serve", flag.name);
    }
    // Of the environment only the log is of interest: PDNS_* and SIGNPOST_* describe another server.
    let variables = Sources::of_process(Vec::new()).variables;
    let variables = variables.into_iter().filter(|(name, _)| name.to_ascii_uppercase().starts_with("SIGNPOST_LOG_"));
    let mut sources = Sources { flags, variables: variables.collect(), ..Sources::default() };
    // Not the files of an installed server.
    sources.root = Some(options.dir.clone());
    if !sources.flags.iter().any(|flag| flag.name == "log-filter") {
        let quiet = Flag { name: "log-filter".into(), text: "warn".into(), origin: Origin::Default };
        sources.flags.insert(0, quiet);
    }
    let mut settings = config::load(&sources)?;
    let database = options.dir.join("signpost.db");
    let path = database.to_str().context("the folder's name is not UTF-8")?;
    settings.database = Some(config::settings::DatabaseSettings {
        url: Secret(format!("sqlite:{}", path.replace('%', "%25").replace('?', "%3F"))),
        origin: Origin::Flag("--dir".to_owned()),
        connections_max: 8,
        timeout: std::time::Duration::from_secs(5),
    });
    settings.dns.listen = loopback(options.dns_port);
    settings.api.listen = loopback(options.api_port);
    settings.api.key = Some(Secret(api_key.to_owned()));
    Ok(settings)
}

/// 127.0.0.1 and, where the host has it, ::1.
fn loopback(port: u16) -> Vec<SocketAddr> {
    let mut addresses = vec![SocketAddr::from(([127, 0, 0, 1], port))];
    let v6 = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 0));
    // With port 0 the two would get different ones.
    if port != 0 && std::net::UdpSocket::bind(v6).is_ok() {
        addresses.push(SocketAddr::new(v6.ip(), port));
    }
    addresses
}

fn first_v4(addresses: &[SocketAddr]) -> SocketAddr {
    let v4 = addresses.iter().find(|address| address.is_ipv4());
    *v4.or(addresses.first()).expect("loopback() names 127.0.0.1 first")
}

fn with_port_hint(error: anyhow::Error, options: &Options) -> anyhow::Error {
    let is_taken = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|cause| cause.kind() == ErrorKind::AddrInUse)
    };
    if error.chain().any(is_taken) {
        let (dns, api) = (options.dns_port, options.api_port);
        return error.context(format!(
            "a port is in use: choose others with --dns-port (now {dns}) and --api-port (now {api}), or stop what runs there"
        ));
    }
    error
}

/// Private keys are in it: nobody else may look.
fn make_folder(dir: &Path) -> anyhow::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| format!("cannot make the folder {}", dir.display()))
}

/// The key in the file, made at the first start.
fn api_key(path: &Path) -> anyhow::Result<String> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            let mut octets = [0; API_KEY_OCTETS];
            SystemRandom::new().fill(&mut octets).map_err(|_| anyhow::anyhow!("the system gives no random numbers"))?;
            let key = BASE64URL_NOPAD.encode(&octets);
            writeln!(file, "{key}").with_context(|| format!("cannot write {}", path.display()))?;
            Ok(key)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            match text.trim() {
                "" => bail!("{} is empty: delete it, and a new key is made", path.display()),
                key => Ok(key.to_owned()),
            }
        }
        Err(error) => Err(error).with_context(|| format!("cannot make {}", path.display())),
    }
}

/// The zone's keys with the SEP bit: what a parent or a resolver trusts.
async fn entry_keys(settings: &Settings, zone: &Name) -> anyhow::Result<Vec<ZoneKey>> {
    let store = sample::open(settings).await?;
    let summary =
        store.zone(&ZoneName::from(zone)).await?.with_context(|| format!("zone {zone} is not in the database"))?;
    let mut keys = Vec::new();
    for stored in store.keys(summary.id).await?.iter().filter(|key| key.flags == 257 && key.active && key.published) {
        keys.push(ZoneKey::from_isc(&stored.content, stored.flags).with_context(|| format!("key {}", stored.id))?);
    }
    if keys.is_empty() {
        bail!("zone {zone} has no active key to trust: secure it with signpost pdnsutil secure-zone");
    }
    Ok(keys)
}

/// delv's form. Written at every start, since keys may have been rolled.
fn write_trust_anchor(path: &Path, zone: &Name, keys: &[ZoneKey]) -> anyhow::Result<()> {
    let mut text = String::from("trust-anchors {\n");
    for key in keys {
        let dnskey = key.dnskey_text();
        let mut fields = dnskey.splitn(4, ' ');
        let mut field = || fields.next().unwrap_or_default();
        let (flags, protocol, algorithm, public) = (field(), field(), field(), field());
        text.push_str(&format!(
            "\t{} static-key {flags} {protocol} {algorithm} \"{}\";\n",
            zone.to_dotless(),
            public.replace(' ', "")
        ));
    }
    text.push_str("};\n");
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests;
