//! How long a connection may be idle: edns-tcp-keepalive (RFC 7828); and padding (RFC 7830, RFC 8467).

mod fixture;

use dataplane::answer::Transport;
use dataplane::{DataPlane, DataPlaneSettings};
use dnssec::ZoneTable;
use fixture::{Mode, UDP, ask, options, table, zone};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wire::message::Rcode;

const KEEPALIVE: u16 = 11;
const PADDING: u16 = 12;

fn served() -> Arc<ZoneTable> {
    table([zone(Mode::Nsec3, "example. 60 SOA a. b. 1 1 1 1 60\nwww.example. 60 A 192.0.2.1")])
}

#[tokio::test]
async fn section_3_3_2_the_idle_timeout_is_stated_in_tenths_of_a_second() {
    let settings = DataPlaneSettings {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        udp_workers: 1,
        tcp_idle: Duration::from_millis(12_300),
        ..DataPlaneSettings::default()
    };
    let plane = DataPlane::bind(&settings, served()).unwrap();
    let message = ask("www.example", "A").with_option(KEEPALIVE, &[]).message();
    let mut stream = TcpStream::connect(plane.local_addrs()[0]).await.unwrap();
    stream.write_all(&[&(message.len() as u16).to_be_bytes()[..], &message].concat()).await.unwrap();
    let mut reply = vec![0; stream.read_u16().await.unwrap().into()];
    stream.read_exact(&mut reply).await.unwrap();
    assert_eq!(options(&reply), Some(vec![(KEEPALIVE, 123_u16.to_be_bytes().to_vec())]));
}

#[test]
fn section_3_3_1_over_udp_the_option_means_nothing() {
    for data in [&[][..], &[0, 1]] {
        let (reply, done) = ask("www.example", "A").with_option(KEEPALIVE, data).raw(&served());
        assert_eq!((done.rcode, options(&reply)), (Rcode::NOERROR, Some(Vec::new())));
    }
}

#[test]
fn section_3_2_1_only_servers_state_a_timeout() {
    for transport in [Transport::Tcp, Transport::Tls] {
        let (reply, done) = ask("www.example", "A").with_option(KEEPALIVE, &[0, 1]).over(transport).raw(&served());
        assert_eq!((done.rcode, options(&reply)), (Rcode::FORMERR, Some(Vec::new())));
    }
}

#[test]
fn section_3_3_2_the_option_is_sent_to_nobody_who_did_not_send_it() {
    let (reply, _) = ask("www.example", "A").with_do().over(Transport::Tcp).raw(&served());
    assert_eq!(options(&reply), Some(Vec::new()));
}

#[test]
fn rfc9250_section_5_5_2_http_and_quic_have_timeouts_of_their_own() {
    for transport in [Transport::Https, Transport::Quic] {
        let (reply, done) = ask("www.example", "A").with_option(KEEPALIVE, &[]).over(transport).raw(&served());
        assert_eq!((done.rcode, options(&reply)), (Rcode::NOERROR, Some(Vec::new())));
    }
}

#[test]
fn rfc8467_section_4_1_replies_on_encrypted_transports_are_padded_to_468_octets() {
    for transport in [Transport::Tls, Transport::Https, Transport::Quic] {
        for (name, qtype) in [("www.example", "A"), ("none.example", "A"), ("example", "DNSKEY"), ("elsewhere", "A")] {
            let asked = ask(name, qtype).with_do().with_option(PADDING, &[0; 7]).over(transport);
            let (reply, _) = asked.raw(&served());
            assert_eq!(reply.len() % 468, 0, "{name} {qtype}: {}", reply.len());
            let options = options(&reply).unwrap();
            let (code, data) = options.last().unwrap();
            assert!(*code == PADDING && data.iter().all(|octet| *octet == 0), "rfc7830_section_3");
        }
    }
}

#[test]
fn rfc7830_section_4_no_padding_for_those_who_sent_none() {
    let (reply, _) = ask("www.example", "A").with_do().over(Transport::Tls).raw(&served());
    assert_eq!(options(&reply), Some(Vec::new()));
}

#[test]
fn rfc7830_section_6_no_padding_in_the_clear() {
    for transport in [UDP, Transport::Tcp] {
        let (reply, done) = ask("www.example", "A").with_option(PADDING, &[0; 7]).over(transport).raw(&served());
        assert_eq!((done.rcode, options(&reply)), (Rcode::NOERROR, Some(Vec::new())));
    }
}
