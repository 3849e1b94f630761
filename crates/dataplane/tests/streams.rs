//! DNS over TLS, HTTPS and QUIC on loopback, and clients that hold up, break off and break rules.

#[path = "../../../tests/src/clients.rs"]
mod clients;
mod fixture;

use clients::{
    Http2, ask_quic, ask_quic_raw, ask_stream, connect_quic, connect_tls, framed, get, is_closed, post, read_reply,
    request, shake_hands, tls, try_quic,
};
use dataplane::{Addresses, DataPlane, DataPlaneSettings, Proxies};
use dnssec::ZoneTable;
use fixture::{Mode, ask, show, table, zone};
use hyper::http::{Method, StatusCode};
use quinn::{ConnectionError, ReadError, ReadToEndError, VarInt};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PROTOCOL_ERROR: VarInt = VarInt::from_u32(2);

fn zones() -> Arc<ZoneTable> {
    let mut text = "
        example. 60 SOA a.example. b.example. 1 1 1 1 30
        www.example. 60 A 192.0.2.1
        "
    .to_string();
    for number in 0..200 {
        text.push_str(&format!("many.example. 60 TXT \"{}{number}\"\n", "x".repeat(200)));
    }
    table([zone(Mode::Nsec3, &text)])
}

/// Every transport at `address` and free ports.
fn settings(address: &str) -> DataPlaneSettings {
    let listen = || vec![SocketAddr::new(address.parse().unwrap(), 0)];
    DataPlaneSettings {
        listen: listen(),
        udp_workers: 1,
        dot_listen: listen(),
        doh_listen: listen(),
        doh_plain_listen: listen(),
        doq_listen: listen(),
        ..DataPlaneSettings::default()
    }
}

fn start_with(settings: &DataPlaneSettings) -> (DataPlane, Addresses) {
    let plane = DataPlane::bind(settings, zones()).unwrap();
    let addresses = plane.addresses().clone();
    (plane, addresses)
}

fn start() -> (DataPlane, Addresses) {
    start_with(&settings("127.0.0.1"))
}

fn count(plane: &DataPlane, name: &str) -> u64 {
    plane.counters().value(name).unwrap_or_else(|| panic!("no counter {name}"))
}

/// Waits until a counter has a value.
async fn until(plane: &DataPlane, name: &str, value: u64) {
    let reached = async {
        while count(plane, name) < value {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), reached).await.unwrap_or_else(|_| {
        panic!("{name} is {} and not {value}", count(plane, name));
    });
}

fn message(name: &str, qtype: &str) -> Vec<u8> {
    let mut message = ask(name, qtype).with_do().message();
    message[..2].copy_from_slice(&[0, 0]);
    message
}

