//! Debian's NSD, Knot and BIND as child processes that serve zone files.

use crate::process::{Daemon, free_port, output};
use crate::temp::TempDir;
use crate::volley;
use crate::wait::until;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use wire::Name;

/// Time a peer may take until it serves all zones. It is a bound, not a wait.
const START_MAX: Duration = Duration::from_secs(30);

/// Which program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PeerKind {
    /// NLnet Labs' NSD.
    Nsd,
    /// CZ.NIC's Knot DNS.
    Knot,
    /// ISC's BIND 9.
    Bind,
}

/// All of them.
pub const PEERS: [PeerKind; 3] = [PeerKind::Nsd, PeerKind::Knot, PeerKind::Bind];

impl fmt::Display for PeerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PeerKind::Nsd => "NSD",
            PeerKind::Knot => "Knot",
            PeerKind::Bind => "BIND",
        })
    }
}

/// A zone to serve.
#[derive(Debug, Clone)]
pub struct ZoneFile {
    /// Its apex.
    pub apex: Name,
    /// The file's name.
    pub path: PathBuf,
}

/// How a peer is to serve.
#[derive(Debug, Clone)]
pub struct Service {
    /// The address it listens on.
    pub address: Ipv4Addr,
    /// Threads or processes that answer over UDP.
    pub workers: u32,
    /// Files of certificate and key for DNS over TLS, where it speaks that: NSD and BIND do.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Whether it checks what zones mean as it loads them, where it can.
    pub checks_zones: bool,
    /// Longest wait until it serves all zones.
    pub start_max: Duration,
}

impl Default for Service {
    fn default() -> Service {
        Service { address: Ipv4Addr::LOCALHOST, workers: 1, tls: None, checks_zones: true, start_max: START_MAX }
    }
}

/// A running peer.
#[derive(Debug)]
pub struct Peer {
    /// Which.
    pub kind: PeerKind,
    daemon: Daemon,
    dns: SocketAddr,
    dot: SocketAddr,
    start_max: Duration,
    _folder: TempDir,
}

impl Peer {
    /// Starts it; [`Peer::wait_until_ready`] waits.
    ///
    /// # Panics
    ///
    /// When Debian's package is not installed.
    pub fn launch(kind: PeerKind, zones: &[ZoneFile]) -> Peer {
        Peer::launch_as(kind, zones, &Service::default())
    }

    /// Starts it as `service` says.
    ///
    /// # Panics
    ///
    /// When Debian's package is not installed.
    pub fn launch_as(kind: PeerKind, zones: &[ZoneFile], service: &Service) -> Peer {
        let folder = TempDir::new(&kind.to_string().to_lowercase());
        let (port, tls_port) = (free_port(), free_port());
        let mut command = match kind {
            PeerKind::Nsd => nsd(folder.path(), port, tls_port, zones, service),
            PeerKind::Knot => knot(folder.path(), port, zones, service),
            PeerKind::Bind => bind(folder.path(), port, tls_port, zones, service),
        };
        let daemon = Daemon::start(&kind.to_string(), &mut command, &folder.join("log"));
        // Whoever listens on all addresses is reached by loopback.
        let address = if service.address.is_unspecified() { Ipv4Addr::LOCALHOST } else { service.address };
        let (dns, dot) = (SocketAddr::from((address, port)), SocketAddr::from((address, tls_port)));
        Peer { kind, daemon, dns, dot, start_max: service.start_max, _folder: folder }
    }

    /// Where DNS over TLS is, if it was asked for.
    pub fn dot(&self) -> SocketAddr {
        self.dot
    }

    /// The process that was started; others may be its children.
    pub fn id(&self) -> u32 {
        self.daemon.id()
    }

    /// Where it is.
    pub fn dns(&self) -> SocketAddr {
        self.dns
    }

    /// Returns when it answers for every zone.
    ///
    /// # Panics
    ///
    /// When it ends, or does not serve one of them; its log is printed.
    pub fn wait_until_ready(&mut self, zones: &[ZoneFile]) {
        let dns = self.dns;
        let kind = self.kind;
        until(&format!("{kind} to listen"), self.start_max, || {
            self.daemon.assert_running();
            std::net::TcpStream::connect(dns).ok()
        });
        until(&format!("{kind} to serve all zones"), self.start_max, || {
            self.daemon.assert_running();
            let missing = unserved(dns, zones);
            // NSD and Knot listen after they have loaded; BIND loads beside.
            (missing.is_empty()).then_some(())
        });
    }

