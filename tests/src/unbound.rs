//! Unbound as a stranger's validating resolver: it knows our key and where our server is, nothing else.

use crate::dig::{Reply, dig_all, dig_with};
use crate::process::{Daemon, free_port};
use crate::temp::TempDir;
use crate::wait::until_true;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::Duration;

/// A running resolver.
#[derive(Debug)]
pub struct Unbound {
    daemon: Daemon,
    address: SocketAddr,
    _folder: TempDir,
}

impl Unbound {
    /// Starts a resolver that asks `server` for everything and trusts `anchors`, DNSKEY records in text.
    ///
    /// # Panics
    ///
    /// When unbound does not start.
    pub fn start(server: SocketAddr, zones: &[&str], anchors: &str) -> Unbound {
        Unbound::start_with(server, zones, anchors, "")
    }

    /// As [`Unbound::start`], with more lines for the section `server`.
    ///
    /// # Panics
    ///
    /// When unbound does not start.
    pub fn start_with(server: SocketAddr, zones: &[&str], anchors: &str, options: &str) -> Unbound {
        let folder = TempDir::new("unbound");
        let port = free_port();
        let anchor_file = folder.join("anchors");
        std::fs::write(&anchor_file, anchors).expect("the folder is ours");
        let mut configuration = format!(
            "server:\n  interface: 127.0.0.1\n  port: {port}\n  do-ip6: no\n  access-control: 127.0.0.0/8 allow\n  \
             username: \"\"\n  chroot: \"\"\n  directory: \"{folder}\"\n  pidfile: \"\"\n  use-syslog: no\n  \
             do-daemonize: no\n  num-threads: 1\n  do-not-query-localhost: no\n  module-config: \"validator iterator\"\n  \
             trust-anchor-file: \"{anchors}\"\n  target-fetch-policy: \"0 0 0 0 0\"\n  trust-anchor-signaling: no\n  \
             val-log-level: 2\n{options}",
            folder = folder.path().display(),
            anchors = anchor_file.display(),
        );
        // Unbound answers some names itself (test., 10.in-addr.arpa.); what is asked here is ours.
        for zone in zones {
            configuration.push_str(&format!("  local-zone: \"{zone}\" nodefault\n"));
        }
        configuration.push_str("remote-control:\n  control-enable: no\n");
        // The root too: no query leaves this machine.
        for zone in zones.iter().copied().chain(["."]) {
            configuration.push_str(&format!(
                "stub-zone:\n  name: \"{zone}\"\n  stub-addr: {}@{}\n  stub-prime: no\n",
                server.ip(),
                server.port()
            ));
        }
        let file = folder.join("unbound.conf");
        std::fs::write(&file, configuration).expect("the folder is ours");
        let mut command = Command::new("/usr/sbin/unbound");
        command.arg("-d").arg("-c").arg(&file);
        let mut daemon = Daemon::start("unbound", &mut command, &folder.join("log"));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        until_true("unbound to answer", Duration::from_secs(20), || {
            daemon.assert_running();
            std::net::TcpStream::connect(address).is_ok()
        });
        Unbound { daemon, address, _folder: folder }
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it answers, with DNSSEC records; the flag `ad` says that it validated.
    pub fn ask(&self, name: &str, rtype: &str) -> Reply {
        dig_with(self.address, &["+dnssec", "-q", name, "-t", rtype])
    }

    /// The same for many questions, one after the other.
    pub fn ask_all(&self, questions: &[(String, String)]) -> Vec<Reply> {
        dig_all(self.address, &["+dnssec"], questions)
    }

    /// What it said about failed validations.
    pub fn log(&self) -> String {
        self.daemon.log()
    }
}