/// One HTTP/1.1 request over a stream, which the server is asked to close after it.
async fn http1(
    stream: &mut (impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin),
    head: &str,
    body: &[u8],
) -> (String, Vec<u8>) {
    let head = format!("{head}\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    stream.flush().await.unwrap();
    let mut reply = Vec::new();
    // A server may close before it has read all of a body that it refuses.
    let _ = stream.read_to_end(&mut reply).await;
    let end = reply.windows(4).position(|window| window == b"\r\n\r\n").expect("a whole head");
    (String::from_utf8(reply[..end].to_vec()).unwrap(), reply[end + 4..].to_vec())
}

#[tokio::test]
async fn all_transports_give_the_same_answers_in_both_families() {
    for address in ["127.0.0.1", "::1"] {
        let (plane, addresses) = start_with(&settings(address));
        let mut tcp = TcpStream::connect(addresses.dns[0]).await.unwrap();
        let mut dot = connect_tls(addresses.dot[0], &[b"dot"]).await;
        let mut doh = Http2::connect(addresses.doh[0]).await;
        let doq = connect_quic(addresses.doq[0]).await;
        for (name, qtype) in [("www.example", "A"), ("many.example", "TXT"), ("none.example", "A"), ("other", "A")] {
            let message = message(name, qtype);
            let wanted = ask_stream(&mut tcp, &message).await;
            assert_eq!(ask_stream(&mut dot, &message).await, wanted, "DoT, {name}");
            let (response, by_post) = doh.send(post(), &message).await.unwrap();
            assert_eq!((response.status(), &by_post), (StatusCode::OK, &wanted), "DoH by POST, {name}");
            assert_eq!(response.headers()["content-type"], "application/dns-message");
            assert_eq!(doh.send(get(&message), b"").await.unwrap().1, wanted, "DoH by GET, {name}");
            assert_eq!(ask_quic(&doq, &message).await, wanted, "DoQ, {name}");
        }
        for (name, value) in [
            ("tcp-queries", 4),
            ("dot-queries", 4),
            ("dot-answers", 4),
            ("doh-queries", 8),
            ("doq-answers", 4),
            ("dot-connections", 1),
            ("open-dot-connections", 1),
            ("open-doh-connections", 1),
            ("open-doq-connections", 1),
            ("dot-handshake-failures", 0),
        ] {
            assert_eq!(count(&plane, name), value, "{name}");
        }
        assert_eq!(count(&plane, "dot-answers-bytes"), count(&plane, "tcp-answers-bytes"));
        plane.shutdown().await;
        assert!(is_closed(&mut dot).await);
        assert_eq!(
            doq.closed().await,
            ConnectionError::ApplicationClosed(quinn::ApplicationClose {
                error_code: VarInt::from_u32(0),
                reason: Default::default(),
            })
        );
    }
}

/// RFC 7858 section 3.3: as over TCP, queries follow each other without waiting.
#[tokio::test]
async fn a_thousand_queries_pipelined_over_tls_get_a_thousand_replies_in_order() {
    let (_plane, addresses) = start();
    let (mut reader, mut writer) = tokio::io::split(connect_tls(addresses.dot[0], &[b"dot"]).await);
    let sender = tokio::spawn(async move {
        for id in 0..1000_u16 {
            let mut message = message("www.example", "A");
            message[..2].copy_from_slice(&id.to_be_bytes());
            writer.write_all(&framed(&message)).await.unwrap();
        }
        writer.flush().await.unwrap();
        writer
    });
    for id in 0..1000_u16 {
        assert_eq!(read_reply(&mut reader).await.unwrap()[..2], id.to_be_bytes());
    }
    drop(sender.await.unwrap());
}

/// RFC 7766 section 6.2.3: a client may close its half as soon as it has asked.
#[tokio::test]
async fn half_closed_clients_get_their_answers() {
    let (_plane, addresses) = start();
    let message = message("www.example", "A");
    let twice = framed(&message).repeat(2);
    let mut tcp = TcpStream::connect(addresses.dns[0]).await.unwrap();
    tcp.write_all(&twice).await.unwrap();
    tcp.shutdown().await.unwrap();
    let mut dot = connect_tls(addresses.dot[0], &[b"dot"]).await;
    dot.write_all(&twice).await.unwrap();
    dot.shutdown().await.unwrap();
    for _ in 0..2 {
        assert_eq!(show(&read_reply(&mut tcp).await.unwrap())[1], "answer: www.example. 60 A 192.0.2.1");
        assert_eq!(show(&read_reply(&mut dot).await.unwrap())[1], "answer: www.example. 60 A 192.0.2.1");
    }
    let mut plain = TcpStream::connect(addresses.doh_plain[0]).await.unwrap();
    let path = format!("GET /dns-query?dns={} HTTP/1.1", data_encoding::BASE64URL_NOPAD.encode(&message));
    plain.write_all(format!("{path}\r\nHost: localhost\r\n\r\n").as_bytes()).await.unwrap();
    plain.shutdown().await.unwrap();
    let mut reply = Vec::new();
    plain.read_to_end(&mut reply).await.unwrap();
    assert!(reply.starts_with(b"HTTP/1.1 200 OK") && reply.ends_with(&[0; 2]), "{reply:?}");
    assert!(is_closed(&mut tcp).await);
    // An orderly end, not a cut: anything else would be an error here.
    assert_eq!(dot.read(&mut [0]).await.unwrap(), 0);
}

/// RFC 7858 names no ALPN and RFC 9103 section 7.1 does; TLS 1.2 is still taken (RFC 9325 section 3.1.1).
#[tokio::test]
async fn dot_is_agreed_on_if_it_is_offered_and_nothing_else_is() {
    let (plane, addresses) = start();
    let agreed =
        |stream: &tokio_rustls::client::TlsStream<TcpStream>| stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
    assert_eq!(agreed(&connect_tls(addresses.dot[0], &[b"dot"]).await), Some(b"dot".to_vec()));
    assert_eq!(agreed(&connect_tls(addresses.dot[0], &[]).await), None);
    assert_eq!(agreed(&connect_tls(addresses.doh[0], &[b"http/1.1", b"h2"]).await), Some(b"h2".to_vec()));
    let wrong = shake_hands(tls(&[b"h2"]), TcpStream::connect(addresses.dot[0]).await.unwrap()).await;
    assert!(wrong.unwrap_err().to_string().contains("NoApplicationProtocol"));
    until(&plane, "dot-handshake-failures", 1).await;
    assert!(try_quic(addresses.doq[0], tls(&[b"h3"])).await.is_err());
    until(&plane, "doq-handshake-failures", 1).await;
}

/// RFC 7858 section 3.4: resuming a session saves the client a handshake in full.
#[tokio::test]
async fn sessions_are_resumed() {
    let (_plane, addresses) = start();
    let config = tls(&[b"dot"]);
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let stream = TcpStream::connect(addresses.dot[0]).await.unwrap();
        let mut dot = shake_hands(config.clone(), stream).await.unwrap();
        ask_stream(&mut dot, &message("www.example", "A")).await;
        kinds.push(dot.get_ref().1.handshake_kind().unwrap());
    }
    assert_eq!(kinds, [rustls::HandshakeKind::Full, rustls::HandshakeKind::Resumed]);
}

