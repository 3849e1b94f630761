//! PowerDNS's own environment variables and nothing else start a working server.
//!
//! The server then takes port 53, so it is started in a network namespace of its own, where that port is nobody's.

use signpost_tests::Postgres;
use signpost_tests::process::{Daemon, output};
use signpost_tests::server::clean_command;
use signpost_tests::temp::TempDir;
use signpost_tests::wait::until;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

/// What a manual of a PowerDNS container sets, with a password that Postgres asks for.
fn variables(socket: &TempDir, database: &str) -> Vec<(&'static str, String)> {
    [
        ("PDNS_launch", "gpgsql"),
        ("PDNS_gpgsql_host", &socket.path().display().to_string()),
        ("PDNS_gpgsql_dbname", database),
        ("PDNS_gpgsql_user", "pdns"),
        ("PDNS_gpgsql_password", "not a secret: %&='"),
        ("PDNS_api", "yes"),
        ("PDNS_api_key", "changeme"),
        ("PDNS_webserver", "yes"),
        ("PDNS_webserver_address", "0.0.0.0"),
        ("PDNS_webserver_allow_from", "0.0.0.0/0"),
        ("PDNS_default_soa_content", "ns1.example.com hostmaster.@ 0 10800 3600 604800 3600"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

/// A Postgres that wants the password of role `pdns`, a database, and the folder of its socket.
fn postgres_with_password() -> (Postgres, String, TempDir) {
    let postgres = Postgres::start().expect("Postgres starts");
    let database = postgres.create_database().expect("a database");
    postgres.sql(&database, "CREATE ROLE pdns LOGIN PASSWORD 'not a secret: %&='''").expect("a superuser may");
    postgres.sql(&database, &format!("ALTER DATABASE {database} OWNER TO pdns")).expect("a superuser may");
    postgres.sql(&database, "GRANT ALL ON SCHEMA public TO pdns").expect("a superuser may");
    let rules = postgres.sql(&database, "SHOW hba_file").expect("a superuser may");
    let old = std::fs::read_to_string(&rules).expect("the cluster is ours");
    std::fs::write(&rules, format!("local all pdns scram-sha-256\nhost all pdns all scram-sha-256\n{old}"))
        .expect("the cluster is ours");
    postgres.sql(&database, "SELECT pg_reload_conf()").expect("a superuser may");
    // No port is set, so that the socket's name is the one of 5432. A socket of the file system is seen from every
    // network namespace.
    let socket = postgres.sql(&database, "SHOW unix_socket_directories").expect("a superuser may");
    let folder = TempDir::new("socket");
    let real = Path::new(&socket).join(format!(".s.PGSQL.{}", postgres.port()));
    std::os::unix::fs::symlink(real, folder.join(".s.PGSQL.5432")).expect("the folder is ours");
    (postgres, database, folder)
}

/// A server in a network namespace with nothing but loopback.
struct Namespaced {
    daemon: Daemon,
    _folder: TempDir,
}

impl Namespaced {
    fn start(variables: &[(&str, String)]) -> Namespaced {
        let folder = TempDir::new("environment");
        let program = clean_command().get_program().to_owned();
        let mut command = Command::new("unshare");
        if !is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        command.args(["--net", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh"]);
        command.arg(program).arg("serve");
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).current_dir(folder.path());
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let daemon = Daemon::start("signpost", &mut command, &folder.join("log"));
        Namespaced { daemon, _folder: folder }
    }

    /// Runs a program where the server's loopback is.
    fn inside(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new("nsenter");
        if !is_root() {
            command.args(["--user", "--preserve-credentials"]);
        }
        output(command.args(["--net", "--target", &self.daemon.id().to_string(), program]).args(arguments))
    }

    fn curl(&self, arguments: &[&str]) -> Option<String> {
        let output =
            self.inside("curl", &[&["-sS", "-f", "-m", "20", "-H", "X-API-Key: changeme"], arguments].concat());
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn wait_until_ready(&mut self) {
        until("the server to answer", Duration::from_secs(60), || {
            self.daemon.assert_running();
            self.curl(&["http://127.0.0.1:8081/readyz"])
        });
    }
}

fn is_root() -> bool {
    output(Command::new("id").arg("-u")).stdout.trim_ascii() == b"0"
}

#[test]
fn powerdns_variables_and_nothing_else_start_a_working_server() {
    let (_postgres, database, socket) = postgres_with_password();
    let mut server = Namespaced::start(&variables(&socket, &database));
    server.wait_until_ready();

    let body = r#"{"name":"env.example.","kind":"Native","dnssec":true,"nameservers":["ns1.example.com."]}"#;
    let zones = "http://127.0.0.1:8081/api/v1/servers/localhost/zones";
    let created =
        server.curl(&["-H", "Content-Type: application/json", "-d", body, zones]).expect("the zone is created");
    assert!(created.contains("ns1.example.com. hostmaster.env.example."), "default-soa-content is not used: {created}");
    let patch = r#"{"rrsets":[{"name":"www.env.example.","type":"A","ttl":60,"changetype":"REPLACE","records":[{"content":"192.0.2.1","disabled":false}]}]}"#;
    let zone = format!("{zones}/env.example.");
    server
        .curl(&["-X", "PATCH", "-H", "Content-Type: application/json", "-d", patch, &zone])
        .expect("the change is taken");
    for transport in ["+notcp", "+tcp"] {
        let output = server.inside("dig", &["@127.0.0.1", "+dnssec", "+norecurse", transport, "www.env.example.", "A"]);
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(printed.contains("status: NOERROR") && printed.contains("192.0.2.1"), "{printed}");
        assert!(printed.contains("RRSIG\tA 13 3 60"), "{printed}");
    }
    let warnings: Vec<String> =
        server.daemon.log().lines().filter(|line| line.contains("WARN")).map(str::to_owned).collect();
    assert!(!warnings.iter().any(|line| line.to_lowercase().contains("pdns_")), "{warnings:?}");
    assert!(!server.daemon.log().contains("not a secret"), "the password is in the log");
    assert!(!server.daemon.log().contains("changeme"), "the key is in the log");
    let status = server.daemon.terminate();
    assert!(status.success(), "SIGTERM ends it with {status}");
}

#[test]
fn what_kubernetes_injects_is_no_setting_and_an_unknown_one_is_named() {
    let (_postgres, database, socket) = postgres_with_password();
    let mut variables = variables(&socket, &database);
    let injected = [
        ("SIGNPOST_PORT", "tcp://10.96.0.10:8081"),
        ("SIGNPOST_PORT_8081_TCP_ADDR", "10.96.0.10"),
        ("SIGNPOST_SERVICE_HOST", "10.96.0.10"),
        ("SIGNPOST_SERVICE_PORT", "8081"),
        ("PDNS_SERVICE_HOST", "10.96.0.11"),
        ("PDNS_SERVICE_PORT_API", "8081"),
        ("PDNS_PORT", "udp://10.96.0.11:53"),
        ("PDNS_PORT_53_UDP", "udp://10.96.0.11:53"),
        ("PDNS_PORT_53_UDP_PROTO", "udp"),
    ];
    variables.extend(injected.map(|(name, value)| (name, value.to_owned())));
    variables.push(("PDNS_carbon_ourname", "x".to_owned()));
    let mut server = Namespaced::start(&variables);
    server.wait_until_ready();
    let log = server.daemon.log();
    for (name, _) in injected {
        assert!(!log.contains(name), "{name} is named:\n{log}");
    }
    assert!(log.to_lowercase().contains("carbon"), "a setting without effect is not named:\n{log}");
}

#[test]
fn without_a_database_the_server_says_so_and_ends() {
    let output = output(clean_command().args(["serve"]));
    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr).to_lowercase();
    assert!(error.contains("database-url") || error.contains("database_url"), "{error}");
}

#[test]
fn a_setting_that_does_not_parse_is_refused_by_name() {
    let output = output(clean_command().args(["serve", "--database-url=sqlite::memory:", "--udp-payload-max=99999"]));
    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("udp-payload-max") && error.contains("4096"), "{error}");
}
