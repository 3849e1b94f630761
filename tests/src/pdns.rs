//! Debian's PowerDNS, on a database of Postgres that it shares with Signpost.

use crate::api::Api;
use crate::postgres::Postgres;
use crate::process::{self, Daemon, free_port};
use crate::temp::TempDir;
use crate::wait::until;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

/// PowerDNS's own schema, as its package brings it.
pub const SCHEMA: &str = "/usr/share/pdns-backend-pgsql/schema/schema.pgsql.sql";

/// A running `pdns_server` with its API.
#[derive(Debug)]
pub struct Pdns {
    daemon: Daemon,
    folder: TempDir,
    dns: SocketAddr,
    api: SocketAddr,
}

impl Pdns {
    /// Starts it on one database. Its caches are off: what is tested is data, not how long it is kept.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn start(postgres: &Postgres, database: &str) -> Pdns {
        let no_caches = "cache-ttl=0\nquery-cache-ttl=0\nnegquery-cache-ttl=0\nzone-cache-refresh-interval=0\n\
                         zone-metadata-cache-ttl=0\ndnssec-key-cache-ttl=0\n";
        Pdns::start_with(postgres, database, no_caches)
    }

    /// Starts it on one database with more settings, a line each.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn start_with(postgres: &Postgres, database: &str, settings: &str) -> Pdns {
        let folder = TempDir::new("pdns");
        let dns = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let api = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let configuration = format!(
            "launch=gpgsql\ngpgsql-host=127.0.0.1\ngpgsql-port={}\ngpgsql-dbname={database}\ngpgsql-user=postgres\n\
             gpgsql-dnssec=yes\nlocal-address=127.0.0.1\nlocal-port={}\nsocket-dir={folder}\ndaemon=no\nguardian=no\n\
             disable-syslog=yes\nsecurity-poll-suffix=\napi=yes\napi-key={}\nwebserver=yes\nwebserver-address=127.0.0.1\n\
             webserver-port={}\n\
             dname-processing=yes\n\
             default-soa-content=ns1.example.com hostmaster.@ 0 10800 3600 604800 3600\n{settings}",
            postgres.port(),
            dns.port(),
            crate::server::KEY,
            api.port(),
            folder = folder.path().display(),
        );
        std::fs::write(folder.join("pdns.conf"), configuration).expect("the folder is ours");
        let mut command = Command::new("pdns_server");
        command.arg(format!("--config-dir={}", folder.path().display()));
        let daemon = Daemon::start("pdns_server", &mut command, &folder.join("log"));
        let mut pdns = Pdns { daemon, folder, dns, api };
        let (address, probe) = (pdns.api(), pdns.dns);
        until("pdns_server to answer", Duration::from_secs(30), || {
            pdns.daemon.assert_running();
            (address.send("GET", "", None).ok()?.status == 200).then_some(())?;
            std::net::TcpStream::connect(probe).ok().map(|_| ())
        });
        pdns
    }

    /// Where DNS is.
    pub fn dns(&self) -> SocketAddr {
        self.dns
    }

    /// Its API, with the same key as Signpost's.
    pub fn api(&self) -> Api {
        Api { address: self.api, key: crate::server::KEY.to_owned() }
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.daemon.id()
    }

    /// Where its control socket is.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs PowerDNS's own `pdnsutil` on the same database.
    pub fn pdnsutil(&self, arguments: &[&str]) -> Output {
        process::output(
            Command::new("pdnsutil").arg(format!("--config-dir={}", self.folder.path().display())).args(arguments),
        )
    }
}

/// Runs PowerDNS's own `pdns_control` on the server whose socket is in `folder`, PowerDNS or not.
pub fn pdns_control(folder: &Path, arguments: &[&str]) -> Output {
    let folder = folder.display();
    process::output(
        Command::new("pdns_control").arg("--no-config").arg(format!("--socket-dir={folder}")).args(arguments),
    )
}

/// Loads PowerDNS's schema into an empty database, as its manual says.
///
/// # Panics
///
/// When Debian's package is missing, or Postgres refuses.
pub fn load_schema(postgres: &Postgres, database: &str) {
    let schema = std::fs::read_to_string(SCHEMA).unwrap_or_else(|error| panic!("{SCHEMA}: {error}"));
    postgres.sql(database, &schema).expect("an empty database takes the schema");
}