#[tokio::test]
async fn handshakes_that_stand_still_hold_up_nobody_and_end() {
    let mut settings = settings("127.0.0.1");
    settings.tcp_idle = Duration::from_millis(400);
    let (plane, addresses) = start_with(&settings);
    let mut stalled = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(addresses.dot[0]).await.unwrap();
        // A handshake record that never comes whole.
        stream.write_all(&[22, 3, 1, 2, 0, 1]).await.unwrap();
        stalled.push(stream);
    }
    let mut dot = connect_tls(addresses.dot[0], &[b"dot"]).await;
    ask_stream(&mut dot, &message("www.example", "A")).await;
    for stream in &mut stalled {
        assert!(is_closed(stream).await);
    }
    until(&plane, "dot-handshake-failures", 50).await;
    // What is no TLS at all ends at once.
    let mut plain = TcpStream::connect(addresses.dot[0]).await.unwrap();
    plain.write_all(&framed(&message("www.example", "A"))).await.unwrap();
    let mut left = Vec::new();
    let _ = plain.read_to_end(&mut left).await;
    until(&plane, "dot-handshake-failures", 51).await;
}

/// One datagram begins a handshake, and a liar's is never finished. Others must not wait for it.
#[tokio::test]
async fn quic_handshakes_that_stand_still_hold_up_nobody() {
    let mut settings = settings("127.0.0.1");
    settings.tcp_idle = Duration::from_secs(60);
    let (plane, addresses) = start_with(&settings);
    // Each of these gets its first datagram out and hears no answer: a relay drops them.
    let relay = UdpSocket::bind("127.0.0.1:0").unwrap();
    relay.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let lost = (0..200).map(|_| tokio::spawn(try_quic(relay.local_addr().unwrap(), tls(&[b"doq"]))));
    let lost: Vec<_> = lost.collect();
    let server = addresses.doq[0];
    let caught = tokio::task::spawn_blocking(move || {
        // By connection id (RFC 9000 section 17.2): on a busy machine the first ones are sent again before the last begin.
        let mut caught = HashMap::new();
        while caught.len() < 200 {
            let mut datagram = [0; 2048];
            let (length, _) = relay.recv_from(&mut datagram).unwrap();
            let id = datagram[6..6 + usize::from(datagram[5])].to_vec();
            caught.entry(id).or_insert_with(|| datagram[..length].to_vec());
        }
        caught.into_values().collect::<Vec<_>>()
    });
    let caught = caught.await.unwrap();
    // Beyond the first 128, and so for the next client too, an address has to be proved. What the kernel drops is sent again.
    while count(&plane, "doq-retries") == 0 {
        for datagram in &caught {
            UdpSocket::bind("127.0.0.1:0").unwrap().send_to(datagram, server).unwrap();
            tokio::task::yield_now().await;
        }
    }
    let doq = connect_quic(server).await;
    assert_eq!(show(&ask_quic(&doq, &message("www.example", "A")).await)[1], "answer: www.example. 60 A 192.0.2.1");
    assert_eq!(count(&plane, "open-doq-connections"), 1, "what is not proved has no place among connections");
    lost.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn idle_connections_of_every_kind_are_closed_and_counted() {
    let mut settings = settings("127.0.0.1");
    settings.tcp_idle = Duration::from_millis(300);
    let (plane, addresses) = start_with(&settings);
    let mut dot = connect_tls(addresses.dot[0], &[b"dot"]).await;
    assert!(is_closed(&mut dot).await);
    until(&plane, "dot-idle-timeouts", 1).await;
    let mut doh = Http2::connect(addresses.doh[0]).await;
    doh.send(post(), &message("www.example", "A")).await.unwrap();
    // Its end counts, and not whether the client's own farewell still found somebody to read it.
    let _ended: Result<(), h2::Error> = doh.driver.await.unwrap();
    let mut plain = TcpStream::connect(addresses.doh_plain[0]).await.unwrap();
    // Half a request, octet by octet, is no sign of life.
    let (mut reader, mut writer) = plain.split();
    let trickle = async {
        for octet in b"GET /".iter().chain(std::iter::repeat(&b'x')) {
            if writer.write_all(&[*octet]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = trickle => unreachable!(),
        closed = is_closed(&mut reader) => assert!(closed),
    }
    until(&plane, "doh-idle-timeouts", 2).await;
    let doq = connect_quic(addresses.doq[0]).await;
    doq.closed().await;
    until(&plane, "doq-idle-timeouts", 1).await;
    for kind in ["dot", "doh", "doq"] {
        assert_eq!(count(&plane, &format!("open-{kind}-connections")), 0, "{kind}");
    }
}

#[tokio::test]
async fn a_quic_client_that_only_pings_is_idle() {
    let mut settings = settings("127.0.0.1");
    settings.tcp_idle = Duration::from_millis(500);
    let (plane, addresses) = start_with(&settings);
    let endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    let crypto = quinn::crypto::rustls::QuicClientConfig::try_from(tls(&[b"doq"])).unwrap();
    let mut config = quinn::ClientConfig::new(Arc::new(crypto));
    let mut transport = quinn::TransportConfig::default();
    transport.keep_alive_interval(Some(Duration::from_millis(50)));
    config.transport_config(Arc::new(transport));
    let doq = endpoint.connect_with(config, addresses.doq[0], "localhost").unwrap().await.unwrap();
    ask_quic(&doq, &message("www.example", "A")).await;
    doq.closed().await;
    until(&plane, "doq-idle-timeouts", 1).await;
}

/// The cap is one for all, and the idlest goes, whatever carries it.
#[tokio::test]
async fn at_the_cap_the_idlest_of_all_transports_is_closed() {
    let mut settings = settings("127.0.0.1");
    settings.tcp_connections_max = 3;
    let (plane, addresses) = start_with(&settings);
    let message = message("www.example", "A");
    let doq = connect_quic(addresses.doq[0]).await;
    ask_quic(&doq, &message).await;
    let mut doh = Http2::connect(addresses.doh[0]).await;
    doh.send(post(), &message).await.unwrap();
    let mut dot = connect_tls(addresses.dot[0], &[b"dot"]).await;
    ask_stream(&mut dot, &message).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut tcp = TcpStream::connect(addresses.dns[0]).await.unwrap();
        ask_stream(&mut tcp, &message).await;
        open.push(tcp);
    }
    assert!(
        matches!(doq.closed().await, ConnectionError::ApplicationClosed(close) if close.error_code == VarInt::from_u32(4))
    );
    assert!(is_closed(&mut dot).await);
    let _ = doh.driver.await.unwrap();
    for kind in ["dot", "doh", "doq"] {
        assert_eq!(count(&plane, &format!("{kind}-closed-for-room")), 1, "{kind}");
    }
    for tcp in &mut open {
        ask_stream(tcp, &message).await;
    }
}

// --- HTTPS ---

/// RFC 8484 section 5.1.
#[tokio::test]
async fn section_5_1_a_reply_is_fresh_for_its_least_ttl() {
    let (_plane, addresses) = start();
    let mut doh = Http2::connect(addresses.doh[0]).await;
    for (name, max_age) in [("www.example", "max-age=60"), ("none.example", "max-age=30"), ("other", "max-age=0")] {
        let (response, _) = doh.send(get(&message(name, "A")), b"").await.unwrap();
        assert_eq!(response.headers()["cache-control"], max_age, "{name}");
    }
}

/// RFC 8484 sections 4.1, 4.2.1 and 6: failures of DNS are successes of HTTP, and what is no query is refused as HTTP does.
#[tokio::test]
async fn each_wrong_request_has_its_status() {
    let (plane, addresses) = start();
    let mut doh = Http2::connect(addresses.doh[0]).await;
    let query = message("www.example", "A");
    let mut response = query.clone();
    response[2] |= 0x80;
    let mut as_text = post();
    as_text.headers_mut().insert("content-type", "text/plain".parse().unwrap());
    let mut bare = post();
    bare.headers_mut().remove("content-type");
    let long_path = format!("/dns-query?dns={}", "A".repeat(8200));
    let wrong: [(hyper::http::Request<()>, &[u8], u16); 11] = [
        (request(Method::GET, "/"), b"", 404),
        (request(Method::PUT, "/dns-query"), b"", 405),
        (request(Method::GET, "/dns-query"), b"", 400),
        (request(Method::GET, "/dns-query?dns=AAAB"), b"", 400),
        (request(Method::GET, "/dns-query?dns=AAAB=="), b"", 400),
        (get(&response), b"", 400),
        (post(), b"x", 400),
        (request(Method::GET, &long_path), b"", 414),
        (as_text, &query, 415),
        (bare, &query, 415),
        (post(), &[0; 65_536], 413),
    ];
    let count_wrong = wrong.len() as u64;
    for (request, body, status) in wrong {
        let (method, path) = (request.method().clone(), request.uri().to_string());
        assert_eq!(doh.status(request, body).await.as_u16(), status, "{method} {path:.60}");
    }
    assert_eq!(count(&plane, "doh-refused"), count_wrong);
    assert_eq!(doh.status(post(), &query).await, StatusCode::OK);
    // A longest message is read whole: what follows its question makes it malformed, and that is an answer.
    let longest = [&query[..], &vec![0; 65_535 - query.len()]].concat();
    let (response, reply) = doh.send(post(), &longest).await.unwrap();
    assert_eq!((response.status(), reply[3] & 15), (StatusCode::OK, 1));
}

#[tokio::test]
async fn http_1_1_is_spoken_with_and_without_tls() {
    let (_plane, addresses) = start();
    let query = message("www.example", "A");
    let path = format!("/dns-query?dns={}", data_encoding::BASE64URL_NOPAD.encode(&query));
    let post = "POST /dns-query HTTP/1.1\r\nContent-Type: application/dns-message";
    for is_get in [true, false] {
        let mut plain = TcpStream::connect(addresses.doh_plain[0]).await.unwrap();
        let mut tls = connect_tls(addresses.doh[0], &[b"http/1.1"]).await;
        let (head, body) = match is_get {
            true => (format!("GET {path} HTTP/1.1"), &b""[..]),
            false => (post.to_owned(), &query[..]),
        };
        for (head, body) in [http1(&mut plain, &head, body).await, http1(&mut tls, &head, body).await] {
            assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("cache-control: max-age=60"), "{head}");
            assert_eq!(show(&body)[1], "answer: www.example. 60 A 192.0.2.1");
        }
    }
    let mut plain = TcpStream::connect(addresses.doh_plain[0]).await.unwrap();
    let long = format!("GET /dns-query?dns={} HTTP/1.1", "A".repeat(20_000));
    assert!(http1(&mut plain, &long, b"").await.0.starts_with("HTTP/1.1 431 "), "header fields too large");
}

/// CVE-2023-44487: requests taken back at once cost the client its connection, and others nothing.
#[tokio::test]
async fn rapid_resets_end_the_connection_of_who_sends_them() {
    let (plane, addresses) = start();
    let mut attacker = Http2::connect(addresses.doh[0]).await;
    let query = message("www.example", "A");
    let mut sent = 0;
    while sent < 10_000 {
        let Ok(mut sender) = attacker.sender.clone().ready().await else { break };
        let Ok((_, mut stream)) = sender.send_request(post(), false) else { break };
        stream.send_reset(h2::Reason::CANCEL);
        sent += 1;
        if attacker.driver.is_finished() {
            break;
        }
    }
    let ended = tokio::time::timeout(Duration::from_secs(30), &mut attacker.driver).await.expect("it is cut off");
    // ENHANCE_YOUR_CALM, unless what the server did not read any more made the kernel cut the connection first.
    let error = ended.unwrap().unwrap_err();
    assert!(error.is_io() || error.reason() == Some(h2::Reason::ENHANCE_YOUR_CALM), "{error}");
    assert!(count(&plane, "doh-queries") < 1000, "what was taken back is not answered");
    let mut honest = Http2::connect(addresses.doh[0]).await;
    assert_eq!(honest.status(post(), &query).await, StatusCode::OK);
    until(&plane, "doh-connections", 2).await;
}

// --- QUIC ---

/// RFC 9250 section 4.3.3: each of these is fatal.
#[tokio::test]
async fn section_4_3_3_protocol_errors_close_the_connection() {
    let (plane, addresses) = start();
    let query = framed(&message("www.example", "A"));
    let mut with_id = query.clone();
    with_id[2] = 1;
    let mut response = query.clone();
    response[4] |= 0x80;
    let keepalive = {
        let mut message = message("www.example", "A");
        let length = message.len();
        message[length - 2..].copy_from_slice(&4_u16.to_be_bytes());
        message.extend_from_slice(&[0, 11, 0, 0]);
        framed(&message)
    };
    let wrong: [(&str, Vec<u8>); 7] = [
        ("an id", with_id),
        ("two queries", query.repeat(2)),
        ("one octet more", [&query[..], &[0]].concat()),
        ("one octet less", query[..query.len() - 1].to_vec()),
        ("nothing", Vec::new()),
        ("a response", response),
        ("edns-tcp-keepalive", keepalive),
    ];
    for (number, (what, octets)) in wrong.into_iter().enumerate() {
        let doq = connect_quic(addresses.doq[0]).await;
        let error = ask_quic_raw(&doq, &octets).await.unwrap_err();
        let ReadToEndError::Read(ReadError::ConnectionLost(ConnectionError::ApplicationClosed(close))) = error else {
            panic!("{what}: {error}")
        };
        assert_eq!(close.error_code, PROTOCOL_ERROR, "{what}");
        until(&plane, "doq-protocol-errors", number as u64 + 1).await;
    }
    // A stream in one direction is against QUIC's own limits.
    let doq = connect_quic(addresses.doq[0]).await;
    assert!(tokio::time::timeout(Duration::from_millis(100), doq.open_uni()).await.is_err());
    assert_eq!(ask_quic(&doq, &message("www.example", "A")).await[3] & 15, 0);
}

/// RFC 9250 section 5.5: queries of one connection do not wait for each other.
#[tokio::test]
async fn a_thousand_queries_on_one_quic_connection_and_one_that_never_ends() {
    let (plane, addresses) = start();
    let doq = connect_quic(addresses.doq[0]).await;
    let (mut dangling, _reply) = doq.open_bi().await.unwrap();
    dangling.write_all(&[0]).await.unwrap();
    let mut taken_back = doq.open_bi().await.unwrap().0;
    taken_back.write_all(&framed(&message("www.example", "A"))[..20]).await.unwrap();
    taken_back.reset(VarInt::from_u32(3)).unwrap();
    let queries = (0..1000).map(|_| {
        let doq = doq.clone();
        tokio::spawn(async move { ask_quic(&doq, &message("www.example", "A")).await })
    });
    for reply in queries.collect::<Vec<_>>() {
        assert_eq!(show(&reply.await.unwrap())[1], "answer: www.example. 60 A 192.0.2.1");
    }
    // Long ones are read one after the other, and all are.
    let query = message("www.example", "A");
    let long = framed(&[&query[..], &vec![0; 65_535 - query.len()]].concat());
    let queries = (0..8).map(|_| {
        let (doq, long) = (doq.clone(), long.clone());
        tokio::spawn(async move { ask_quic_raw(&doq, &long).await })
    });
    for reply in queries.collect::<Vec<_>>() {
        assert_eq!(reply.await.unwrap().unwrap()[5] & 15, 1, "FORMERR");
    }
    assert_eq!(count(&plane, "doq-queries"), 1008);
    assert_eq!(count(&plane, "doq-protocol-errors"), 0);
}

// --- The PROXY protocol ---

fn header(client: &str) -> Vec<u8> {
    let (family, mut addresses): (u8, Vec<u8>) = match client.parse().unwrap() {
        IpAddr::V4(client) => (0x11, [client.octets(), [192, 0, 2, 53]].concat()),
        IpAddr::V6(client) => (0x21, [client.octets(), [0; 16]].concat()),
    };
    addresses.extend_from_slice(&[0xc0, 0x01, 0, 53]);
    let length = (addresses.len() as u16).to_be_bytes();
    [&b"\r\n\r\n\0\r\nQUIT\n\x21"[..], &[family], &length, &addresses].concat()
}

fn behind_a_proxy(from: &str) -> (DataPlane, Addresses) {
    let proxies = Proxies { from: vec![from.parse().unwrap()], ..Proxies::default() };
    start_with(&DataPlaneSettings { proxies, tcp_per_source_max: 2, ..settings("127.0.0.1") })
}

fn exchange(server: SocketAddr, datagram: &[u8]) -> Option<Vec<u8>> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(server).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket.send(datagram).unwrap();
    // What is dropped gives no sign; a message that is not, sent after it, does.
    let mut reply = [0; 2048];
    let length = socket.recv(&mut reply).ok()?;
    Some(reply[..length].to_vec())
}