    /// What it has printed.
    pub fn log(&self) -> String {
        self.daemon.log()
    }
}

/// The zones for whose SOA `server` does not answer with authority.
pub fn unserved(server: SocketAddr, zones: &[ZoneFile]) -> Vec<Name> {
    let questions: Vec<Vec<u8>> = zones.iter().map(|zone| question(&zone.apex, 6)).collect();
    let replies = volley::tcp(server, &questions);
    let is_served = |reply: &Option<Vec<u8>>| matches!(reply.as_deref(), Some([_, _, 0x84, 0, ..]));
    zones.iter().zip(&replies).filter(|(_, reply)| !is_served(reply)).map(|(zone, _)| zone.apex.clone()).collect()
}

/// The shortest question.
fn question(name: &Name, rtype: u16) -> Vec<u8> {
    let mut message = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    message.extend_from_slice(name.as_wire());
    message.extend_from_slice(&rtype.to_be_bytes());
    message.extend_from_slice(&1_u16.to_be_bytes());
    message
}

/// A name in which everything but letters and digits is `\DDD`. All three read that, in configuration and master files alike;
/// NSD's reader takes `\\.` for a dot that is escaped, and Knot's wants most signs escaped.
pub fn plain(name: &Name) -> String {
    let mut text = String::new();
    for label in name.labels() {
        for &octet in label {
            match octet {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'*' => text.push(char::from(octet)),
                _ => text.push_str(&format!("\\{octet:03}")),
            }
        }
        text.push('.');
    }
    if text.is_empty() { ".".to_owned() } else { text }
}

/// A line of a master file without quotes, with its escapes as `\DDD`; see [`plain`].
pub fn plain_line(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (character, characters.clone().next()) {
            ('\\', Some(next)) if !next.is_ascii_digit() => {
                text.push_str(&format!("\\{:03}", u32::from(next)));
                characters.next();
            }
            (' ' | '\t' | '\\' | '-' | '_' | '*' | '.' | '+' | '/' | '=', _) => text.push(character),
            (_, _) if character.is_ascii_alphanumeric() => text.push(character),
            _ => text.push_str(&format!("\\{:03}", u32::from(character))),
        }
    }
    text
}

fn nsd(folder: &Path, port: u16, tls_port: u16, zones: &[ZoneFile], service: &Service) -> Command {
    let (at, address, workers) = (folder.display(), service.address, service.workers);
    let tls = service.tls.as_ref().map_or(String::new(), |(certificate, key)| {
        format!(
            "  ip-address: {address}@{tls_port}\n  tls-port: {tls_port}\n  tls-service-pem: \"{}\"\n  tls-service-key: \"{}\"\n",
            certificate.display(),
            key.display()
        )
    });
    let mut text = format!(
        "server:\n  ip-address: {address}@{port}\n  do-ip6: no\n  server-count: {workers}\n  username: \"\"\n  chroot: \"\"\n  \
         zonesdir: \"{at}\"\n  database: \"\"\n  zonelistfile: \"{at}/zone.list\"\n  xfrdfile: \"{at}/xfrd.state\"\n  \
         xfrdir: \"{at}\"\n  pidfile: \"{at}/pid\"\n  tcp-count: 100\n  tcp-timeout: 60\n  minimal-responses: yes\n  \
         rrl-ratelimit: 0\n  hide-version: no\n{tls}remote-control:\n  control-enable: no\n"
    );
    for zone in zones {
        text.push_str(&format!("zone:\n  name: \"{}\"\n  zonefile: \"{}\"\n", plain(&zone.apex), zone.path.display()));
    }
    write(folder, "nsd.conf", &text);
    let mut command = Command::new("/usr/sbin/nsd");
    command.arg("-d").arg("-c").arg(folder.join("nsd.conf"));
    command
}

