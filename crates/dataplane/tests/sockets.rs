//! The data plane on loopback: UDP, TCP, `dig`, wildcard binds, limits and the end.

mod fixture;

use dataplane::{DataPlane, DataPlaneSettings, Ring};
use dnssec::ZoneTable;
use fixture::{Mode, ask, show, table, zone};
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn zones() -> Arc<ZoneTable> {
    let mut text = "
        example. 60 SOA a.example. b.example. 1 1 1 1 60
        www.example. 60 A 192.0.2.1
        "
    .to_string();
    for number in 0..100 {
        text.push_str(&format!("many.example. 60 A 192.0.2.{number}\n"));
    }
    table([zone(Mode::Nsec3, &text)])
}

fn settings(listen: &[&str]) -> DataPlaneSettings {
    DataPlaneSettings {
        listen: listen.iter().map(|address| address.parse().unwrap()).collect(),
        udp_workers: 2,
        ..DataPlaneSettings::default()
    }
}

fn start(listen: &[&str]) -> DataPlane {
    DataPlane::bind(&settings(listen), zones()).unwrap()
}

fn client(address: &str) -> UdpSocket {
    let socket = UdpSocket::bind(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket
}

/// One query over UDP on a connected socket, which takes replies from nowhere else.
fn exchange(from: &str, to: SocketAddr, message: &[u8]) -> Vec<u8> {
    let socket = client(from);
    socket.connect(to).unwrap();
    socket.send(message).unwrap();
    let mut reply = [0; 4096];
    let length = socket.recv(&mut reply).unwrap();
    reply[..length].to_vec()
}

async fn read_reply(stream: &mut TcpStream) -> Vec<u8> {
    let length = stream.read_u16().await.unwrap();
    let mut reply = vec![0; length.into()];
    stream.read_exact(&mut reply).await.unwrap();
    reply
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes(), message].concat()
}