#[tokio::test]
async fn clients_behind_a_proxy_are_answered_through_it_and_counted_by_their_family() {
    let (plane, addresses) = behind_a_proxy("127.0.0.0/8");
    let query = message("www.example", "A");
    for client in ["198.51.100.1", "2001:db8::1"] {
        let reply = exchange(addresses.dns[0], &[header(client), query.clone()].concat()).unwrap();
        assert_eq!(show(&reply)[1], "answer: www.example. 60 A 192.0.2.1");
    }
    assert_eq!((count(&plane, "udp4-queries"), count(&plane, "udp6-queries")), (1, 1));
    // Over streams the header stands before everything, TLS included, and each client has connections of its own.
    let mut open = Vec::new();
    for client in ["198.51.100.1", "198.51.100.2", "2001:db8::1", "2001:db8:1::1"] {
        let mut tcp = TcpStream::connect(addresses.dns[0]).await.unwrap();
        tcp.write_all(&header(client)).await.unwrap();
        assert_eq!(ask_stream(&mut tcp, &query).await[3] & 15, 0);
        open.push(tcp);
    }
    assert_eq!((count(&plane, "tcp4-queries"), count(&plane, "tcp6-queries")), (2, 2));
    assert_eq!(count(&plane, "tcp-closed-for-room"), 0);
    let mut tcp = TcpStream::connect(addresses.dot[0]).await.unwrap();
    tcp.write_all(&header("198.51.100.1")).await.unwrap();
    let mut dot = shake_hands(tls(&[b"dot"]), tcp).await.unwrap();
    assert_eq!(ask_stream(&mut dot, &query).await[3] & 15, 0);
    let mut tcp = TcpStream::connect(addresses.doh_plain[0]).await.unwrap();
    tcp.write_all(&header("198.51.100.2")).await.unwrap();
    let path = format!("GET /dns-query?dns={} HTTP/1.1", data_encoding::BASE64URL_NOPAD.encode(&query));
    assert!(http1(&mut tcp, &path, b"").await.0.starts_with("HTTP/1.1 200 OK"));
    assert_eq!(count(&plane, "proxy-protocol-invalid"), 0);
}

