//! How the API is reached (docs/api.md): HTTP/1.1 and HTTP/2, in the clear, over TLS and over a Unix socket, by curl and openssl.

use signpost_tests::process::{free_port, output, run};
use signpost_tests::server::{KEY, Settings, Signpost};
use signpost_tests::temp::TempDir;
use signpost_tests::wait::until_true;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(30);

/// What curl says: version of HTTP and status, or its exit code.
fn curl(arguments: &[&str]) -> Result<String, i32> {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--max-time", "30", "--output", "/dev/null"]);
    command.args(["--write-out", "%{http_version} %{http_code}", "--header", &format!("X-API-Key: {KEY}")]);
    let done = output(command.args(arguments));
    match done.status.code() {
        Some(0) => Ok(String::from_utf8(done.stdout).expect("curl prints text")),
        code => Err(code.unwrap_or(-1)),
    }
}

/// An issuer, and what it has signed: `name.pem` and `name.key`.
struct Issuer(TempDir);

impl Issuer {
    fn new(name: &str) -> Issuer {
        let issuer = Issuer(TempDir::new(name));
        issuer.openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=issuer -keyout ca.key -out ca.pem");
        issuer
    }

    fn openssl(&self, arguments: &str) {
        run(Command::new("openssl").args(arguments.split(' ')).current_dir(self.0.path()));
    }

    fn issue(&self, name: &str) {
        fs::write(self.0.join("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n").unwrap();
        self.openssl(&format!(
            "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr"
        ));
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out {name}.pem"
        ));
    }

    fn path(&self, file: &str) -> String {
        self.0.join(file).display().to_string()
    }
}

#[test]
fn http_2_is_spoken_in_the_clear_by_those_who_know_and_http_1_1_by_all() {
    let server = Signpost::start(Settings::sqlite());
    let url = format!("http://{}/api/v1/servers/localhost/zones", server.api().address);
    assert_eq!(curl(&[&url]), Ok("1.1 200".into()));
    assert_eq!(curl(&["--http1.0", &url]), Ok("1 200".into()));
    assert_eq!(curl(&["--http2-prior-knowledge", &url]), Ok("2 200".into()));
    // An upgrade is not taken (RFC 9113 took it out), and the request is answered all the same.
    assert_eq!(curl(&["--http2", &url]), Ok("1.1 200".into()));
    let body = r#"{"name": "a.test.", "kind": "Native"}"#;
    assert_eq!(curl(&["--http2-prior-knowledge", "--data", body, &url]), Ok("2 201".into()));
    // Many requests at once in few connections. (curl 7.88 cannot use such a connection twice.)
    let printed = run(Command::new("h2load")
        .args(["--requests=400", "--clients=4", "--max-concurrent-streams=50", "--header"])
        .args([&format!("X-API-Key: {KEY}"), &url]));
    assert!(printed.contains("400 succeeded, 0 failed, 0 errored") && printed.contains("400 2xx"), "{printed}");
}

#[test]
fn tls_has_the_certificate_of_its_files_and_takes_new_ones() {
    let issuer = Issuer::new("issuer");
    issuer.issue("one");
    let (cert, key) = (issuer.0.join("api.pem"), issuer.0.join("api.key"));
    let put = |name: &str| {
        fs::copy(issuer.0.join(&format!("{name}.pem")), &cert).unwrap();
        fs::copy(issuer.0.join(&format!("{name}.key")), &key).unwrap();
    };
    put("one");
    let port = free_port();
    let server = Signpost::start(
        Settings::sqlite()
            .with(&format!("--api-tls-listen=127.0.0.1:{port}"))
            .with(&format!("--api-tls-cert={}", cert.display()))
            .with(&format!("--api-tls-key={}", key.display())),
    );
    let url = format!("https://localhost:{port}/api");
    let ca = issuer.path("ca.pem");
    assert_eq!(curl(&["--cacert", &ca, &url]), Ok("2 200".into()));
    let many = [url.as_str(), "--output", "/dev/null"].repeat(20);
    let arguments: Vec<&str> = ["--cacert", &ca, "--parallel"].into_iter().chain(many).collect();
    assert_eq!(curl(&arguments), Ok("2 200".repeat(20)));
    assert_eq!(curl(&["--cacert", &ca, "--http1.1", &url]), Ok("1.1 200".into()));
    assert_eq!(curl(&["--cacert", &ca, "--no-alpn", &url]), Ok("1.1 200".into()));
    assert_eq!(curl(&["--cacert", &ca, "--tls-max", "1.2", &url]), Ok("2 200".into()));
    assert_eq!(curl(&["--cacert", &ca, "--tls-max", "1.1", &url]), Err(35));
    assert_eq!(curl(&[&url]), Err(60), "nobody else vouches for it");
    // The other listener goes on without TLS.
    assert_eq!(curl(&[&format!("http://{}/api", server.api().address)]), Ok("1.1 200".into()));

    issuer.issue("two");
    put("two");
    let shown = || {
        let line =
            format!("openssl s_client -connect 127.0.0.1:{port} </dev/null 2>/dev/null | openssl x509 -noout -subject");
        String::from_utf8(output(Command::new("sh").args(["-c", &line])).stdout).unwrap()
    };
    until_true("the new certificate to be shown", LONG, || shown().contains("two"));
}