/// What `dig` prints; +short and the like are up to the caller.
async fn dig(server: SocketAddr, arguments: &'static [&'static str]) -> String {
    tokio::task::spawn_blocking(move || {
        let output = Command::new("dig")
            .arg(format!("@{}", server.ip()))
            .args(["-p", &server.port().to_string(), "+tries=1", "+time=10", "+norecurse"])
            .args(arguments)
            .output()
            .expect("dig is installed (Debian: bind9-dnsutils)");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn udp_and_tcp_answer_on_one_port() {
    let plane = start(&["127.0.0.1:0"]);
    let server = plane.local_addrs()[0];
    let message = ask("www.example", "A").with_do().message();
    let udp = exchange("127.0.0.1:0", server, &message);
    assert_eq!(show(&udp)[..2], ["NOERROR aa do", "answer: www.example. 60 A 192.0.2.1"]);
    let mut stream = TcpStream::connect(server).await.unwrap();
    stream.write_all(&framed(&message)).await.unwrap();
    assert_eq!(read_reply(&mut stream).await, udp);
    let counters = plane.counters();
    for (name, value) in [
        ("udp-queries", 1),
        ("udp4-answers", 1),
        ("udp-answers-bytes", udp.len() as u64),
        ("udp-do-queries", 1),
        ("tcp-queries", 1),
        ("tcp-answers-bytes", udp.len() as u64),
        ("open-tcp-connections", 1),
        ("noerror-packets", 2),
        ("corrupt-packets", 0),
    ] {
        assert_eq!(counters.value(name), Some(value), "{name}");
    }
    plane.shutdown().await;
}

/// RFC 7766 section 5: TC, then the same over TCP.
#[tokio::test]
async fn dig_falls_back_to_tcp_and_reads_every_kind_of_reply() {
    let plane = start(&["127.0.0.1:0"]);
    let server = plane.local_addrs()[0];
    let many = dig(server, &["many.example", "A"]).await;
    assert!(many.contains("Truncated, retrying in TCP mode"), "{many}");
    assert!(many.contains("ANSWER: 100"), "{many}");
    let ignore = dig(server, &["+ignore", "+bufsize=512", "many.example", "A"]).await;
    assert!(ignore.contains("flags: qr aa tc;") && ignore.contains("ANSWER: 0"), "{ignore}");
    let signed = dig(server, &["+dnssec", "+tcp", "nothing.example", "A"]).await;
    assert!(signed.contains("status: NXDOMAIN") && signed.contains("IN\tNSEC3 1 0 0 - "), "{signed}");
    assert!(!signed.contains("WARNING"), "{signed}");
    let refused = dig(server, &["elsewhere", "A"]).await;
    assert!(refused.contains("status: REFUSED") && refused.contains("EDE: 20 (Not Authoritative)"), "{refused}");
    let chaos = dig(server, &["version.bind", "TXT", "CH"]).await;
    assert!(chaos.contains("status: REFUSED"), "{chaos}");
    let badvers = dig(server, &["+edns=1", "+noednsneg", "www.example", "A"]).await;
    assert!(badvers.contains("status: BADVERS"), "{badvers}");
    let zero_x_20 = dig(server, &["WwW.eXaMpLe", "A"]).await;
    assert!(zero_x_20.contains("WwW.eXaMpLe.\t\t60\tIN\tA\t192.0.2.1"), "{zero_x_20}");
}

/// RFC 2181 section 4.1: a reply comes from the address that was asked.
#[tokio::test]
async fn wildcard_binds_of_both_families_answer_from_the_address_asked() {
    let plane = start(&["0.0.0.0:0", "[::]:0"]);
    let [v4, v6] = plane.local_addrs() else { panic!() };
    let message = ask("www.example", "A").message();
    for address in ["127.0.0.2", "127.0.0.1", "127.255.0.9"] {
        let server = SocketAddr::new(address.parse().unwrap(), v4.port());
        assert_eq!(show(&exchange("127.0.0.1:0", server, &message))[0], "NOERROR aa");
        let mut stream = TcpStream::connect(server).await.unwrap();
        stream.write_all(&framed(&message)).await.unwrap();
        assert_eq!(show(&read_reply(&mut stream).await)[0], "NOERROR aa");
    }
    let server = SocketAddr::new("::1".parse().unwrap(), v6.port());
    assert_eq!(show(&exchange("[::1]:0", server, &message))[0], "NOERROR aa");
    assert_eq!(plane.counters().value("udp6-answers"), Some(1));
    assert_eq!(plane.counters().value("udp4-answers"), Some(3));
    assert_eq!(plane.counters().value("udp-send-errors"), Some(0));
}

/// PowerDNS's rings: what was asked over UDP and TCP, whichever thread answered.
#[tokio::test]
async fn section_11_rings_tell_who_asked_what() {
    let plane = start(&["127.0.0.1:0"]);
    let address = plane.local_addrs()[0];
    // From different ports, so that the kernel spreads them over the workers.
    for _ in 0..8 {
        exchange("127.0.0.1:0", address, &ask("WWW.example", "A").message());
    }
    exchange("127.0.0.2:0", address, &ask("gone.example", "A").message());
    exchange("127.0.0.1:0", address, &ask("www.example", "AAAA").message());
    exchange("127.0.0.2:0", address, &ask("elsewhere", "TYPE999").message());
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&framed(&ask("www.example", "A").message())).await.unwrap();
    read_reply(&mut stream).await;
    let shown = |ring: Ring| -> Vec<String> {
        plane.ring(ring).into_iter().map(|(name, count)| format!("{name} {count}")).collect()
    };
    assert_eq!(
        shown(Ring::Queries),
        ["www.example/A 9", "elsewhere/TYPE999 1", "gone.example/A 1", "www.example/AAAA 1"]
    );
    assert_eq!(shown(Ring::Remotes), ["127.0.0.1 10", "127.0.0.2 2"]);
    assert_eq!(shown(Ring::NxdomainQueries), ["gone.example/A 1"]);
    assert_eq!(shown(Ring::NoerrorQueries), ["www.example/AAAA 1"]);
    assert_eq!(shown(Ring::UnauthQueries), ["elsewhere/TYPE999 1"]);
    assert_eq!(shown(Ring::RemotesUnauth), ["127.0.0.2 1"]);
    assert_eq!(plane.ring_entries(Ring::Queries), 12);
    plane.clear_ring(Ring::Queries);
    assert!(shown(Ring::Queries).is_empty() && shown(Ring::Remotes).is_empty());
    assert_eq!(plane.ring_entries(Ring::NxdomainQueries), 1);
}

#[tokio::test]
async fn the_same_port_can_be_both_wildcards() {
    let plane = start(&["0.0.0.0:0"]);
    let port = plane.local_addrs()[0].port();
    let other = start(&[&format!("[::]:{port}")]);
    assert_eq!(other.local_addrs()[0].port(), port);
}

/// `SO_REUSEPORT` must not let two servers share clients by mistake.
#[tokio::test]
async fn an_address_in_use_is_an_error_that_names_it() {
    // An address of its own: the port, once freed, must not go to a client of another test.
    let plane = start(&["127.0.0.3:0"]);
    let address = plane.local_addrs()[0].to_string();
    let error = DataPlane::bind(&settings(&[&address]), zones()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    assert!(error.to_string().starts_with(&format!("cannot listen on {address}: ")), "{error}");
    plane.shutdown().await;
    start(&[&address]).shutdown().await;
}

#[tokio::test]
async fn settings_out_of_bounds_are_named() {
    let base = settings(&["127.0.0.1:0"]);
    for (settings, reason) in [
        (DataPlaneSettings { listen: vec![], ..base.clone() }, "listen: no address"),
        (DataPlaneSettings { udp_payload_max: 511, ..base.clone() }, "udp_payload_max: 511 is not within 512 to 4096"),
        (DataPlaneSettings { udp_workers: 0, ..base.clone() }, "udp_workers: 0 is not within 1 to 1024"),
        (
            DataPlaneSettings { notes_per_second: 1_000_001, ..base.clone() },
            "notes_per_second: 1000001 is not within 0 to 1000000",
        ),
        (
            DataPlaneSettings { tcp_idle: Duration::ZERO, ..base.clone() },
            "tcp_idle: 0ns is not above zero and up to one hour",
        ),
    ] {
        let error = DataPlane::bind(&settings, zones()).err().unwrap();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::InvalidInput, reason));
    }
}

/// RFC 7766 section 6.2.1.1: queries may follow each other without waiting; 1000 on one connection (RFC 9210 section 4).
#[tokio::test]
async fn a_thousand_pipelined_queries_get_a_thousand_replies_in_order() {
    let plane = start(&["127.0.0.1:0"]);
    let (mut reader, mut writer) = TcpStream::connect(plane.local_addrs()[0]).await.unwrap().into_split();
    let sender = tokio::spawn(async move {
        for id in 0..1000_u16 {
            let mut message = ask("many.example", "A").with_do().message();
            message[..2].copy_from_slice(&id.to_be_bytes());
            // Octet by octet now and then: the stream has no borders.
            if id % 100 == 0 {
                for octet in framed(&message) {
                    writer.write_all(&[octet]).await.unwrap();
                }
            } else {
                writer.write_all(&framed(&message)).await.unwrap();
            }
        }
        writer
    });
    for id in 0..1000_u16 {
        let length = reader.read_u16().await.unwrap();
        let mut reply = vec![0; length.into()];
        reader.read_exact(&mut reply).await.unwrap();
        assert_eq!(reply[..2], id.to_be_bytes());
        assert_eq!(reply[7], 101, "hundred records and a signature");
    }
    drop(sender.await.unwrap());
}

#[tokio::test]
async fn an_idle_connection_is_closed_even_if_octets_trickle_in() {
    let mut settings = settings(&["127.0.0.1:0"]);
    settings.tcp_idle = Duration::from_millis(200);
    let plane = DataPlane::bind(&settings, zones()).unwrap();
    let mut stream = TcpStream::connect(plane.local_addrs()[0]).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut reader, mut writer) = stream.split();
    let trickle = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        loop {
            ticks.tick().await;
            if writer.write_all(&[1]).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        () = trickle => unreachable!(),
        closed = tokio::time::timeout(Duration::from_secs(10), reader.read_u8()) => assert!(closed.unwrap().is_err()),
    }
    assert_eq!(plane.counters().value("tcp-idle-timeouts"), Some(1));
}