#[tokio::test]
async fn a_proxy_without_a_header_gets_no_answer() {
    let (plane, addresses) = behind_a_proxy("127.0.0.1");
    let query = message("www.example", "A");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(&query, addresses.dns[0]).unwrap();
    socket.send_to(&header("198.51.100.1")[..20], addresses.dns[0]).unwrap();
    until(&plane, "proxy-protocol-invalid", 2).await;
    assert_eq!(count(&plane, "udp-queries"), 0);
    let mut tcp = TcpStream::connect(addresses.dns[0]).await.unwrap();
    tcp.write_all(&framed(&query)).await.unwrap();
    assert!(is_closed(&mut tcp).await);
    let stream = TcpStream::connect(addresses.dot[0]).await.unwrap();
    assert!(shake_hands(tls(&[b"dot"]), stream).await.is_err());
    until(&plane, "proxy-protocol-invalid", 4).await;
    assert_eq!(count(&plane, "tcp-queries"), 0);
}

#[tokio::test]
async fn a_header_from_anybody_else_is_refused() {
    let (plane, addresses) = behind_a_proxy("192.0.2.1");
    let wrapped = [header("198.51.100.1"), message("www.example", "A")].concat();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(&wrapped, addresses.dns[0]).unwrap();
    until(&plane, "proxy-protocol-refused", 1).await;
    let mut tcp = TcpStream::connect(addresses.dns[0]).await.unwrap();
    tcp.write_all(&header("198.51.100.1")).await.unwrap();
    assert!(is_closed(&mut tcp).await);
    assert_eq!(count(&plane, "proxy-protocol-refused"), 2);
    let stream = async {
        let mut stream = TcpStream::connect(addresses.dot[0]).await.unwrap();
        stream.write_all(&header("198.51.100.1")).await.unwrap();
        shake_hands(tls(&[b"dot"]), stream).await
    };
    assert!(stream.await.is_err());
    assert_eq!((count(&plane, "udp-queries"), count(&plane, "tcp-queries")), (0, 0));
    assert!(exchange(addresses.dns[0], &message("www.example", "A")).is_some(), "without one it is answered");
}
