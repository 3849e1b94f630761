//! DNS over TLS, HTTPS and QUIC as strangers' tools see it: kdig, dig, curl and openssl against the real program.

use signpost_tests::api::{Signed, replace};
use signpost_tests::http;
use signpost_tests::process::{Daemon, free_port, output, run};
use signpost_tests::server::{Settings, Signpost};
use signpost_tests::temp::TempDir;
use signpost_tests::wait::{until, until_true};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::process::Command;
use std::time::Duration;

const ZONE: &str = "encrypted.example.";
const WAIT: Duration = Duration::from_secs(30);

/// A server with every transport on free ports of `address`.
struct Encrypted {
    server: Signpost,
    address: &'static str,
    dot: u16,
    doh: u16,
    plain: u16,
    doq: u16,
}

impl Encrypted {
    fn start(address: &'static str, mut settings: Settings) -> Encrypted {
        let [dot, doh, plain, doq] = [(); 4].map(|()| free_port());
        let bracketed = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
        for (name, port) in [("dot-listen", dot), ("doh-listen", doh), ("doh-plain-listen", plain), ("doq-listen", doq)]
        {
            settings = settings.with(&format!("--{name}={bracketed}:{port}"));
        }
        let server = Signpost::start(settings);
        let api = server.api();
        api.create_zone(ZONE, Signed::Yes, Vec::new());
        api.patch(ZONE, vec![replace(&format!("www.{ZONE}"), "A", 300, &["192.0.2.1"])]);
        Encrypted { server, address, dot, doh, plain, doq }
    }

    /// What kdig prints; its failure is the test's.
    fn kdig(&self, port: u16, arguments: &[&str]) -> String {
        run(kdig(self.address, port, arguments))
    }

    fn metric(&self, name: &str) -> u64 {
        let text = http::request(self.server.api().address, "GET", "/metrics", &[], None).unwrap().text();
        let line = text.lines().find(|line| line.split(' ').next() == Some(name));
        line.unwrap_or_else(|| panic!("no metric {name}")).rsplit(' ').next().unwrap().parse().unwrap()
    }
}

/// Options of TLS come before the transport: kdig takes `+tls-ca` and the like for a wish for DNS over TLS.
fn kdig(address: &str, port: u16, arguments: &[&str]) -> &'static mut Command {
    let command = Box::leak(Box::new(Command::new("kdig")));
    command
        .arg(format!("@{address}"))
        .args(["-p", &port.to_string(), "+timeout=10", "+retry=0", "+dnssec"])
        .args(arguments)
}

