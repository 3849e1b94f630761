//! Response rate limits over real sockets: who is limited, what is sent instead, and what is counted.

mod fixture;

use dataplane::cookie::CookieSecret;
use dataplane::{CookieSecrets, DataPlane, DataPlaneSettings, Profile, RateLimits};
use dnssec::ZoneTable;
use fixture::{Mode, ask, options, show, table, zone};
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const COOKIE: u16 = 10;
const COUNT: usize = 60;

fn zones() -> Arc<ZoneTable> {
    table([zone(Mode::Unsigned, "example. 60 SOA a. b. 1 1 1 1 60\n*.example. 60 A 192.0.2.1")])
}

/// At most one like reply in a second, and none withheld without a short one.
fn limits() -> RateLimits {
    RateLimits {
        responses_per_second: 1,
        nxdomains_per_second: 1,
        errors_per_second: 1,
        slip: 1,
        ..RateLimits::default()
    }
}

fn start(limits: RateLimits) -> DataPlane {
    let mut profile = Profile::default();
    profile.cookies = Some(CookieSecrets::new(CookieSecret::new([7; 16]), []));
    let settings = DataPlaneSettings {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        // One: the rate is then one per second, whatever port the client has.
        udp_workers: 1,
        rate_limits: limits,
        profile,
        ..DataPlaneSettings::default()
    };
    DataPlane::bind(&settings, zones()).unwrap()
}

fn client(plane: &DataPlane) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket.connect(plane.local_addrs()[0]).unwrap();
    socket
}

fn exchange(socket: &UdpSocket, message: &[u8]) -> Vec<u8> {
    socket.send(message).unwrap();
    let mut reply = [0; 2048];
    let length = socket.recv(&mut reply).unwrap();
    reply[..length].to_vec()
}

fn count(plane: &DataPlane, name: &str) -> usize {
    plane.counters().value(name).unwrap() as usize
}

#[tokio::test]
async fn what_is_withheld_slips_as_an_empty_truncated_reply() {
    let plane = start(limits());
    let socket = client(&plane);
    let mut slipped = 0;
    for number in 0..COUNT {
        // Random names under one wildcard are one account.
        let message = ask(&format!("n{number}.example"), "A").message();
        let reply = exchange(&socket, &message);
        match show(&reply)[0].as_str() {
            "NOERROR aa" => {}
            "NOERROR tc" => {
                assert_eq!(reply[12..], message[12..], "the question and nothing else");
                slipped += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert!(slipped > COUNT / 2, "{slipped}");
    assert_eq!((count(&plane, "rrl-slipped"), count(&plane, "rrl-dropped")), (slipped, 0));
}

#[tokio::test]
async fn without_slip_what_is_withheld_is_counted() {
    let plane = start(RateLimits { slip: 0, ..limits() });
    let socket = client(&plane);
    for _ in 0..COUNT {
        socket.send(&ask("elsewhere", "A").message()).unwrap();
    }
    while count(&plane, "udp-queries") < COUNT {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let dropped = count(&plane, "rrl-dropped");
    assert!(dropped > COUNT / 2, "{dropped}");
    assert_eq!(dropped + count(&plane, "udp-answers"), COUNT);
}

#[tokio::test]
async fn connections_are_never_limited() {
    let plane = start(limits());
    let message = ask("x.example", "A").message();
    let mut stream = TcpStream::connect(plane.local_addrs()[0]).await.unwrap();
    for _ in 0..COUNT {
        stream.write_all(&[&(message.len() as u16).to_be_bytes()[..], &message].concat()).await.unwrap();
        let mut reply = vec![0; stream.read_u16().await.unwrap().into()];
        stream.read_exact(&mut reply).await.unwrap();
        assert_eq!(show(&reply)[0], "NOERROR aa");
    }
}

#[tokio::test]
async fn clients_that_know_cookies_get_badcookie_and_are_not_limited_with_the_good_one() {
    let plane = start(limits());
    let socket = client(&plane);
    let without = ask("x.example", "A").with_option(COOKIE, &[1; 8]);
    let mut good = None;
    for _ in 0..COUNT {
        let reply = exchange(&socket, &without.message());
        let cookie = options(&reply).unwrap().remove(0).1;
        match show(&reply)[0].as_str() {
            "NOERROR aa" => {}
            "BADCOOKIE" => good = Some(cookie),
            other => panic!("{other}"),
        }
    }
    let good = good.expect("the limit was reached");
    for _ in 0..COUNT {
        let reply = exchange(&socket, &ask("x.example", "A").with_option(COOKIE, &good).message());
        assert_eq!(show(&reply)[0], "NOERROR aa");
    }
    assert_eq!(count(&plane, "cookie-valid-queries"), COUNT);
    assert_eq!(count(&plane, "cookie-queries"), 2 * COUNT);
    assert!(count(&plane, "badcookie-answers") > COUNT / 2);
}

#[tokio::test]
async fn listed_networks_are_never_limited() {
    let plane = start(RateLimits { exempt: vec!["127.0.0.0/8".parse().unwrap()], ..limits() });
    let socket = client(&plane);
    for _ in 0..COUNT {
        assert_eq!(show(&exchange(&socket, &ask("x.example", "A").message()))[0], "NOERROR aa");
    }
}

#[tokio::test]
async fn limits_out_of_bounds_are_named() {
    let settings = DataPlaneSettings {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        rate_limits: RateLimits { slip: 101, ..limits() },
        ..DataPlaneSettings::default()
    };
    let Err(error) = DataPlane::bind(&settings, zones()) else { panic!("it is out of bounds") };
    assert_eq!(error.to_string(), "rate_limits.slip: 101 is not within 0 to 100");
}