/// PowerDNS and Knot serve no new client beside idle connections at the cap: here the idlest makes room.
#[tokio::test]
async fn at_the_cap_new_connections_are_served_and_the_idlest_is_closed() {
    let mut settings = settings(&["127.0.0.1:0"]);
    settings.tcp_connections_max = 4;
    let plane = DataPlane::bind(&settings, zones()).unwrap();
    let server = plane.local_addrs()[0];
    let message = framed(&ask("www.example", "A").message());
    let mut open = Vec::new();
    for _ in 0..12 {
        let mut stream = TcpStream::connect(server).await.unwrap();
        stream.write_all(&message).await.unwrap();
        assert_eq!(show(&read_reply(&mut stream).await)[0], "NOERROR aa");
        open.push(stream);
    }
    assert_eq!(plane.counters().value("tcp-closed-for-room"), Some(8));
    for stream in &mut open[..8] {
        assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
    }
    for stream in &mut open[8..] {
        stream.write_all(&message).await.unwrap();
        read_reply(stream).await;
    }
}

#[tokio::test]
async fn what_is_no_query_is_not_answered_over_udp_and_ends_a_connection() {
    let plane = start(&["127.0.0.1:0"]);
    let server = plane.local_addrs()[0];
    let socket = client("127.0.0.1:0");
    socket.connect(server).unwrap();
    let mut response = ask("www.example", "A").message();
    response[2] |= 0x80;
    socket.send(&response).unwrap();
    socket.send(&[1, 2, 3]).unwrap();
    // The next one on the same socket is answered, and nothing before it.
    socket.send(&ask("www.example", "A").message()).unwrap();
    let mut reply = [0; 512];
    let length = socket.recv(&mut reply).unwrap();
    assert_eq!(show(&reply[..length])[0], "NOERROR aa");
    let mut stream = TcpStream::connect(server).await.unwrap();
    stream.write_all(&framed(&response)).await.unwrap();
    assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
    let counters = plane.counters();
    assert_eq!(counters.value("ignored-responses"), Some(2));
    assert_eq!(counters.value("corrupt-packets"), Some(1));
}

