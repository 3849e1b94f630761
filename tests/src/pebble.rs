//! Pebble, Let's Encrypt's ACME server for tests: it issues certificates to whoever answers its challenges, for which it asks our server.

use crate::process::{Daemon, free_port, run};
use crate::temp::TempDir;
use crate::wait::until_true;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A running ACME server.
#[derive(Debug)]
pub struct Pebble {
    _daemon: Daemon,
    address: SocketAddr,
    folder: TempDir,
}

impl Pebble {
    /// Starts `binary`, which looks for challenges at the DNS server `dns`.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn start(binary: &Path, dns: SocketAddr) -> Pebble {
        let folder = TempDir::new("pebble");
        let path = |file: &str| folder.join(file).display().to_string();
        let subject = ["-subj", "/CN=pebble", "-addext", "subjectAltName=IP:127.0.0.1"];
        let files = ["-keyout", &path("key.pem"), "-out", &path("root.pem")];
        run(Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
            .args(subject)
            .args(files));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let settings = serde_json::json!({"pebble": {
            "listenAddress": address.to_string(), "certificate": path("root.pem"), "privateKey": path("key.pem"),
            "httpPort": 1, "tlsPort": 1, "keyAlgorithm": "ecdsa", "retryAfter": {"authz": 1, "order": 1},
        }});
        std::fs::write(folder.join("pebble.json"), settings.to_string()).expect("the folder is ours");
        let mut command = Command::new(binary);
        command.args(["-config", &path("pebble.json"), "-dnsserver", &dns.to_string(), "-strict"]);
        // It waits before it looks, refuses nonces and takes old authorizations at random: none of that here.
        command
            .env("PEBBLE_VA_NOSLEEP", "1")
            .env("PEBBLE_WFE_NONCEREJECT", "0")
            .env("PEBBLE_AUTHZREUSE", "0")
            .current_dir(folder.path());
        let mut daemon = Daemon::start("pebble", &mut command, &folder.join("log"));
        until_true("pebble to listen", Duration::from_secs(30), || {
            daemon.assert_running();
            TcpStream::connect(address).is_ok()
        });
        Pebble { _daemon: daemon, address, folder }
    }

    /// Where clients begin.
    pub fn directory(&self) -> String {
        format!("https://{}/dir", self.address)
    }

    /// The certificate by which clients know it.
    pub fn root(&self) -> PathBuf {
        self.folder.join("root.pem")
    }
}