/// The records of kdig's and dig's output, without comments.
fn records(printed: &str) -> BTreeSet<String> {
    let lines = printed.lines().filter(|line| !line.starts_with(';') && !line.trim().is_empty());
    lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// A certificate for `localhost` and its key, made by openssl, in a folder of their own.
struct Files(TempDir);

impl Files {
    fn new() -> Files {
        let files = Files(TempDir::new("certificate"));
        files.make("cert.pem", "key.pem");
        files
    }

    fn make(&self, certificate: &str, key: &str) {
        let (certificate, key) = (self.path(certificate), self.path(key));
        run(Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE", "-out", &certificate, "-keyout", &key]));
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    fn settings(&self) -> Settings {
        Settings::sqlite()
            .with(&format!("--tls-cert={}", self.path("cert.pem")))
            .with(&format!("--tls-key={}", self.path("key.pem")))
    }
}

#[test]
fn kdig_dig_and_curl_get_the_same_answers_over_every_transport_and_both_families() {
    let files = Files::new();
    for address in ["127.0.0.1", "::1"] {
        let encrypted = Encrypted::start(address, files.settings());
        let authority = format!("+tls-ca={}", files.path("cert.pem"));
        for (name, rtype) in [(format!("www.{ZONE}"), "A"), (format!("none.{ZONE}"), "A"), (ZONE.to_owned(), "DNSKEY")]
        {
            let ask = [name.as_str(), rtype];
            let with = |options: &[&'static str]| [&[authority.as_str()], options, &ask[..]].concat();
            let dns = encrypted.server.dns();
            let wanted = records(&run(kdig(&dns.ip().to_string(), dns.port(), &[&["+tcp"], &ask[..]].concat())));
            assert!(!wanted.is_empty());
            for (transport, port, options) in [
                ("TLS", encrypted.dot, &["+tls", "+tls-hostname=localhost"][..]),
                ("HTTPS", encrypted.doh, &["+https=localhost/dns-query", "+tls-hostname=localhost"]),
                ("HTTPS GET", encrypted.doh, &["+https=localhost/dns-query", "+https-get", "+tls-hostname=localhost"]),
                ("QUIC", encrypted.doq, &["+tls-hostname=localhost", "+quic"]),
            ] {
                assert_eq!(
                    records(&encrypted.kdig(port, &with(options))),
                    wanted,
                    "kdig over {transport} at {address}"
                );
            }
            let dig = |port: u16, option: &str| {
                let printed = run(Command::new("dig")
                    .args([&format!("@{address}"), "-p", &port.to_string(), "+tries=1", "+time=10", "+norecurse"])
                    .args(["+dnssec", "+nosplit", option, &name, rtype]));
                records(&printed)
            };
            // The two print records in their own ways.
            let of_dig = dig(encrypted.dot, "+tls");
            assert_eq!(of_dig.len(), wanted.len(), "dig over TLS at {address}");
            // Over HTTP/2 dig 9.18 names an IPv6 address without its brackets (RFC 3986 section 3.2.2), which is malformed.
            let https = [(encrypted.doh, "+https"), (encrypted.doh, "+https-get"), (encrypted.plain, "+http-plain")];
            for (port, option) in https.into_iter().filter(|_| !address.contains(':')) {
                assert_eq!(dig(port, option), of_dig, "dig {option}");
            }
        }
    }
}

#[test]
fn curl_asks_in_both_versions_of_http_and_by_both_methods() {
    let files = Files::new();
    let encrypted = Encrypted::start("127.0.0.1", files.settings());
    // RFC 8484 section 4.1: the id is 0. www.encrypted.example. A.
    let query = b"\0\0\0\0\0\x01\0\0\0\0\0\0\x03www\x09encrypted\x07example\0\0\x01\0\x01";
    std::fs::write(files.path("query"), query).unwrap();
    let encoded = "AAAAAAABAAAAAAAAA3d3dwllbmNyeXB0ZWQHZXhhbXBsZQAAAQAB";
    let secure = format!("https://localhost:{}/dns-query", encrypted.doh);
    let plain = format!("http://127.0.0.1:{}/dns-query", encrypted.plain);
    let body = format!("@{}", files.path("query"));
    let mut replies = BTreeSet::new();
    for (version, url) in [("--http2", &secure), ("--http1.1", &secure), ("--http1.1", &plain)] {
        for is_get in [true, false] {
            let mut curl = Command::new("curl");
            curl.args(["-sS", "--fail", version, "--cacert", &files.path("cert.pem"), "-o", &files.path("reply")]);
            curl.args(["-w", "%{http_version} %{http_code} %{content_type} %header{cache-control}"]);
            match is_get {
                true => curl.arg(format!("{url}?dns={encoded}")),
                false => curl.args(["-H", "Content-Type: application/dns-message", "--data-binary", &body, url]),
            };
            let number = if version == "--http2" { "2" } else { "1.1" };
            let said = run(&mut curl);
            assert!(said.starts_with(&format!("{number} 200 application/dns-message")), "{said}");
            replies.insert(std::fs::read(files.path("reply")).unwrap());
        }
    }
    assert_eq!(replies.len(), 1, "octet for octet");
    let reply = replies.first().unwrap();
    assert!(reply.starts_with(b"\0\0\x84\0\0\x01\0\x01") && reply.ends_with(&[192, 0, 2, 1]), "{reply:02x?}");
    let refused = run(Command::new("curl").args(["-sS", "-k", "-o", "/dev/null", "-w", "%{http_code}", &secure]));
    assert_eq!(refused, "400");
    assert_eq!(encrypted.metric("pdns_auth_doh_queries"), 6);
    assert_eq!(encrypted.metric("pdns_auth_doh_refused"), 1);
}

/// The same over QUIC is in the suite of `dataplane`: kdig 3.2 reads no more than the reply it waits for, falls behind with
/// acknowledgements, and then cannot send.
#[test]
fn hundreds_of_queries_go_over_one_connection() {
    let encrypted = Encrypted::start("127.0.0.1", Files::new().settings());
    let name = format!("www.{ZONE}");
    let many: Vec<&str> = std::iter::repeat_n([name.as_str(), "A"], 300).flatten().collect();
    for (kind, port, option) in [("dot", encrypted.dot, "+tls"), ("doh", encrypted.doh, "+https")] {
        let printed = encrypted.kdig(port, &[&["+keepopen", option][..], &many].concat());
        assert_eq!(printed.matches("status: NOERROR").count(), 300, "{kind}");
        assert_eq!(encrypted.metric(&format!("pdns_auth_{kind}_queries")), 300, "{kind}");
        assert_eq!(encrypted.metric(&format!("pdns_auth_{kind}_answers")), 300, "{kind}");
        assert_eq!(encrypted.metric(&format!("pdns_auth_{kind}_connections")), 1, "{kind}");
    }
}

#[test]
fn openssl_agrees_on_the_protocol_and_resumes_its_session() {
    let encrypted = Encrypted::start("127.0.0.1", Files::new().settings());
    let folder = TempDir::new("session");
    let session = folder.join("session").display().to_string();
    let connect = |port: u16, more: &[&str]| {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-connect", &format!("127.0.0.1:{port}")]).args(more);
        let output = output(&mut command);
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    for version in ["-tls1_2", "-tls1_3"] {
        let said = connect(encrypted.dot, &["-alpn", "dot", version]);
        assert!(said.contains("ALPN protocol: dot"), "{said}");
    }
    assert!(connect(encrypted.doh, &["-alpn", "http/1.1,h2"]).contains("ALPN protocol: h2"));
    assert!(connect(encrypted.doh, &["-alpn", "dot"]).contains("no application protocol"));
    assert!(!connect(encrypted.dot, &["-tls1_1"]).contains("Cipher is ECDHE"));
    let first = connect(encrypted.dot, &["-tls1_2", "-sess_out", &session]);
    assert!(first.contains("New, TLSv1.2"), "{first}");
    let again = connect(encrypted.dot, &["-tls1_2", "-sess_in", &session]);
    assert!(again.contains("Reused, TLSv1.2"), "{again}");
}

/// cert-manager and certbot renew files; nobody tells the server.
#[test]
fn a_renewed_certificate_is_seen_by_clients_and_a_broken_one_is_not() {
    let files = Files::new();
    let mut encrypted = Encrypted::start("127.0.0.1", files.settings().with("--tcp-idle-timeout-secs=300"));
    let believed = |encrypted: &Encrypted, certificate: &str| {
        let authority = format!("+tls-ca={}", files.path(certificate));
        let name = format!("www.{ZONE}");
        [(encrypted.dot, "+tls"), (encrypted.doh, "+https=localhost/dns-query"), (encrypted.doq, "+quic")].map(
            |(port, option)| {
                let arguments = [authority.as_str(), "+tls-hostname=localhost", option, &name, "A"];
                String::from_utf8_lossy(&output(kdig("127.0.0.1", port, &arguments)).stdout).contains("status: NOERROR")
            },
        )
    };
    std::fs::copy(files.path("cert.pem"), files.path("first.pem")).unwrap();
    assert_eq!(believed(&encrypted, "first.pem"), [true; 3]);
    // An open connection goes on with what it began with.
    let mut open = Command::new("openssl");
    open.args(["s_client", "-quiet", "-connect", &format!("127.0.0.1:{}", encrypted.dot)]);
    let mut open = open
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let query = b"\0\x1c\0\0\0\0\0\x01\0\0\0\0\0\0\x07nothing\x02at\0\0\x01\0\x01";
    let mut ask_open = || {
        open.stdin.as_mut().unwrap().write_all(query).unwrap();
        let mut length = [0; 2];
        open.stdout.as_mut().unwrap().read_exact(&mut length).unwrap();
        let mut reply = vec![0; u16::from_be_bytes(length).into()];
        open.stdout.as_mut().unwrap().read_exact(&mut reply).unwrap();
    };
    ask_open();

    // The certificate alone: half of a pair, which a client must never see.
    files.make("cert.pem", "next.pem");
    let broken = "new certificate cannot be used";
    until_true("the log to tell of it", WAIT, || encrypted.server.daemon().log().contains(broken));
    assert_eq!(believed(&encrypted, "first.pem"), [true; 3]);
    std::fs::rename(files.path("next.pem"), files.path("key.pem")).unwrap();
    until("the new certificate", WAIT, || (believed(&encrypted, "cert.pem") == [true; 3]).then_some(()));
    assert_eq!(believed(&encrypted, "first.pem"), [false; 3]);
    ask_open();
    let log = encrypted.server.daemon().log();
    assert_eq!(log.matches(broken).count(), 1, "{log}");
    assert!(log.contains("certificate changed"), "{log}");
    assert!(!log.contains("PRIVATE"), "{log}");
    open.kill().unwrap();
    open.wait().unwrap();
}

/// RFC 7858 section 4.2: out-of-band key-pinned privacy.
#[test]
fn a_made_certificate_can_be_pinned_by_what_the_log_says() {
    let mut encrypted = Encrypted::start("127.0.0.1", Settings::sqlite().with("--tls-names=ns1.example,192.0.2.53"));
    let log = encrypted.server.daemon().log();
    let pin = log.split("pin=").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("the pin is logged");
    let name = format!("www.{ZONE}");
    for (port, option) in [(encrypted.dot, "+tls"), (encrypted.doq, "+quic")] {
        let right = encrypted.kdig(port, &[&format!("+tls-pin={pin}"), option, &name, "A"]);
        assert!(right.contains("status: NOERROR"), "{right}");
        let wrong = format!("+tls-pin={}=", "A".repeat(43));
        let wrong = output(kdig("127.0.0.1", port, &[&wrong, option, &name, "A"]));
        assert!(!String::from_utf8_lossy(&wrong.stdout).contains("status: NOERROR"), "{wrong:?}");
    }
    let shown = Command::new("sh")
        .args(["-c", &format!("openssl s_client -connect 127.0.0.1:{} </dev/null 2>/dev/null | openssl x509 -noout -ext subjectAltName", encrypted.dot)])
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("DNS:ns1.example") && shown.contains("IP Address:192.0.2.53"), "{shown}");
}

#[test]
fn settings_that_cannot_be_met_stop_the_start_and_say_why() {
    let files = Files::new();
    let fails = |flags: &[String]| {
        let mut command = signpost_tests::server::clean_command();
        command.args(["serve", "--database-url=sqlite::memory:", "--api=no", "--web-pages=no"]);
        let dns = format!("--dns-listen=127.0.0.1:{}", free_port());
        let output = output(command.arg(dns).arg("--dot-listen=127.0.0.1:0").args(flags));
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let flag = |name: &str, file: &str| format!("--{name}={}", files.path(file));
    let alone = fails(&[flag("tls-cert", "cert.pem")]);
    assert!(alone.contains("setting tls-cert") && alone.contains("needs tls-key"), "{alone}");
    let absent = fails(&[flag("tls-cert", "absent.pem"), flag("tls-key", "key.pem")]);
    assert!(absent.contains("cannot read") && absent.contains("absent.pem"), "{absent}");
    files.make("other.pem", "other-key.pem");
    let strangers = fails(&[flag("tls-cert", "cert.pem"), flag("tls-key", "other-key.pem")]);
    assert!(strangers.contains("certificate and private key cannot be used together"), "{strangers}");
    let swapped = fails(&[flag("tls-cert", "key.pem"), flag("tls-key", "cert.pem")]);
    assert!(swapped.contains("key.pem has no certificate in PEM format"), "{swapped}");
}

/// PowerDNS's names, and its rule: listed sources must send the header, and nobody else may.
#[test]
fn headers_of_load_balancers_are_taken_from_listed_sources_alone() {
    let settings = Settings::sqlite().with("--proxy-protocol-from=127.0.0.2").with("--proxy-protocol-maximum-size=64");
    let encrypted = Encrypted::start("127.0.0.1", settings);
    let dns = encrypted.server.dns();
    let query = b"\0\x07\0\0\0\x01\0\0\0\0\0\0\x03www\x09encrypted\x07example\0\0\x01\0\x01";
    let header = b"\r\n\r\n\0\r\nQUIT\n\x21\x12\0\x0c\xc6\x33\x64\x07\xc0\0\x02\x35\xc0\x01\0\x35";
    let wrapped = [&header[..], query].concat();
    let udp = |source: &str, datagram: &[u8]| {
        let socket = UdpSocket::bind(SocketAddr::new(source.parse().unwrap(), 0)).unwrap();
        socket.connect(dns).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket.send(datagram).unwrap();
        socket
    };
    let answered = |socket: UdpSocket| {
        let mut reply = [0; 512];
        let length = socket.recv(&mut reply).unwrap();
        assert!(reply[..length].starts_with(b"\0\x07\x84") && reply[..length].ends_with(&[192, 0, 2, 1]));
    };
    answered(udp("127.0.0.2", &wrapped));
    answered(udp("127.0.0.1", query));
    udp("127.0.0.2", query);
    // Longer than the 64 octets allowed.
    let long = [&header[..14], &[0, 60], &header[16..], &[0; 48], query].concat();
    udp("127.0.0.2", &long);
    until_true("both to be dropped", WAIT, || encrypted.metric("pdns_auth_proxy_protocol_invalid") == 2);
    udp("127.0.0.1", &wrapped);
    until_true("it to be refused", WAIT, || encrypted.metric("pdns_auth_proxy_protocol_refused") == 1);
    let tcp = |source: &str, octets: &[u8]| {
        let socket = socket_from(source, dns);
        (&socket).write_all(octets).unwrap();
        let mut reply = [0; 2];
        (&socket).read_exact(&mut reply).is_ok()
    };
    let framed = [&(query.len() as u16).to_be_bytes()[..], query].concat();
    assert!(tcp("127.0.0.2", &[&header[..], &framed].concat()));
    assert!(tcp("127.0.0.1", &framed));
    assert!(!tcp("127.0.0.2", &framed));
    assert!(!tcp("127.0.0.1", &[&header[..], &framed].concat()));
    assert_eq!(encrypted.metric("pdns_auth_proxy_protocol_invalid"), 3);
    assert_eq!(encrypted.metric("pdns_auth_proxy_protocol_refused"), 2);
}

/// What dnsdist says of its clients is what decides who is answered; its health checks speak for itself.
#[test]
fn clients_of_dnsdist_are_known_by_their_own_addresses() {
    let settings = Settings::sqlite().with("--proxy-protocol-from=127.0.0.3").with("--dns-allow-from=127.0.0.9");
    let server = Signpost::start(settings);
    let api = server.api();
    api.create_zone(ZONE, Signed::No, Vec::new());
    let (folder, port) = (TempDir::new("dnsdist"), free_port());
    let configuration = format!(
        "setLocal(\"127.0.0.1:{port}\")\nsetSecurityPollSuffix(\"\")\n\
         newServer{{address=\"{}\", source=\"127.0.0.3\", useProxyProtocol=true, checkName=\"{ZONE}\"}}\n",
        server.dns()
    );
    std::fs::write(folder.join("dnsdist.conf"), configuration).unwrap();
    let mut command = Command::new("dnsdist");
    command.args(["--supervised", "--disable-syslog", "-C"]).arg(folder.join("dnsdist.conf"));
    let mut dnsdist = Daemon::start("dnsdist", &mut command, &folder.join("log"));
    let status = |from: &str, transport: &str| {
        let output = output(
            Command::new("dig")
                .args(["@127.0.0.1", "-p", &port.to_string(), "-b", from, "+tries=1", "+time=2", "+norecurse"])
                .args([transport, ZONE, "SOA"]),
        );
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        printed.split("status: ").nth(1).and_then(|rest| rest.split(',').next()).map(str::to_owned)
    };
    until("dnsdist to find the server up", WAIT, || {
        dnsdist.assert_running();
        (status("127.0.0.9", "+notcp").as_deref() == Some("NOERROR")).then_some(())
    });
    assert_eq!(status("127.0.0.9", "+tcp").as_deref(), Some("NOERROR"));
    for transport in ["+notcp", "+tcp"] {
        assert_eq!(status("127.0.0.8", transport).as_deref(), Some("REFUSED"), "{transport}");
    }
    let metrics = http::request(api.address, "GET", "/metrics", &[], None).unwrap().text();
    for name in ["invalid", "refused"] {
        assert!(metrics.contains(&format!("\npdns_auth_proxy_protocol_{name} 0\n")), "{name}");
    }
}

fn socket_from(source: &str, to: SocketAddr) -> TcpStream {
    use socket2::{Domain, Socket, Type};
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(source.parse().unwrap(), 0).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    stream
}