fn knot(folder: &Path, port: u16, zones: &[ZoneFile], service: &Service) -> Command {
    let (at, address, workers) = (folder.display(), service.address, service.workers);
    let checks = if service.checks_zones { "soft" } else { "off" };
    let mut text = format!(
        "server:\n  rundir: \"{at}\"\n  listen: {address}@{port}\n  udp-workers: {workers}\n  tcp-workers: {workers}\n  \
         background-workers: 1\n  tcp-idle-timeout: 60\ncontrol:\n  listen: \"{at}/knot.sock\"\ndatabase:\n  storage: \"{at}\"\n\
         log:\n  - target: stderr\n    any: warning\ntemplate:\n  - id: default\n    storage: \"{at}\"\n    \
         semantic-checks: {checks}\n    zonefile-sync: -1\n    journal-content: none\nzone:\n"
    );
    for zone in zones {
        text.push_str(&format!("  - domain: \"{}\"\n    file: \"{}\"\n", plain(&zone.apex), zone.path.display()));
    }
    write(folder, "knot.conf", &text);
    let mut command = Command::new("/usr/sbin/knotd");
    command.arg("-c").arg(folder.join("knot.conf"));
    command
}

fn bind(folder: &Path, port: u16, tls_port: u16, zones: &[ZoneFile], service: &Service) -> Command {
    let (at, workers) = (folder.display(), service.workers);
    let (tls, listen_tls) = service.tls.as_ref().map_or(Default::default(), |(certificate, key)| {
        let (certificate, key) = (certificate.display(), key.display());
        let tls = format!("tls own {{ cert-file \"{certificate}\"; key-file \"{key}\"; }};\n");
        (tls, format!("  listen-on port {tls_port} tls own {{ 127.0.0.1; }};\n"))
    });
    let listen = if service.address.is_unspecified() { "any".to_owned() } else { service.address.to_string() };
    let mut text = format!(
        "{tls}options {{\n  directory \"{at}\";\n  pid-file \"{at}/pid\";\n  session-keyfile none;\n  listen-on port {port} {{ {listen}; }};\n{listen_tls}  \
         listen-on-v6 {{ none; }};\n  recursion no;\n  allow-query {{ any; }};\n  allow-transfer {{ none; }};\n  notify no;\n  \
         empty-zones-enable no;\n  minimal-responses yes;\n  zero-no-soa-ttl no;\n  max-udp-size 1232;\n  dnssec-validation no;\n  \
         tcp-idle-timeout 600;\n  check-names primary ignore;\n  check-integrity no;\n  check-mx ignore;\n  check-srv-cname ignore;\n  \
         check-mx-cname ignore;\n  check-sibling no;\n  check-wildcard no;\n  masterfile-format text;\n  \
         rate-limit {{ responses-per-second 0; }};\n}};\ncontrols {{ }};\n"
    );
    for zone in zones {
        text.push_str(&format!(
            "zone \"{}\" {{ type primary; file \"{}\"; }};\n",
            plain(&zone.apex),
            zone.path.display()
        ));
    }
    write(folder, "named.conf", &text);
    let mut command = Command::new("/usr/sbin/named");
    // -X none: no lock file, which every named of the machine would want to have.
    command.arg("-g").args(["-n", &workers.to_string(), "-X", "none", "-c"]).arg(folder.join("named.conf"));
    command
}

fn write(folder: &Path, file: &str, text: &str) {
    std::fs::write(folder.join(file), text).expect("the folder is ours");
}

/// Signs a zone file as it is with BIND's `dnssec-signzone` and returns the signed text. `options` choose the denial.
///
/// # Panics
///
/// When BIND's tools do not take the zone.
pub fn dnssec_signzone(apex: &Name, text: &str, options: &[String]) -> String {
    let folder = TempDir::new("signzone");
    // A name that begins with a dash would be an option.
    let zone = plain(apex).replacen('-', "\\045", usize::from(plain(apex).starts_with('-')));
    write(folder.path(), "zone", text);
    for flags in [&["-f", "KSK"][..], &[]] {
        let made = output(
            Command::new("dnssec-keygen")
                .args(["-q", "-a", "ECDSAP256SHA256"])
                .args(flags)
                .arg(&zone)
                .current_dir(folder.path()),
        );
        assert!(made.status.success(), "dnssec-keygen: {}", String::from_utf8_lossy(&made.stderr));
    }
    let signed = output(
        Command::new("dnssec-signzone")
            .args(["-q", "-S", "-P", "-O", "full", "-f", "signed", "-o", &zone])
            .args(options)
            .arg("zone")
            .current_dir(folder.path()),
    );
    assert!(signed.status.success(), "dnssec-signzone {zone}: {}", String::from_utf8_lossy(&signed.stderr));
    std::fs::read_to_string(folder.join("signed")).expect("it says that it wrote the file")
}
