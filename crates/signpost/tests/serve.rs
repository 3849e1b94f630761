//! The program as an operator runs it: PowerDNS's variables, a database that is away, an orderly end.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Longest wait for anything; a bound, not a pause.
const PATIENCE: Duration = Duration::from_secs(60);

struct Server {
    child: Child,
    log: Receiver<serde_json::Value>,
    dns: SocketAddr,
    http: SocketAddr,
}

impl Server {
    /// Starts it with these variables and nothing else, on free ports, and reads from its log which ones.
    fn start(variables: &[(&str, &str)]) -> Server {
        let mut child = Command::new(env!("CARGO_BIN_EXE_signpost"))
            .args(["serve", "--log-format=json", "--dns-listen=127.0.0.1:0", "--api-listen=127.0.0.1:0"])
            .env_clear()
            .envs(variables.iter().copied())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (sender, log) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                eprintln!("{line}");
                let value = serde_json::from_str(&line).unwrap_or(serde_json::Value::String(line));
                if sender.send(value).is_err() {
                    return;
                }
            }
        });
        let unspecified = SocketAddr::from(([0; 4], 0));
        let mut server = Server { child, log, dns: unspecified, http: unspecified };
        server.dns = server.wait_for("DNS listens")["address"].as_str().unwrap().parse().unwrap();
        server.http = server.wait_for("HTTP API listens")["address"].as_str().unwrap().parse().unwrap();
        server
    }

    /// The next log line with this message.
    fn wait_for(&self, message: &str) -> serde_json::Value {
        loop {
            let line = self.log.recv_timeout(PATIENCE).unwrap_or_else(|e| panic!("no line '{message}': {e}"));
            if line["message"] == message {
                return line;
            }
        }
    }

    /// Asks for `name` A over UDP and returns the RCODE and the number of answers (RFC 1035 section 4.1.1).
    fn ask(&self, name: &str) -> (u8, u16) {
        let mut query = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        query.extend_from_slice(wire::Name::parse(name).unwrap().as_wire());
        query.extend_from_slice(&[0, 1, 0, 1]);
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.send_to(&query, self.dns).unwrap();
        let mut reply = [0; 1232];
        let length = socket.recv(&mut reply).unwrap();
        assert!(length > 12 && reply[..2] == query[..2]);
        (reply[3] & 15, u16::from_be_bytes([reply[6], reply[7]]))
    }

    /// Status and body.
    fn http(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.http).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-API-Key: k\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        let status = reply.split(' ').nth(1).unwrap_or_else(|| panic!("{reply:?}")).parse().unwrap();
        (status, reply.split_once("\r\n\r\n").unwrap().1.to_owned())
    }

    fn terminate(&mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.wait_for("stopped");
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("signpost-serve-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const ZONES: &str = "/api/v1/servers/localhost/zones";

#[test]
fn powerdns_variables_start_a_server_that_confirms_what_it_answers() {
    let folder = Folder::new("sqlite");
    let path = folder.0.join("100% of it.db").display().to_string();
    let mut server = Server::start(&[
        ("PDNS_launch", "gsqlite3"),
        ("PDNS_GSQLITE3_DATABASE", &path),
        ("PDNS_api", "yes"),
        ("PDNS_api_key", "k"),
        ("PDNS_default_soa_content", "ns1.example.com hostmaster.@ 0 10800 3600 604800 3600"),
    ]);
    server.wait_for("ready");
    let zone = r#"{"name": "env.test.", "kind": "Native", "dnssec": true, "nameservers": ["ns1.env.test."], "rrsets": [
        {"name": "www.env.test.", "type": "A", "ttl": 60, "records": [{"content": "192.0.2.1", "disabled": false}]}]}"#;
    let (status, body) = server.http("POST", ZONES, zone);
    assert_eq!(status, 201, "{body}");
    assert!(body.contains("ns1.example.com. hostmaster.env.test. "), "{body}");
    assert_eq!(server.ask("www.env.test"), (0, 1));
    assert_eq!(server.ask("other.env.test"), (3, 0));
    assert_eq!(server.ask("elsewhere.test"), (5, 0));
    assert_eq!(server.http("GET", "/readyz", "").0, 200);
    assert!(std::fs::exists(&path).unwrap());
    let metrics = server.http("GET", "/metrics", "").1;
    for name in ["signpost_zones 1\n", "signpost_loaded 1\n", "signpost_feed_failing 0\n", "pdns_auth_udp_queries "] {
        assert!(metrics.contains(name), "{name} is not in {metrics}");
    }
    assert!(server.terminate().success());
}

#[test]
fn a_database_that_is_away_ends_nothing() {
    // Bound and dropped: nobody listens there.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let mut server = Server::start(&[
        ("PDNS_launch", "gpgsql"),
        ("PDNS_gpgsql_host", "127.0.0.1"),
        ("PDNS_gpgsql_port", &port),
        ("PDNS_gpgsql_password", "not to be seen"),
        ("PDNS_api_key", "k"),
    ]);
    // It was tried more than once.
    for _ in 0..2 {
        let line = server.wait_for("database does not open, trying again");
        assert!(!line.to_string().contains("not to be seen"), "{line}");
    }
    // RFC 8914 section 4.15: not ready. REFUSED would say that the zone is elsewhere.
    assert_eq!(server.ask("www.example.test"), (2, 0));
    let (status, body) = server.http("GET", ZONES, "");
    assert_eq!(status, 503, "{body}");
    assert_eq!(server.http("GET", "/readyz", ""), (503, "the database was not reached yet\n".to_owned()));
    assert_eq!(server.http("GET", "/livez", "").0, 200);
    assert!(server.terminate().success());
}

#[test]
fn clients_from_elsewhere_get_the_connection_closed() {
    let folder = Folder::new("elsewhere");
    let url = format!("sqlite:{}", folder.0.join("z.db").display());
    let mut server = Server::start(&[
        ("SIGNPOST_DATABASE_URL", &url),
        ("SIGNPOST_API_KEY", "k"),
        ("PDNS_webserver_allow_from", "192.0.2.0/24,2001:db8::/32"),
    ]);
    let mut stream = TcpStream::connect(server.http).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut reply = Vec::new();
    // Written to or not, the end of the connection is all that comes.
    let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    match stream.read_to_end(&mut reply) {
        Ok(_) => assert!(reply.is_empty()),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    assert!(server.terminate().success());
}

#[test]
fn what_can_never_work_ends_the_program_with_the_reason() {
    let run = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_signpost")).env_clear().arg("serve").args(args).output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let (ok, error) = run(&[]);
    assert!(!ok && error.contains("Error: no database is configured"), "{error}");
    let (ok, error) =
        run(&["--database-url=sqlite:/nonexistent/z.db", "--dns-listen=127.0.0.1:0", "--api=no", "--web-pages=no"]);
    assert!(!ok && error.contains("Error: the database cannot be used: "), "{error}");
    let (ok, error) = run(&["--tcp-idle-timeout-secs=0"]);
    assert!(
        !ok && error
            .contains("setting tcp-idle-timeout-secs (flag --tcp-idle-timeout-secs): 0 is not between 1 and 3600"),
        "{error}"
    );
    let (ok, error) = run(&["--api-lsten=x"]);
    assert!(!ok && error.contains("--api-lsten"), "{error}");
}