/// No client has port 0, and a reply to it would be lost or a weapon. Such a packet takes a raw socket, and that takes root.
#[tokio::test]
async fn packets_from_port_zero_are_not_answered() {
    use socket2::{Domain, Protocol, Socket, Type};
    let raw = match Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::UDP)) {
        Ok(raw) => raw,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            eprintln!("not tested: no right to raw sockets");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let plane = start(&["127.0.0.1:0"]);
    let server = plane.local_addrs()[0];
    let message = ask("www.example", "A").message();
    let length = 8 + message.len() as u16;
    // Source port, destination port, length, no checksum (RFC 768).
    let header = [0, server.port(), length, 0].map(u16::to_be_bytes).concat();
    raw.send_to(&[header, message].concat(), &server.into()).unwrap();
    while plane.counters().value("ignored-port-zero") == Some(0) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(plane.counters().value("udp-queries"), Some(0));
}

#[tokio::test]
async fn shutdown_answers_what_has_arrived_and_frees_the_address() {
    // An address of its own: the port, once freed, must not go to a client of another test.
    let plane = start(&["127.0.0.4:0"]);
    let server = plane.local_addrs()[0];
    let socket = client("127.0.0.1:0");
    socket.connect(server).unwrap();
    let message = ask("www.example", "A").message();
    for _ in 0..100 {
        socket.send(&message).unwrap();
    }
    let mut idle = TcpStream::connect(server).await.unwrap();
    idle.write_all(&framed(&message)).await.unwrap();
    read_reply(&mut idle).await;
    plane.shutdown().await;
    for _ in 0..100 {
        socket.recv(&mut [0; 512]).unwrap();
    }
    assert_eq!(idle.read(&mut [0]).await.unwrap_or(0), 0);
    assert!(TcpStream::connect(server).await.is_err());
    UdpSocket::bind(server).unwrap();
}

/// The table is read anew for each batch: a change is answered as soon as it is put.
#[tokio::test]
async fn a_zone_that_is_put_is_answered_at_once() {
    let zones = zones();
    let plane = DataPlane::bind(&settings(&["127.0.0.1:0"]), Arc::clone(&zones)).unwrap();
    let server = plane.local_addrs()[0];
    for number in 1..50 {
        let text = format!("new. 1 SOA a. b. {number} 1 1 1 1\nwww.new. 1 A 192.0.2.{number}");
        zones.put(zone(Mode::Unsigned, &text));
        let reply = exchange("127.0.0.1:0", server, &ask("www.new", "A").message());
        assert_eq!(show(&reply)[1], format!("answer: www.new. 1 A 192.0.2.{number}"));
    }
}