#[test]
fn with_issuers_of_clients_nobody_comes_in_without_a_certificate_and_a_key() {
    let (issuer, stranger) = (Issuer::new("issuer"), Issuer::new("stranger"));
    issuer.issue("client");
    stranger.issue("client");
    let port = free_port();
    let _server = Signpost::start(
        Settings::sqlite()
            .with(&format!("--api-tls-listen=127.0.0.1:{port}"))
            .with("--tls-names=localhost")
            .with(&format!("--api-tls-client-ca={}", issuer.path("ca.pem"))),
    );
    let url = format!("https://localhost:{port}/api");
    let with = |issuer: &Issuer, key: &str| {
        let (cert, private) = (issuer.path("client.pem"), issuer.path("client.key"));
        curl(&["--insecure", "--cert", &cert, "--key", &private, "--header", key, &url])
    };
    let right = format!("X-API-Key: {KEY}");
    assert_eq!(with(&issuer, &right), Ok("2 200".into()));
    assert!(curl(&["--insecure", &url]).is_err());
    assert!(with(&stranger, &right).is_err());
    // A certificate is not a key.
    let none = output(Command::new("curl").args(["--silent", "--insecure", "--output", "/dev/null"]).args([
        "--write-out",
        "%{http_code}",
        "--cert",
        &issuer.path("client.pem"),
        "--key",
        &issuer.path("client.key"),
        &url,
    ]));
    assert_eq!(String::from_utf8_lossy(&none.stdout), "401");
}

#[test]
fn a_unix_socket_is_for_those_who_may_write_to_it() {
    let folder = TempDir::new("socket");
    let path = folder.join("api");
    let mut server = Signpost::start(
        Settings::sqlite().with(&format!("--api-listen={{api}},unix:{}", path.display())).with("--api-socket-mode=600"),
    );
    let at = |path: &Path| {
        let path = path.display().to_string();
        [
            curl(&["--unix-socket", &path, "http://x/api"]),
            curl(&["--unix-socket", &path, "--http2-prior-knowledge", "http://x/api"]),
        ]
    };
    assert_eq!(at(&path), [Ok("1.1 200".into()), Ok("2 200".into())]);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    server.daemon().kill();
    assert!(path.exists(), "a crash leaves the socket");
    server.restart();
    assert_eq!(at(&path)[0], Ok("1.1 200".into()));
    assert!(server.daemon().terminate().success());
    assert!(!path.exists(), "and an orderly end does not");
}

#[test]
fn silence_and_noise_cost_a_connection_and_not_the_server() {
    let issuer = Issuer::new("issuer");
    issuer.issue("one");
    let port = free_port();
    let mut server = Signpost::start(
        Settings::sqlite()
            .with(&format!("--api-tls-listen=127.0.0.1:{port}"))
            .with(&format!("--api-tls-cert={}", issuer.path("one.pem")))
            .with(&format!("--api-tls-key={}", issuer.path("one.key")))
            .with("--api-connection-timeout-secs=1"),
    );
    let plain = server.api().address;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    // Data on a stream that was never opened.
    let data = [0, 0, 1, 0, 0, 0, 0, 0, 1, 7];
    let silent: &[u8] = b"";
    let cases: [(u16, Vec<u8>); 8] = [
        (plain.port(), silent.to_vec()),
        (plain.port(), b"P".to_vec()),
        (plain.port(), b"PR".to_vec()),
        (plain.port(), b"PRX * HTTP/1.1\r\n\r\n".to_vec()),
        (plain.port(), preface.to_vec()),
        (plain.port(), [&preface[..], &settings].concat()),
        (plain.port(), [&preface[..], &settings, &data].concat()),
        (port, b"\x16\x03\x01".to_vec()),
    ];
    for (port, sent) in cases {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.write_all(&sent).unwrap();
        let mut answer = Vec::new();
        let ended = stream.read_to_end(&mut answer);
        let is_over = ended.is_ok() || ended.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset);
        assert!(is_over, "{port} {sent:?}: the connection is still open");
    }
    server.daemon().assert_running();
    assert_eq!(curl(&[&format!("http://{plain}/api")]), Ok("1.1 200".into()));
    assert_eq!(curl(&["--insecure", &format!("https://127.0.0.1:{port}/api")]), Ok("2 200".into()));
}
